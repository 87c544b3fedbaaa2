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
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

func main() { os.Exit(run()) }

// settings are the words of the command line.
type settings struct {
	binaries, folder, echo     string
	only                       string
	quick, redis, db, markdown bool
	rounds, seconds            int
	limit                      time.Duration
}

func parseFlags() *settings {
	s := &settings{}
	flag.StringVar(&s.echo, "echo", "", "only be an echo at this `address`")
	flag.StringVar(&s.binaries, "binaries", "", "`folder` of presenced and presence-load")
	flag.StringVar(&s.folder, "folder", "", "`folder` for what the servers write")
	flag.StringVar(&s.only, "only", "", "jobs, `publish,fanout`; default: all")
	flag.BoolVar(&s.quick, "quick", false, "the main rows, in a minute")
	flag.BoolVar(&s.redis, "redis", false, "presenced on Redis too")
	flag.BoolVar(&s.db, "db", false, "Kamailio with MariaDB too")
	flag.BoolVar(&s.markdown, "markdown", false, "print the README's block")
	flag.IntVar(&s.rounds, "rounds", 3, "how often each server is played")
	flag.IntVar(&s.seconds, "seconds", 0, "of a phase; default: 3, with -quick 1")
	flag.DurationVar(&s.limit, "limit", time.Hour, "for everything")
	flag.Parse()
	if s.seconds == 0 {
		s.seconds = 3
		if s.quick {
			s.seconds = 1
		}
	}
	return s
}

// run is the whole command: 0 when no ratio is under its least, 1 when one is.
func run() int {
	s := parseFlags()
	if s.echo != "" {
		return report(echo(s.echo))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, s.limit)
	defer cancel()
	b := &bench{folder: s.folder, seconds: s.seconds, rounds: s.rounds, outcomes: map[key][]*outcome{}}
	if err := b.lookUp(s.binaries); err != nil {
		return report(err)
	}
	jobs, rows, stores := s.plan()
	if err := b.play(ctx, jobs); err != nil {
		return report(err)
	}
	return b.print(b.tabulate(rows, jobs, stores), s)
}

// plan is what is to be played and printed.
func (s *settings) plan() (jobs []job, rows []row, stores []target) {
	if s.quick {
		return s.chosen(quickJobs(), quickRows, nil)
	}
	stores = []target{ourFiles}
	rows = fullRows
	var asked []target
	if s.redis {
		asked = append(asked, ourRedis)
	}
	if s.db {
		asked = append(asked, kamailioDB)
	}
	return s.chosen(fullJobs(asked), rows, append(stores, asked...))
}

// chosen leaves the jobs that --only names.
func (s *settings) chosen(jobs []job, rows []row, stores []target) ([]job, []row, []target) {
	if s.redis {
		rows = append(rows, redisRow)
	}
	if s.only == "" {
		return jobs, rows, stores
	}
	wanted := map[string]bool{}
	for name := range strings.SplitSeq(s.only, ",") {
		wanted[name] = true
	}
	var few []job
	for _, j := range jobs {
		if wanted[j.name] {
			few = append(few, j)
		}
	}
	var some []row
	for _, r := range rows {
		if wanted[r.job] {
			some = append(some, r)
		}
	}
	return few, some, stores
}

func (b *bench) print(t *table, s *settings) int {
	if s.markdown {
		fmt.Printf("<!-- numbers: begin -->\n`%s`, %s\n", s.command(), b.foot())
		t.markdown(os.Stdout)
		fmt.Println("<!-- numbers: end -->")
	} else {
		t.text(os.Stdout)
		fmt.Printf("\n%s", b.foot())
	}
	for _, problem := range b.problems {
		fmt.Fprintln(os.Stderr, "remark:", problem)
	}
	if len(t.failed) > 0 {
		fmt.Fprintf(os.Stderr, "not where the design wants it: %s\n", strings.Join(t.failed, "; "))
		return 1
	}
	return 0
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
		case "rounds", "seconds", "only":
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
