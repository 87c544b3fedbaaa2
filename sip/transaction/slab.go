package transaction

import (
	"sync"
	"time"
)

// clientShard is a part of the client transactions, in a slab.
type clientShard struct {
	layer  *Layer
	number uint32

	mu         sync.Mutex
	closed     bool
	slots      []clientSlot
	free       []uint32
	used       int
	counter    uint32 // the last generation or epoch given
	nonces     nonces
	retransmit []queue[attempt] // Timer E, by interval; the first also says who is slow
	timeout    queue[attempt]   // Timer F, from T1 on
	linger     queue[attempt]   // Timer K
	failing    queue[attempt]   // at once, but not inside Send
	resume     time.Duration    // retransmissions that are due wait until then, for their pace
	alarm      alarm
	expiring   sync.WaitGroup
}

// clientSlot is one place in the slab. Without a transaction, but with an
// epoch, it is in state Completed and absorbs responses until Timer K.
type clientSlot struct {
	transaction *clientTransaction
	secret      uint64
	generation  uint32
	epoch       uint32 // 0: the slot is free
}

// attempt names one sending of a request to one hop. An attempt whose epoch
// is not its slot's is over.
type attempt struct{ index, epoch uint32 }

// lingerSlack is how late Timer J and K may fire: they free memory only.
const lingerSlack = 250 * time.Millisecond

func (s *clientShard) init(l *Layer, number uint32) {
	s.layer, s.number = l, number
	t := l.config.Timers
	for _, d := range t.intervals() {
		s.retransmit = append(s.retransmit, queue[attempt]{delay: d})
	}
	s.timeout.delay = t.whole() - t.T1
	s.linger = queue[attempt]{delay: t.T4, slack: lingerSlack}
	s.alarm.fire = s.expire
}

// slot finds an attempt that has not been given up, or nil.
func (s *clientShard) slot(a attempt) *clientSlot {
	if uint64(a.index) >= uint64(len(s.slots)) || a.epoch == 0 || s.slots[a.index].epoch != a.epoch {
		return nil
	}
	return &s.slots[a.index]
}

// live finds an attempt's transaction while it has no outcome, or nil.
func (s *clientShard) live(a attempt) *clientTransaction {
	if slot := s.slot(a); slot != nil {
		return slot.transaction
	}
	return nil
}

// stale says that no timer matters to the attempt any more.
func (s *clientShard) stale(a attempt) bool { return s.live(a) == nil }

// next counts generations and epochs; 0 is none.
func (s *clientShard) next() uint32 {
	if s.counter++; s.counter == 0 {
		s.counter++
	}
	return s.counter
}

// open gives t a slot and an id. On a closed layer it is false, and t fails.
func (s *clientShard) open(t *clientTransaction) (attempt, bool) {
	var index uint32
	if n := len(s.free); n > 0 {
		index = s.free[n-1]
		s.free = s.free[:n-1]
	} else {
		index = uint32(len(s.slots))
		s.slots = append(s.slots, clientSlot{})
	}
	s.used++
	generation := s.next()
	slot := &s.slots[index]
	*slot = clientSlot{transaction: t, generation: generation, epoch: s.next()}
	t.id = ID(generation)<<32 | ID(index<<shardBits|s.number)
	s.layer.counters.clients.Add(1)
	a := attempt{index, slot.epoch}
	if s.closed {
		s.failLocked(a, ErrClosed)
		return a, false
	}
	return a, true
}

// complete ends the transaction without a word, and lets its slot absorb
// what still comes until Timer K (RFC 3261 s.17.1.2.2: zero where the
// transport is reliable).
func (s *clientShard) complete(a attempt) {
	slot := s.slot(a)
	t := slot.transaction
	lingers := !t.routing && !t.flow.Proto.Reliable() && !s.closed
	slot.transaction = nil
	s.layer.counters.clients.Add(-1)
	t.over = true
	t.release()
	if !lingers {
		s.vacate(a)
		return
	}
	now := s.layer.now()
	s.linger.push(now, a)
	s.arm(now, &s.linger)
}

// vacate frees the slot. An empty slab gives its memory back; numbers go on
// rising, so no old id or branch can match later.
func (s *clientShard) vacate(a attempt) {
	s.slots[a.index] = clientSlot{}
	s.free = append(s.free, a.index)
	if s.used--; s.used == 0 && len(s.slots) > 1024 {
		s.slots, s.free = nil, nil
	}
}
