package transaction

import (
	"errors"
	"net/netip"
	"sync"

	"presenced/sip"
	"presenced/sip/transport"
)

// ID names a client transaction; 0 names none. It is not used again before
// 2^32 others in its shard have been.
type ID uint64

// User is told how a request ended. The calls come from reader and timer
// goroutines, never from inside Send, and must not block; they may Send and
// Cancel.
type User interface {
	// Answered brings the final response, whose bytes are borrowed.
	Answered(id ID, code int, response []byte)
	// Slow says once that T1 has passed without a final response. It may
	// come while the outcome is being told on another goroutine.
	Slow(id ID)
	// Failed brings ErrTimeout, ErrTooLarge, ErrBusy, ErrClosed, or an error of
	// the transport.
	Failed(id ID, err error)
}

// What a request fails with, beside ErrTooLarge, ErrClosed and the
// transport's own errors.
var (
	ErrTimeout = errors.New("transaction: no final response before Timer F") // RFC 3261 s.17.1.2.2
	ErrBusy    = errors.New("transaction: too many requests are being resolved")
	ErrNoHop   = errors.New("transaction: the route resolves to nothing")
)

// clientTransaction is a request without its final response.
type clientTransaction struct {
	id       ID
	user     User
	method   string
	message  *buffer
	flow     sip.Flow
	hops     []transport.Hop // left to try
	err      error           // why it fails, while it stands in failing
	interval int             // index of Timer E's present value
	writing  int             // how many goroutines write message
	routing  bool            // between attempts: being resolved or connected
	heard    bool            // a provisional response came to this attempt
	slow     bool            // Slow was called
	over     bool

	remoteTarget netip.AddrPort
}

var clientTransactions = sync.Pool{New: func() any { return new(clientTransaction) }}

// release gives the memory back once the transaction is over and written by
// nobody. Its shard's lock is held.
func (t *clientTransaction) release() {
	if !t.over || t.writing > 0 {
		return
	}
	t.message.free()
	*t = clientTransaction{}
	clientTransactions.Put(t)
}

// Send starts a client transaction. It never blocks, and exactly one call of
// u.Answered or u.Failed follows, unless the transaction is cancelled. On a
// fast network it may come, on another goroutine, before Send has returned.
//
// With a Target.Route the hops are tried in order: where one cannot be
// reached, is silent until Timer F, or answers 503, the request goes to the
// next with a new branch (RFC 3263 s.4.3). Each hop has a Timer F of its own.
func (l *Layer) Send(o *Outgoing, u User) ID {
	t := clientTransactions.Get().(*clientTransaction)
	t.user, t.method, t.message = u, methodOf(o.Start), compose(o)
	flow := o.Target.Flow
	if flow.IsZero() {
		return l.launch(t, &routing{uri: o.Target.Route, remoteTarget: o.RemoteTarget})
	}
	sentBy := l.transport.SentBy(flow)
	size := t.message.size(flow.Proto, sentBy)
	switch {
	case l.wantsTCP(flow, size, o.RemoteTarget) && l.mayRoute():
		return l.launch(t, &routing{flow: flow, remoteTarget: o.RemoteTarget})
	case !fits(flow, size):
		return l.launch(t, nil)
	}
	s := l.nextShard()
	s.mu.Lock()
	a, ok := s.open(t)
	id := t.id
	if !ok {
		s.mu.Unlock()
		return id
	}
	w := s.transmit(&a, flow, sentBy)
	s.mu.Unlock()
	if err := s.write(w); err != nil {
		s.failSoon(a, err)
	}
	return id
}

// launch opens a transaction that is sent later, by a goroutine; without
// routing it fails as too large.
func (l *Layer) launch(t *clientTransaction, r *routing) ID {
	s := l.nextShard()
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.open(t)
	if !ok {
		return t.id
	}
	if r == nil {
		s.failLocked(a, ErrTooLarge)
		return t.id
	}
	s.await(a)
	s.goRoute(a, r)
	return t.id
}

func (l *Layer) nextShard() *clientShard {
	return &l.clients[l.counters.nextShard.Add(1)%shards]
}

// Cancel forgets a request: no callback of it starts any more, though one
// that is running may not have returned yet. Its answer, should it come, is
// absorbed.
func (l *Layer) Cancel(id ID) {
	handle := uint32(id)
	s := &l.clients[handle%shards]
	s.mu.Lock()
	defer s.mu.Unlock()
	index := handle >> shardBits
	if uint64(index) >= uint64(len(s.slots)) {
		return
	}
	slot := &s.slots[index]
	if t := s.transaction(slot); t != nil && t.id == id {
		s.complete(attempt{index, slot.epoch})
	}
}

// receiveResponse matches a response by its branch and method (RFC 3261
// s.17.1.3). The branch's random part shows that we sent the request, which is
// more than a look at the sent-by (s.18.1.2) would.
func (l *Layer) receiveResponse(data []byte) {
	code, text, method, ok := sip.GlanceResponse(data)
	if !ok {
		l.counters.unread.Add(1)
		return
	}
	b, ok := parseBranch(text)
	if !ok {
		l.counters.unmatched.Add(1)
		return
	}
	l.clients[b.slot%shards].receive(b, code, method, data)
}

func (s *clientShard) receive(b branch, code int, method, data []byte) {
	l := s.layer
	a := attempt{b.slot >> shardBits, b.epoch}
	s.mu.Lock()
	slot := s.slot(a)
	if slot == nil || slot.secret != b.secret {
		s.mu.Unlock()
		l.counters.unmatched.Add(1)
		return
	}
	t := s.transaction(slot)
	switch {
	case t == nil: // Completed: "buffer any additional response retransmissions"
		s.mu.Unlock()
		l.counters.duplicates.Add(1)
	case string(method) != t.method:
		s.mu.Unlock()
		l.counters.unmatched.Add(1)
	case code < 200:
		t.heard = true
		s.mu.Unlock()
	case code == sip.StatusServiceUnavailable && len(t.hops) > 0:
		s.nextHop(a) // RFC 3263 s.4.3: a 503 counts as a failure of the hop
		s.mu.Unlock()
		l.counters.answered.Add(1)
	default:
		id, user := t.id, t.user
		s.complete(a)
		s.mu.Unlock()
		l.counters.answered.Add(1)
		user.Answered(id, code, data)
	}
}
