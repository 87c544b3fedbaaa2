package notifier

import (
	"net/netip"
	"sync"
	"time"
	"unique"

	"presenced/sip"
)

// windowSize is how many NOTIFYs may be unanswered per peer: 5,000 at once
// overrun a stock receive buffer, 64 do not. A connection has one peer, and a
// route is taken to have one; for a socket see Config.Room.
const windowSize = 64

// The patience with a NOTIFY that holds a place, see window.
const (
	shortestPatience = 25 * time.Millisecond
	longestPatience  = 100 * time.Millisecond
)

// window holds back a fan-out: a subscription that is ready waits here for a
// place. A NOTIFY gives its place back when it is answered. There are so many
// places as answers fit into our own receive buffer; what a peer's holds is
// looked at in remote.go.
//
// The places only keep answers from coming all at once, so one that does not
// come need not be awaited for T1: 64 dead watchers would stall the living for
// 500 ms. Where all places are taken, a NOTIFY loses its own after four times
// what answers take of late, at least 25 ms and at most 100 ms. The NOTIFY
// itself goes on; its subscription is busy, and takes no place until it is
// answered or ended by Timer F. So a hundred dead cost two such pauses once.
// With 5 ms at least, a living process that is not scheduled for a moment gets
// more than its receive buffer holds.
//
// Sooner does a NOTIFY lose its place that others have overtaken: answers to
// eight later ones came from the same address. That process lives and has read
// past it, so its buffer has room. A hundred dead behind a proxy of five
// thousand cost no pause at all.
type window struct {
	key  windowKey
	mu   sync.Mutex
	size int // its places
	free int // of them; below 0: retired

	peers   map[netip.AddrPort]*remote // who has places, or for whom somebody waits
	recent  *remote                    // the last to be looked up
	turns   [lanes]queue[*remote]      // for whom somebody waits, and who have places left
	crowded []*remote                  // for whom somebody waits, and who have none left

	oldest, newest *delivery     // who has a place, by the time they took it
	answer         time.Duration // what an answer takes, smoothed
	timer          *time.Timer   // fires when the oldest loses its place
	armed          bool
}

type windowKey struct {
	proto sip.Proto
	local unique.Handle[netip.AddrPort]
	conn  uint64
	route string
}

// isSocket tells whether it is a UDP socket of ours: its window has many peers,
// and stays.
func (k *windowKey) isSocket() bool { return k.conn == 0 && k.route == "" }

type windows struct {
	mu   sync.Mutex
	all  map[windowKey]*window
	room func(local netip.AddrPort) int // Config.Room
	pump func(pumps)                    // sends what there is place for
}

func (ws *windows) init(n *Notifier) {
	ws.all, ws.room, ws.pump = map[windowKey]*window{}, n.Room, n.pump
}

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
		w = &window{key: key, size: windowSize, peers: map[netip.AddrPort]*remote{}, answer: longestPatience / patienceFactor}
		if key.isSocket() && key.proto == sip.UDP && ws.room != nil {
			w.size = max(windowSize, ws.room(key.local.Value()))
		}
		w.free = w.size
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
		w.wait(s)
		w.mu.Unlock()
		return w
	}
}

// take gives out the next subscription with a place for its NOTIFY, or nil.
func (ws *windows) take(w *window, now instant) *delivery {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.empty() {
		return nil
	}
	w.reclaim(now)
	var s *subscription
	var p *remote
	if w.free > 0 {
		s, p = w.next()
	}
	if s == nil {
		ws.arm(w, now)
		return nil
	}
	w.free--
	d := deliveries.Get().(*delivery)
	d.s, d.window, d.sent, d.placed, d.before = s, w, now, true, w.newest
	if w.newest == nil {
		w.oldest = d
	} else {
		w.newest.behind = d
	}
	w.newest = d
	w.join(p, d)
	return d
}

func (w *window) empty() bool {
	return w.turns[urgent].empty() && w.turns[regular].empty() && len(w.crowded) == 0
}

// reclaim takes places from those that are unanswered for too long, where
// there is no other.
func (w *window) reclaim(now instant) {
	w.relieve(now)
	for w.free == 0 && w.oldest != nil && w.oldest.sent.add(w.patience()) <= now {
		w.leave(w.oldest)
	}
}

const patienceFactor = 4

func (w *window) patience() time.Duration {
	return min(max(patienceFactor*w.answer, shortestPatience), longestPatience)
}

// arm has the window looked at again when the oldest place for which somebody
// waits may be reclaimed. The window is locked.
func (ws *windows) arm(w *window, now instant) {
	var oldest *delivery
	if w.free <= 0 {
		oldest = w.oldest
	}
	for _, p := range w.crowded {
		if oldest == nil || p.placed[0].sent < oldest.sent {
			oldest = p.placed[0]
		}
	}
	if w.armed || oldest == nil {
		return
	}
	w.armed = true
	wait := oldest.sent.add(w.patience()).sub(now)
	if w.timer != nil {
		w.timer.Reset(wait)
		return
	}
	w.timer = time.AfterFunc(wait, func() {
		w.mu.Lock()
		w.armed = false
		w.mu.Unlock()
		ws.pump(pumps{w})
	})
}

// leave gives d's place back. The window is locked.
func (w *window) leave(d *delivery) {
	if d.before == nil {
		w.oldest = d.behind
	} else {
		d.before.behind = d.behind
	}
	if d.behind == nil {
		w.newest = d.before
	} else {
		d.behind.before = d.before
	}
	d.before, d.behind, d.placed = nil, nil, false
	w.free++
	w.part(d)
}

// answered notes how long d's answer took, and whom it has overtaken.
func (w *window) answered(d *delivery, took time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	const weight = 16
	w.answer += (took - w.answer) / weight
	if !d.placed {
		return // what came before it is not known any more
	}
	w.overtakes(d)
}

// overtakenMost is how many answers to later NOTIFYs tell that one has left
// its peer's buffer. Goroutines that send side by side, and networks, change
// the order of a few.
const overtakenMost = 8

// release gives d's place back, if it still has it.
func (ws *windows) release(d *delivery) {
	w := d.window
	retires := !w.key.isSocket()
	if retires {
		ws.mu.Lock()
		defer ws.mu.Unlock()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if d.placed {
		w.leave(d)
	}
	if retires && w.free == w.size && w.empty() {
		w.free = -1
		delete(ws.all, w.key)
	}
}

// queue is a FIFO.
type queue[T any] struct {
	list []T
	head int
}

func (q *queue[T]) empty() bool { return q.head == len(q.list) }

func (q *queue[T]) push(x T) { q.list = append(q.list, x) }

// pop takes the first of a queue that is not empty.
func (q *queue[T]) pop() T {
	x := q.list[q.head]
	clear(q.list[q.head : q.head+1])
	q.head++
	if 2*q.head >= len(q.list) {
		n := copy(q.list, q.list[q.head:])
		clear(q.list[n:])
		q.list, q.head = q.list[:n], 0
	}
	return x
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
