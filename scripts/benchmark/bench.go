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

	outcomes map[key][]*outcome // by round; nil where a run failed
	problems []string           // what was not as it should be
	others   float64            // most CPUs that other processes had in a phase
}

type key struct{ job, target string }

func (b *bench) play(ctx context.Context, jobs []job) error {
	for round := range b.rounds {
		for _, j := range jobs {
			if j.once && round > 0 {
				continue
			}
			for _, t := range j.targets {
				began := time.Now()
				o, err := b.run(ctx, j, t, round)
				if ctx.Err() != nil {
					return ctx.Err()
				}
				k := key{j.name, t.name}
				b.outcomes[k] = append(b.outcomes[k], o)
				b.note(j, t, round, o, err)
				fmt.Fprintf(os.Stderr, "round %d of %d  %-13s %-18s %5.1f s\n", round+1, b.rounds, j.name, t.name, time.Since(began).Seconds())
			}
		}
	}
	return nil
}

// run starts a server, loads it and ends it.
func (b *bench) run(ctx context.Context, j job, t target, round int) (o *outcome, err error) {
	folder, err := os.MkdirTemp(b.folder, "run")
	if err != nil {
		return nil, err
	}
	r, err := t.start(ctx, b, folder, j)
	if err != nil {
		return nil, err
	}
	defer func() {
		r.kill()
		if err == nil {
			err = os.RemoveAll(folder)
		}
	}()
	if o, err = b.drive(ctx, r, folder, j); err != nil {
		return nil, err
	}
	for _, helper := range r.processes[:len(r.processes)-1] {
		o.helpers = append(o.helpers, helper.pid())
	}
	if j.restart {
		err = r.restart(ctx)
		o.again = r.took
	}
	return o, err
}

// note keeps what has to be told besides the figures.
func (b *bench) note(j job, t target, round int, o *outcome, err error) {
	where := fmt.Sprintf("round %d, %s, %s", round+1, j.name, t.name)
	if err != nil {
		b.problems = append(b.problems, fmt.Sprintf("%s: %v", where, err))
		return
	}
	for _, name := range o.order {
		p := o.phases[name]
		b.others = max(b.others, p.Others)
		for _, remark := range p.remarks() {
			b.problems = append(b.problems, fmt.Sprintf("%s, %s: %s", where, name, remark))
		}
	}
}

// values are a row's figures at one server, by round; NaN where there is none.
func (b *bench) values(r row, t target) []float64 {
	var all []float64
	for _, o := range b.outcomes[key{r.job, t.name}] {
		all = append(all, measure(r, o))
	}
	return all
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
