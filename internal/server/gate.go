package server

import (
	"net"
	"net/netip"
	"sync"
)

// How many connections of HTTP are open at once: in all, and of one address.
// More are closed as they come.
const (
	gateConnections = 1024
	gatePerAddress  = 128
)

// gate is a listener with bounds on open connections.
type gate struct {
	net.Listener
	mu   sync.Mutex
	open int
	of   map[netip.Addr]int
}

func newGate(ln net.Listener) *gate { return &gate{Listener: ln, of: map[netip.Addr]int{}} }

// Accept is net.Listener's.
func (g *gate) Accept() (net.Conn, error) {
	for {
		c, err := g.Listener.Accept()
		if err != nil {
			return nil, err
		}
		from := addrPort(c.RemoteAddr()).Addr()
		if g.enter(from) {
			return &gated{Conn: c, leave: sync.OnceFunc(func() { g.leave(from) })}, nil
		}
		c.Close()
	}
}

func (g *gate) enter(from netip.Addr) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.open >= gateConnections || g.of[from] >= gatePerAddress {
		return false
	}
	g.open++
	g.of[from]++
	return true
}

func (g *gate) leave(from netip.Addr) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open--
	if g.of[from]--; g.of[from] == 0 {
		delete(g.of, from)
	}
}

// gated is a connection that was let in.
type gated struct {
	net.Conn
	leave func()
}

// Close is net.Conn's.
func (c *gated) Close() error {
	c.leave()
	return c.Conn.Close()
}
