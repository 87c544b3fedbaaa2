package transaction

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"presenced/sip"
	"presenced/sip/transport"
)

// sink is a transport that counts, and with loop answers each request.
type sink struct {
	sent atomic.Int64
	want atomic.Int64
	done chan struct{}
	loop *Layer
	room [1024]byte
}

func (s *sink) Send(flow sip.Flow, data []byte) error {
	if s.sent.Add(1) >= s.want.Load() {
		select {
		case s.done <- struct{}{}:
		default:
		}
	}
	if s.loop != nil {
		answer := append(s.room[:0], "SIP/2.0 200 OK\r\n"...)
		header := data[len("NOTIFY sip:bob@198.51.100.7:5080 SIP/2.0\r\n"):]
		s.loop.Receive(append(answer, header...), flow, nil)
	}
	return nil
}

func (s *sink) Connect(context.Context, transport.Hop) (sip.Flow, error)   { return udp, nil }
func (s *sink) Resolve(context.Context, *sip.URI) ([]transport.Hop, error) { return nil, nil }
func (s *sink) SentBy(sip.Flow) string                                     { return "192.0.2.1:5060" }

func newSink() *sink { return &sink{done: make(chan struct{}, 1)} }

// wait returns when n messages have been sent.
func (s *sink) wait(n int64) {
	for s.want.Store(n); s.sent.Load() < n; {
		<-s.done
	}
}

// inFlight is how many requests a benchmark has under way.
const inFlight = 100

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// typical is about what a PUBLISH and its 200 weigh.
var typical = respond(&sip.Response{Code: 200, Header: []sip.Field{
	{Name: "SIP-ETag", Value: "0123456789abcdef"}, {Name: "Expires", Value: "3600"}}})

// numbered gives PUBLISH requests that differ in their branch.
func numbered() func(i uint64) []byte {
	data := request("PUBLISH", "z9hG4bK0123456789abcdef", "User-Agent: bench", "Event: presence")
	at := len("PUBLISH sip:bob@example.test SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.7:5080;branch=z9hG4bK")
	return func(i uint64) []byte {
		appendHex(data[at:at], i, 16)
		return data
	}
}

func BenchmarkServerTransaction(b *testing.B) {
	s := newSink()
	l := New(s, Config{Handler: typical, Log: quiet(), MaxPending: 1 << 20})
	defer l.Close()
	publish := numbered()
	b.ReportAllocs()
	n := int64(0)
	for b.Loop() {
		l.Receive(publish(uint64(n)), udp, nil)
		n++
		s.wait(n - inFlight)
	}
	s.wait(n)
}

func BenchmarkRepeat(b *testing.B) {
	s := newSink()
	l := New(s, Config{Handler: typical, Log: quiet()})
	defer l.Close()
	publish := request("PUBLISH", "z9hG4bKone")
	l.Receive(publish, udp, nil)
	s.wait(1)
	b.ReportAllocs()
	for b.Loop() {
		l.Receive(publish, udp, nil)
	}
}

type nobody struct{ answered atomic.Int64 }

func (n *nobody) Answered(ID, int, []byte) { n.answered.Add(1) }
func (n *nobody) Slow(ID)                  {}
func (n *nobody) Failed(ID, error)         {}

func BenchmarkClientTransaction(b *testing.B) {
	s := newSink()
	l := New(s, Config{Handler: typical, Log: quiet()})
	defer l.Close()
	s.loop = l
	u := new(nobody)
	o := notify(udp)
	b.ReportAllocs()
	n := int64(0)
	for b.Loop() {
		l.Send(o, u)
		n++
	}
	if u.answered.Load() != n {
		b.Fatalf("%d of %d answered", u.answered.Load(), n)
	}
}

// BenchmarkHeapPerHeldTransaction says what an answered request weighs while
// Timer J runs; its response alone is reported beside it.
func BenchmarkHeapPerHeldTransaction(b *testing.B) {
	const count = 100_000
	for b.Loop() {
		s := newSink()
		l := New(s, Config{Handler: typical, Log: quiet()})
		publish := numbered()
		before := heap()
		for i := range uint64(count) {
			l.Receive(publish(i), udp, nil)
			s.wait(int64(i) - inFlight)
		}
		s.wait(count)
		time.Sleep(time.Millisecond) // the last line's goroutine ends
		held := l.Stats().Held
		b.ReportMetric(float64(heap()-before)/float64(held), "B/held")
		r, err := sip.ParseRequest(publish(1), udp)
		if err != nil {
			b.Fatal(err)
		}
		res, _ := typical.ServeSIP(b.Context(), r)
		b.ReportMetric(float64(len(l.render(nil, r, key{}, res))), "B/response")
		l.Close()
	}
}

// BenchmarkHeapPerClientTransaction says what an unanswered NOTIFY weighs.
func BenchmarkHeapPerClientTransaction(b *testing.B) {
	const count = 50_000
	for b.Loop() {
		l := New(newSink(), Config{Handler: typical, Log: quiet()})
		o, u := notify(udp), new(nobody)
		before := heap()
		for range count {
			l.Send(o, u)
		}
		b.ReportMetric(float64(heap()-before)/count, "B/live")
		l.Close()
	}
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func BenchmarkKey(b *testing.B) {
	r, err := sip.ParseRequest(request("PUBLISH", "z9hG4bKone"), udp)
	if err != nil {
		b.Fatal(err)
	}
	k := newKeys()
	b.ReportAllocs()
	for b.Loop() {
		k.of(r)
	}
}

// FuzzReceive throws messages at a layer: whatever comes, it does not panic,
// answers at most once, and answers a repeat with the same bytes.
func FuzzReceive(f *testing.F) {
	f.Add(request("PUBLISH", "z9hG4bKone"))
	f.Add(request("MESSAGE", "1"))
	f.Add(request("ACK", "z9hG4bKone"))
	f.Add(answerTo(string(request("NOTIFY", "z9hG4bK"+fmt.Sprintf("%032x", 1))), 200))
	f.Add([]byte("SIP/2.0 100\r\n"))
	f.Add(binary.BigEndian.AppendUint64(nil, 1<<63))
	f.Fuzz(func(t *testing.T, data []byte) {
		first := &fake{start: time.Now()}
		stateless := respond(&sip.Response{Code: 200, Stateless: true})
		l := New(first, Config{Handler: stateless, Log: quiet(), Order: func(*sip.Request) (string, bool) { return "", true }})
		l.Send(notify(udp), new(told))
		for range 2 {
			l.Receive(data, udp, nil)
			if err := l.Drain(cancelled(t)); err == nil {
				t.Error("the NOTIFY is gone")
			}
			for l.Stats().Pending > 0 {
				runtime.Gosched()
			}
			l.counters.draining.Store(false)
		}
		l.Close()
		sent := first.texts()[1:]
		if len(sent) != 0 && (len(sent) != 2 || sent[0] != sent[1]) {
			t.Errorf("answers %q", sent)
		}
	})
}

func cancelled(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}
