package siptest

import (
	"net"
	"net/netip"
	"slices"
)

// Listener is a TCP listener in memory.
type Listener struct {
	network *Network
	local   netip.AddrPort

	wait    wait
	backlog []*Conn
	failure error
	closed  bool
}

func newListener(n *Network, local netip.AddrPort) *Listener {
	l := &Listener{network: n, local: local}
	l.wait.init()
	return l
}

func (l *Listener) offer(c *Conn) bool {
	l.wait.Lock()
	defer l.wait.Unlock()
	if l.closed {
		return false
	}
	l.backlog = append(l.backlog, c)
	l.wait.changed()
	return true
}

// Accept waits for a connection.
func (l *Listener) Accept() (net.Conn, error) {
	l.wait.Lock()
	defer l.wait.Unlock()
	for {
		switch {
		case l.closed:
			return nil, l.error("accept", net.ErrClosed)
		case l.failure != nil:
			err := l.failure
			l.failure = nil
			return nil, l.error("accept", err)
		case len(l.backlog) > 0:
			c := l.backlog[0]
			l.backlog = slices.Delete(l.backlog, 0, 1)
			return c, nil
		}
		l.wait.until()
	}
}

// Fail lets the next Accept return err, such as syscall.EMFILE.
func (l *Listener) Fail(err error) {
	l.wait.Lock()
	defer l.wait.Unlock()
	l.failure = err
	l.wait.changed()
}

// Close frees the address and resets what was not accepted.
func (l *Listener) Close() error {
	l.network.forgetListener(l)
	l.wait.Lock()
	if l.closed {
		l.wait.Unlock()
		return l.error("close", net.ErrClosed)
	}
	l.closed = true
	rest := l.backlog
	l.backlog = nil
	l.wait.changed()
	l.wait.Unlock()
	for _, c := range rest {
		if err := c.Close(); err != nil {
			return err
		}
	}
	return nil
}

// Addr is a *net.TCPAddr.
func (l *Listener) Addr() net.Addr { return net.TCPAddrFromAddrPort(l.local) }

func (l *Listener) error(op string, err error) error {
	return &net.OpError{Op: op, Net: "tcp", Addr: net.TCPAddrFromAddrPort(l.local), Err: err}
}
