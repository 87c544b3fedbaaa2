package notifier_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"presenced/internal/notifier"
	"presenced/internal/store"
	"presenced/internal/store/embedded"
	"presenced/sip"
	"presenced/sip/event"
	"presenced/sip/transaction"
)

const bob = "sip:bob@example.com"

var bobKey = store.Key{AOR: bob, Package: "test"}

// node is a notifier with a real engine, a package whose state is what was
// last published, and a sender that records.
type node struct {
	*notifier.Notifier
	t       *testing.T
	engine  *embedded.Engine
	decide  func(watcher string) notifier.Decision
	refuse  error // of Decide
	away    error // of State
	loads   int
	slow    time.Duration // what State takes
	parts   *parts        // what State is made of beside publications; nil: nothing
	stop    context.CancelFunc
	done    chan struct{}
	sender  *sender
	outcome map[string]int
	// latencies are what was told of a change before its NOTIFY.
	latencies []time.Duration
	mu        sync.Mutex
}

type option func(*notifier.Config)

// start makes a node in the test's bubble.
func start(t *testing.T, options ...option) *node {
	t.Helper()
	engine, err := embedded.Open(embedded.Config{Agent: "a"})
	if err != nil {
		t.Fatal(err)
	}
	n := startOn(t, engine, options...)
	t.Cleanup(func() { engine.Close() })
	return n
}

func startOn(t *testing.T, engine *embedded.Engine, options ...option) *node {
	t.Helper()
	return startDeciding(t, engine, seesAll, options...)
}

func seesAll(string) notifier.Decision { return notifier.Decision{State: event.Active, View: "full"} }

// startDeciding starts a node that decides so on what it restores.
func startDeciding(t *testing.T, engine *embedded.Engine, decide func(watcher string) notifier.Decision, options ...option) *node {
	t.Helper()
	n := &node{t: t, engine: engine, sender: &sender{all: map[transaction.ID]*flight{}}, done: make(chan struct{}), outcome: map[string]int{}}
	n.decide = decide
	c := notifier.Config{
		Room:  func(netip.AddrPort) int { return 1000 },
		Agent: "a", Store: engine, Feed: engine, Sender: n.sender, Observer: n, Log: slog.New(slog.DiscardHandler),
		Expires: notifier.Expires{Min: 60, Max: 7200, Default: 3600}, Burst: 1, Grace: time.Minute,
		Contact: func(sip.Flow, bool) string { return "<sip:192.0.2.9:5060>" },
		Reroute: func(f sip.Flow) (sip.Flow, bool) { return f, f.Proto == sip.UDP },
	}
	for _, o := range options {
		o(&c)
	}
	n.Notifier = notifier.New(c)
	n.Register(n)
	ctx, stop := context.WithCancel(t.Context())
	n.stop = stop
	if _, err := n.Restore(ctx); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(n.done)
		if err := n.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	t.Cleanup(n.halt)
	return n
}

func (n *node) halt() {
	n.stop()
	<-n.done
}

// Name is notifier.Package's, as the four below.
func (n *node) Name() string { return "test" }

func (n *node) Types() []string { return []string{"text/plain"} }

func (n *node) Decide(_ context.Context, _ store.Key, w sip.Identity) (notifier.Decision, error) {
	n.mu.Lock()
	decide, refuse := n.decide, n.refuse
	n.mu.Unlock()
	return decide(w.AOR), refuse
}

func (n *node) State(ctx context.Context, key store.Key) (notifier.State, error) {
	n.mu.Lock()
	away, slow, parts := n.away, n.slow, n.parts
	n.loads++
	n.mu.Unlock()
	time.Sleep(slow)
	if away != nil {
		return nil, away
	}
	pubs, err := n.engine.Publications(ctx, key)
	s := state{version: pubs.Version, body: "none"}
	for _, p := range pubs.List {
		s.body = string(p.Body)
	}
	if err == nil && parts != nil {
		return parts.state(ctx, n.engine, s)
	}
	return s, err
}

type state struct {
	version store.Version
	body    string
}

func (s state) Version() store.Version { return s.version }

func (s state) Body(view string) notifier.Body {
	text := s.body
	if view != "full" {
		text = view
	}
	hash := uint64(1)
	for _, c := range []byte(text) {
		hash = hash*131 + uint64(c)
	}
	return notifier.Body{Type: "text/plain", Bytes: []byte(text), Hash: hash}
}

// Notified is notifier.Observer's.
func (n *node) Notified(_, outcome string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.outcome[outcome]++
}

// Latency is notifier.Observer's.
func (n *node) Latency(d time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.latencies = append(n.latencies, d)
}

func (n *node) setDecision(f func(watcher string) notifier.Decision) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.decide = f
}

// fail makes Decide and State fail.
func (n *node) fail(refuse, away error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.refuse, n.away = refuse, away
}

func (n *node) loaded() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.loads
}

// publish makes text the state of bob.
func (n *node) publish(text string) {
	n.t.Helper()
	err := n.engine.Publish(n.t.Context(), bobKey, store.Publish{Publication: store.Publication{
		ID: text, Tag: text + time.Now().String(), Body: []byte(text), TTL: 10 * time.Hour}})
	if err != nil {
		n.t.Fatal(err)
	}
	synctest.Wait()
}

// sender records what is sent; the test answers.
type sender struct {
	mu   sync.Mutex
	next transaction.ID
	sent []*flight
	all  map[transaction.ID]*flight
	fast bool // each NOTIFY is answered before Send returns
	// before runs once, before a NOTIFY is sent.
	before func()
}

type flight struct {
	id        transaction.ID
	text      string
	target    transaction.Target
	user      transaction.User
	cancelled bool
}

func (s *sender) Send(o *transaction.Outgoing, u transaction.User) transaction.ID {
	s.mu.Lock()
	before := s.before
	s.before = nil
	s.mu.Unlock()
	if before != nil {
		before()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next++
	text := string(o.Start) + string(o.Head) + "\r\n" + string(bytes.Join(o.Body, nil))
	f := &flight{id: s.next, text: text, target: o.Target, user: u}
	s.sent, s.all[f.id] = append(s.sent, f), f
	if s.fast {
		done := make(chan struct{})
		go func() { defer close(done); u.Answered(f.id, 200, nil) }()
		<-done
	}
	return s.next
}

func (s *sender) Cancel(id transaction.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all[id].cancelled = true
}

// inFlight says whether a NOTIFY to the watcher was the last to be sent to it,
// and is unanswered.
func (s *sender) inFlight(watcher string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id := s.next; id > 0; id-- {
		if strings.Contains(s.all[id].text, "Call-ID: "+watcher+"\r\n") {
			return strings.HasSuffix(s.all[id].text, "open")
		}
	}
	return false
}

// take returns what was sent since the last time.
func (n *node) take() []*flight {
	synctest.Wait()
	n.sender.mu.Lock()
	defer n.sender.mu.Unlock()
	list := n.sender.sent
	n.sender.sent = nil
	return list
}

// one is the one NOTIFY that was sent.
func (n *node) one() *flight {
	n.t.Helper()
	list := n.take()
	if len(list) != 1 {
		n.t.Fatalf("%d NOTIFYs, want 1: %v", len(list), list)
	}
	return list[0]
}

func (n *node) none() {
	n.t.Helper()
	if list := n.take(); len(list) != 0 {
		n.t.Fatalf("unexpected NOTIFY:\n%s", list[0].text)
	}
}

// answer gives a NOTIFY its final response.
func (n *node) answer(f *flight, code int, header ...string) {
	response := fmt.Sprintf("SIP/2.0 %d X\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=2\r\n"+
		"Call-ID: 1\r\nCSeq: 1 NOTIFY\r\n%sContent-Length: 0\r\n\r\n", code, strings.Join(header, ""))
	f.user.Answered(f.id, code, []byte(response))
	synctest.Wait()
}

// has checks lines of a NOTIFY.
func (f *flight) has(t *testing.T, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !strings.Contains(f.text+"\r\n", line+"\r\n") {
			t.Errorf("no line %q in\n%s", line, f.text)
		}
	}
}

// watcher is the subscribing side of one dialog.
type watcher struct {
	n     *node
	name  string
	flow  sip.Flow
	tag   string // theirs in the dialog, once there is one
	cseq  int
	extra string
}

func (n *node) watcher(name string) *watcher {
	return &watcher{n: n, name: name, flow: sip.Flow{
		Proto: sip.UDP, Local: netip.MustParseAddrPort("192.0.2.9:5060"), Remote: netip.MustParseAddrPort("192.0.2.1:5060")}}
}

// request is a SUBSCRIBE of the watcher; expires below 0 leaves it out.
func (w *watcher) request(expires int) *sip.Request {
	w.n.t.Helper()
	w.cseq++
	var b strings.Builder
	fmt.Fprintf(&b, "SUBSCRIBE %s SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK%s%d\r\n", bob, w.name, w.cseq)
	fmt.Fprintf(&b, "From: <sip:%s@example.com>;tag=%s\r\nTo: <%s>", w.name, w.name, bob)
	if w.tag != "" {
		b.WriteString(";tag=" + w.tag)
	}
	fmt.Fprintf(&b, "\r\nCall-ID: %s\r\nCSeq: %d SUBSCRIBE\r\nContact: <sip:%s@192.0.2.1:5060>\r\n", w.name, w.cseq, w.name)
	if !strings.Contains(w.extra, "Event:") {
		b.WriteString("Event: test\r\n")
	}
	if expires >= 0 {
		fmt.Fprintf(&b, "Expires: %d\r\n", expires)
	}
	b.WriteString(w.extra + "Content-Length: 0\r\n\r\n")
	r, err := sip.ParseRequest([]byte(b.String()), w.flow)
	if err != nil {
		w.n.t.Fatal(err)
	}
	r.Identity = sip.Identity{AOR: "sip:" + w.name + "@example.com"}
	return r
}

// subscribe sends a SUBSCRIBE and takes the 200.
func (w *watcher) subscribe(expires int) *sip.Response {
	w.n.t.Helper()
	res, err := w.n.Subscribe(w.n.t.Context(), w.request(expires))
	if err != nil {
		w.n.t.Fatalf("SUBSCRIBE of %s: %v", w.name, err)
	}
	if w.tag == "" && expires != 0 {
		w.tag = res.ToTag
	}
	if res.After != nil {
		res.After()
	}
	return res
}

// refused sends a SUBSCRIBE that must be refused with code.
func (w *watcher) refused(expires, code int) *sip.Error {
	w.n.t.Helper()
	res, err := w.n.Subscribe(w.n.t.Context(), w.request(expires))
	var refusal *sip.Error
	if !errors.As(err, &refusal) || refusal.Code != code {
		w.n.t.Fatalf("got %v, %v, want %d", res, err, code)
	}
	return refusal
}

// settled subscribes and answers the first NOTIFY.
func (w *watcher) settled(expires int) {
	w.n.t.Helper()
	w.subscribe(expires)
	w.n.answer(w.n.one(), 200)
}

// empty checks that nothing is left of any subscription.
func (n *node) empty() {
	n.t.Helper()
	synctest.Wait()
	stats, err := n.engine.Stats(n.t.Context())
	if err != nil || stats.Subscriptions != 0 || len(n.Stats()) != 0 {
		n.t.Errorf("left behind: %+v, %v, %v", stats, n.Stats(), err)
	}
	if left := n.Left(); len(left) > 0 {
		n.t.Errorf("left behind: %v", left)
	}
}
