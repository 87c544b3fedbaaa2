package notifier

import (
	"net/netip"
	"sync"
	"time"

	"presenced/sip"
	"presenced/sip/event"
	"presenced/sip/transaction"
	"presenced/watcherinfo"
)

// advance moves s as far as it can go now, and sets its next deadline. The
// shard is locked.
func (n *Notifier) advance(s *subscription, now instant) {
	if at, ok := s.repeatAt(); ok && now >= at {
		s.dirty, s.waited = true, true
	}
	if s.again && now >= s.retry {
		s.dirty, s.waited, s.again = true, true, false
	}
	switch {
	case s.gone:
	case now >= s.expires && s.waits():
		n.finish(s, watcherinfo.Giveup)
	case now >= s.expires:
		n.terminate(s, event.Timeout)
	case s.rare != nil && s.giveUp > 0 && now >= s.giveUp:
		n.terminate(s, event.Giveup)
	case s.suspend != 0 && now >= s.suspend:
		n.drop(s)
	case s.suspend != 0:
		n.wakeAt(s, min(s.expires, s.suspend))
	case !s.dirty || s.busy || s.queued || s.held:
		n.wakeAt(s, s.expires)
	default:
		if ready := n.readyAt(s, now); ready > now {
			s.waited = true
			n.wakeAt(s, min(s.expires, ready))
			return
		}
		n.wakeAt(s, s.expires)
		n.enqueue(s)
	}
}

// enqueue has s wait for a place in its window. The shard is locked.
func (n *Notifier) enqueue(s *subscription) { s.shard.ready.add(n.windows.enqueue(s)) }

// readyAt is when s may send: at once, or when its pace or a 503 lets it. Only
// changes of the document are paced (RFC 3856 s.6.10): a token bucket of burst
// that gains one token per interval.
func (n *Notifier) readyAt(s *subscription, now instant) instant {
	at := now
	if pace := &s.topic.pkg.pace; !s.urgent && pace.interval > 0 {
		at = max(at, s.paced.add(-time.Duration(pace.burst-1)*pace.interval))
	}
	if !s.urgent && s.rare != nil {
		at = max(at, s.notBefore())
	}
	if s.again { // what is new need not wait for what was lost
		return at
	}
	return max(at, s.retry)
}

// spend takes a token of the pace.
func (n *Notifier) spend(s *subscription, now instant) {
	switch pace := &s.topic.pkg.pace; {
	case pace.interval == 0:
	case !s.urgent:
		s.paced = max(s.paced, now).add(pace.interval)
	case pace.strict: // it did not wait; the next one does
		s.paced = max(s.paced, now.add(pace.interval))
	}
}

// mark notes that the topic's state is newer than what s was sent, if s can
// see the difference. The shard is locked.
func (n *Notifier) mark(s *subscription, now instant) {
	switch {
	case s.gone:
	case s.sent == s.signature():
		n.unmark(s, now)
	case s.rare == nil || s.wants():
		s.dirty = true
		n.advance(s, now)
	}
}

// unmark forgets a change that has waited for the pace, where the state is again
// the one that s was sent last.
func (n *Notifier) unmark(s *subscription, now instant) {
	if s.dirty && s.urgent { // it may have waited for a decision that holds for the state
		n.advance(s, now)
		return
	}
	if !s.dirty || s.suspend != 0 || s.topic.state == nil || !s.decided() {
		return
	}
	s.dirty, s.waited = false, false
	n.advance(s, now)
}

// signature is what a NOTIFY now would say, as a number: no NOTIFY is sent
// that says what the last one said, nor what waits for a decision. The topic's
// state must be there.
func (s *subscription) signature() uint64 {
	d := s.decision()
	if d.State == waiting {
		return s.sent
	}
	h := s.topic.hash(d.View)
	if h == 0 {
		return s.sent
	}
	return signed(h, d.State)
}

// signed is the signature of what has a hash, in a state.
func signed(h uint64, state event.State) uint64 {
	switch state {
	case event.Pending:
		h ^= 0x9e3779b97f4a7c15
	case event.Terminated:
		h ^= 0xc2b2ae3d27d4eb4f
	}
	return max(h, 1)
}

// press makes s send now, changed or not: after a SUBSCRIBE, or when its
// state changes. The shard is locked.
func (n *Notifier) press(s *subscription, now instant) {
	s.queued = s.queued && s.urgent // one in the regular queue overtakes itself
	s.dirty, s.urgent, s.retry, s.again = true, true, 0, false
	switch {
	case !s.gone:
		n.advance(s, now)
	case !s.queued:
		n.enqueue(s)
	}
}

// supersede abandons the NOTIFY in flight, and the wait for a 200: the outcome
// is nobody's any more. The shard is locked.
func (n *Notifier) supersede(s *subscription) {
	s.epoch++
	s.held = false
	s.learns(superseded)
	if !s.busy {
		return
	}
	d := s.flight
	s.busy, s.flight = false, nil
	if d.id != 0 {
		n.Sender.Cancel(d.id)
	}
	n.Observer.Notified(s.topic.key.Package, superseded.String())
	n.release(d)
}

// terminate ends s and sends its last NOTIFY at once. The shard is locked.
func (n *Notifier) terminate(s *subscription, why event.Reason) {
	n.supersede(s)
	n.move(s, Decision{event.Terminated, s.decision().View}, why)
	n.remove(s)
	n.conclude(s, watcherinfo.Event(why))
	if s.suspend == 0 { // else there is nobody to tell
		n.press(s, n.now())
	}
}

// drop ends s without a word. The shard is locked.
func (n *Notifier) drop(s *subscription) {
	if s.gone {
		return
	}
	n.supersede(s)
	n.move(s, Decision{State: event.Terminated}, "")
	s.dirty = false
	n.remove(s)
	n.conclude(s, watcherinfo.Timeout)
}

// pump sends what the windows have place for. No lock is held.
func (n *Notifier) pump(ready pumps) {
	for _, w := range ready {
		for d := n.windows.take(w, n.now()); d != nil; d = n.windows.take(w, n.now()) {
			n.deliver(d)
		}
	}
}

// deliver renders the newest state for d's subscription and sends it. The
// place is given back here if there is nothing to send.
func (n *Notifier) deliver(d *delivery) {
	s, now := d.s, d.sent
	sh := s.shard
	sh.mu.Lock()
	if !s.sendable() {
		s.queued = false
		sh.mu.Unlock()
		n.windows.release(d)
		d.free()
		return
	}
	m := notifies.Get().(*notify)
	defer m.free()
	if err := n.render(m, s, now); err != nil {
		n.drop(s)
		s.dirty, s.queued = false, false
		n.unlock(sh)
		n.windows.release(d)
		n.Log.Error("a subscription's record cannot be read", "id", s.id, "err", err)
		return
	}
	n.spend(s, now)
	if !s.urgent && !s.waited {
		n.Observer.Latency(now.sub(s.topic.changed))
	}
	d.notifier, d.epoch = n, s.epoch
	d.holders.Store(2)
	s.queued, s.dirty, s.urgent, s.waited, s.busy, s.flight, s.sending = false, false, false, false, true, d, true
	if s.again {
		s.again, s.retry = false, 0
	}
	if s.topic.state != nil {
		s.tells(len(m.Body) > 0, s.signature())
	}
	n.leftAt(s, now)
	if s.cseq > s.cseqLimit-cseqBlock/4 {
		n.reserve(s)
	}
	sh.mu.Unlock()

	id := n.Sender.Send(&m.Outgoing, d)

	sh.mu.Lock()
	s.sending = false
	if s.flight == d {
		d.id = id
	} else {
		n.overtake(s, d.epoch, id)
	}
	n.unlock(sh)
	d.leave()
}

// overtake goes on where a NOTIFY was superseded or answered while it was being
// sent: the next has had to wait, since CSeq must rise on the wire too. The shard
// is locked.
func (n *Notifier) overtake(s *subscription, epoch uint32, id transaction.ID) {
	if s.epoch != epoch {
		n.Sender.Cancel(id)
	}
	switch {
	case !s.dirty || s.queued:
	case s.gone:
		n.enqueue(s)
	default:
		n.advance(s, n.now())
	}
}

// notify is the memory that one NOTIFY is rendered in.
type notify struct {
	transaction.Outgoing
	head []byte
	body [1][]byte
}

var notifies = sync.Pool{New: func() any { return new(notify) }}

// free gives the memory back, once the NOTIFY has been sent.
func (m *notify) free() {
	m.Outgoing, m.body[0] = transaction.Outgoing{}, nil
	notifies.Put(m)
}

// render makes the NOTIFY that tells s the present state (RFC 6665 s.4.2.2).
func (n *Notifier) render(m *notify, s *subscription, now instant) error {
	dialog, _, err := event.UnpackDialog(s.dialog)
	if err != nil {
		return err
	}
	s.cseq++
	head := dialog.AppendStart(m.head[:0], "NOTIFY")
	line := len(head)
	head = dialog.AppendHead(head, "NOTIFY", s.cseq)
	head = append(head, "Subscription-State: "...)
	seconds := s.expires.seconds(now)
	if s.terminated() {
		seconds = 0
	}
	head = event.AppendSubscriptionState(head, s.decision().State, s.reason(), seconds)
	t := s.termsOf()
	if t != nil && !s.terminated() {
		head = t.rates.appendTo(head)
	}
	head = append(head, "\r\n"...)
	body := n.body(s)
	if body.Hash != 0 {
		head = append(head, "SIP-ETag: "...)
		head = append(appendTag(head, body.Hash, t), "\r\n"...)
	}
	if len(body.Bytes) > 0 {
		head = append(head, "Content-Type: "...)
		head = append(head, body.Type...)
		head = append(head, "\r\n"...)
		m.body[0] = body.Bytes
		m.Body = m.body[:]
	}
	m.head, m.Start, m.Head = head, head[:line:line], head[line:]
	m.Target = transaction.Target{Flow: s.path.flow()}
	if s.routed { // RFC 3261 s.12.2.1.1
		route, err := sip.ParseURI(dialog.NextHop())
		if err != nil {
			return err
		}
		m.Target = transaction.Target{Route: route}
	}
	if len(head)+len(body.Bytes) > surelySmall {
		m.RemoteTarget = numericHost(dialog.Target)
	}
	return nil
}

// surelySmall is a size without Via at which no NOTIFY is too big for UDP.
const surelySmall = 1000 // bytes

// sendable says whether a NOTIFY may go now that there is a place for it. Only
// a last one goes without the state, which the store may not have given yet,
// and without a decision that holds for it.
func (s *subscription) sendable() bool {
	return s.queued && s.dirty && !s.busy && !s.sending && !s.held && s.suspend == 0 && (s.terminated() || s.decided())
}

// decided says whether there is a state, and the decision holds for it.
func (s *subscription) decided() bool {
	return s.topic.state != nil && s.topic.hash(s.decision().View) != 0
}

// body is what s is told. A last NOTIFY has a body only where the subscription
// lapsed, or the watcher itself ended it or fetched (RFC 6665 s.4.2.1.4): that
// is what its view, kept until then, says; a refused one sees nothing any more.
func (n *Notifier) body(s *subscription) Body {
	if s.reason() != "" && s.reason() != event.Timeout || s.topic.state == nil {
		return Body{}
	}
	if s.rare != nil {
		if hash := s.topic.hash(s.decision().View); s.suppresses(hash) {
			return Body{Hash: hash}
		}
	}
	return s.document()
}

// numericHost is the address of a URI whose host is a number, or zero.
func numericHost(uri string) netip.AddrPort {
	u, err := sip.ParseURI(uri)
	if err != nil {
		return netip.AddrPort{}
	}
	addr, ok := u.Addr()
	if !ok {
		return netip.AddrPort{}
	}
	port := u.Port
	if port == 0 {
		port = 5060 // RFC 3261 s.19.1.2
	}
	return netip.AddrPortFrom(addr, uint16(port))
}
