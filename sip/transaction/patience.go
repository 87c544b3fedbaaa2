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
	present atomic.Pointer[shared] // nil: the next request makes one
	renewal *time.Timer            // takes it away after T1, so that nobody looks at a clock
}

type shared struct {
	context.Context
	cancel context.CancelFunc
}

func (p *patience) context(parent context.Context) context.Context {
	if s := p.present.Load(); s != nil {
		return s.Context
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if s := p.present.Load(); s != nil {
		return s.Context
	}
	s := new(shared)
	s.Context, s.cancel = context.WithTimeout(parent, p.timers.whole())
	p.present.Store(s)
	p.renewal = time.AfterFunc(p.timers.T1, func() { p.present.CompareAndSwap(s, nil) })
	return s.Context
}

// stop ends the context that new requests would get; the parent's end is the
// end of the earlier ones.
func (p *patience) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s := p.present.Load(); s != nil {
		s.cancel()
		p.renewal.Stop()
	}
}
