package transaction

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// patience gives handlers their context, which is done when the client has
// stopped waiting. Requests that arrive within one T1 share one, so that a
// context costs a request nothing; it ends up to T1 before the client's Timer
// F, never after.
type patience struct {
	mu      sync.Mutex
	timers  Timers
	present atomic.Pointer[shared]
}

type shared struct {
	context.Context
	cancel context.CancelFunc
	until  time.Duration // from then on new requests get another one
}

func (p *patience) context(parent context.Context, now time.Duration) context.Context {
	if s := p.present.Load(); s != nil && now < s.until {
		return s.Context
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if s := p.present.Load(); s != nil && now < s.until {
		return s.Context
	}
	s := &shared{until: now + p.timers.T1}
	s.Context, s.cancel = context.WithTimeout(parent, p.timers.whole())
	p.present.Store(s)
	return s.Context
}

// stop ends the context that new requests would get; the parent's end is the
// end of the earlier ones.
func (p *patience) stop() {
	if s := p.present.Load(); s != nil {
		s.cancel()
	}
}
