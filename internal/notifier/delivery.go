package notifier

import (
	"sync"
	"sync/atomic"

	"presenced/sip/transaction"
)

// delivery is one NOTIFY on its way. It is the transaction's user.
type delivery struct {
	notifier *Notifier
	s        *subscription
	epoch    uint32
	id       transaction.ID

	holders atomic.Int32 // who sends it, and its transaction: see leave

	window         *window
	sent           instant
	placed         bool // it has a place. Guarded by the window, as all below
	before, behind *delivery
	peer           *remote // nil: it has no place
	overtaken      uint8   // how many later ones to the same peer were answered
}

// deliveries are such as nobody has any more.
var deliveries = sync.Pool{New: func() any { return new(delivery) }}

// leave is called by who will not look at d again. The last holder gives its
// memory to a later NOTIFY. A delivery that someone has without ever leaving
// costs memory for the garbage collector, no more.
func (d *delivery) leave() {
	if d.holders.Add(-1) == 0 {
		d.free()
	}
}

func (d *delivery) free() {
	*d = delivery{}
	deliveries.Put(d)
}

// Answered is the transaction user's: the watcher's final response.
func (d *delivery) Answered(_ transaction.ID, code int, response []byte) {
	took := d.notifier.now().sub(d.sent)
	d.window.answered(d, took)
	d.done(outcome(code), func(n *Notifier, s *subscription) { n.judge(s, code, response) })
	if took < transaction.DefaultTimers.T1 { // later a call of Slow may be under way
		d.leave()
	}
}

// Failed is the transaction user's: no answer came, or the NOTIFY could not
// be sent.
func (d *delivery) Failed(_ transaction.ID, err error) {
	d.done(failure(err))
}

// Slow is the transaction user's: T1 has passed.
func (d *delivery) Slow(transaction.ID) {
	d.s.shard.mu.Lock()
	d.notifier.release(d)
	d.notifier.unlock(d.s.shard)
}

// done takes the outcome of a NOTIFY, unless its epoch is over.
func (d *delivery) done(o outcome, apply func(*Notifier, *subscription)) {
	n, s := d.notifier, d.s
	s.shard.mu.Lock()
	n.release(d)
	if s.flight == d {
		s.busy, s.flight, s.outcome = false, nil, o
		s.learns(o)
		n.Observer.Notified(s.topic.key.Package, o.String())
		apply(n, s)
		if s.dirty && !s.gone {
			n.advance(s, n.now())
		}
	}
	n.unlock(s.shard)
}

// release gives the delivery's place in the window back, once. The shard is
// locked.
func (n *Notifier) release(d *delivery) {
	n.windows.release(d)
	d.s.shard.ready.add(d.window)
}
