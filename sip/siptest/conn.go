package siptest

import (
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"syscall"
	"time"
)

// pipeBuffer is how many bytes are on their way in one direction; a writer
// waits for more room.
const pipeBuffer = 64 << 10

// Conn is one end of a TCP connection in memory.
type Conn struct {
	local, remote netip.AddrPort
	in, out       *pipe
}

func newConnPair(n *Network, a, b netip.AddrPort) (*Conn, *Conn) {
	ab, ba := newPipe(n), newPipe(n)
	return &Conn{a, b, ba, ab}, &Conn{b, a, ab, ba}
}

// Read waits for bytes. It gives io.EOF after the other end's Close or
// CloseWrite, and ECONNRESET where that end was closed with bytes unread.
func (c *Conn) Read(b []byte) (int, error) {
	n, err := c.in.read(b)
	if err != nil && err != io.EOF {
		err = c.error("read", err)
	}
	return n, err
}

// Write waits for room in the buffer of 64 KiB.
func (c *Conn) Write(b []byte) (int, error) {
	n, err := c.out.write(b)
	if err != nil {
		err = c.error("write", err)
	}
	return n, err
}

// Close ends both directions. Bytes unread reset the connection, as TCP does:
// the other end loses what it has not read yet.
func (c *Conn) Close() error {
	unread, ok := c.in.closeRead()
	if !ok {
		return c.error("close", net.ErrClosed)
	}
	c.out.closeWrite(unread)
	return nil
}

// CloseWrite ends the outgoing direction: the other end reads io.EOF.
func (c *Conn) CloseWrite() error {
	c.out.closeWrite(false)
	return nil
}

// LocalAddr is a *net.TCPAddr.
func (c *Conn) LocalAddr() net.Addr { return net.TCPAddrFromAddrPort(c.local) }

// RemoteAddr is a *net.TCPAddr.
func (c *Conn) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(c.remote) }

// SetDeadline bounds Read and Write.
func (c *Conn) SetDeadline(at time.Time) error {
	if err := c.SetReadDeadline(at); err != nil {
		return err
	}
	return c.SetWriteDeadline(at)
}

// SetReadDeadline bounds Read, also one that waits already.
func (c *Conn) SetReadDeadline(at time.Time) error { return c.setDeadline(c.in, &c.in.readBy, at) }

// SetWriteDeadline bounds Write, also one that waits already.
func (c *Conn) SetWriteDeadline(at time.Time) error { return c.setDeadline(c.out, &c.out.writeBy, at) }

func (c *Conn) setDeadline(p *pipe, field *time.Time, at time.Time) error {
	p.wait.Lock()
	defer p.wait.Unlock()
	*field = at
	p.wait.changed()
	return nil
}

func (c *Conn) error(op string, err error) error {
	return &net.OpError{
		Op: op, Net: "tcp", Err: err,
		Source: net.TCPAddrFromAddrPort(c.local), Addr: net.TCPAddrFromAddrPort(c.remote),
	}
}

// pipe is one direction of a connection.
type pipe struct {
	network *Network

	wait            wait
	segments        []segment
	size            int
	readBy, writeBy time.Time
	readClosed      bool
	writeClosed     bool
	reset           bool
}

type segment struct {
	data []byte
	due  time.Time
}

func newPipe(n *Network) *pipe {
	p := &pipe{network: n}
	p.wait.init()
	return p
}

func (p *pipe) read(b []byte) (int, error) {
	p.wait.Lock()
	defer p.wait.Unlock()
	for {
		var due time.Time
		switch {
		case p.readClosed:
			return 0, net.ErrClosed
		case passed(p.readBy):
			return 0, os.ErrDeadlineExceeded
		case p.reset:
			return 0, syscall.ECONNRESET
		case len(b) == 0:
			return 0, nil
		case len(p.segments) > 0:
			if due = p.segments[0].due; due.After(time.Now()) {
				break
			}
			return p.take(b), nil
		case p.writeClosed:
			return 0, io.EOF
		}
		p.wait.until(due, p.readBy)
	}
}

// take copies what has arrived.
func (p *pipe) take(b []byte) int {
	n, now := 0, time.Now()
	for n < len(b) && len(p.segments) > 0 && !p.segments[0].due.After(now) {
		first := &p.segments[0]
		k := copy(b[n:], first.data)
		n += k
		if first.data = first.data[k:]; len(first.data) == 0 {
			p.segments = slices.Delete(p.segments, 0, 1)
		}
	}
	p.size -= n
	p.wait.changed()
	return n
}

func (p *pipe) write(b []byte) (n int, err error) {
	latency := p.network.latency()
	p.wait.Lock()
	defer p.wait.Unlock()
	for {
		switch {
		case p.writeClosed:
			return n, net.ErrClosed
		case passed(p.writeBy):
			return n, os.ErrDeadlineExceeded
		case p.readClosed:
			return n, syscall.EPIPE
		case n == len(b):
			return n, nil
		}
		if k := min(pipeBuffer-p.size, len(b)-n); k > 0 {
			p.segments = append(p.segments, segment{slices.Clone(b[n : n+k]), time.Now().Add(latency)})
			p.size += k
			n += k
			p.wait.changed()
			if n == len(b) {
				return n, nil
			}
		}
		p.wait.until(p.writeBy)
	}
}

// closeRead says whether bytes were unread; ok is false for a second call.
func (p *pipe) closeRead() (unread, ok bool) {
	p.wait.Lock()
	defer p.wait.Unlock()
	if p.readClosed {
		return false, false
	}
	p.readClosed = true
	unread = p.size > 0
	p.segments, p.size = nil, 0
	p.wait.changed()
	return unread, true
}

func (p *pipe) closeWrite(reset bool) {
	p.wait.Lock()
	defer p.wait.Unlock()
	p.writeClosed = true
	if reset {
		p.reset = true
		p.segments, p.size = nil, 0
	}
	p.wait.changed()
}
