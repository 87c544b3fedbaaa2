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
	living     []*clientTransaction // found by clientSlot.place
	vacant     []uint32             // places in living
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
// epoch, it is in state Completed and absorbs responses until Timer K. Most
// slots are in that state: five seconds of NOTIFYs, where a few hundred wait
// for their answer. So a slot has no pointer that the garbage collector would
// look at.
type clientSlot struct {
	secret     uint64
	generation uint32
	epoch      uint32 // 0: the slot is free
	place      uint32 // of its transaction in living, counted from 1; 0: it has none
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
		return s.transaction(slot)
	}
	return nil
}

// transaction is the slot's, or nil.
func (s *clientShard) transaction(slot *clientSlot) *clientTransaction {
	if slot.place == 0 {
		return nil
	}
	return s.living[slot.place-1]
}

// seat gives t a place in living, counted from 1.
func (s *clientShard) seat(t *clientTransaction) uint32 {
	if n := len(s.vacant); n > 0 {
		place := s.vacant[n-1]
		s.vacant = s.vacant[:n-1]
		s.living[place-1] = t
		return place
	}
	s.living = append(s.living, t)
	return uint32(len(s.living))
}

// unseat takes the slot's transaction from it.
func (s *clientShard) unseat(slot *clientSlot) {
	s.living[slot.place-1] = nil
	s.vacant = append(s.vacant, slot.place)
	slot.place = 0
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
	*slot = clientSlot{generation: generation, epoch: s.next(), place: s.seat(t)}
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
	t := s.transaction(slot)
	lingers := !t.routing && !t.flow.Proto.Reliable() && !s.closed
	s.unseat(slot)
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
		s.slots, s.free, s.living, s.vacant = nil, nil, nil, nil
	}
}
