package message

import (
	"hash/maphash"
	"sync"

	"presenced/sip"
)

// loops are the requests that are being forwarded now. RFC 5393 s.4.2 finds a
// loop by a hash in our own Via's branch; this is another mechanism with the
// same properties, since the branch is the transaction layer's: a request that
// comes back finds itself still being forwarded, because the branch that it
// came by has no answer yet. A spiral (another Request-URI) is let pass, and
// so is a merged request, which has no Via of ours.
type loops struct {
	seed maphash.Seed
	mu   sync.Mutex
	live map[uint64]int
}

func newLoops() *loops {
	return &loops{seed: maphash.MakeSeed(), live: map[uint64]int{}}
}

// key covers what decides where a request goes, and what tells it from others
// (RFC 5393 s.4.2.1, s.4.2.4).
func (l *loops) key(r *sip.Request) uint64 {
	var h maphash.Hash
	h.SetSeed(l.seed)
	for _, s := range [...]string{r.RequestURI(), r.CallID(), r.FromTag(), r.ToTag()} {
		h.WriteString(s)
		h.WriteByte('\n')
	}
	maphash.WriteComparable(&h, r.CSeq())
	return h.Sum64()
}

// enter notes a request until the returned function is called.
func (l *loops) enter(key uint64) (leave func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.live[key]++
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.live[key]--; l.live[key] == 0 {
			delete(l.live, key)
		}
	}
}

func (l *loops) has(key uint64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.live[key] > 0
}

// looped is the check of RFC 5393 s.4.2.2: a Via of ours, and the same request.
func (s *Service) looped(r *sip.Request, key uint64) bool {
	if !s.loops.has(key) {
		return false
	}
	for _, element := range r.List("Via") {
		via, err := sip.ParseVia(element)
		if err == nil && s.Ours(&sip.URI{Scheme: "sip", Host: via.Host, Port: via.Port}) {
			return true
		}
	}
	return false
}
