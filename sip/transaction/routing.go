package transaction

import (
	"context"
	"net/netip"

	"presenced/sip"
	"presenced/sip/transport"
)

// routing is what is left to do before an attempt can be sent: resolve uri,
// or connect to hops, or find out whether TCP reaches flow's peer.
type routing struct {
	uri          *sip.URI
	hops         []transport.Hop
	flow         sip.Flow
	remoteTarget netip.AddrPort
}

// mayRoute says whether one more goroutine may route.
func (l *Layer) mayRoute() bool {
	return l.counters.routing.Load() < int64(l.config.MaxRouting)
}

// goRoute starts the goroutine that routes an attempt, if there may be one
// more. The shard's lock is held.
func (s *clientShard) goRoute(a attempt, r *routing) {
	l := s.layer
	t := s.live(a)
	t.routing = true
	if l.counters.routing.Add(1) > int64(l.config.MaxRouting) {
		l.counters.routing.Add(-1)
		s.failLocked(a, ErrBusy)
		return
	}
	started := l.crew.do(func() {
		defer l.counters.routing.Add(-1)
		s.route(a, r)
	})
	if !started {
		l.counters.routing.Add(-1)
		s.failLocked(a, ErrClosed)
	}
}

// nextHop leaves an attempt for the next hop (RFC 3263 s.4.3). The shard's
// lock is held.
func (s *clientShard) nextHop(a attempt) {
	t := s.live(a)
	hops := t.hops
	t.hops = nil
	s.renew(&a)
	t.heard = false
	t.routing = true
	if !t.slow {
		s.await(a)
	}
	s.goRoute(a, &routing{hops: hops, remoteTarget: t.remoteTarget})
}

// route finds a flow for the attempt and sends on it, hop by hop.
func (s *clientShard) route(a attempt, r *routing) {
	l := s.layer
	ctx, cancel := context.WithTimeout(l.ctx, l.config.Timers.whole())
	defer cancel()
	if !r.flow.IsZero() {
		err := s.try(ctx, &a, r.flow, r)
		s.finish(a, err)
		return
	}
	if r.uri != nil {
		hops, err := l.transport.Resolve(ctx, r.uri)
		if err != nil {
			s.finish(a, err)
			return
		}
		r.hops = hops
	}
	err := error(ErrNoHop)
	for len(r.hops) > 0 && err != nil && !s.gone(a) {
		hop := r.hops[0]
		r.hops = r.hops[1:]
		var flow sip.Flow
		if flow, err = l.transport.Connect(ctx, hop); err == nil {
			err = s.try(ctx, &a, flow, r)
		}
	}
	s.finish(a, err)
}

// finish makes the attempt fail unless it was sent.
func (s *clientShard) finish(a attempt, err error) {
	if err != nil {
		if s.layer.ctx.Err() != nil {
			err = ErrClosed
		}
		s.failSoon(a, err)
	}
}

func (s *clientShard) gone(a attempt) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.live(a) == nil
}

// try sends on flow, or by TCP to the same address where that is wanted and
// works. RFC 3261 s.18.1.1: where TCP fails, UDP has its turn.
func (s *clientShard) try(ctx context.Context, a *attempt, flow sip.Flow, r *routing) error {
	l := s.layer
	size, ok := s.size(*a, flow)
	if !ok {
		return nil
	}
	if l.wantsTCP(flow, size, r.remoteTarget) {
		if tcp, ok := l.connectTCP(ctx, flow); ok && s.sendOn(a, tcp, r) == nil {
			return nil
		}
	}
	if !fits(flow, size) {
		return ErrTooLarge
	}
	return s.sendOn(a, flow, r)
}

func (s *clientShard) size(a attempt, flow sip.Flow) (size int, ok bool) {
	sentBy := s.layer.transport.SentBy(flow)
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.live(a)
	if t == nil {
		return 0, false
	}
	return t.message.size(flow.Proto, sentBy), true
}

// sendOn sends the attempt unless it was cancelled meanwhile.
func (s *clientShard) sendOn(a *attempt, flow sip.Flow, r *routing) error {
	sentBy := s.layer.transport.SentBy(flow)
	s.mu.Lock()
	t := s.live(*a)
	if t == nil || t.err != nil {
		s.mu.Unlock()
		return nil
	}
	t.hops, t.remoteTarget = r.hops, r.remoteTarget
	w := s.transmit(a, flow, sentBy)
	s.mu.Unlock()
	err := s.write(w)
	if err != nil {
		s.back(*a)
	}
	return err
}

// back puts an attempt that could not be written between attempts again.
func (s *clientShard) back(a attempt) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.live(a); t != nil {
		t.routing = true
		t.hops = nil
	}
}
