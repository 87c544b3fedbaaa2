// Package transport carries SIP messages as bytes over UDP, TCP and TLS
// (RFC 3261 s.18, keep-alives of RFC 5626, next hops of RFC 3263).
//
// It knows flows, not transactions: a message is handed to the Receiver with
// the flow that it came on, and Send writes on the flow it is given and on no
// other. A connection is named by an id that is never used twice, so a flow
// that has gone is ErrClosed, and what was meant for one peer cannot reach
// another that took over its address.
//
// Sockets are injected: any net.PacketConn and net.Listener serves. On a
// *net.UDPConn datagrams are read and written in batches (recvmmsg, sendmmsg).
// What is sent while a received batch is handled leaves together when the
// batch is done.
//
// Left out: NAPTR (the standard library has no such query; RFC 3263 s.4.1
// then asks for SRV of each transport, which is what Resolve does), SCTP,
// WebSocket, and changing from UDP to TCP by size (the transaction layer
// decides that).
package transport

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"presenced/sip"
)

// What Send and Connect fail with, besides the errors of the network.
var (
	ErrClosed      = errors.New("transport: the flow's connection is closed")
	ErrBlocked     = errors.New("transport: the peer does not read; its connection is closed")
	ErrTooLarge    = errors.New("transport: message too large")
	ErrNoSocket    = errors.New("transport: no socket for this protocol and address family")
	ErrConnections = errors.New("transport: too many connections")
)

// MaxDatagram is the largest UDP payload that we send, in bytes: what one
// IPv4 packet holds.
const MaxDatagram = 65507

// Receiver gets every message, in order of arrival per socket or connection.
// It must not block: nothing else is read from there meanwhile.
//
// data is borrowed: it is valid during the call only. framing is not nil
// where the stream cannot be followed any further (ErrFraming and what wraps
// it) or the message is larger than MaxMessage (ErrTooLarge): data is then
// what could be read, the receiver may answer with Send in this call, and a
// connection is closed after it.
type Receiver interface {
	Receive(data []byte, flow sip.Flow, framing error)
}

// Config is what a Transport is made of. Only Receiver is needed; a zero
// value elsewhere stands for the default that is named.
type Config struct {
	Receiver Receiver
	Log      *slog.Logger // default: none

	MaxMessage            int // bytes, head and body; default 65535
	MaxConnections        int // TCP and TLS in both directions; default no limit
	ConnectionsPerAddress int // incoming, per IPv4 address or IPv6 /64; default no limit
	// ConnectionExempt names peers that the two limits do not hold for, such
	// as a proxy in front. Their write queues are eight times as long.
	ConnectionExempt func(netip.Addr) bool

	// IdleTimeout is how long a connection may be silent. The default is two
	// hours: longer than the usual registration of one hour, so that a client
	// without keep-alives is not cut off between two REGISTERs.
	IdleTimeout time.Duration
	// ReadTimeout bounds one message from its first byte to its last, the TLS
	// handshake, and the time to the first message of a new connection times
	// two. Default 30 s.
	ReadTimeout time.Duration
	// WriteTimeout bounds the writing of 64 KiB. Default 10 s.
	WriteTimeout time.Duration
	// WriteQueue is how many bytes may wait for a connection; a peer that
	// lets more gather is cut off. Default 1 MiB.
	WriteQueue int

	// BeforeWrite is called before anything leaves: what a message tells may
	// have to be on disk first. It is called once for a batch of datagrams.
	BeforeWrite func()

	Resolver  Resolver    // default net.DefaultResolver
	TLSClient *tls.Config // for connections that we open; default: the system's roots
	// Dial opens a TCP connection. Default: net.Dialer.
	Dial func(ctx context.Context, addr netip.AddrPort) (net.Conn, error)
}

func (c *Config) setDefaults() {
	setDefault(&c.Log, slog.New(slog.DiscardHandler))
	setDefault(&c.MaxMessage, 65535)
	setDefault(&c.IdleTimeout, 2*time.Hour)
	setDefault(&c.ReadTimeout, 30*time.Second)
	setDefault(&c.WriteTimeout, 10*time.Second)
	setDefault(&c.WriteQueue, 1<<20)
	setDefault(&c.TLSClient, &tls.Config{MinVersion: tls.VersionTLS12})
	if c.BeforeWrite == nil {
		c.BeforeWrite = func() {}
	}
	if c.Resolver == nil {
		c.Resolver = net.DefaultResolver
	}
	if c.ConnectionExempt == nil {
		c.ConnectionExempt = func(netip.Addr) bool { return false }
	}
	if c.Dial == nil {
		c.Dial = func(ctx context.Context, addr netip.AddrPort) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "tcp", addr.String())
		}
	}
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Transport owns sockets, listeners and connections. Its methods may be
// called from any goroutine.
type Transport struct {
	Config
	stats    Stats
	warnings warnings
	names    *names
	routes   routes

	ctx    context.Context // done when Close begins
	cancel context.CancelFunc
	work   sync.WaitGroup
	nextID atomic.Uint64

	sockets atomic.Pointer[[]*socket] // replaced, never changed

	mu          sync.RWMutex
	listeners   []*listener
	connections map[uint64]*connection
	perAddress  map[netip.Prefix]int
	outgoing    map[Hop]*connection
	dials       map[Hop]*dial
	live        int
	onClosed    []func(sip.Flow)
	closed      bool
}

// New makes a Transport without sockets.
func New(c Config) *Transport {
	c.setDefaults()
	t := &Transport{
		Config:      c,
		warnings:    warnings{log: c.Log},
		connections: make(map[uint64]*connection),
		perAddress:  make(map[netip.Prefix]int),
		outgoing:    make(map[Hop]*connection),
		dials:       make(map[Hop]*dial),
	}
	t.ctx, t.cancel = context.WithCancel(context.Background())
	t.names = newNames(t.ctx, c.Resolver)
	t.sockets.Store(&[]*socket{})
	// A flow outlives the process in stored subscriptions and registrations:
	// the ids of two runs must not meet.
	var start [8]byte
	rand.Read(start[:])
	t.nextID.Store(binary.NativeEndian.Uint64(start[:]))
	return t
}

// Stats are the transport's counters.
func (t *Transport) Stats() *Stats { return &t.stats }

// OnClosed adds a function that hears of each connection that is gone, once.
// It runs on the connection's goroutine. Add it before serving.
func (t *Transport) OnClosed(f func(flow sip.Flow)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.onClosed = append(t.onClosed, f)
}

// Send writes data on the flow and on no other. data is copied or written
// before it returns. It does not wait for a peer: a connection has a bounded
// queue, and one whose queue is full is closed (ErrBlocked). A datagram that
// the kernel refuses may count as lost instead of being an error here, where
// it leaves with others in a batch.
func (t *Transport) Send(flow sip.Flow, data []byte) error {
	if flow.Proto == sip.UDP {
		s := t.socket(flow.Local)
		if s == nil {
			return ErrNoSocket
		}
		return s.send(data, flow)
	}
	c := t.connection(flow)
	if c == nil {
		return ErrClosed
	}
	err := c.send(data)
	if err == nil {
		t.stats.MessagesOut.Add(1)
	}
	return err
}

// Collect runs f. Datagrams that are sent meanwhile, by any goroutine, leave
// in batches: when f returns, or earlier when a batch is full. It is for a
// fan-out.
func (t *Transport) Collect(f func()) {
	sockets := *t.sockets.Load()
	for _, s := range sockets {
		s.hold()
	}
	defer func() {
		for _, s := range sockets {
			s.release()
		}
	}()
	f()
}

// Addr is where the transport listens.
type Addr struct {
	Proto sip.Proto
	netip.AddrPort
}

func (a Addr) String() string { return a.Proto.String() + " " + a.AddrPort.String() }

// Addrs are the addresses of all sockets and listeners, in the order in which
// they were given.
func (t *Transport) Addrs() []Addr {
	var addrs []Addr
	for _, s := range *t.sockets.Load() {
		addrs = append(addrs, Addr{sip.UDP, s.local})
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	for _, l := range t.listeners {
		addrs = append(addrs, Addr{l.proto, l.local})
	}
	return addrs
}

// SentBy is what stands for us in Via and Contact on this flow: the
// listener's advertised host and port, or else its address. For a connection
// that we opened it is a listener of the same protocol and family, where the
// peer can reach us (RFC 3261 s.18.1.1).
func (t *Transport) SentBy(flow sip.Flow) string {
	if flow.Proto == sip.UDP {
		if s := t.socket(flow.Local); s != nil {
			return s.sentBy(flow.Local)
		}
		return flow.Local.String()
	}
	if c := t.connection(flow); c != nil && c.listener != nil {
		return c.listener.sentBy(flow.Local)
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	for _, l := range t.listeners {
		if l.proto == flow.Proto && l.serves(flow.Local.Addr()) {
			return l.sentBy(netip.AddrPortFrom(flow.Local.Addr(), l.local.Port()))
		}
	}
	return flow.Local.String()
}

// Close closes every socket, listener and connection, gives what waits in
// write queues a second to leave, and waits until all goroutines have ended.
// It must not be called from within Receive or an OnClosed function.
func (t *Transport) Close() {
	t.mu.Lock()
	if t.closed {
		t.mu.Unlock()
		t.work.Wait()
		return
	}
	t.closed = true
	t.cancel()
	listeners := slices.Clone(t.listeners)
	connections := make([]*connection, 0, len(t.connections))
	for _, c := range t.connections {
		connections = append(connections, c)
	}
	t.mu.Unlock()
	for _, s := range *t.sockets.Load() {
		s.close()
	}
	for _, l := range listeners {
		l.close()
	}
	for _, c := range connections {
		c.stop()
	}
	t.work.Wait()
	t.names.wait()
}

// start runs f on a goroutine that Close waits for; false after Close.
func (t *Transport) start(f func()) bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if t.closed {
		return false
	}
	t.work.Go(f)
	return true
}

// addrPort is a's address and port, an IPv4-mapped address as IPv4.
func addrPort(a net.Addr) netip.AddrPort {
	switch a := a.(type) {
	case *net.UDPAddr:
		return unmap(a.AddrPort())
	case *net.TCPAddr:
		return unmap(a.AddrPort())
	case nil:
		return netip.AddrPort{}
	}
	p, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.AddrPort{}
	}
	return unmap(p)
}

func unmap(p netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(p.Addr().Unmap(), p.Port())
}

// Serves says whether the flow is one that Send can use now: its socket is
// ours, its connection open.
func (t *Transport) Serves(flow sip.Flow) bool {
	if flow.Proto == sip.UDP {
		return t.socket(flow.Local) != nil
	}
	return t.connection(flow) != nil
}
