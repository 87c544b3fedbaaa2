package transport

import (
	"errors"
	"net"
	"net/netip"
	"sync"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"

	"presenced/sip"
)

const (
	batchSize = 32 // datagrams read in one system call
	sendSize  = 64 // datagrams written in one

	// slotSize holds any datagram. It is not a power of two, so that the
	// small datagrams of a batch do not all fall on the same cache lines.
	// A slot's pages become memory only once a datagram was that long: 32
	// slots are 2 MiB of address space and, as a rule, 128 KiB of memory.
	slotSize = 1<<16 + 17*64

	// arenaSize is how many bytes wait for one write.
	arenaSize = 256 << 10
)

// mmsg reads and writes several datagrams in a system call. ipv4.Message and
// ipv6.Message are the same type.
type mmsg interface {
	ReadBatch(ms []ipv4.Message, flags int) (int, error)
	WriteBatch(ms []ipv4.Message, flags int) (int, error)
}

// batch reads and writes a UDP socket in batches.
//
// Writing: what is sent while somebody holds the batch (the reader, from the
// first datagram that it received together with others to the last; Collect)
// waits until the last holder releases it, or until it is full. Otherwise the
// sender writes it itself, unless somebody is writing already, who then takes
// it along. Order is that of the calls to send.
type batch struct {
	s      *socket
	conn   mmsg
	packet packetInfo

	pressure pressure // the reader's

	mu      sync.Mutex
	free    sync.Cond // the writer is done, or the queue has room again
	queue   outbox    // waits to be written
	holders int
	writing bool
	waiting int // senders that found the queue full

	// Only the writer touches these.
	flight outbox
	out    []ipv4.Message
}

// outbox is datagrams in one piece of memory.
type outbox struct {
	bytes []byte
	items []outItem
}

type outItem struct {
	end    int // in bytes; it starts where the one before ends
	remote netip.AddrPort
	local  netip.Addr // the source, where the socket has several; else invalid
}

func (o *outbox) full() bool { return len(o.items) >= sendSize || len(o.bytes) >= arenaSize }

func newBatch(s *socket, uc *net.UDPConn) *batch {
	b := &batch{s: s, out: make([]ipv4.Message, sendSize)}
	b.free.L = &b.mu
	for i := range b.out {
		b.out[i].Buffers = make([][]byte, 1)
		b.out[i].Addr = &net.UDPAddr{IP: make(net.IP, 0, net.IPv6len)}
	}
	if s.local.Addr().Is4() {
		p := ipv4.NewPacketConn(uc)
		b.conn = p
		b.packet.enable4(s, p)
	} else {
		p := ipv6.NewPacketConn(uc)
		b.conn = p
		b.packet.enable6(s, p)
	}
	if d := takeOver(uc, !s.local.Addr().Is4()); d != nil {
		b.conn, s.closer, b.pressure.ahead = d, d, d
	}
	return b
}

// read is the socket's reader.
func (b *batch) read() {
	arena := make([]byte, batchSize*slotSize)
	in := make([]ipv4.Message, batchSize)
	for i := range in {
		in[i].Buffers = [][]byte{arena[i*slotSize:][:1<<16]}
		in[i].OOB = b.packet.buffer()
		in[i].Addr = &net.UDPAddr{IP: make(net.IP, 0, net.IPv6len)}
	}
	var failures failures
	for {
		n, err := b.next(in)
		if err == nil && b.looksAhead(n) {
			err = b.readAhead(in, n)
			n = 0
		}
		if err != nil {
			if !failures.survive(b.s, err) {
				return
			}
			continue
		}
		failures = 0
		b.handle(in[:n])
	}
}

// next waits for datagrams, unless requests wait for their turn.
func (b *batch) next(in []ipv4.Message) (int, error) {
	if b.pressure.backlog.len() > 0 {
		return b.pressure.ahead.poll(in)
	}
	return b.conn.ReadBatch(in, 0)
}

// looksAhead: only a full batch is a sign that there may be many more.
func (b *batch) looksAhead(n int) bool {
	return b.pressure.ahead != nil && (n == batchSize || b.pressure.backlog.len() > 0)
}

// handle takes a batch as it came.
func (b *batch) handle(ms []ipv4.Message) {
	if len(ms) == 0 {
		return
	}
	b.hold()
	defer b.release()
	for i := range ms {
		m := &ms[i]
		b.s.received(m.Buffers[0][:m.N:m.N], b.flow(m))
	}
}

func (b *batch) flow(m *ipv4.Message) sip.Flow {
	return sip.Flow{Proto: sip.UDP, Remote: addrPort(m.Addr), Local: b.local(m)}
}

func (b *batch) local(m *ipv4.Message) netip.AddrPort {
	if !b.packet.on {
		return b.s.local
	}
	to := b.packet.destination(m.OOB[:m.NN])
	if !to.IsValid() {
		return b.s.local
	}
	return netip.AddrPortFrom(to, b.s.local.Port())
}

func (b *batch) hold() {
	b.mu.Lock()
	b.holders++
	b.mu.Unlock()
}

func (b *batch) release() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.holders--; b.holders == 0 && len(b.queue.items) > 0 && !b.writing {
		b.writeLocked()
	}
}

func (b *batch) send(data []byte, flow sip.Flow) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for b.queue.full() {
		if !b.writing {
			b.writeLocked()
			continue
		}
		b.waiting++
		b.free.Wait()
		b.waiting--
	}
	b.queue.bytes = append(b.queue.bytes, data...)
	item := outItem{end: len(b.queue.bytes), remote: flow.Remote}
	if b.packet.on && flow.Local.Addr() != b.s.local.Addr() {
		item.local = flow.Local.Addr()
	}
	b.queue.items = append(b.queue.items, item)
	if b.writing || b.holders > 0 && !b.queue.full() {
		return nil
	}
	alone := len(b.queue.items) == 1
	err := b.writeLocked()
	if alone {
		return err
	}
	return nil
}

// writeLocked writes what waits, with the lock released meanwhile, until
// nothing waits. It leaves the rest to a sender that has had to wait, so that
// nobody writes for others for ever. The error is that of the first datagram.
func (b *batch) writeLocked() (first error) {
	b.writing = true
	for round := 0; len(b.queue.items) > 0 && (round == 0 || b.waiting == 0 && b.holders == 0); round++ {
		b.queue, b.flight = b.flight, b.queue
		b.mu.Unlock()
		err := b.flush()
		b.mu.Lock()
		if round == 0 {
			first = err
		}
	}
	b.writing = false
	b.free.Broadcast()
	return first
}

// flush writes the datagrams in flight. One that the kernel refuses is
// skipped. The error is that of the first.
func (b *batch) flush() (first error) {
	b.s.t.BeforeWrite()
	start := 0
	for i, item := range b.flight.items {
		m := &b.out[i]
		m.Buffers[0] = b.flight.bytes[start:item.end]
		m.OOB = b.packet.source(item.local)
		setAddr(m.Addr.(*net.UDPAddr), item.remote)
		start = item.end
	}
	ms := b.out[:len(b.flight.items)]
	for done := 0; done < len(ms); {
		n, err := b.conn.WriteBatch(ms[done:], 0)
		for i := range max(n, 0) {
			b.s.sent(len(ms[done+i].Buffers[0]), nil)
		}
		done += max(n, 0)
		if n > 0 && err == nil {
			continue
		}
		if errors.Is(err, net.ErrClosed) {
			first = ErrClosed
			break
		}
		if done == 0 {
			first = err
		}
		b.s.sent(0, err)
		b.s.t.warnings.warn("a datagram was not sent", "remote", ms[min(done, len(ms)-1)].Addr, "err", err)
		done++
	}
	b.flight.items = b.flight.items[:0]
	b.flight.bytes = b.flight.bytes[:0]
	return first
}

func setAddr(a *net.UDPAddr, p netip.AddrPort) {
	a.Port, a.Zone = int(p.Port()), p.Addr().Zone()
	if p.Addr().Is4() {
		ip := p.Addr().As4()
		a.IP = append(a.IP[:0], ip[:]...)
		return
	}
	ip := p.Addr().As16()
	a.IP = append(a.IP[:0], ip[:]...)
}
