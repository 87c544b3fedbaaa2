package main

import (
	"context"
	"fmt"
	"sort"
	"time"
)

// shape is how many watchers each of how many presentities has, and how many of
// them all are to die.
type shape struct{ presentities, watchers, dead int }

const (
	setupInFlight = 50
	drainFor      = timerF + 3*time.Second
	lingerFor     = 50 * time.Millisecond // for what comes again or comes late
	settleFor     = 6 * time.Second       // a pace of 5 s (RFC 3856 s.6.10) passes
)

// play runs one phase with its preparations, which are not measured. With an
// error comes what was measured until then, if anything was.
func (g *generator) play(p *phase, earlier []*result, server *server) (*result, error) {
	sources := sourcesOf(p, earlier)
	if p.Of != "" && p.Rate == 0 {
		return nil, fmt.Errorf("phase %q, which it is a fraction of, finished nothing", p.Of)
	}
	if err := g.prepare(p, sources); err != nil {
		return nil, fmt.Errorf("preparing: %w", err)
	}
	g.kill(p.Dead)
	g.tally = newTally()
	r := &result{Phase: *p, tally: g.tally, sources: sources}
	limit := p.Duration.Duration
	if limit == 0 {
		limit = g.set.Limit.Duration
	}
	r.start = server.reading()
	r.began, r.idleBefore = g.clock(), g.idle
	for _, s := range sources {
		s.began, s.due = r.began, r.began
	}
	end := r.began + int64(limit)
	server.latest.Store(&r.start.server)
	watching, stop := context.WithCancel(g.ctx)
	defer stop()
	go server.watch(watching)
	g.show(r, server)
	err := g.loop(sources, func() bool { return g.now >= end || g.finished(sources) })
	r.count(g)
	if err != nil {
		r.cut(g, server.reading())
		return r, err
	}
	stopped := make(chan reading, 1)
	go func() { stopped <- server.reading() }()
	r.Drain = g.drain(sources, func() bool { return len(stopped) > 0 })
	r.stop(g, <-stopped)
	g.progress = nil
	if err := g.settle(); err != nil {
		return nil, err
	}
	g.tally.Missing = g.world.missing()
	r.conclude(g)
	return r, nil
}

func sourcesOf(p *phase, earlier []*result) []*source {
	if p.Operation != "" {
		rate := p.Rate
		for _, e := range earlier {
			if e.Phase.Name == p.Of {
				rate = p.Fraction * e.Rate
			}
		}
		p.Rate = rate
		return []*source{newSource(operation(p.Operation), p, rate)}
	}
	var sources []*source
	for op, rate := range p.Rates {
		sources = append(sources, newSource(operation(op), p, rate))
	}
	sort.Slice(sources, func(i, j int) bool { return sources[i].op < sources[j].op })
	return sources
}

func newSource(op operation, p *phase, rate float64) *source {
	return &source{op: op, principals: p.Principals, watchers: p.Watchers, inFlight: p.InFlight, rate: rate, limit: p.Count}
}

// finished: nothing is left to do. A pause lasts its time.
func (g *generator) finished(sources []*source) bool {
	for _, s := range sources {
		if s.op == pause || !s.over() || s.running > 0 {
			return false
		}
	}
	return true
}

// drain waits for what is on its way, and for the reading to be made. It
// returns how long that took.
func (g *generator) drain(sources []*source, read func() bool) duration {
	for _, s := range sources {
		s.exhausted = true
	}
	began := g.clock()
	// An interrupted drain is seen by the next loop.
	if err := g.loop(nil, func() bool { return g.running == 0 && read() || g.now-began > int64(drainFor) }); err != nil {
		return duration{}
	}
	return duration{time.Duration(g.clock() - began)}
}

// settle waits until every watcher has the last state, but not for ever.
func (g *generator) settle() error {
	end := g.clock() + int64(settleFor)
	look := g.clock() + int64(lingerFor)
	return g.loop(nil, func() bool {
		if g.now < look {
			return false
		}
		look = g.now + int64(100*time.Millisecond)
		return g.now >= end || g.world.missing() == 0
	})
}

// prepare brings about what the phase takes for granted.
func (g *generator) prepare(p *phase, sources []*source) error {
	for _, s := range sources {
		var err error
		switch s.op {
		case publishChanged:
			err = g.arrange(shape{p.Principals, p.Watchers, p.Dead})
		case publishRefresh, publishEnd:
			err = g.setUp(publishInitial, p.Principals, 0, 0)
		case subscribeInitial:
			if g.shape.presentities != p.Principals || p.Watchers == 0 {
				if err = g.arrange(shape{p.Principals, 0, 0}); err == nil {
					g.shape.watchers = -1
				}
			}
		case subscribeRefresh, subscribeEnd:
			if g.world.active == 0 {
				err = g.arrange(shape{p.Principals, max(p.Watchers, 1), p.Dead})
			}
		case message:
			if g.world.registered < p.Principals {
				err = g.setUp(register, p.Principals, 0, p.Principals)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// arrange makes every presentity published and watched as asked.
func (g *generator) arrange(want shape) error {
	g.raise()
	if g.shape != want && g.world.active > 0 {
		if err := g.setUp(subscribeEnd, want.presentities, 0, 0); err != nil {
			return err
		}
	}
	if err := g.setUp(publishInitial, want.presentities, 0, 0); err != nil {
		return err
	}
	missing := want.presentities*want.watchers - g.world.active
	if g.shape != want {
		if err := g.bury(want); err != nil {
			return err
		}
	}
	g.shape = want
	if want.watchers == 0 || missing <= 0 {
		return nil
	}
	if g.world.active > 0 { // the server ended some
		if err := g.setUp(subscribeEnd, want.presentities, 0, 0); err != nil {
			return err
		}
	}
	return g.setUp(subscribeInitial, want.presentities, want.watchers, 0)
}

func (g *generator) setUp(op operation, principals, watchers, limit int) error {
	g.tally = newTally()
	s := &source{op: op, principals: principals, watchers: watchers, inFlight: setupInFlight, limit: limit}
	sources := []*source{s}
	end := g.clock() + int64(g.set.Limit.Duration)
	hopeless := func() bool { return s.finished == 0 && s.failed >= setupInFlight }
	if err := g.loop(sources, func() bool { return g.now >= end || hopeless() || g.finished(sources) }); err != nil {
		return err
	}
	if s.running > 0 {
		g.drain(sources, func() bool { return true })
	}
	if s.failed > 0 && s.failed*100 > s.finished {
		return fmt.Errorf("%s: %d of %d failed: %v", op, s.failed, s.started, g.tally.Failures)
	}
	return nil
}

// clear ends all that this run left at the server.
func (g *generator) clear() error {
	g.progress = nil
	g.raise()
	for _, op := range []operation{subscribeEnd, publishEnd, registerEnd} {
		if err := g.setUp(op, len(g.world.principals), 0, 0); err != nil {
			return fmt.Errorf("clearing up: %w", err)
		}
	}
	return nil
}
