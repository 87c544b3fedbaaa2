package transport

import (
	"time"

	"golang.org/x/net/ipv4"

	"presenced/sip"
)

// pressure is what a reader does while more comes than can be served.
//
// An answer that is lost, or late, costs more than a request: it brings a
// retransmission of ours, its answer, and holds up what waits for it (a
// window of NOTIFYs, the sender of a MESSAGE). So where one read finds a full
// batch, the reader looks ahead: answers have their turn at once, requests
// stand in the backlog.
//
// Where requests would wait longer than longestWait, or take too much memory,
// the gate is closed: the
// kernel drops them where it would put them into the receive buffer, which
// costs us nothing, and lets answers in alone, until the backlog is short
// again. Their clients send them again, later (RFC 3261 s.17.1.2.2), and none
// is refused: what is served is served well before its first retransmission.
type pressure struct {
	ahead   ahead // nil: the socket cannot be read ahead
	backlog backlog
	each    time.Duration // what a request takes of late, smoothed
	closed  bool          // the gate
	sheds   bool          // it is closed here, for want of a filter in the kernel
	dropped uint32        // by the kernel until the gate was closed
}

// ahead is a socket that can be read without waiting and told what to drop.
type ahead interface {
	// poll is a ReadBatch that does not wait: 0 where nothing is there.
	poll(ms []ipv4.Message) (int, error)
	// answersOnly has the kernel drop what is no SIP response, or no longer.
	answersOnly(on bool) error
	// dropped counts what the kernel has dropped, modulo 2^32.
	dropped() uint32
}

const (
	// longestWait is how long a request may have to wait in a backlog: a
	// fraction of T1, and long enough for a burst of some thousands.
	longestWait = 200 * time.Millisecond
	// shortWait opens the gate. What comes until it is closed again is worth
	// many times the two system calls.
	shortWait = longestWait / 4

	// aheadMost batches are read before requests have their turn, so that a
	// flood leaves time for them.
	aheadMost = 8

	// longestTurn is how long requests may keep answers waiting in the
	// receive buffer.
	longestTurn = 4 * time.Millisecond
)

// wait is how long a request that comes now has to wait.
func (p *pressure) wait() time.Duration { return time.Duration(p.backlog.len()) * p.each }

// turn is how many requests are served before the next look ahead.
func (p *pressure) turn() int {
	if p.each == 0 { // not known yet
		return 1
	}
	return max(1, min(batchSize, int(longestTurn/p.each)))
}

// served notes how long n requests took, with all that was done beside them.
// That the process was not scheduled for a moment says little about the next
// request: it counts at most twice what is usual.
func (p *pressure) served(n int, took time.Duration) {
	const weight = 8
	switch {
	case n == 0:
	case p.each == 0:
		p.each = max(took/time.Duration(n), weight) // it must be able to grow
	default:
		p.each += (min(took/time.Duration(n), 2*p.each) - p.each) / weight
	}
}

// look closes or opens the gate.
func (p *pressure) look(s *socket) {
	switch wait := p.wait(); {
	case !p.closed && (wait > longestWait || p.backlog.size() > backlogBytes/2):
		p.closed = true
		p.dropped = p.ahead.dropped()
		err := p.ahead.answersOnly(true)
		p.sheds = err != nil
		s.t.warnings.warn("overload: new requests are dropped, their clients send them again",
			"socket", s.local, "waiting", p.backlog.len())
	case p.closed && wait < shortWait && p.backlog.size() < backlogBytes/8:
		if err := p.ahead.answersOnly(false); err != nil && !p.sheds {
			s.t.warnings.warn("the filter of a socket stays", "socket", s.local, "err", err)
			return // and is tried again
		}
		p.closed, p.sheds = false, false
		s.t.stats.DatagramsShed.Add(uint64(p.ahead.dropped() - p.dropped))
	}
}

// readAhead takes a full batch and what came behind it: answers are handled,
// requests stand in the backlog. Then some of them have their turn. It is
// called again, with what could be read without waiting, until none is left.
func (b *batch) readAhead(in []ipv4.Message, n int) error {
	p := &b.pressure
	began := time.Now()
	b.hold()
	defer b.release()
	var err error
	for reads := 1; ; reads++ {
		b.admit(in[:n])
		if n < len(in) || reads == aheadMost {
			break
		}
		if n, err = p.ahead.poll(in); err != nil {
			break
		}
	}
	done := 0
	for most := p.turn(); done < most; done++ {
		data, flow, ok := p.backlog.pop()
		if !ok {
			break
		}
		b.s.received(data, flow)
	}
	p.served(done, time.Since(began))
	p.look(b.s)
	return err
}

// admit handles answers, and has requests wait.
func (b *batch) admit(ms []ipv4.Message) {
	for i := range ms {
		m := &ms[i]
		data := m.Buffers[0][:m.N:m.N]
		switch {
		case sip.IsResponse(data):
			b.s.received(data, b.flow(m))
		case b.pressure.sheds || !b.pressure.backlog.push(data, b.flow(m)):
			b.s.shed(m.N)
		}
	}
}
