package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// command is what the command line asks for.
type command struct {
	set                   *settings
	server                *server
	title, json, plotFile string
	profile               string // of the generator itself
	probe                 string // asks the server after each phase
}

// overrides are the numbers that flags put into a scenario's phases.
type overrides struct {
	principals, watchers, dead, count, inFlight int
	rate                                        float64
	duration                                    time.Duration
}

// ofScenarios are the flags that a workload file says of each phase itself.
var ofScenarios = map[string]bool{"principals": true, "watchers": true, "dead": true, "count": true, "in-flight": true,
	"rate": true, "rates": true, "duration": true}

func parseCommand(args []string) (*command, error) {
	c := &command{set: defaults()}
	set := c.set
	var over overrides
	f := flag.NewFlagSet("presence-load", flag.ContinueOnError)
	f.SetOutput(io.Discard) // main prints a text of its own
	workload := f.String("workload", "", "workload `FILE` in TOML")
	named := f.String("scenario", "", "built-in workload")
	pids := f.String("server-pid", "", "processes of the server: CPU and memory, with descendants")
	name := f.String("server-name", "", "the same by the command's `name`")
	rates := f.String("rates", "", "with --plot: offered rates, \"1000,2000\"; default: fractions of saturation")
	f.StringVar(&c.json, "json", "", "write the result to `FILE`; - is stdout instead of the table")
	f.StringVar(&c.plotFile, "plot", "", "latency against offered load, as SVG `FILE`")
	f.IntVar(&over.principals, "principals", 0, "presentities, or whom the scenario is about")
	f.IntVar(&over.watchers, "watchers", 0, "of each presentity; buddies of each that logs in")
	f.IntVar(&over.dead, "dead", 0, "watchers that never answer, each on a socket of its own")
	f.IntVar(&over.count, "count", 0, "operations")
	f.IntVar(&over.inFlight, "in-flight", 0, "closed loop with so many operations on their way")
	f.Float64Var(&over.rate, "rate", 0, "open loop: operations a second")
	f.DurationVar(&over.duration, "duration", 0, "of each phase that is bounded by time")
	f.BoolVar(&set.OwnNetwork, "i-own-this-network", false, "load an address that is not loopback")
	f.StringVar(&c.profile, "cpuprofile", "", "write the generator's own CPU profile to `FILE`")
	f.StringVar(&c.probe, "probe", "", "`command` that is run after each phase, with its name, and prints a number")
	f.BoolVar(&set.Leave, "leave", false, "do not end subscriptions and publications afterwards")
	flagged := settingFlags(f, set)
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if f.NArg() > 0 || (*workload == "") == (*named == "") {
		return nil, errors.New("name either a --scenario or a --workload")
	}
	if err := c.agree(f, *workload != "", *rates != ""); err != nil {
		return nil, err
	}
	if err := over.check(); err != nil {
		return nil, err
	}
	c.title = *named + *workload
	if *workload != "" {
		if err := readWorkload(*workload, set); err != nil {
			return nil, err
		}
		if err := flagged(); err != nil { // a flag is stronger than the file
			return nil, err
		}
	} else if err := c.scenario(*named, over, *rates); err != nil {
		return nil, err
	}
	if err := set.check(); err != nil {
		return nil, err
	}
	var err error
	c.server, err = findServer("/proc", *pids, *name)
	return c, err
}

// agree refuses what would go unheard.
func (c *command) agree(f *flag.FlagSet, workload, rates bool) (err error) {
	f.Visit(func(given *flag.Flag) {
		if workload && ofScenarios[given.Name] {
			err = fmt.Errorf("--%s goes with a --scenario: write it into the phases of the workload", given.Name)
		}
	})
	switch ext := strings.ToLower(filepath.Ext(c.plotFile)); {
	case err != nil:
		return err
	case rates && c.plotFile == "":
		return errors.New("--rates goes with --plot")
	case ext != "" && ext != ".svg":
		return fmt.Errorf("--plot %s: it is SVG that is written", c.plotFile)
	}
	return nil
}

// check: 0 leaves the scenario's number.
func (o overrides) check() error {
	if o.principals < 0 || o.watchers < 0 || o.dead < 0 || o.count < 0 || o.inFlight < 0 || o.duration < 0 || !(o.rate >= 0) || math.IsInf(o.rate, 1) {
		return errors.New("a number is negative, or is none")
	}
	return nil
}

// settingFlags are the flags that a workload file has too. The result puts
// those that were given over what the file said.
func settingFlags(f *flag.FlagSet, set *settings) func() error {
	given := map[string]string{}
	add := func(name, about string, to func(string) error) {
		f.Func(name, about, func(s string) error { given[name] = s; return to(s) })
	}
	text := func(to *string) func(string) error { return func(s string) error { *to = s; return nil } }
	whole := func(to *int) func(string) error {
		return func(s string) (err error) { *to, err = strconv.Atoi(s); return err }
	}
	add("server", "udp:, tcp: or tls: and `ADDRESS:PORT`", text(&set.Server))
	add("domain", "of all principals", text(&set.Domain))
	add("password", "of all principals: challenges are answered", text(&set.Password))
	add("sockets", "`number` of sockets or connections", whole(&set.Sockets))
	add("rcvbuf", "receive buffer in `bytes`; 0 is the kernel's stock size", whole(&set.RcvBuf))
	add("body-size", "`bytes` of a PIDF or a MESSAGE, at least", whole(&set.BodySize))
	add("patience", "`time` to wait for a NOTIFY", func(s string) error { return set.Patience.UnmarshalText([]byte(s)) })
	return func() error {
		for name, value := range given {
			if err := f.Set(name, value); err != nil {
				return err
			}
		}
		return nil
	}
}

func (c *command) scenario(name string, over overrides, rates string) error {
	s, err := findScenario(name)
	if err != nil {
		return err
	}
	for i := range s.phases {
		over.apply(&s.phases[i])
	}
	if c.plotFile != "" {
		var offered []float64
		for _, field := range strings.FieldsFunc(rates, func(r rune) bool { return r == ',' }) {
			rate, err := strconv.ParseFloat(field, 64)
			if err != nil || !(rate > 0) || math.IsInf(rate, 1) {
				return fmt.Errorf("--rates: %q is no rate", field)
			}
			offered = append(offered, rate)
		}
		s.phases = sweep(s.phases[0], offered)
	}
	c.set.Phases = s.phases
	return nil
}

// apply leaves alone what the phase does not have.
func (o overrides) apply(p *phase) {
	replace := func(to *int, by int) {
		if by > 0 {
			*to = by
		}
	}
	replace(&p.Principals, o.principals)
	if p.Operation != string(register) && p.Operation != string(pause) {
		replace(&p.Watchers, o.watchers)
	}
	replace(&p.InFlight, o.inFlight)
	if p.Operation != string(pause) {
		replace(&p.Dead, o.dead)
	}
	if o.rate > 0 && p.Of == "" {
		p.Rate = o.rate
	}
	if o.count > 0 && p.Operation != string(pause) && p.Of == "" && (p.Count > 0 || p.Duration.Duration > 0) {
		p.Count, p.Duration.Duration = o.count, 0
	} else if p.Count > 0 && o.principals > 0 && (p.Operation == string(register) || p.Operation == string(publishInitial)) {
		p.Count = o.principals // each once
	}
	if o.duration > 0 && (p.Duration.Duration > 0 || o.count > 0) {
		p.Duration.Duration = o.duration
	}
}
