package siptest

import (
	"net"
	"net/netip"
	"os"
	"slices"
	"time"
)

// receiveBuffer is how many bytes of packets wait in a socket; more are lost.
const receiveBuffer = 4 << 20

// PacketConn is a UDP socket in memory.
type PacketConn struct {
	network *Network
	local   netip.AddrPort

	wait     wait
	inbox    []arrival // by due, then by sequence
	size     int
	failure  error
	deadline time.Time
	closed   bool
}

type arrival struct {
	from     netip.AddrPort
	data     []byte
	due      time.Time
	sequence uint64
}

func newPacketConn(n *Network, local netip.AddrPort) *PacketConn {
	c := &PacketConn{network: n, local: local}
	c.wait.init()
	return c
}

func (c *PacketConn) arrive(p Packet, due time.Time, sequence uint64) {
	c.wait.Lock()
	defer c.wait.Unlock()
	if c.closed || c.size+len(p.Data) > receiveBuffer {
		return
	}
	a := arrival{p.From, slices.Clone(p.Data), due, sequence}
	at, _ := slices.BinarySearchFunc(c.inbox, a, func(x, y arrival) int {
		if d := x.due.Compare(y.due); d != 0 {
			return d
		}
		if x.sequence <= y.sequence {
			return -1 // copies stay behind the packet
		}
		return 1
	})
	c.inbox = slices.Insert(c.inbox, at, a)
	c.size += len(a.data)
	c.wait.changed()
}

// ReadFrom gives the next packet that has arrived. What does not fit in b is
// lost.
func (c *PacketConn) ReadFrom(b []byte) (int, net.Addr, error) {
	c.wait.Lock()
	defer c.wait.Unlock()
	for {
		var due time.Time
		switch {
		case c.closed:
			return 0, nil, c.error("read", net.ErrClosed)
		case c.failure != nil:
			err := c.failure
			c.failure = nil
			return 0, nil, c.error("read", err)
		case passed(c.deadline):
			return 0, nil, c.error("read", os.ErrDeadlineExceeded)
		case len(c.inbox) > 0:
			a := c.inbox[0]
			if due = a.due; due.After(time.Now()) {
				break
			}
			c.inbox = slices.Delete(c.inbox, 0, 1)
			c.size -= len(a.data)
			return copy(b, a.data), net.UDPAddrFromAddrPort(a.from), nil
		}
		c.wait.until(due, c.deadline)
	}
}

// WriteTo sends a packet.
func (c *PacketConn) WriteTo(b []byte, to net.Addr) (int, error) {
	c.wait.Lock()
	closed := c.closed
	c.wait.Unlock()
	if closed {
		return 0, c.error("write", net.ErrClosed)
	}
	remote, err := netip.ParseAddrPort(to.String())
	if err != nil {
		return 0, c.error("write", err)
	}
	c.network.send(Packet{From: c.local, To: remote, Data: b})
	return len(b), nil
}

// Fail lets the next ReadFrom return err, as an ICMP error does.
func (c *PacketConn) Fail(err error) {
	c.wait.Lock()
	defer c.wait.Unlock()
	c.failure = err
	c.wait.changed()
}

// Close frees the address.
func (c *PacketConn) Close() error {
	c.network.forgetPacketConn(c)
	c.wait.Lock()
	defer c.wait.Unlock()
	if c.closed {
		return c.error("close", net.ErrClosed)
	}
	c.closed = true
	c.inbox, c.size = nil, 0
	c.wait.changed()
	return nil
}

// LocalAddr is a *net.UDPAddr.
func (c *PacketConn) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(c.local) }

// SetReadDeadline bounds ReadFrom, also one that waits already.
func (c *PacketConn) SetReadDeadline(at time.Time) error {
	c.wait.Lock()
	defer c.wait.Unlock()
	if c.closed {
		return c.error("set", net.ErrClosed)
	}
	c.deadline = at
	c.wait.changed()
	return nil
}

// SetWriteDeadline does nothing: WriteTo never waits.
func (c *PacketConn) SetWriteDeadline(time.Time) error { return nil }

// SetDeadline is SetReadDeadline.
func (c *PacketConn) SetDeadline(at time.Time) error { return c.SetReadDeadline(at) }

func (c *PacketConn) error(op string, err error) error {
	return &net.OpError{Op: op, Net: "udp", Addr: net.UDPAddrFromAddrPort(c.local), Err: err}
}
