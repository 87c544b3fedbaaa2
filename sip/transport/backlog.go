package transport

import "presenced/sip"

// backlog is the requests that were read ahead of their turn, oldest first. It
// belongs to a reader.
type backlog struct {
	bytes []byte // of all items, one after the other
	items []waiting
	head  int // of items: the next
}

type waiting struct {
	start, end int // in bytes
	flow       sip.Flow
}

const (
	// backlogBytes bounds a backlog's memory. What waits is less: the gate is
	// closed before.
	backlogBytes = 2 * receiveBuffer
	// keptBytes is how much of its memory an empty backlog keeps.
	keptBytes = 128 << 10
)

func (q *backlog) len() int { return len(q.items) - q.head }

// size is how many bytes wait.
func (q *backlog) size() int {
	if q.len() == 0 {
		return 0
	}
	return len(q.bytes) - q.items[q.head].start
}

// push copies data; it is false where there is no room.
func (q *backlog) push(data []byte, flow sip.Flow) bool {
	if q.len() == 0 && q.head > 0 {
		q.clear()
	}
	if len(q.bytes)+len(data) > backlogBytes {
		if q.size() > backlogBytes/4*3 { // too little would be won
			return false
		}
		q.compact()
	}
	start := len(q.bytes)
	q.bytes = append(q.bytes, data...)
	q.items = append(q.items, waiting{start, len(q.bytes), flow})
	return true
}

// pop is the oldest. Its data is valid until the next push.
func (q *backlog) pop() (data []byte, flow sip.Flow, ok bool) {
	if q.len() == 0 {
		q.clear()
		return nil, sip.Flow{}, false
	}
	if 2*q.head >= len(q.items) {
		q.compact()
	}
	w := q.items[q.head]
	q.items[q.head] = waiting{}
	q.head++
	return q.bytes[w.start:w.end:w.end], w.flow, true
}

// compact moves what waits to the front.
func (q *backlog) compact() {
	if q.head == 0 || q.len() == 0 {
		return
	}
	gone := q.items[q.head].start
	q.bytes = q.bytes[:copy(q.bytes, q.bytes[gone:])]
	n := copy(q.items, q.items[q.head:])
	clear(q.items[n:])
	q.items, q.head = q.items[:n], 0
	for i := range q.items {
		q.items[i].start -= gone
		q.items[i].end -= gone
	}
}

// clear is for an empty backlog: a storm's memory is given back.
func (q *backlog) clear() {
	q.bytes, q.items, q.head = q.bytes[:0], q.items[:0], 0
	if cap(q.bytes) > keptBytes {
		q.bytes, q.items = nil, nil
	}
}
