package notifier

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"runtime"
	"sync"
	"testing"
	"time"

	"presenced/internal/store"
	"presenced/internal/store/embedded"
	"presenced/sip"
	"presenced/sip/event"
	"presenced/sip/transaction"
)

// benchNode is a notifier with the embedded engine in memory, and a transaction
// layer that answers every NOTIFY with 200.
type benchNode struct {
	*Notifier
	engine *embedded.Engine
	wait   sync.WaitGroup // of the answers
	sent   chan sentNotify
}

type sentNotify struct {
	id   transaction.ID
	user transaction.User
}

func newBenchNode(tb testing.TB) *benchNode {
	tb.Helper()
	engine, err := embedded.Open(embedded.Config{Agent: "bench"})
	if err != nil {
		tb.Fatal(err)
	}
	n := &benchNode{engine: engine, sent: make(chan sentNotify, 1<<16)}
	n.Notifier = New(Config{
		Agent: "bench", Store: engine, Feed: engine, Sender: n, Observer: n, Log: slog.New(slog.DiscardHandler),
		Expires: Expires{Min: 60, Max: 7200, Default: 3600}, Burst: 1, Grace: time.Minute, WinfoInterval: 5 * time.Second,
		Contact: func(sip.Flow, bool) string { return "<sip:192.0.2.9:5060>" },
		Reroute: func(f sip.Flow) (sip.Flow, bool) { return f, true },
	})
	n.Register(benchPackage{engine})
	ctx, stop := context.WithCancel(tb.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := n.Run(ctx); err != nil {
			tb.Error(err)
		}
	}()
	go n.answer()
	tb.Cleanup(func() {
		stop()
		<-done
		close(n.sent)
		engine.Close()
	})
	return n
}

// answer is the transaction layer's reader.
func (n *benchNode) answer() {
	for s := range n.sent {
		s.user.Answered(s.id, 200, nil)
		n.wait.Done()
	}
}

// Send is Sender's.
func (n *benchNode) Send(_ *transaction.Outgoing, u transaction.User) transaction.ID {
	n.sent <- sentNotify{1, u}
	return 1
}

// Cancel is Sender's.
func (n *benchNode) Cancel(transaction.ID) {}

// Notified is Observer's.
func (n *benchNode) Notified(string, string) {}

// Latency is Observer's.
func (n *benchNode) Latency(time.Duration) {}

// benchPackage shows the newest publication.
type benchPackage struct{ engine *embedded.Engine }

func (p benchPackage) Name() string    { return "presence" }
func (p benchPackage) Types() []string { return []string{"application/pidf+xml"} }
func (p benchPackage) Decide(context.Context, store.Key, sip.Identity) (Decision, error) {
	return Decision{State: event.Active, View: "full"}, nil
}

func (p benchPackage) State(ctx context.Context, key store.Key) (State, error) {
	pubs, err := p.engine.Publications(ctx, key)
	s := benchState{version: pubs.Version, body: Body{Hash: 1}}
	if len(pubs.List) > 0 {
		s.body = Body{Type: "application/pidf+xml", Bytes: pubs.List[0].Body, Hash: uint64(pubs.Version) + 1}
	}
	return s, err
}

type benchState struct {
	version store.Version
	body    Body
}

func (s benchState) Version() store.Version { return s.version }
func (s benchState) Body(string) Body       { return s.body }

// benchRequest is a SUBSCRIBE as a soft phone writes it.
func benchRequest(tb testing.TB, watcher, presentity int) *sip.Request {
	tb.Helper()
	return benchRequestOf(tb, watcher, presentity, "presence", "application/pidf+xml")
}

func benchRequestOf(tb testing.TB, watcher, presentity int, pkg, accept string) *sip.Request {
	tb.Helper()
	raw := fmt.Sprintf("SUBSCRIBE sip:user%05d@example.com SIP/2.0\r\n"+
		"Via: SIP/2.0/UDP 192.0.2.1:5060;rport;branch=z9hG4bKPj6b5b0d4e-%d-%d\r\nMax-Forwards: 70\r\n"+
		"From: \"User %d\" <sip:user%05d@example.com>;tag=9a1f2c3d4e5f60718293\r\nTo: <sip:user%05d@example.com>\r\n"+
		"Call-ID: 7f4e1b7c9d3a4c0f8c5b2f41a6e%05d%05d\r\nCSeq: 4711 SUBSCRIBE\r\n"+
		"Contact: \"User %d\" <sip:user%05d@192.0.2.1:5060;transport=udp>\r\nEvent: %s\r\nExpires: 3600\r\n"+
		"Accept: %s\r\nUser-Agent: bench/1.0\r\nContent-Length: 0\r\n\r\n",
		presentity, watcher, presentity, watcher, watcher, presentity, watcher, presentity, watcher, watcher, pkg, accept)
	r, err := sip.ParseRequest([]byte(raw), sip.Flow{Proto: sip.UDP, Local: netip.MustParseAddrPort("192.0.2.9:5060"),
		Remote: netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, 1}), uint16(1024+watcher))})
	if err != nil {
		tb.Fatal(err)
	}
	r.Identity = sip.Identity{AOR: fmt.Sprintf("sip:user%05d@example.com", watcher)}
	return r
}

// subscribe serves a SUBSCRIBE and waits for the answer to its NOTIFY.
func (n *benchNode) subscribe(tb testing.TB, r *sip.Request) string {
	tb.Helper()
	n.wait.Add(1)
	res, err := n.Subscribe(tb.Context(), r)
	if err != nil {
		tb.Fatal(err)
	}
	res.After()
	n.wait.Wait()
	return res.ToTag
}

// publish makes a new state of key, in place of the one with the tag before.
func (n *benchNode) publish(tb testing.TB, key store.Key, before, tag string) {
	tb.Helper()
	err := n.engine.Publish(tb.Context(), key, store.Publish{IfMatch: before, Publication: store.Publication{
		ID: tag, Tag: tag, Body: []byte("<presence/>"), TTL: time.Hour}})
	if err != nil {
		tb.Fatal(err)
	}
}

// BenchmarkSubscribe is a new subscription with its answered NOTIFY.
func BenchmarkSubscribe(b *testing.B) {
	n := newBenchNode(b)
	requests := make([]*sip.Request, 1000)
	for i := range requests {
		requests[i] = benchRequest(b, i, i)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		n.subscribe(b, requests[i%len(requests)])
	}
}

// BenchmarkRender is the making of one NOTIFY.
func BenchmarkRender(b *testing.B) {
	n := newBenchNode(b)
	tag := n.subscribe(b, benchRequest(b, 1, 2))
	s := n.shardOfTag(tag).byTag.Get(tag)
	b.ReportAllocs()
	m := new(notify)
	for b.Loop() {
		if err := n.render(m, s, n.now()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkFanOut is the notifier's own part of one change told to 1,000
// watchers, reported for each NOTIFY.
func BenchmarkFanOut(b *testing.B) {
	const watchers = 1000
	n := newBenchNode(b)
	for i := range watchers {
		n.subscribe(b, benchRequest(b, i, 7))
	}
	key := store.Key{AOR: "sip:user00007@example.com", Package: "presence"}
	n.wait.Add(watchers)
	n.publish(b, key, "", "tag")
	n.wait.Wait()
	last := "tag"
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for i := 0; b.Loop(); i++ {
		n.wait.Add(watchers)
		next := fmt.Sprint("tag", i)
		n.publish(b, key, last, next)
		last = next
		n.wait.Wait()
	}
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*watchers), "ns/NOTIFY")
	b.ReportMetric(float64(after.Mallocs-before.Mallocs)/float64(b.N*watchers), "allocs/NOTIFY")
}

// BenchmarkHeap is the live heap of 50,000 subscriptions to 10,000
// presentities, the engine's copies included. One iteration is enough.
func BenchmarkHeap(b *testing.B) {
	const subscriptions = 50000
	for b.Loop() {
		n := newBenchNode(b)
		before := liveHeap()
		for i := range subscriptions {
			n.subscribe(b, benchRequest(b, i%5000, i%10000))
		}
		b.ReportMetric(float64(liveHeap()-before)/subscriptions, "B/subscription")
		runtime.KeepAlive(n)
	}
}

// TestHeapComesBack has a storm of subscriptions come and go: neither they nor
// the tables that they stood in are left.
func TestHeapComesBack(t *testing.T) {
	const subscriptions = 4000
	n := newBenchNode(t)
	n.storm(t, 800) // what each shard makes once
	before := liveHeap()
	full := n.storm(t, subscriptions)
	// A shard keeps its short lists. Maps that stay would have three times as
	// much, the subscriptions 20 times.
	const slack = 600 * store.Shards
	if left := liveHeap(); left > before+slack {
		t.Errorf("%d bytes of heap, %d before and %d meanwhile", left, before, full)
	}
	if left := n.Left(); len(left) > 0 {
		t.Error("left behind:", left)
	}
}

// storm makes subscriptions and ends them, and returns the heap in between.
func (n *benchNode) storm(t *testing.T, subscriptions int) (full uint64) {
	tags := make([]string, subscriptions)
	for i := range tags {
		tags[i] = n.subscribe(t, benchRequest(t, i%1000, i/2))
	}
	full = liveHeap()
	for _, tag := range tags {
		n.wait.Add(1)
		n.end(n.shardOfTag(tag).byTag.Get(tag), event.Timeout)
		n.wait.Wait()
	}
	var deleted sync.WaitGroup
	for i := range n.chores {
		deleted.Add(1)
		n.chores[i].add(func(context.Context) { deleted.Done() }) // behind what deletes the copies
	}
	deleted.Wait()
	return full
}

func liveHeap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
