// Command benchmark measures presenced beside Kamailio and prints ratios.
// scripts/bench builds and installs what it needs and starts it.
//
// Each job is a workload for cmd/presence-load. In each round every server of
// a job is started anew, loaded and killed, one after the other; a ratio is of
// two runs of the same round, and its spread is over the rounds. A bare echo,
// driven by the same generator, says what the kernel takes in any case.
//
// It needs Linux, and leaves out TCP and TLS.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() { os.Exit(run()) }

// settings are the words of the command line.
type settings struct {
	binaries, folder, echo     string
	heap                       string
	only, on, save, from       string
	quick, redis, db, markdown bool
	rounds, seconds            int
	limit                      time.Duration
}

func parseFlags() *settings {
	s := &settings{}
	flag.StringVar(&s.echo, "echo", "", "only be an echo at this `address`")
	flag.StringVar(&s.heap, "heap", "", "only print the live heap of the agent at this control `socket`")
	flag.StringVar(&s.binaries, "binaries", "", "`folder` of presenced and presence-load")
	flag.StringVar(&s.folder, "folder", "", "`folder` for what the servers write")
	flag.StringVar(&s.only, "only", "", "`jobs` out of "+strings.Join(names(), ","))
	flag.StringVar(&s.on, "on", "", "`servers` out of Kamailio,presenced,files,rules,Redis,MariaDB")
	flag.BoolVar(&s.quick, "quick", false, "the main rows, in a minute")
	flag.BoolVar(&s.redis, "redis", false, "presenced on Redis too")
	flag.BoolVar(&s.db, "db", false, "Kamailio with MariaDB too")
	flag.BoolVar(&s.markdown, "markdown", false, "print the README's block")
	flag.StringVar(&s.save, "save", "", "keep what was measured in `FILE`, after each job")
	flag.StringVar(&s.from, "from", "", "measure nothing: one table of what --save kept in `FILES`")
	flag.IntVar(&s.rounds, "rounds", 3, "how often each server is played")
	flag.IntVar(&s.seconds, "seconds", 0, "of a phase; default: 3, with -quick 1")
	flag.DurationVar(&s.limit, "limit", 3*time.Hour, "for everything; then what there is is printed")
	flag.Parse()
	if s.seconds == 0 {
		s.seconds = 3
		if s.quick {
			s.seconds = 1
		}
	}
	return s
}

// run is the whole command: 0 when no ratio is under its least, 1 when one is
// or something failed.
func run() int {
	s := parseFlags()
	switch {
	case s.echo != "":
		return report(echo(s.echo))
	case s.heap != "":
		return report(printHeap(s.heap, flag.Arg(0)))
	case flag.NArg() > 0:
		return report(fmt.Errorf("%q is no flag", flag.Arg(0)))
	}
	parts, err := s.parts()
	if err != nil {
		return report(err)
	}
	return s.print(gather(parts))
}

// parts are read from files, or one is measured.
func (s *settings) parts() ([]*part, error) {
	if s.from != "" {
		return readParts(s.from)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, s.limit)
	defer cancel()
	b := &bench{folder: s.folder, seconds: s.seconds, rounds: s.rounds}
	if err := b.lookUp(s.binaries); err != nil {
		return nil, err
	}
	jobs, err := s.jobs()
	if err != nil {
		return nil, err
	}
	p := &part{Command: s.command(), Began: time.Now(), Machine: machine(), Rounds: s.rounds, Seconds: s.seconds}
	return []*part{p}, b.play(ctx, jobs, p, func() error { return p.save(s.save) })
}

// names of all jobs.
func names() []string {
	var all []string
	for _, j := range fullJobs(nil) {
		all = append(all, j.name)
	}
	return all
}

// jobs are what is to be played.
func (s *settings) jobs() ([]job, error) {
	all := quickJobs()
	if !s.quick {
		var stores []target
		if s.redis {
			stores = append(stores, ourRedis)
		}
		if s.db {
			stores = append(stores, kamailioDB)
		}
		all = fullJobs(stores)
	}
	only, on := listed(s.only), listed(s.on)
	var few []job
	for _, j := range all {
		j.targets = slices.DeleteFunc(slices.Clone(j.targets), func(t target) bool { return !on.has(t.word()) && t.name != echoTarget.name })
		if only.has(j.name) && len(j.targets) > 0 {
			few = append(few, j)
		}
	}
	if word := errors.Join(only.unknown("job"), on.unknown("server")); word != nil || len(few) == 0 {
		return nil, errors.Join(word, errors.New("--only out of "+strings.Join(names(), ",")+"; --on out of Kamailio,presenced,files,rules,Redis,MariaDB"))
	}
	return few, nil
}

// words of a list; which were asked for is remembered. No list has all.
type words map[string]bool

func listed(text string) words {
	if text == "" {
		return nil
	}
	w := words{}
	for word := range strings.SplitSeq(text, ",") {
		w[strings.TrimSpace(word)] = false
	}
	return w
}

func (w words) has(word string) bool {
	if _, found := w[word]; found {
		w[word] = true
		return true
	}
	return w == nil
}

// unknown is an error if nobody asked for one of the words.
func (w words) unknown(what string) error {
	var err error
	for word, asked := range w {
		if !asked {
			err = errors.Join(err, fmt.Errorf("there is no %s %q here", what, word))
		}
	}
	return err
}

func (s *settings) print(r *results) int {
	rows := slices.Concat(fullRows, []row{redisRow}, quickRows[len(floorRows):])
	t := r.tabulate(rows, append(fullJobs(nil), quickJobs()...))
	if s.markdown {
		fmt.Printf("<!-- numbers: begin -->\n%s, %s\n", r.commands(), r.foot())
		t.markdown(os.Stdout)
		r.printFailures()
		fmt.Println("<!-- numbers: end -->")
	} else {
		t.text(os.Stdout)
		fmt.Printf("\n%s", r.foot())
		r.printFailures()
	}
	for _, remark := range r.remarks {
		fmt.Fprintln(os.Stderr, "remark:", remark)
	}
	status := 0
	if len(t.failed) > 0 {
		fmt.Fprintf(os.Stderr, "not where the design wants it: %s\n", strings.Join(t.failed, "; "))
		status = 1
	}
	for _, p := range r.parts {
		if p.Cut {
			fmt.Fprintf(os.Stderr, "cut short: %s\n", p.Command)
			status = 1
		}
	}
	if len(r.failures) > 0 {
		status = 1
	}
	return status
}

func (r *results) printFailures() {
	for i, f := range r.failures {
		fmt.Printf("\n(%d) %s\n", i+1, f)
	}
}

// command is how this run is asked for.
func (s *settings) command() string {
	words := []string{"./scripts/bench"}
	for _, f := range []struct {
		set  bool
		name string
	}{{s.quick, "--quick"}, {s.redis, "--redis"}, {s.db, "--db"}} {
		if f.set {
			words = append(words, f.name)
		}
	}
	flag.Visit(func(f *flag.Flag) {
		switch f.Name {
		case "rounds", "seconds", "only", "on":
			words = append(words, fmt.Sprintf("--%s %s", f.Name, quoted(f.Value.String())))
		}
	})
	return strings.Join(words, " ")
}

// quoted as a shell wants it.
func quoted(s string) string {
	if strings.ContainsAny(s, " '\"") {
		return fmt.Sprintf("%q", s)
	}
	return s
}

func report(err error) int {
	if err == nil {
		return 0
	}
	fmt.Fprintln(os.Stderr, "scripts/bench:", err)
	return 1
}
