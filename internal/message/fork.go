package message

import (
	"bytes"
	"context"
	"errors"
	"sync/atomic"
	"time"

	"presenced/sip"
	"presenced/sip/transaction"
	"presenced/sip/transport"
)

// giveUp is how long a branch may take; then it counts as 480. It is well
// before the sender's Timer F, after which no answer would reach it, and so a
// 408 is never sent (RFC 4320 s.4.2).
const giveUp = 24 * time.Second

// fork is a response context (RFC 3261 s.16.7). It lives until its last branch
// has ended, though the sender may have been answered long before.
type fork struct {
	service  *Service
	aor      string // the inbox; "" where another agent knows it
	branches []branch
	outcomes chan outcome // has room for all
	live     atomic.Int32 // branches that run, and deliver
	over     atomic.Bool  // nobody waits for outcomes any more
	left     func()       // called when live is 0; may be nil
}

// branch is one client transaction of a fork.
type branch struct {
	fork *fork
	target
}

// outcome is how a branch ended: with a response, or a code that stands for
// what happened.
type outcome struct {
	code     int
	response []byte // nil for a code of our own
}

func (s *Service) fork(aor string, branches []branch) *fork {
	f := &fork{service: s, aor: aor, branches: branches, outcomes: make(chan outcome, len(branches))}
	for i := range branches {
		branches[i].fork = f
	}
	return f
}

// deliver forwards to all targets, as many at once as Max-Breadth allows, and
// returns the first success or the best failure.
func (f *fork) deliver(ctx context.Context, c *copied) (*sip.Response, error) {
	f.live.Store(1)
	defer f.leave()
	defer f.over.Store(true)
	timer := time.NewTimer(giveUp)
	defer timer.Stop()
	width := min(len(f.branches), c.breadth)
	for i := range width {
		f.start(c, i, share(c.breadth, width, i))
	}
	started := width
	failures := make([]outcome, 0, len(f.branches)+1)
	refused := false // by a 6xx: no new branches (s.16.7 step 5)
	for len(failures) < started {
		select {
		case o := <-f.outcomes:
			if o.code < 300 {
				return o.forwarded() // RFC 3261 s.16.7 step 5: at once
			}
			failures = append(failures, o)
			refused = refused || o.code >= 600
			if started < len(f.branches) && !refused { // RFC 5393 s.5.3.3.1
				f.start(c, started, share(c.breadth, width, 0))
				started++
			}
		case <-timer.C:
			return best(append(failures, outcome{code: sip.StatusTemporarilyUnavailable}))
		case <-ctx.Done():
			return best(append(failures, outcome{code: sip.StatusTemporarilyUnavailable}))
		}
	}
	return best(failures)
}

// share divides Max-Breadth: the first branches get what does not divide
// evenly (RFC 5393 s.5.3.3).
func share(breadth, width, i int) int {
	if i < breadth%width {
		return breadth/width + 1
	}
	return breadth / width
}

func (f *fork) start(c *copied, i, breadth int) {
	b := &f.branches[i]
	f.live.Add(1)
	f.service.Sender.Send(c.outgoing(&b.target, breadth), b)
}

func (f *fork) leave() {
	if f.live.Add(-1) == 0 && f.left != nil {
		f.left()
	}
}

// Answered is transaction.User's.
func (b *branch) Answered(_ transaction.ID, code int, response []byte) {
	o := outcome{code: code}
	switch {
	case code == statusFlowFailed && b.hop.Route != nil && b.flow != "": // a fellow agent's word
		o.code = b.lost()
	case !b.fork.over.Load():
		o.response = bytes.Clone(response)
	}
	b.end(o)
}

// Slow is transaction.User's.
func (b *branch) Slow(transaction.ID) {}

// Failed is transaction.User's. A branch that was never answered, or whose
// connection is gone, leaves the inbox unavailable there; any other error
// counts as a 503 (RFC 3261 s.16.9).
func (b *branch) Failed(_ transaction.ID, err error) {
	code := sip.StatusServiceUnavailable
	switch {
	case errors.Is(err, transport.ErrClosed):
		code = b.lost()
	case errors.Is(err, transaction.ErrTimeout):
		code = sip.StatusTemporarilyUnavailable
	case errors.Is(err, transaction.ErrTooLarge):
		code = sip.StatusMessageTooLarge
	}
	b.end(outcome{code: code})
}

func (b *branch) end(o outcome) {
	b.fork.outcomes <- o
	b.fork.leave()
}

// lost tells that the binding's flow is gone, without waiting for the store.
// The code is what that means to whoever sent the message.
func (b *branch) lost() (code int) {
	s, aor := b.fork.service, b.fork.aor
	switch {
	case aor == "": // RFC 5626 s.5.3.1
		return statusFlowFailed
	case b.flow == "":
		return sip.StatusTemporarilyUnavailable
	}
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.Unreachable(ctx, aor, b.contact, b.flow); err != nil {
			s.Log.Warn("a binding whose connection is gone stays until it lapses", "aor", aor, "error", err)
		}
	}()
	return sip.StatusTemporarilyUnavailable
}

// patience is how long the store may take to forget a binding.
const patience = 10 * time.Second
