// Package siptest is for tests: an in-memory network on which whole nodes run
// in a testing/synctest bubble, all waiting in virtual time.
//
// The network has packets that can be lost, late, doubled and out of order,
// by seeded chance or by a test's own decision, and connections that behave
// like TCP: bounded buffers, half close, a reset when an end is closed with
// bytes unread. It has no routing: every address reaches every other.
//
// Make the Network inside the bubble. Nothing here holds a lock while it
// waits, so a bubble sees each wait.
package siptest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"
)

// firstEphemeral is the first port that is given where none is asked for.
const firstEphemeral = 49152

// Packet is a datagram on its way.
type Packet struct {
	From, To netip.AddrPort
	Data     []byte // not to be changed or kept
}

// Verdict is what happens to a packet. The zero value delivers it once, now.
type Verdict struct {
	Drop   bool
	Delay  time.Duration
	Copies int // beside the packet itself, delivered with it
}

// Conditions are what the network does to packets by chance. Probabilities
// are from 0 to 1. Latency holds for connections too.
type Conditions struct {
	Seed      uint64
	Loss      float64
	Duplicate float64
	Reorder   float64       // how many packets are late by Jitter
	Latency   time.Duration // of every packet
	Jitter    time.Duration // added to those that are reordered
}

// Network joins the sockets, listeners and connections made from it.
type Network struct {
	mu         sync.Mutex
	packets    map[netip.AddrPort]*PacketConn
	listeners  map[netip.AddrPort]*Listener
	conditions Conditions
	chance     *rand.Rand
	hook       func(Packet) Verdict
	ephemeral  uint16
	sequence   uint64
}

// NewNetwork makes a network that loses nothing and takes no time.
func NewNetwork() *Network {
	n := &Network{
		packets:   make(map[netip.AddrPort]*PacketConn),
		listeners: make(map[netip.AddrPort]*Listener),
		ephemeral: firstEphemeral,
	}
	n.SetConditions(Conditions{})
	return n
}

// SetConditions changes what happens to packets that are sent from now on.
func (n *Network) SetConditions(c Conditions) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.conditions = c
	n.chance = rand.New(rand.NewPCG(c.Seed, c.Seed))
}

// SetHook lets f decide over every packet instead of the conditions; nil ends
// it. f runs on the sender's goroutine and may send packets itself.
func (n *Network) SetHook(f func(Packet) Verdict) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.hook = f
}

// ListenPacket opens a UDP socket on an address such as "10.0.0.1:5060" or
// "[2001:db8::1]:0". It panics on a bad address or one in use: that is a
// mistake in the test.
func (n *Network) ListenPacket(address string) *PacketConn {
	n.mu.Lock()
	defer n.mu.Unlock()
	local := n.bindLocked(address)
	if n.packets[local] != nil {
		panic("siptest: " + address + " is in use")
	}
	c := newPacketConn(n, local)
	n.packets[local] = c
	return c
}

// Listen opens a TCP listener; it panics as ListenPacket does.
func (n *Network) Listen(address string) *Listener {
	n.mu.Lock()
	defer n.mu.Unlock()
	local := n.bindLocked(address)
	if n.listeners[local] != nil {
		panic("siptest: " + address + " is in use")
	}
	l := newListener(n, local)
	n.listeners[local] = l
	return l
}

// Dial connects from an address, whose port may be 0, to a listener. Where
// nobody listens the error is ECONNREFUSED.
func (n *Network) Dial(from, to string) (net.Conn, error) {
	remote, err := netip.ParseAddrPort(to)
	if err != nil {
		panic("siptest: " + err.Error())
	}
	return n.dial(context.Background(), from, remote)
}

// Dialer is Dial from one host, as transport.Config.Dial wants it. from is an
// address with port 0.
func (n *Network) Dialer(from string) func(context.Context, netip.AddrPort) (net.Conn, error) {
	return func(ctx context.Context, to netip.AddrPort) (net.Conn, error) { return n.dial(ctx, from, to) }
}

func (n *Network) dial(ctx context.Context, from string, to netip.AddrPort) (net.Conn, error) {
	fail := func(err error) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Addr: net.TCPAddrFromAddrPort(to), Err: err}
	}
	if err := arrive(ctx, n.latency()); err != nil {
		return fail(err)
	}
	n.mu.Lock()
	local, l := n.bindLocked(from), n.listeners[to]
	n.mu.Unlock()
	if l == nil {
		return fail(syscall.ECONNREFUSED)
	}
	near, far := newConnPair(n, local, to)
	if !l.offer(far) {
		return fail(syscall.ECONNREFUSED)
	}
	return near, nil
}

// arrive waits for the latency, unless ctx ends first.
func arrive(ctx context.Context, latency time.Duration) error {
	timer := time.NewTimer(latency)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (n *Network) bindLocked(address string) netip.AddrPort {
	a, err := netip.ParseAddrPort(address)
	if err != nil {
		panic(fmt.Sprintf("siptest: %v", err))
	}
	if a.Port() != 0 {
		return a
	}
	a = netip.AddrPortFrom(a.Addr(), n.ephemeral)
	if n.ephemeral++; n.ephemeral == 0 {
		n.ephemeral = firstEphemeral
	}
	return a
}

// send carries a packet; whether anybody gets it the sender never learns.
func (n *Network) send(p Packet) {
	n.mu.Lock()
	hook := n.hook
	var v Verdict
	if hook == nil {
		v = n.judgeLocked()
	}
	n.mu.Unlock()
	if hook != nil {
		v = hook(p)
	}
	if v.Drop {
		return
	}
	n.mu.Lock()
	to := n.packets[p.To]
	n.sequence++
	sequence := n.sequence
	n.mu.Unlock()
	if to == nil {
		return
	}
	due := time.Now().Add(v.Delay)
	for range 1 + v.Copies {
		to.arrive(p, due, sequence)
	}
}

func (n *Network) judgeLocked() Verdict {
	c := n.conditions
	v := Verdict{Delay: c.Latency}
	if c.Loss > 0 && n.chance.Float64() < c.Loss {
		v.Drop = true
	}
	if c.Duplicate > 0 && n.chance.Float64() < c.Duplicate {
		v.Copies = 1
	}
	if c.Reorder > 0 && n.chance.Float64() < c.Reorder {
		v.Delay += c.Jitter
	}
	return v
}

func (n *Network) latency() time.Duration {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.conditions.Latency
}

func (n *Network) forgetPacketConn(c *PacketConn) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.packets[c.local] == c {
		delete(n.packets, c.local)
	}
}

func (n *Network) forgetListener(l *Listener) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.listeners[l.local] == l {
		delete(n.listeners, l.local)
	}
}
