package redis

import (
	"slices"
	"sync"
	"time"

	"presenced/internal/store"
)

// recent has the registrations that this agent stored last. They are guesses:
// Redis compares their version.
type recent struct {
	mu sync.Mutex
	by map[string]remembered // by address-of-record
}

// remembered is a registration as it was at a time.
type remembered struct {
	reg store.Registration
	at  time.Time
}

// maxRecent registrations of about 500 bytes are kept, and any of them goes
// for a new one.
const maxRecent = 1 << 15

// put keeps a registration that was stored after at.
func (r *recent) put(aor string, reg store.Registration, at time.Time) {
	reg.Bindings = slices.Clone(reg.Bindings) // the caller goes on with its own
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(reg.Bindings) == 0 {
		delete(r.by, aor)
		return
	}
	if r.by == nil {
		r.by = make(map[string]remembered)
	}
	if _, known := r.by[aor]; !known && len(r.by) >= maxRecent {
		for other := range r.by {
			delete(r.by, other)
			break
		}
	}
	r.by[aor] = remembered{reg, at}
}

// get is the registration as it should be now, or not ok where it is not known
// or a binding should have ended.
func (r *recent) get(aor string, now time.Time) (reg store.Registration, ok bool) {
	r.mu.Lock()
	known, ok := r.by[aor]
	r.mu.Unlock()
	if !ok {
		return store.Registration{}, false
	}
	reg = known.reg
	reg.Bindings = slices.Clone(reg.Bindings)
	for i := range reg.Bindings {
		b := &reg.Bindings[i]
		if b.TTL -= now.Sub(known.at); b.TTL <= 0 {
			r.forget(aor)
			return store.Registration{}, false
		}
	}
	return reg, true
}

func (r *recent) forget(aor string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.by, aor)
}

// clear forgets all.
func (r *recent) clear() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.by = nil
}
