package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// bench plays jobs. Within a round each server of a job is played after the
// other, so that what the machine does besides falls on all alike.
type bench struct {
	self, load, presenced string // binaries
	folder                string // for what the servers and the generator write
	seconds               int    // of a phase
	rounds                int
}

// play fills the part, and calls saved after each step. A server or a load
// that fails is kept as failed. It ends early with ctx.
func (b *bench) play(ctx context.Context, jobs []job, p *part, saved func() error) error {
	for round := range b.rounds {
		for _, j := range jobs {
			if j.once && round > 0 {
				continue
			}
			for _, t := range j.targets {
				began := time.Now()
				o, err := b.run(ctx, j, t)
				if ctx.Err() != nil {
					p.Cut = true
					return saved()
				}
				o.Took = time.Since(began)
				word := ""
				if err != nil {
					o.Failed, word = err.Error(), "  FAILED"
				}
				p.Plays = append(p.Plays, play{j.name, t.name, round, o})
				fmt.Fprintf(os.Stderr, "round %d of %d  %-13s %-18s %5.1f s%s\n", round+1, b.rounds, j.name, t.name, o.Took.Seconds(), word)
				if err := saved(); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// run starts a server, loads it and ends it. Where it fails the outcome holds
// what was measured before.
func (b *bench) run(ctx context.Context, j job, t target) (*outcome, error) {
	o := &outcome{}
	folder, err := os.MkdirTemp(b.folder, "run")
	if err != nil {
		return o, err
	}
	defer os.RemoveAll(folder) // what is left goes with b.folder
	r, err := t.start(ctx, b, folder, j)
	if err != nil {
		return o, err
	}
	defer r.kill()
	if o.Phases, err = b.drive(ctx, r, folder, j); err != nil {
		return o, errors.Join(err, r.state())
	}
	for _, helper := range r.processes[:len(r.processes)-1] {
		o.Helpers = append(o.Helpers, helper.pid())
	}
	if j.restart {
		err = r.restart(ctx)
		o.Again = r.took
	}
	return o, err
}

// lookUp finds presence-load and presenced in a folder.
func (b *bench) lookUp(binaries string) error {
	b.load, b.presenced = filepath.Join(binaries, "presence-load"), filepath.Join(binaries, "presenced")
	var err error
	b.self, err = os.Executable()
	for _, path := range []string{b.load, b.presenced} {
		_, missing := os.Stat(path)
		err = errors.Join(err, missing)
	}
	return err
}
