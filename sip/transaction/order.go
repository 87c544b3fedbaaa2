package transaction

import (
	"hash/maphash"
	"math"
	"sync"

	"presenced/sip"
)

// Order says in which line a request stands: requests with one key run one
// after the other, in order of arrival, whatever connection they came on. A
// request that is not ordered runs at once, beside all others.
type Order func(r *sip.Request) (key string, ordered bool)

// DefaultOrder is the order that a presence agent needs: PUBLISH, REGISTER
// and SUBSCRIBE by address-of-record, requests inside a dialog by the
// dialog's local tag, everything else by Call-ID. RFC 3903 s.6: publications to
// one Request-URI are processed in order; RFC 3261 s.12.2.2 is checked
// against a CSeq that must not be overtaken.
//
// MESSAGE has no order: it waits for somebody else's answer, and must keep no
// one waiting. RFC 3428 s.8 leaves its sender one in flight anyway.
func DefaultOrder(r *sip.Request) (key string, ordered bool) {
	switch r.Method() {
	case "REGISTER": // RFC 3261 s.10.3: the address-of-record is To's
		if _, err := r.To(); err == nil {
			return r.ToAOR(), true
		}
		return r.Header("To"), true
	case "PUBLISH", "SUBSCRIBE":
		if tag := r.ToTag(); tag != "" {
			return tag, true
		}
		if aor := r.AOR(); aor != "" {
			return aor, true
		}
		return r.RequestURI(), true
	case "MESSAGE":
		return "", false
	}
	return r.CallID(), true
}

// lines is a fixed number of serial queues. A key's hash picks its line; a
// line has a goroutine only while something stands in it.
type lines struct {
	seed   maphash.Seed
	limit  int // the most that wait in one line, so that one hot key leaves room to others
	run    func(*exchange)
	spawn  func(func()) bool
	inline bool
	line   [1024]line
}

type line struct {
	mu          sync.Mutex
	first, last *exchange
	length      int // with the one that runs
}

// put appends x to its key's line, and runs the line if nobody does: here
// where inline says so. It is false if the line is full or the layer is closed.
func (s *lines) put(key string, x *exchange) bool {
	n := &s.line[maphash.String(s.seed, key)%uint64(len(s.line))]
	free, ok := s.append(n, x)
	switch {
	case !ok || !free:
		return ok
	case s.inline && s.drain(n, inlineMost):
		return true
	}
	return s.spawn(func() { s.drain(n, everything) })
}

const (
	inlineMost = 16 // then others get their turn at the caller
	everything = math.MaxInt
)

// append is free where nobody runs the line, not ok where it is full.
func (s *lines) append(n *line, x *exchange) (free, ok bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.length >= s.limit {
		return false, false
	}
	free = n.length == 0
	n.length++
	if n.last == nil {
		n.first = x
	} else {
		n.last.next = x
	}
	n.last = x
	return free, true
}

// drain runs what stands in the line, at most so many; true when it is empty.
func (s *lines) drain(n *line, most int) bool {
	for range most {
		n.mu.Lock()
		x := n.first
		if n.first = x.next; n.first == nil {
			n.last = nil
		}
		n.mu.Unlock()
		x.next = nil
		s.run(x)
		n.mu.Lock()
		n.length--
		empty := n.length == 0
		n.mu.Unlock()
		if empty {
			return true
		}
	}
	return false
}
