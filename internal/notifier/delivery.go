package notifier

import (
	"net/netip"

	"presenced/sip/transaction"
)

// delivery is one NOTIFY on its way. It is the transaction's user.
type delivery struct {
	notifier *Notifier
	s        *subscription
	epoch    uint32
	id       transaction.ID

	window         *window
	sent           instant
	placed         bool // it has a place. Guarded by the window, as all below
	before, behind *delivery
	peer           netip.AddrPort // whose socket it goes to; zero where the window has one peer
	overtaken      uint8          // how many later ones to the same peer were answered
}

// Answered is the transaction user's: the watcher's final response.
func (d *delivery) Answered(_ transaction.ID, code int, response []byte) {
	d.window.answered(d, d.notifier.now().sub(d.sent))
	d.done(outcome(code), func(n *Notifier, s *subscription) { n.judge(s, code, response) })
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
