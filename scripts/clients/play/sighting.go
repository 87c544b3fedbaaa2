package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// step does something, waits until as many services are open as must be, and
// then until each watcher shows what it can show of the state. Who has seen the
// principal open must not see it closed on the way.
func (d *devices) step(ctx context.Context, name, state string, do ...func() error) bool {
	for _, w := range d.watchers {
		w.news(func() { w.saw = []string{w.sees[w.buddy]} })
	}
	var err error
	for _, one := range do {
		err = errors.Join(err, one())
	}
	if err = errors.Join(err, d.reference.untilOpen(ctx, d.open())); err != nil {
		d.note("devices", fmt.Errorf("%s: %w", name, err))
		return false
	}
	d.note("devices", nil)
	// What must not come has no event; the reference has heard already.
	time.Sleep(settled)
	var wait sync.WaitGroup
	results := make([]error, len(d.watchers))
	for i, w := range d.watchers {
		wait.Go(func() { results[i] = w.untilShows(ctx, state) })
	}
	wait.Wait()
	for i, err := range results {
		if err != nil {
			err = fmt.Errorf("%s: %w", name, err)
		}
		d.note(d.by[i], err)
	}
	return true
}

const settled = 300 * time.Millisecond

// untilShows waits until a watcher shows a state of its buddy as it can.
func (p *phone) untilShows(ctx context.Context, state string) error {
	shown := state
	if state == "busy" || state == "away" {
		shown = cmp.Or(p.stack.shows[state], "open")
	}
	if err := p.untilSees(ctx, p.buddy, shown); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if last := len(p.saw) - 1; p.saw[0] == "open" && last > 0 && slices.Contains(p.saw[1:last], "closed") {
		return fmt.Errorf("%s has seen %s", p.user, strings.Join(p.saw, ", "))
	}
	return nil
}

// open is how many services must be open: those that are published, or else
// one if a device is there that publishes nothing.
func (d *devices) open() int {
	published, silent := 0, 0
	for i, p := range d.phones {
		if d.there[i] && p.stack.presence {
			published++
		} else if d.there[i] {
			silent = 1
		}
	}
	return max(published, silent)
}
