package digest

import (
	"hash/maphash"
	"sync"
	"time"
)

// WindowWidth is how many nonce counts below the highest one are still told apart. UDP reorders requests, so a count
// need not rise; a count further below is refused.
const WindowWidth = 64

const windowShards = 16

// A Window remembers which nonce counts were used (RFC 7616 s.3.4, nc), for each nonce, cnonce and principal. The
// principal belongs to the key because two clients may come to the same nonce and cnonce (COMPAT: twinkle's random
// numbers are seeded per second); the cnonce, because real clients count anew for each (baresip), or keep
// one count for a nonce over many cnonces (linphone).
//
// Memory is bounded: an entry takes about 40 bytes, and a window holds at most its number of entries. When a shard is
// full, the half of it that was not used for longest is dropped. What that costs: a request whose count is forgotten
// can be replayed once more while its nonce lives. The same holds after a restart, and at another agent, which has a
// Window of its own. Only verified credentials come here, so a stranger cannot fill it.
//
// It is safe for concurrent use.
type Window struct {
	seed     maphash.Seed
	lifetime time.Duration
	half     int // entries in one generation of one shard
	shards   [windowShards]windowShard
}

// windowShard has two generations. New and used entries live in the younger; when that is full or a lifetime old, the
// elder is dropped and the younger takes its place.
type windowShard struct {
	mu             sync.Mutex
	younger, elder map[uint64]counts
	since          time.Time // when the younger generation began
}

// counts is the highest count seen, and a bit for each count below it: bit n is highest-n.
type counts struct {
	highest uint32
	used    uint64
}

// NewWindow returns a window of at most the given entries (at least 32 are held), each remembered for a lifetime after
// its last use at least.
func NewWindow(entries int, lifetime time.Duration) *Window {
	return &Window{
		seed:     maphash.MakeSeed(),
		lifetime: lifetime,
		half:     max(1, entries/(2*windowShards)),
	}
}

// Accept notes the use of the credentials' nonce count and returns true, or false when it was used before, is too far
// below the highest one, or is no number. The credentials must be verified already.
func (w *Window) Accept(c *Credentials, now time.Time) bool {
	nc, ok := c.count()
	if !ok {
		return false
	}
	key := w.key(c)
	s := &w.shards[key%windowShards]
	s.mu.Lock()
	defer s.mu.Unlock()
	s.turn(now, w.lifetime)

	seen, young := s.younger[key]
	known := young
	if !known {
		seen, known = s.elder[key]
	}
	switch {
	case !known:
		seen = counts{highest: nc, used: 1} // any count: the ones below may have gone to another agent
	case !seen.accept(nc):
		return false
	}
	if !young && len(s.younger) >= w.half {
		s.fill(now)
	}
	if s.younger == nil {
		s.younger = make(map[uint64]counts)
	}
	s.younger[key] = seen // the elder generation's copy, if any, is no longer looked at
	return true
}

// key hashes what the counts belong to; a principal is a user name in a realm. A collision would cost a client one more challenge, nothing else; the seed is random, so
// that nobody can make one.
func (w *Window) key(c *Credentials) uint64 {
	var h maphash.Hash
	h.SetSeed(w.seed)
	for _, text := range [...]string{c.Nonce, c.CNonce, c.Username, c.Realm} {
		h.WriteString(text)
		h.WriteByte(0) // Parse refuses it inside a value
	}
	return h.Sum64()
}

func (c *counts) accept(nc uint32) bool {
	if nc > c.highest {
		c.used = c.used<<(nc-c.highest) | 1
		c.highest = nc
		return true
	}
	below := c.highest - nc
	if below >= WindowWidth || c.used&(1<<below) != 0 {
		return false
	}
	c.used |= 1 << below
	return true
}

// turn drops what is a lifetime old. An entry of the elder generation is older than the younger one's beginning.
func (s *windowShard) turn(now time.Time, lifetime time.Duration) {
	age := now.Sub(s.since)
	if age < lifetime {
		return
	}
	s.elder, s.younger, s.since = s.younger, nil, now
	if age >= 2*lifetime {
		s.elder = nil
	}
}

// fill begins a new generation where the younger one is full. It gets the elder one's memory: who fills one fills
// the next.
func (s *windowShard) fill(now time.Time) {
	clear(s.elder)
	s.elder, s.younger, s.since = s.younger, s.elder, now
}
