package siptest

import (
	"sync"
	"time"
)

// wait is a condition that can be waited for until a moment in time. The lock
// is held around every method, and released while waiting.
type wait struct {
	sync.Mutex
	cond sync.Cond
}

func (w *wait) init() { w.cond.L = &w.Mutex }

// changed wakes all who wait, to look again.
func (w *wait) changed() { w.cond.Broadcast() }

// until waits for a change, at most until the earliest of the moments that
// are not zero.
func (w *wait) until(moments ...time.Time) {
	var first time.Time
	for _, m := range moments {
		if !m.IsZero() && (first.IsZero() || m.Before(first)) {
			first = m
		}
	}
	if !first.IsZero() {
		timer := time.AfterFunc(time.Until(first), func() {
			w.Lock()
			defer w.Unlock()
			w.changed()
		})
		defer timer.Stop()
	}
	w.cond.Wait()
}

// passed says whether a deadline that may be zero is over.
func passed(deadline time.Time) bool {
	return !deadline.IsZero() && !time.Now().Before(deadline)
}
