package transaction

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"time"

	"presenced/sip"
	"presenced/sip/transport"
)

// Sizes of a request over UDP, in bytes.
const (
	// congestionSize is where RFC 3261 s.18.1.1 asks for a congestion
	// controlled transport, while the path's MTU is unknown.
	congestionSize = 1300
	// maxDatagram is the most that one IPv4 datagram can carry.
	maxDatagram = 65507
)

// ErrTooLarge says that a request fits in no datagram and that its peer
// cannot be reached by TCP.
var ErrTooLarge = errors.New("transaction: the request is too large for UDP")

const (
	connectPatience = 500 * time.Millisecond // a NAT answers nothing at all
	refusalMemory   = 10 * time.Minute
	maxRefusals     = 4096
)

// wantsTCP says whether a request of so many bytes should try TCP before it
// goes out on flow. RFC 3261 s.18.1.1 would always; we try it only where the
// remote target is the flow's own address: behind a NAT the peer's TCP port
// is not where its UDP packets come from.
func (l *Layer) wantsTCP(flow sip.Flow, size int, remoteTarget netip.AddrPort) bool {
	return flow.Proto == sip.UDP && size > congestionSize &&
		remoteTarget.IsValid() && sameAddress(remoteTarget, flow.Remote) &&
		!l.refusals.has(flow.Remote, l.now())
}

func sameAddress(a, b netip.AddrPort) bool {
	return a.Port() == b.Port() && a.Addr().Unmap() == b.Addr().Unmap()
}

// connectTCP opens the TCP flow to where flow leads; a failure is remembered
// so that the next large request does not wait again.
func (l *Layer) connectTCP(ctx context.Context, flow sip.Flow) (sip.Flow, bool) {
	trial, cancel := context.WithTimeout(ctx, connectPatience)
	defer cancel()
	tcp, err := l.transport.Connect(trial, transport.Hop{Proto: sip.TCP, Addr: flow.Remote})
	if err == nil {
		return tcp, true
	}
	if ctx.Err() == nil {
		l.refusals.add(flow.Remote, l.now())
	}
	return sip.Flow{}, false
}

// fits says whether a message of so many bytes can go out on flow.
func fits(flow sip.Flow, size int) bool {
	return flow.Proto != sip.UDP || size <= maxDatagram
}

// refusals remembers addresses that took no TCP connection, a bounded number
// for a bounded time.
type refusals struct {
	mu    sync.Mutex
	until map[netip.AddrPort]time.Duration
}

func (m *refusals) has(a netip.AddrPort, now time.Duration) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return now < m.until[a]
}

func (m *refusals) add(a netip.AddrPort, now time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.until == nil {
		m.until = make(map[netip.AddrPort]time.Duration)
	}
	if len(m.until) >= maxRefusals {
		m.makeRoom(now)
	}
	m.until[a] = now + refusalMemory
}

// makeRoom drops what is over, and one that is not if nothing is.
func (m *refusals) makeRoom(now time.Duration) {
	var any netip.AddrPort
	for a, until := range m.until {
		if until <= now {
			delete(m.until, a)
		}
		any = a
	}
	if len(m.until) >= maxRefusals {
		delete(m.until, any)
	}
}
