package transaction

import (
	"time"

	"presenced/sip"
)

// writing is a request on its way to the transport, outside the shard's lock.
type writing struct {
	transaction *clientTransaction
	attempt     attempt
	flow        sip.Flow
	bytes       []byte
}

// transmit prepares the attempt to send t's request on flow: a new branch,
// Timer E and, later, Timer F. The caller writes it when the lock is free.
func (s *clientShard) transmit(a *attempt, flow sip.Flow, sentBy string) writing {
	slot := s.slot(*a)
	t := s.transaction(slot)
	s.renew(a)
	slot.secret = s.nonces.next()
	t.flow, t.routing, t.heard, t.interval = flow, false, false, 0
	if t.writing > 0 {
		t.message = t.message.clone()
	}
	t.message.address(flow.Proto, sentBy, branch{a.index<<shardBits | s.number, a.epoch, slot.secret})
	s.await(*a)
	s.layer.counters.sent.Add(1)
	return s.hold(t, *a)
}

// renew ends the attempt and begins the next of the same transaction.
func (s *clientShard) renew(a *attempt) {
	a.epoch = s.next()
	s.slots[a.index].epoch = a.epoch
}

// await starts the first interval, which tells who is slow.
func (s *clientShard) await(a attempt) {
	now := s.layer.now()
	s.retransmit[0].trim(s.stale)
	s.retransmit[0].push(now, a)
	s.armRetransmit(now, 0)
}

func (s *clientShard) hold(t *clientTransaction, a attempt) writing {
	t.writing++
	return writing{t, a, t.flow, t.message.bytes}
}

// holds tells whether a request that was held is still to be sent: who has
// cancelled it meanwhile may have sent its successor, and a NOTIFY must not
// follow one with a higher CSeq.
func (s *clientShard) holds(w writing) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.live(w.attempt) != nil {
		return true
	}
	w.transaction.writing--
	w.transaction.release()
	return false
}

// write hands a held request to the transport, without the lock.
func (s *clientShard) write(w writing) error {
	err := s.layer.transport.Send(w.flow, w.bytes)
	s.mu.Lock()
	w.transaction.writing--
	w.transaction.release()
	s.mu.Unlock()
	if err != nil {
		s.layer.counters.transportErrors.Add(1)
	}
	return err
}

// failSoon makes an attempt fail on the timer's goroutine, so that a caller of
// Send is never called back while it is inside Send.
func (s *clientShard) failSoon(a attempt, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failLocked(a, err)
}

func (s *clientShard) failLocked(a attempt, err error) {
	t := s.live(a)
	if t == nil || t.err != nil {
		return
	}
	t.err = err
	now := s.layer.now()
	s.failing.push(now, a)
	s.arm(now, &s.failing)
}

// arm sees to it that the alarm fires for q's first entry.
func (s *clientShard) arm(now time.Duration, q *queue[attempt]) {
	if at, ok := q.wake(); ok {
		s.alarm.set(now, at)
	}
}

// armRetransmit is arm for Timer E, which waits for its pace.
func (s *clientShard) armRetransmit(now time.Duration, interval int) {
	if at, ok := s.retransmit[interval].wake(); ok {
		s.alarm.set(now, max(at, s.resume))
	}
}

// events is what one run of the timers found, to be done without the lock.
type events struct {
	resend []writing
	slow   []outcome
	failed []outcome
}

type outcome struct {
	id   ID
	user User
	err  error
}

// expire runs all timers that are due.
func (s *clientShard) expire() {
	var e events
	s.mu.Lock()
	s.alarm.armed = false
	if !s.closed {
		s.expiring.Add(1)
		defer s.expiring.Done()
	}
	now := s.layer.now()
	s.expireFailing(now, &e)
	s.expireTimeout(now, &e)
	for i := range s.retransmit {
		s.expireRetransmit(now, i, &e)
	}
	for a, ok := s.linger.due(now); ok; a, ok = s.linger.due(now) {
		s.vacate(a)
	}
	s.rearm(now)
	s.mu.Unlock()
	s.perform(&e)
}

func (s *clientShard) perform(e *events) {
	for _, o := range e.slow {
		o.user.Slow(o.id)
	}
	for _, o := range e.failed {
		o.user.Failed(o.id, o.err)
	}
	for _, w := range e.resend {
		if !s.holds(w) {
			continue
		}
		if err := s.write(w); err != nil {
			s.failSoon(w.attempt, err)
		}
	}
}

func (s *clientShard) rearm(now time.Duration) {
	for i := range s.retransmit {
		s.retransmit[i].trim(s.stale)
		s.armRetransmit(now, i)
	}
	s.timeout.trim(s.stale)
	s.arm(now, &s.timeout)
	s.arm(now, &s.linger)
	s.arm(now, &s.failing)
}

func (s *clientShard) expireFailing(now time.Duration, e *events) {
	for a, ok := s.failing.due(now); ok; a, ok = s.failing.due(now) {
		if t := s.live(a); t != nil {
			s.giveUp(a, t.err, e)
		}
	}
}

// expireTimeout is Timer F. RFC 3263 s.4.3: the next hop has its turn where
// no response came at all, not even a provisional one.
func (s *clientShard) expireTimeout(now time.Duration, e *events) {
	for a, ok := s.timeout.due(now); ok; a, ok = s.timeout.due(now) {
		t := s.live(a)
		if t == nil {
			continue
		}
		s.layer.counters.timeouts.Add(1)
		if t.heard {
			t.hops = nil
		}
		s.giveUp(a, ErrTimeout, e)
	}
}

// giveUp ends an attempt: on to the next hop, or the transaction fails.
func (s *clientShard) giveUp(a attempt, err error, e *events) {
	t := s.live(a)
	if len(t.hops) > 0 && !s.closed {
		t.err = nil
		s.nextHop(a)
		return
	}
	e.failed = append(e.failed, outcome{t.id, t.user, err})
	s.unseat(&s.slots[a.index])
	s.layer.counters.clients.Add(-1)
	t.over = true
	t.release()
	s.vacate(a)
}

// expireRetransmit is Timer E at one of its values. The first value starts
// Timer F too, so that what is answered within T1 never stands in that queue.
func (s *clientShard) expireRetransmit(now time.Duration, interval int, e *events) {
	q := &s.retransmit[interval]
	for q.isDue(now) {
		t := s.live(q.first())
		if t != nil && t.resends() {
			if wait, ok := s.layer.pace.take(now); !ok {
				s.resume = now + wait
				return
			}
		}
		a, _ := q.pop()
		if t == nil || t.err != nil {
			continue
		}
		if !t.slow {
			t.slow = true
			e.slow = append(e.slow, outcome{id: t.id, user: t.user})
		}
		if t.routing {
			continue
		}
		if interval == 0 {
			s.timeout.push(now, a)
		}
		if !t.resends() {
			continue
		}
		s.retransmit[s.nextInterval(t, interval)].push(now, a)
		s.layer.counters.retransmitted.Add(1)
		e.resend = append(e.resend, s.hold(t, a))
	}
}

// resends says whether Timer E sends t again.
func (t *clientTransaction) resends() bool {
	return t.err == nil && !t.routing && !t.flow.Proto.Reliable()
}

// nextInterval is T2 once a provisional response has come, else the double
// (RFC 3261 s.17.1.2.2).
func (s *clientShard) nextInterval(t *clientTransaction, interval int) int {
	last := len(s.retransmit) - 1
	if t.heard {
		return last
	}
	return min(interval+1, last)
}

// close fails all that lives.
func (s *clientShard) close() {
	var e events
	s.mu.Lock()
	s.closed = true
	s.alarm.stop()
	for i := range s.slots {
		if slot := s.slots[i]; slot.place != 0 {
			s.giveUp(attempt{uint32(i), slot.epoch}, ErrClosed, &e)
			if s.slots == nil {
				break
			}
		}
	}
	s.mu.Unlock()
	s.perform(&e)
	s.expiring.Wait()
}
