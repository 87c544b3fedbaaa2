package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"
)

// Two softphones of one program on one host are taken for one that has begun
// anew: the second one says that it has another address.
const (
	loopback        = "127.0.0.1"
	anotherLoopback = "127.0.0.2"
)

// devices are two softphones of one principal, and those who watch it.
type devices struct {
	score
	user      string
	stacks    [2]string
	hosts     [2]string
	phones    [2]*phone // nil: not running
	there     [2]bool   // and open
	watchers  []*phone
	by        []string // the watchers' stacks
	reference *reference
	starts    int
}

func scheduleDevices(s settings) []match {
	var all []match
	for _, transport := range s.transports {
		for _, pair := range s.pairs {
			all = append(all, &devices{score: newScore(pair, transport), user: fmt.Sprintf("alice%d", len(all)),
				stacks: pair, hosts: [2]string{loopback, anotherLoopback}, by: s.watchers})
		}
	}
	return all
}

func (d *devices) principals() []string {
	all := []string{d.user, d.watcher(referenceStack)}
	for _, stack := range d.by {
		all = append(all, d.watcher(stack))
	}
	return all
}

func (d *devices) watcher(stack string) string { return d.user + "-" + stack }

func (d *devices) outcome() *score { return &d.score }

// play has each device go and come while the other is there, then both.
func (d *devices) play(ctx context.Context, s settings, server *agent) {
	defer d.end()
	if err := d.watch(ctx, s, server); err != nil {
		d.note("devices", err)
		return
	}
	first, second := func() error { return d.comes(ctx, s, server, 0) }, func() error { return d.comes(ctx, s, server, 1) }
	if !d.step(ctx, "both come", "open", first, second) {
		return
	}
	for i := range d.phones {
		d.step(ctx, d.stacks[i]+" goes", "open", func() error { return d.goes(i) })
		d.step(ctx, d.stacks[i]+" is back", "open", func() error { return d.comes(ctx, s, server, i) })
	}
	for i, stack := range d.stacks {
		if stacks[stack].rich {
			for _, state := range []string{"busy", "away", "open"} {
				d.step(ctx, stack+" is "+state, state, func() error { return d.phones[i].control.publish(state) })
			}
		}
	}
	d.step(ctx, "the first goes", "open", func() error { return d.goes(0) })
	d.step(ctx, "both are gone", "closed", func() error { return d.goes(1) })
	d.step(ctx, "the first comes", "open", first)
	d.step(ctx, "all log out", "closed", func() error { return d.quit(0) }, func() error { return d.quit(1) })
}

// watch starts the watchers, who are allowed to.
func (d *devices) watch(ctx context.Context, s settings, server *agent) error {
	self := newPhone(account{user: d.user, domain: s.domain}, nil)
	for _, user := range d.principals()[1:] {
		if _, err := server.run(ctx, server.decide(self, "allow", "sip:"+user+"@"+s.domain)...); err != nil {
			return err
		}
	}
	var err error
	if d.reference, err = startReference(server, s, filepath.Join(s.logs, d.name(referenceStack)), d.watcher(referenceStack), self.aor()); err != nil {
		return err
	}
	for _, stack := range d.by {
		a := account{user: d.watcher(stack), localHost: loopback, transport: d.transport, buddy: self.aor()}
		w, err := start(ctx, s, server, stack, a, d.name(stack))
		if err != nil {
			return err
		}
		d.watchers = append(d.watchers, w)
	}
	for _, w := range d.watchers {
		if err := w.untilRegistered(ctx); err != nil {
			return err
		}
	}
	return nil
}

// name is that of a folder.
func (d *devices) name(what string) string {
	d.starts++
	return fmt.Sprintf("%s-%s-%d-%s", d.pair, d.transport, d.starts, what)
}

// oneSeed: twinkle's random numbers follow from the second in which it starts,
// and two of one principal would send the same requests.
const oneSeed = 1100 * time.Millisecond

func (d *devices) comes(ctx context.Context, s settings, server *agent, i int) error {
	if d.phones[i] == nil {
		if d.stacks[0] == "twinkle" && d.stacks[1] == "twinkle" {
			time.Sleep(oneSeed)
		}
		a := account{user: d.user, localHost: d.hosts[i], transport: d.transport, buddy: "sip:" + d.watcher(d.by[0]) + "@" + s.domain}
		p, err := start(ctx, s, server, d.stacks[i], a, d.name(d.stacks[i]))
		if err != nil {
			return err
		}
		d.phones[i] = p
	}
	p := d.phones[i]
	d.there[i] = true
	if !p.stack.presence {
		return p.untilRegistered(ctx)
	}
	return errors.Join(p.control.publish("open"), p.untilRegistered(ctx))
}

// goes has a device go offline. One that cannot say so logs out.
func (d *devices) goes(i int) error {
	if !d.phones[i].stack.presence {
		return d.quit(i)
	}
	d.there[i] = false
	return d.phones[i].control.publish("closed")
}

func (d *devices) quit(i int) error {
	p := d.phones[i]
	d.phones[i], d.there[i] = nil, false
	if p == nil {
		return nil
	}
	return p.control.quit()
}

// end stops what still runs.
func (d *devices) end() {
	for _, p := range append(d.watchers, d.phones[:]...) {
		if p != nil {
			// A complaint here says that it is gone already.
			_ = p.control.quit()
		}
	}
	if d.reference != nil {
		d.reference.process.stop(time.Second)
	}
}
