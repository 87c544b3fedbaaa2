package transport

import (
	"crypto/tls"
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"presenced/sip"
)

const (
	readSize   = 4 << 10  // first read buffer; what an idle connection holds
	writeChunk = 64 << 10 // written under one deadline
	lingering  = 2 * time.Second
	lingerSize = 1 << 20
)

// connection is one TCP or TLS connection. One goroutine reads; another runs
// only while something waits to be written. The reader alone ends the
// connection, whoever asked for it, so that OnClosed is called once.
type connection struct {
	t        *Transport
	nc       net.Conn
	flow     sip.Flow
	listener *listener // nil: we opened it
	hop      Hop       // what it was opened for
	limit    int       // of the write queue, in bytes
	proven   bool      // a whole message has come, or we opened it
	stopping atomic.Bool

	mu      sync.Mutex
	queue   []byte        // waits to be written
	apart   bool          // each message is written alone
	sizes   []int         // of the messages in queue, when apart
	spare   []byte        // the other buffer, while nothing is written
	writing bool          // the writer runs
	drained chan struct{} // closed by the writer when the queue is empty; nil: nobody waits
	closed  bool
}

// run reads until the connection ends.
func (c *connection) run() {
	err := c.read()
	var framing bool
	if errors.Is(err, ErrFraming) || errors.Is(err, ErrTooLarge) {
		framing = true
		c.t.stats.FramingErrors.Add(1)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) && !c.stopping.Load() {
		c.t.stats.TimedOut.Add(1)
	}
	if framing || c.stopping.Load() {
		c.flush()
	}
	if framing {
		c.linger()
	}
	c.abort()
	c.t.Log.Debug("connection closed", "flow", c.flow, "err", err)
	c.t.forget(c)
}

// read hands each message to the receiver and returns why it stopped.
func (c *connection) read() error {
	f := framer{max: c.t.MaxMessage}
	buf := make([]byte, readSize)
	r, w := 0, 0
	var d deadline
	for {
		if err := d.set(c, f.partial(buf[r:w])); err != nil {
			return err
		}
		n, err := c.nc.Read(buf[w:])
		c.t.stats.BytesIn.Add(uint64(n))
		w += n
		if n > 0 {
			used, ferr := c.deliver(&f, buf[r:w])
			if used > 0 {
				d.begun = time.Time{}
			}
			r += used
			if ferr != nil {
				return ferr
			}
		}
		if err != nil {
			return err
		}
		buf, r, w = makeRoom(buf, r, w, c.t.MaxMessage+readSize)
	}
}

// deliver takes every complete message off the front of buf.
func (c *connection) deliver(f *framer, buf []byte) (used int, err error) {
	for {
		skip, pings := f.between(buf[used:])
		used += skip
		for range pings {
			c.t.stats.Pings.Add(1)
			if err := c.send([]byte("\r\n")); err != nil {
				return used, err
			}
		}
		size, err := f.next(buf[used:])
		if err != nil {
			c.t.warnings.warn("stream cannot be followed", "flow", c.flow, "err", err)
			c.t.Receiver.Receive(buf[used:], c.flow, err)
			return used, err
		}
		if size == 0 {
			return used, nil
		}
		if !c.proven {
			c.begin(buf[used : used+size])
		}
		c.t.stats.MessagesIn.Add(1)
		c.t.Receiver.Receive(buf[used:used+size:used+size], c.flow, nil)
		used += size
	}
}

// begin learns from the first message whom we speak with.
func (c *connection) begin(message []byte) {
	c.proven = true
	c.mu.Lock()
	defer c.mu.Unlock()
	c.apart = oneByOne(message)
}

// makeRoom moves what is left to the front of the buffer, and grows it when
// it is full, up to limit, or lets a large one go when it is empty. A message
// that is not complete is shorter than limit by readSize.
func makeRoom(buf []byte, r, w, limit int) ([]byte, int, int) {
	switch {
	case r == w && len(buf) > 4*readSize:
		return make([]byte, readSize), 0, 0
	case r == w:
		return buf, 0, 0
	case len(buf)-w >= len(buf)/4:
		return buf, r, w
	case w-r < len(buf)/2 || len(buf) >= limit:
		copy(buf, buf[r:w])
		return buf, 0, w - r
	}
	grown := make([]byte, min(2*len(buf), limit))
	copy(grown, buf[r:w])
	return grown, 0, w - r
}

// deadline is the read deadline of a connection. A message that has begun
// must be complete within ReadTimeout of its first byte; otherwise the
// connection may be idle, for long only when it has proven that SIP is spoken.
type deadline struct {
	begun time.Time // when the message that is being read began
	at    time.Time // what is set
}

func (d *deadline) set(c *connection, partial bool) error {
	now := time.Now()
	var at time.Time
	switch {
	case partial:
		if d.begun.IsZero() {
			d.begun = now
		}
		at = d.begun.Add(c.t.ReadTimeout)
	case c.proven:
		d.begun = time.Time{}
		at = now.Add(c.t.IdleTimeout)
		if late := at.Sub(d.at); late >= 0 && late < c.t.IdleTimeout/8 {
			at = d.at // near enough: setting it costs a system timer
		}
	case !d.at.IsZero():
		at = d.at // keep-alives alone prolong nothing before the first message
	default:
		at = now.Add(min(2*c.t.ReadTimeout, c.t.IdleTimeout))
	}
	if !at.Equal(d.at) {
		d.at = at
		if err := c.nc.SetReadDeadline(at); err != nil {
			return err
		}
	}
	// stop sets the flag first and the deadline second.
	if c.stopping.Load() {
		return ErrClosed
	}
	return nil
}

// send queues data for the writer.
func (c *connection) send(data []byte) error {
	c.t.BeforeWrite()
	err := c.enqueue(data)
	if err == ErrBlocked {
		c.t.stats.Blocked.Add(1)
		c.t.warnings.warn("peer does not read, connection closed", "flow", c.flow)
	}
	return err
}

func (c *connection) enqueue(data []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return ErrClosed
	}
	if len(c.queue)+len(data) > c.limit && len(c.queue) > 0 {
		c.closeLocked()
		return ErrBlocked
	}
	if c.queue == nil {
		c.queue, c.spare = c.spare, nil
	}
	c.queue = append(c.queue, data...)
	if c.apart {
		c.sizes = append(c.sizes, len(data))
	}
	if !c.writing {
		c.writing = true
		c.t.work.Go(c.write) // the reader still runs: Close waits for both
	}
	return nil
}

// open says whether something can still be sent.
func (c *connection) open() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.closed
}

// write writes the queue until it is empty.
func (c *connection) write() {
	for {
		c.mu.Lock()
		data, pause := c.nextLocked()
		if len(data) == 0 || c.closed {
			c.writing = false
			if c.drained != nil {
				close(c.drained)
				c.drained = nil
			}
			c.mu.Unlock()
			return
		}
		c.mu.Unlock()
		err := c.writeAll(data)
		c.mu.Lock()
		if c.spare == nil && cap(data) <= 4*readSize && pause == 0 {
			c.spare = data[:0]
		}
		if err != nil {
			c.closeLocked()
		}
		c.mu.Unlock()
		if pause > 0 {
			time.Sleep(pause)
		}
	}
}

func (c *connection) writeAll(data []byte) error {
	for len(data) > 0 {
		if err := c.nc.SetWriteDeadline(time.Now().Add(c.t.WriteTimeout)); err != nil {
			return err
		}
		n, err := c.nc.Write(data[:min(len(data), writeChunk)])
		c.t.stats.BytesOut.Add(uint64(n))
		if err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				c.t.stats.Blocked.Add(1)
				c.t.warnings.warn("peer does not read, connection closed", "flow", c.flow)
			}
			return err
		}
		data = data[n:]
	}
	return nil
}

// flush waits until the queue is written, for a second at most.
func (c *connection) flush() {
	c.mu.Lock()
	if !c.writing || c.closed {
		c.mu.Unlock()
		return
	}
	drained := make(chan struct{})
	c.drained = drained
	c.mu.Unlock()
	timer := time.NewTimer(time.Second)
	defer timer.Stop()
	select {
	case <-drained:
	case <-timer.C:
	}
}

// linger ends our side and reads what the peer still sends. A socket that is
// closed with bytes unread sends a reset, and the reset can overtake the
// answer that was just written.
func (c *connection) linger() {
	half, ok := c.nc.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil || c.nc.SetReadDeadline(time.Now().Add(lingering)) != nil {
		return
	}
	buf := make([]byte, readSize)
	for total := 0; total < lingerSize && !c.stopping.Load(); {
		n, err := c.nc.Read(buf)
		if err != nil {
			return
		}
		total += n
	}
}

// stop ends the connection once its queue is written.
func (c *connection) stop() {
	c.stopping.Store(true)
	if err := c.nc.SetReadDeadline(time.Unix(1, 0)); err != nil {
		c.abort()
	}
}

// abort closes the connection at once.
func (c *connection) abort() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closeLocked()
}

// closeLocked never waits: a TLS connection is closed below TLS, whose own
// Close may wait for the peer to take the alert.
func (c *connection) closeLocked() {
	if c.closed {
		return
	}
	c.closed = true
	c.queue, c.spare = nil, nil
	raw := c.nc
	if tc, ok := raw.(*tls.Conn); ok {
		raw = tc.NetConn()
	}
	if err := raw.Close(); err != nil {
		c.t.Log.Debug("closing a connection", "flow", c.flow, "err", err)
	}
}
