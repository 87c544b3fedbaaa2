package message

import (
	"sync/atomic"

	"presenced/sip"
)

// limit keeps relays from being more than their answers can be taken. A node
// that takes every MESSAGE forwards more than the recipients' side can hold:
// what is lost there is sent again by us, and by its sender, and in the end
// little arrives. So where MaxRelays requests of ours are unanswered, a new
// MESSAGE goes no further, before any work is spent on it. Its sender sends it
// again by itself, later (RFC 3261 s.17.1.2.2); one that does not, over TCP,
// is told to.
//
// One that is silent for T1 counts no more: the inboxes that are gone, and
// were not so kind as to say so, must not stall those that are there.
type limit struct {
	unanswered atomic.Int64
}

// defaultRelays is far above what is unanswered where all is well: the rate
// times the round trip. It is less than what an enlarged receive buffer holds.
const defaultRelays = 2048

// refuses says whether there is room for one more, and if not what its sender
// hears.
func (s *Service) refuses(r *sip.Request) (*sip.Response, error) {
	switch {
	case s.limit.unanswered.Load() < int64(s.MaxRelays):
		return nil, nil
	case r.Flow.Proto.Reliable():
		return nil, sip.Unavailable(nil)
	}
	return &sip.Response{Silent: true}, nil
}

// enter counts the branch until leave.
func (l *limit) enter(b *branch) {
	b.counted.Store(true)
	l.unanswered.Add(1)
}

// leave is called at the first of its answer, its failure and T1.
func (l *limit) leave(b *branch) {
	if b.counted.Swap(false) {
		l.unanswered.Add(-1)
	}
}
