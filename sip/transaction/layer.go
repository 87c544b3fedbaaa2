// Package transaction gives SIP requests and responses their reliability:
// non-INVITE server and client transactions (RFC 3261 s.17.1.2 and s.17.2.2,
// with the amendments of RFC 4320), and the order in which handlers run. It is
// the only place with RFC 3261's timers.
//
// A request is copied once, parsed (request.go), and looked up by a hash of
// what makes it a repeat (RFC 3261 s.17.2.3, server.go). A new one stands in
// its line (Order) until its handler runs (user.go); what the handler returns
// is written (response.go) and, over UDP, kept as bytes for repeats until
// Timer J (archive.go). So a server transaction is one entry: nothing yet, a
// 100, or the final response.
//
// A client transaction has its place in a slab, and the branch of its request
// names that place, so that a response needs no map and no parse. All timers
// are queues of constant delays (queue.go): no goroutine and no timer per
// transaction.
//
// INVITE transactions are left out: presenced serves no INVITE. ACK is never
// answered. A response goes back on the flow of its request and is not tried
// elsewhere (of RFC 3261 s.18.2.2 without opening connections).
package transaction

import (
	"context"
	"errors"
	"hash/maphash"
	"log/slog"
	"time"

	"presenced/sip"
	"presenced/sip/transport"
)

// Transport is what the layer needs of the transport below it.
type Transport interface {
	// Send writes data on flow and on no other. It never blocks and keeps no
	// reference to data.
	Send(flow sip.Flow, data []byte) error
	// Connect gives the flow to a hop. It may block until ctx is done.
	Connect(ctx context.Context, hop transport.Hop) (sip.Flow, error)
	// Resolve gives the hops of a URI in the order to try (RFC 3263). It may
	// block until ctx is done.
	Resolve(ctx context.Context, uri *sip.URI) ([]transport.Hop, error)
	// SentBy is what stands in Via for a request on flow.
	SentBy(flow sip.Flow) string
}

var (
	_ Transport          = (*transport.Transport)(nil)
	_ transport.Receiver = (*Layer)(nil)
)

// Timers are RFC 3261's basic timers (table 4); all others follow from them.
type Timers struct {
	T1 time.Duration // round-trip time estimate
	T2 time.Duration // the longest interval between two retransmissions
	T4 time.Duration // how long a message stays in the network
}

// DefaultTimers are the values of RFC 3261 s.17.1.1.1 and s.17.1.2.2.
var DefaultTimers = Timers{T1: 500 * time.Millisecond, T2: 4 * time.Second, T4: 5 * time.Second}

// whole is Timer F and Timer J.
func (t Timers) whole() time.Duration { return 64 * t.T1 }

// intervals are the values of Timer E: T1, 2*T1, ... and at last T2.
func (t Timers) intervals() []time.Duration {
	list := []time.Duration{t.T1}
	for d := 2 * t.T1; d < t.T2; d *= 2 {
		list = append(list, d)
	}
	return append(list, t.T2)
}

// trying is how long Timer E takes to reach T2: 3.5 s (RFC 4320 s.4.1).
func (t Timers) trying() time.Duration {
	var sum time.Duration
	list := t.intervals()
	for _, d := range list[:len(list)-1] {
		sum += d
	}
	return sum
}

// Config is what a Layer is made of. Zero values take the defaults.
type Config struct {
	Handler sip.Handler
	Timers  Timers       // DefaultTimers
	Order   Order        // DefaultOrder
	Log     *slog.Logger // slog.Default()
	// Inline runs ordered handlers on the goroutine that calls Receive, where
	// their line is free: for handlers that wait for nothing but memory. It
	// saves the change of goroutines, and a transport that reads in batches
	// writes the answers in one.
	Inline bool
	// Lent are ordered methods whose handler keeps no part of a request once it
	// is answered and After has run, no string of it either: the memory of its
	// bytes is wiped then, and serves later requests. None by default.
	Lent []string
	// MaxPending bounds the ordered requests that wait or run, 8,192 by
	// default; a quarter of them may stand in one line. What comes above it
	// over UDP is dropped: the client sends it again. Elsewhere it is a 503.
	MaxPending int
	// MaxUnordered bounds the requests without order, which may wait long for
	// others' answers: 16,384 by default.
	MaxUnordered int
	// MaxHeld bounds the responses held for Timer J, about 0.1 kB each:
	// 262,144 by default. The oldest are forgotten first.
	MaxHeld int
	// MaxRouting bounds the goroutines that resolve or connect: 1,024 by
	// default.
	MaxRouting int
}

func (c *Config) setDefaults() {
	c.MaxPending = atLeast(c.MaxPending, 8192)
	c.MaxUnordered = atLeast(c.MaxUnordered, 16384)
	c.MaxHeld = atLeast(c.MaxHeld, 1<<18)
	c.MaxRouting = atLeast(c.MaxRouting, 1024)
	if c.Timers == (Timers{}) {
		c.Timers = DefaultTimers
	}
	if c.Order == nil {
		c.Order = DefaultOrder
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
}

func atLeast(n, fallback int) int {
	if n > 0 {
		return n
	}
	return fallback
}

// ErrClosed ends the client transactions that live when the layer is closed.
var ErrClosed = errors.New("transaction: the layer is closed")

// Layer is the transaction layer of one node. Its methods may be called from
// any goroutine, except that a handler or a callback must not call Close.
type Layer struct {
	transport Transport
	config    Config
	start     time.Time
	counters  counters
	refusals  refusals
	incidents incidents
	patience  patience
	keys      keys
	tagger    tagger
	pace      pace
	lines     lines
	servers   [shards]serverShard
	clients   [shards]clientShard

	ctx    context.Context // done when the layer is closed
	cancel context.CancelFunc

	crew crew
}

// shards divide the locks; a power of two.
const (
	shardBits = 4
	shards    = 1 << shardBits
)

// New makes a layer on tr. Its Receive must then be given what tr receives.
func New(tr Transport, config Config) *Layer {
	config.setDefaults()
	l := &Layer{transport: tr, config: config, start: time.Now()}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	l.patience.timers = config.Timers
	l.incidents.log = config.Log
	l.keys = newKeys()
	l.tagger = newTagger()
	l.lines.seed = maphash.MakeSeed()
	l.lines.limit = max(1, config.MaxPending/4)
	l.crew.init()
	l.lines.run, l.lines.spawn, l.lines.inline = l.serve, l.crew.do, config.Inline
	for i := range shards {
		l.servers[i].init(l)
		l.clients[i].init(l, uint32(i))
	}
	return l
}

// now is the time since the layer was made: one clock for all queues.
func (l *Layer) now() time.Duration { return time.Since(l.start) }

// Receive takes one message from the transport; the layer is a
// transport.Receiver. data is borrowed for the call. framing says that a
// stream cannot be followed beyond this message.
func (l *Layer) Receive(data []byte, flow sip.Flow, framing error) {
	if !sip.IsResponse(data) {
		l.receiveRequest(data, flow, framing)
		return
	}
	if framing != nil { // RFC 3261 s.18.3: a response cut short is discarded
		l.counters.unread.Add(1)
		return
	}
	l.receiveResponse(data)
}

// drainPoll is how often Drain looks. Counting what is in flight by other
// means would cost each request something, and Drain is called once.
const drainPoll = 5 * time.Millisecond

// Drain refuses new requests from now on, as under overload, and waits until
// no handler runs and every request of ours has its outcome, or ctx is done.
// Repeats are still answered, and handlers may still send.
func (l *Layer) Drain(ctx context.Context) error {
	l.counters.draining.Store(true)
	ticker := time.NewTicker(drainPoll)
	defer ticker.Stop()
	for l.busy() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
	return nil
}

func (l *Layer) busy() bool {
	c := &l.counters
	return c.pending.Load()+c.unordered.Load()+c.clients.Load() > 0
}

// Close cancels the handlers' contexts, fails what is in flight with
// ErrClosed, and returns when no handler and no timer's callback runs any more.
// A callback on a reader of the transport ends with that reader's call.
func (l *Layer) Close() {
	l.crew.refuse()
	l.cancel()
	l.patience.stop()
	for i := range shards {
		l.servers[i].close()
		l.clients[i].close()
	}
	l.crew.wait()
}
