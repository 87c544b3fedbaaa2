package transaction

import "time"

// queue is a first-in, first-out list of deadlines that all lie the same
// delay ahead of the moment they were set. What was set last is due last, so
// every timer of RFC 3261 is a queue: no heap, no timer per transaction. The
// owner's lock guards it.
//
// An entry is never taken out of the middle: its owner tells a stale one when
// it comes due, or trims it when it stands first.
type queue[T any] struct {
	delay time.Duration
	slack time.Duration // how late an entry may be taken, so that many share one wake-up
	ring  []deadline[T] // its length is a power of two
	head  int
	count int
}

type deadline[T any] struct {
	at   time.Duration
	what T
}

const smallestRing = 16

func (q *queue[T]) push(now time.Duration, what T) {
	if q.count == len(q.ring) {
		q.resize(max(smallestRing, 2*len(q.ring)))
	}
	q.ring[(q.head+q.count)&(len(q.ring)-1)] = deadline[T]{now + q.delay, what}
	q.count++
}

// pop takes the first entry, due or not.
func (q *queue[T]) pop() (what T, ok bool) {
	if q.count == 0 {
		return what, false
	}
	first := &q.ring[q.head]
	what = first.what
	*first = deadline[T]{}
	q.head = (q.head + 1) & (len(q.ring) - 1)
	q.count--
	if len(q.ring) > smallestRing && q.count <= len(q.ring)/8 {
		q.resize(len(q.ring) / 4) // memory goes back after a storm
	}
	return what, true
}

// due takes the first entry if its time has come.
func (q *queue[T]) due(now time.Duration) (what T, ok bool) {
	if !q.isDue(now) {
		return what, false
	}
	return q.pop()
}

// isDue says whether the first entry's time has come.
func (q *queue[T]) isDue(now time.Duration) bool { return q.count > 0 && q.ring[q.head].at <= now }

// first is the first entry of a queue that has one.
func (q *queue[T]) first() T { return q.ring[q.head].what }

// trim drops the entries at the front for which stale holds. Most requests
// are answered long before any timer fires: trimmed at each push, their
// queues stay short.
func (q *queue[T]) trim(stale func(T) bool) {
	for q.count > 0 && stale(q.ring[q.head].what) {
		q.pop()
	}
}

// wake is when the first entry should be looked at.
func (q *queue[T]) wake() (at time.Duration, ok bool) {
	if q.count == 0 {
		return 0, false
	}
	return q.ring[q.head].at + q.slack, true
}

func (q *queue[T]) resize(size int) {
	size = max(size, smallestRing)
	ring := make([]deadline[T], size)
	for i := range q.count {
		ring[i] = q.ring[(q.head+i)&(len(q.ring)-1)]
	}
	q.ring, q.head = ring, 0
}

// alarm is the one timer behind a shard's queues. The shard's lock guards it.
type alarm struct {
	timer *time.Timer
	fire  func()
	at    time.Duration
	armed bool
}

// set makes the alarm fire at the given time or earlier.
func (a *alarm) set(now, at time.Duration) {
	if a.armed && a.at <= at {
		return
	}
	a.armed, a.at = true, at
	wait := max(at-now, 0)
	if a.timer == nil {
		a.timer = time.AfterFunc(wait, a.fire)
		return
	}
	a.timer.Reset(wait)
}

func (a *alarm) stop() {
	if a.timer != nil {
		a.timer.Stop()
	}
}
