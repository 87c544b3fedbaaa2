package main

import "time"

// Timers of a non-INVITE client transaction (RFC 3261 s.17.1.2.2).
const (
	t1     = 500 * time.Millisecond
	t2     = 4 * time.Second
	timerF = 64 * t1
)

// levels of Timer E: T1, 2 T1, 4 T1, then T2.
const levels = 4

type taskState byte

const (
	idle    taskState = iota // in the list of free ones
	asked                    // its request is unanswered
	waiting                  // answered; NOTIFYs or a delivery are to come
)

// task is one operation on its way: a request after the other, and what the
// server sends because of it.
type task struct {
	op         operation
	source     *source
	step       operation // what it does now; differs from op in a log-in
	state      taskState
	level      byte
	forced     bool   // credentials were sent already
	generation uint32 // of the transaction: its branch carries task and generation
	principal  int32
	peer       int32 // of a MESSAGE
	sub        int32 // index of a subscription, -1 for none
	awaits     int32 // NOTIFYs or deliveries still to come
	buddy      int32 // of a log-in: the next to subscribe to
	expires    uint32
	start      int64 // when it was due
	sent       int64 // when its request was sent first
	message    []byte
}

// deadline is an entry of a queue; it is void once the generation is another.
type deadline struct {
	at         int64
	task       int32
	generation uint32
}

// queue holds deadlines of one constant delay, hence in order.
type queue struct {
	items []deadline
	head  int
}

func (q *queue) push(d deadline) { q.items = append(q.items, d) }

// pop returns the first that is due.
func (q *queue) pop(now int64) (deadline, bool) {
	if q.head == len(q.items) || q.items[q.head].at > now {
		return deadline{}, false
	}
	d := q.items[q.head]
	q.head++
	if q.head > 4096 && q.head > len(q.items)/2 {
		q.items = q.items[:copy(q.items, q.items[q.head:])]
		q.head = 0
	}
	return d, true
}

// next is when the first that is not void is due, or never.
func (q *queue) next(void func(deadline) bool) int64 {
	for ; q.head < len(q.items); q.head++ {
		if d := q.items[q.head]; !void(d) {
			return d.at
		}
	}
	q.items, q.head = q.items[:0], 0
	return never
}

const never = int64(1<<63 - 1)

// tasks are kept in a slab; an index is valid until the task ends.
type tasks struct {
	slab []task
	free []int32
}

func (ts *tasks) take() (int32, *task) {
	if n := len(ts.free); n > 0 {
		id := ts.free[n-1]
		ts.free = ts.free[:n-1]
		return id, &ts.slab[id]
	}
	ts.slab = append(ts.slab, task{})
	return int32(len(ts.slab) - 1), &ts.slab[len(ts.slab)-1]
}

func (ts *tasks) release(id int32) {
	t := &ts.slab[id]
	*t = task{generation: t.generation + 1, message: t.message[:0]}
	ts.free = append(ts.free, id)
}

// of finds the task that a stamp names, if it still is at that transaction.
func (ts *tasks) of(stamp uint64) (int32, *task) {
	id, generation := uint32(stamp>>32), uint32(stamp)
	if int(id) >= len(ts.slab) {
		return -1, nil
	}
	t := &ts.slab[id]
	if t.state == idle || t.generation != generation {
		return -1, nil
	}
	return int32(id), t
}

func stampOf(id int32, t *task) uint64 { return uint64(id)<<32 | uint64(t.generation) }
