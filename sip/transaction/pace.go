package transaction

import (
	"sync"
	"time"
)

// What a fan-out lost in one burst comes due in one burst, T1 later, and would
// be lost together again. So retransmissions are spread: those above the pace
// wait for the next of its intervals, in the order of their timers. RFC 3261
// s.17.1.2.2 says when Timer E fires at the earliest; 1,000 requests that are
// due at once are late by 31 ms at most.
const (
	paceInterval = time.Millisecond
	paceMost     = 32 // per interval, all shards together
)

// pace counts the retransmissions of the present interval.
type pace struct {
	mu    sync.Mutex
	until time.Duration // the end of the interval
	used  int
}

// take says whether one more may be sent now, and if not, when to ask again.
func (p *pace) take(now time.Duration) (wait time.Duration, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now >= p.until {
		p.until, p.used = now+paceInterval, 0
	}
	if p.used == paceMost {
		return p.until - now, false
	}
	p.used++
	return 0, true
}
