package notifier

import (
	"net/netip"
	"sync"
	"unique"

	"presenced/sip"
)

// windowSize is how many NOTIFYs may be unanswered per socket or connection.
// 5,000 answers at once overrun a stock receive buffer; 64 do not.
const windowSize = 64

// window holds back a fan-out: a subscription that is ready waits here for a
// place. A NOTIFY gives its place back when it is answered, or after T1, so
// that the dead do not stall the living.
type window struct {
	key     windowKey
	mu      sync.Mutex
	free    int
	urgent  queue
	regular queue
}

type windowKey struct {
	proto sip.Proto
	local unique.Handle[netip.AddrPort]
	conn  uint64
	route string
}

type windows struct {
	mu  sync.Mutex
	all map[windowKey]*window
}

func (ws *windows) init() { ws.all = map[windowKey]*window{} }

// of is the window that s sends through. Windows of connections and routes go
// when they are idle.
func (ws *windows) of(s *subscription) *window {
	key := windowKey{proto: s.path.proto, local: s.path.local, conn: s.path.conn}
	if s.routed {
		key = windowKey{route: s.nextHop()}
	}
	ws.mu.Lock()
	defer ws.mu.Unlock()
	w := ws.all[key]
	if w == nil {
		w = &window{key: key, free: windowSize}
		ws.all[key] = w
	}
	return w
}

// enqueue gives s a place in the queue. Its shard is locked.
func (ws *windows) enqueue(s *subscription) *window {
	for {
		w := ws.of(s)
		w.mu.Lock()
		if w.free < 0 { // retired between of and here
			w.mu.Unlock()
			continue
		}
		s.queued = true
		if s.urgent {
			w.urgent.push(s)
		} else {
			w.regular.push(s)
		}
		w.mu.Unlock()
		return w
	}
}

// take gives out the next subscription together with a place, or nil.
func (w *window) take() *subscription {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.free <= 0 {
		return nil
	}
	s := w.urgent.pop()
	if s == nil {
		s = w.regular.pop()
	}
	if s != nil {
		w.free--
	}
	return s
}

// release gives a place back.
func (ws *windows) release(w *window) {
	retires := w.key.conn != 0 || w.key.route != "" // sockets stay
	if retires {
		ws.mu.Lock()
		defer ws.mu.Unlock()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.free++
	if retires && w.free == windowSize && w.urgent.empty() && w.regular.empty() {
		w.free = -1
		delete(ws.all, w.key)
	}
}

// queue is a FIFO of subscriptions.
type queue struct {
	list []*subscription
	head int
}

func (q *queue) empty() bool { return q.head == len(q.list) }

func (q *queue) push(s *subscription) { q.list = append(q.list, s) }

func (q *queue) pop() *subscription {
	if q.empty() {
		return nil
	}
	s := q.list[q.head]
	q.list[q.head] = nil
	q.head++
	if 2*q.head >= len(q.list) {
		n := copy(q.list, q.list[q.head:])
		clear(q.list[n:])
		q.list, q.head = q.list[:n], 0
	}
	return s
}

// pumps is the set of windows to look at once a shard's lock is free again;
// mostly one.
type pumps []*window

func (p *pumps) add(w *window) {
	if w == nil {
		return
	}
	for _, have := range *p {
		if have == w {
			return
		}
	}
	*p = append(*p, w)
}
