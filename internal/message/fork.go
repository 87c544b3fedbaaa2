package message

import (
	"bytes"
	"context"
	"errors"
	"sync"
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
	copied   *copied
	width    int          // branches at once
	live     atomic.Int32 // branches that run, and deliver
	left     func()       // called when live is 0; may be nil

	answer func(*sip.Response, error)
	timer  *time.Timer // giveUp

	sending sync.Mutex

	mu       sync.Mutex
	started  int
	failures []outcome
	refused  bool // by a 6xx: no new branches (s.16.7 step 5)
	over     bool // the sender has been answered
}

// branch is one client transaction of a fork.
type branch struct {
	fork *fork
	target
	counted atomic.Bool // by the limit
}

// outcome is how a branch ended: with a response, or a code that stands for
// what happened.
type outcome struct {
	code     int
	response []byte // nil for a code of our own
}

func (s *Service) fork(aor string, branches []branch, c *copied) *fork {
	f := &fork{service: s, aor: aor, branches: branches, copied: c, width: min(len(branches), c.breadth)}
	for i := range branches {
		branches[i].fork = f
	}
	return f
}

// deliver forwards to all targets, as many at once as Max-Breadth allows, and
// answers with the first success or the best failure.
func (f *fork) deliver(answer func(*sip.Response, error)) {
	f.answer = answer
	f.live.Store(1)
	defer f.leave()
	f.timer = time.AfterFunc(giveUp, f.giveUp)
	f.started = f.width
	for i := range f.width {
		f.start(i, share(f.copied.breadth, f.width, i))
	}
}

// end takes a branch's outcome: the fork goes on, or the sender is answered.
func (f *fork) end(o outcome) {
	defer f.leave()
	f.mu.Lock()
	next, decided := f.take(o)
	f.mu.Unlock()
	switch {
	case next >= 0: // RFC 5393 s.5.3.3.1
		f.start(next, share(f.copied.breadth, f.width, 0))
	case decided && o.code < 300:
		f.timer.Stop()
		f.answer(o.forwarded())
	case decided:
		f.timer.Stop()
		f.answer(best(f.failures))
	}
}

// take is what an outcome decides: the branch to start next, or -1, and
// whether the sender is to be answered now. The fork is locked.
func (f *fork) take(o outcome) (next int, decided bool) {
	if f.over {
		return -1, false
	}
	if o.code < 300 { // RFC 3261 s.16.7 step 5: at once
		f.over = true
		return -1, true
	}
	f.failures = append(f.failures, o)
	f.refused = f.refused || o.code >= 600
	if f.started < len(f.branches) && !f.refused {
		f.started++
		return f.started - 1, false
	}
	f.over = len(f.failures) == f.started
	return -1, f.over
}

// giveUp answers for the branches that are still silent.
func (f *fork) giveUp() {
	f.mu.Lock()
	over := f.over
	f.over = true
	f.mu.Unlock()
	if !over {
		f.answer(best(append(f.failures, outcome{code: sip.StatusTemporarilyUnavailable})))
	}
}

// share divides Max-Breadth: the first branches get what does not divide
// evenly (RFC 5393 s.5.3.3).
func share(breadth, width, i int) int {
	if i < breadth%width {
		return breadth/width + 1
	}
	return breadth / width
}

func (f *fork) start(i, breadth int) {
	b := &f.branches[i]
	f.live.Add(1)
	f.service.limit.enter(b)
	f.sending.Lock() // outgoing's memory serves one at a time; Send does not wait
	defer f.sending.Unlock()
	f.service.Sender.Send(f.copied.outgoing(&b.target, breadth), b)
}

func (f *fork) leave() {
	if f.live.Add(-1) > 0 {
		return
	}
	f.copied.free()
	if f.left != nil {
		f.left()
	}
}

// Answered is transaction.User's.
func (b *branch) Answered(_ transaction.ID, code int, response []byte) {
	b.fork.service.limit.leave(b)
	if code == statusFlowFailed && b.hop.Route != nil && b.flow != "" { // a fellow agent's word
		b.fork.end(outcome{code: b.lost()})
		return
	}
	b.fork.end(outcome{code, bytes.Clone(response)})
}

// Slow is transaction.User's: T1 has passed.
func (b *branch) Slow(transaction.ID) { b.fork.service.limit.leave(b) }

// Failed is transaction.User's. A branch that was never answered, or whose
// connection is gone, leaves the inbox unavailable there; any other error
// counts as a 503 (RFC 3261 s.16.9).
func (b *branch) Failed(_ transaction.ID, err error) {
	b.fork.service.limit.leave(b)
	code := sip.StatusServiceUnavailable
	switch {
	case errors.Is(err, transport.ErrClosed):
		code = b.lost()
	case errors.Is(err, transaction.ErrTimeout):
		code = sip.StatusTemporarilyUnavailable
	case errors.Is(err, transaction.ErrTooLarge):
		code = sip.StatusMessageTooLarge
	}
	b.fork.end(outcome{code: code})
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
