package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

// lease is something that a server holds for us for a while: a registration, a
// publication, a subscription.
type lease struct {
	name string // for people
	// obtain gets or refreshes it and returns how long it lasts.
	obtain func(ctx context.Context) (time.Duration, error)
	// again tells that it has to be obtained anew after a while, whatever was granted. nil: never.
	again <-chan time.Duration
	// ended tells that there is nothing to keep any more. nil: never.
	ended <-chan error
}

// pace says when to come back.
type pace struct {
	refresh func(granted time.Duration) time.Duration
	first   time.Duration // wait after the first failure
	most    time.Duration // and after many
	timerN  time.Duration // how long a SUBSCRIBE waits for its NOTIFY (RFC 6665 s.4.1.2.4)
}

func defaultPace() pace {
	return pace{refresh: refreshAfter, first: time.Second, most: time.Minute, timerN: 32 * time.Second}
}

// refreshAfter leaves time to repeat a refresh that is lost: half of the life,
// or nine tenths of a life of more than 20 minutes.
func refreshAfter(granted time.Duration) time.Duration {
	if granted > 20*time.Minute {
		return granted / 10 * 9
	}
	return granted / 2
}

// backoff is the wait after the given number of failures in a row, from 1: it
// doubles, and varies by a fifth so that a restarted server is not stormed.
func (p pace) backoff(failures int) time.Duration {
	d := p.first << min(failures-1, 16)
	d = min(d, p.most)
	return d + time.Duration((rand.Float64()-0.5)*0.4*float64(d))
}

// keep holds a lease until ctx ends, which is no error, or until it cannot be
// had. The first failure ends it; later ones only where they are final.
func (a *agent) keep(ctx context.Context, l lease) error {
	held, failures := false, 0
	for {
		life, err := l.obtain(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && (!held || !temporary(err)):
			return err
		case err != nil:
			failures++
			wait := a.wait(failures, err)
			a.out.trouble(err, "%s; the %s is tried again in %s", err, l.name, wait.Round(time.Second))
			if exitStatus(err) == exitUnreachable {
				a.forget()
			}
			if !pause(ctx, wait) {
				return nil
			}
			continue
		}
		held = true
		reason, err := a.rest(ctx, l, life)
		switch {
		case errors.Is(err, errLost):
			failures++
			a.out.notice("the connection to %s is gone; the %s is tried again", a.server, l.name)
			if !pause(ctx, a.pace.backoff(failures)) {
				return nil
			}
		case err != nil || ctx.Err() != nil:
			return err
		case reason > 0:
			if !pause(ctx, reason) {
				return nil
			}
		default:
			failures = 0
		}
	}
}

var errLost = errors.New("connection lost")

// rest waits until a lease needs attention. It returns how long to wait still
// before it is obtained again; errLost; or what ended it for good.
func (a *agent) rest(ctx context.Context, l lease, life time.Duration) (time.Duration, error) {
	due := time.NewTimer(a.pace.refresh(life))
	defer due.Stop()
	select {
	case <-ctx.Done():
		return 0, nil
	case <-due.C:
		return 0, nil
	case <-a.lost():
		return 0, errLost
	case wait := <-l.again:
		return wait, nil
	case err := <-l.ended:
		if err == nil {
			err = errEnded
		}
		return 0, err
	}
}

// errEnded says that a lease came to its end without a fault.
var errEnded = errors.New("ended")

// wait is how long to wait after a failure: what the server asks for, or more
// and more.
func (a *agent) wait(failures int, err error) time.Duration {
	wait := a.pace.backoff(failures)
	var f *failure
	if errors.As(err, &f) {
		wait = max(wait, f.retryAfter)
	}
	return wait
}

// pause waits and says whether ctx is still alive.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
