package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/pprof"
	"syscall"
	"time"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run is the whole command. Its result is the exit status: 0 for done, 1 for
// failed, 2 for called wrongly.
func run(args []string, stdout, stderr io.Writer) int {
	if len(args) > 0 && args[0] == "help" {
		args = []string{"--help"}
	}
	c, err := parseCommand(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprintf(stdout, usageText, scenarioList())
		return 0
	case err != nil:
		fmt.Fprintln(stderr, "presence-load:", err)
		fmt.Fprintln(stderr, "presence-load --help tells more")
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process
	r, err := c.profiled(ctx)
	if len(r.Results) > 0 {
		err = errors.Join(err, c.write(r, stdout))
	}
	if err != nil {
		fmt.Fprintln(stderr, "presence-load:", err)
		return 1
	}
	return 0
}

// profiled executes, and writes the generator's own profile if that is wanted.
func (c *command) profiled(ctx context.Context) (*report, error) {
	if c.profile == "" {
		return c.execute(ctx)
	}
	var r report
	err := writeFile(c.profile, func(w io.Writer) error {
		if err := pprof.StartCPUProfile(w); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
		done, err := c.execute(ctx)
		r = *done
		return err
	})
	return &r, err
}

// execute plays the phases. What is done when it fails is in the report.
func (c *command) execute(ctx context.Context) (*report, error) {
	// One loop does the work: it keeps its thread, and the collector may have another.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	r := &report{Date: time.Now().UTC(), Server: c.set.Server, CPUs: runtime.NumCPU(), Sockets: c.set.Sockets, RcvBuf: c.set.RcvBuf,
		Body: c.set.BodySize, Digest: c.set.Password != ""}
	g, err := newGenerator(ctx, c.set)
	if err != nil {
		return r, err
	}
	defer g.close()
	for i := range c.set.Phases {
		p := &c.set.Phases[i]
		result, err := g.play(p, r.Results, c.server)
		if err != nil {
			if result != nil {
				r.Results = append(r.Results, result)
			}
			return r, c.abandon(g, p.Name, err)
		}
		result.After.PSS = c.server.readShared().PSS
		r.Results = append(r.Results, result)
		if err := g.probe(c.probe, result); err != nil {
			return r, fmt.Errorf("phase %q: %w", p.Name, err)
		}
	}
	if c.set.Leave {
		return r, nil
	}
	return r, g.clear()
}

// abandon says why a phase went no further. Who interrupted it wants nothing
// to be left at the server all the same.
func (c *command) abandon(g *generator, phase string, why error) error {
	if !errors.Is(why, context.Canceled) {
		return fmt.Errorf("phase %q: %w", phase, why)
	}
	interrupted := fmt.Errorf("phase %q: interrupted", phase)
	if c.set.Leave {
		return interrupted
	}
	fmt.Fprintln(os.Stderr, "interrupted: what is left at the server is being ended; once more to leave it there")
	g.ctx = context.WithoutCancel(g.ctx)
	return errors.Join(interrupted, g.clear())
}

// write prints the table even where a file cannot be written.
func (c *command) write(r *report, stdout io.Writer) error {
	var all []error
	switch c.json {
	case "-":
		all = append(all, r.writeJSON(stdout))
	case "":
		all = append(all, r.writeTable(stdout))
	default:
		all = append(all, writeFile(c.json, r.writeJSON), r.writeTable(stdout))
	}
	if c.plotFile != "" {
		all = append(all, writeFile(c.plotFile, func(w io.Writer) error { return plot(w, c.title+" against "+c.set.Server, r.Results) }))
	}
	return errors.Join(all...)
}

func writeFile(path string, write func(io.Writer) error) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}
