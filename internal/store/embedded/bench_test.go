package embedded

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"presenced/internal/store"
)

var document = bytes.Repeat([]byte("<tuple/>"), 190) // 1.5 kB

func benchmarkKeys(n int) []store.Key {
	keys := make([]store.Key, n)
	for i := range keys {
		keys[i] = store.Key{AOR: fmt.Sprintf("sip:p%d@example.com", i), Package: "presence"}
	}
	return keys
}

// benchmarkPublish lets callers modify a publication each, of many.
func benchmarkPublish(b *testing.B, path string, callers int) {
	e, err := Open(Config{Path: path, Log: slog.New(slog.DiscardHandler)})
	must(b, err)
	defer e.Close()
	keys := benchmarkKeys(1000)
	for i, key := range keys {
		p := initial("a", time.Hour)
		p.Publication.Tag = fmt.Sprint(i)
		p.Publication.Body = document
		must(b, e.Publish(b.Context(), key, p))
	}
	var next atomic.Int64
	b.SetParallelism(callers)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		i := int(next.Add(1))
		own := keys[i%len(keys)]
		tags := [2]string{fmt.Sprint(i % len(keys)), "other"}
		for n := 0; pb.Next(); n++ {
			p := store.Publish{IfMatch: tags[n%2], Publication: store.Publication{
				Tag: tags[(n+1)%2], Body: document, ContentType: "application/pidf+xml", TTL: time.Hour,
			}}
			if err := e.Publish(b.Context(), own, p); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

func BenchmarkPublishInMemory(b *testing.B) { benchmarkPublish(b, "", 1) }

func BenchmarkPublishInLog1(b *testing.B) { benchmarkPublish(b, b.TempDir(), 1) }

func BenchmarkPublishInLog50(b *testing.B) {
	benchmarkPublish(b, b.TempDir(), 50/runtime.GOMAXPROCS(0))
}

func BenchmarkPutSubscription(b *testing.B) {
	for _, where := range []string{"memory", "log"} {
		b.Run(where, func(b *testing.B) {
			c := Config{Log: slog.New(slog.DiscardHandler)}
			if where == "log" {
				c.Path = b.TempDir()
			}
			e, err := Open(c)
			must(b, err)
			defer e.Close()
			list := make([]store.Subscription, 10_000)
			for i, key := range benchmarkKeys(len(list)) {
				list[i] = subscriptionOf(key, fmt.Sprint("s", i))
				list[i].Data = string(bytes.Repeat([]byte("d"), 300))
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if err := e.PutSubscription(b.Context(), list[i%len(list)]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkSubscriptionHeap reports what one of 50,000 subscriptions costs
// beside its Data, each to an address of its own and all to one address.
func BenchmarkSubscriptionHeap(b *testing.B) {
	const n = 50_000
	for _, addresses := range []int{1, n} {
		b.Run(fmt.Sprint("addresses=", addresses), func(b *testing.B) {
			for b.Loop() {
				before := heap()
				e := subscribed(b, n, addresses)
				b.ReportMetric((heap()-before)/n, "B/subscription")
				must(b, e.Close())
			}
		})
	}
}

func subscribed(b *testing.B, n, addresses int) *Engine {
	e, err := Open(Config{})
	must(b, err)
	for i := range n {
		key := store.Key{AOR: fmt.Sprintf("sip:p%d@example.com", i%addresses), Package: "presence"}
		s := subscriptionOf(key, fmt.Sprintf("%022d", i))
		s.Data = ""
		if err := e.PutSubscription(b.Context(), s); err != nil {
			b.Fatal(err)
		}
	}
	return e
}

// BenchmarkVisitHeap reports what one of 50,000 visits costs, where so many
// watchers have visited each address, and what it takes to write it.
func BenchmarkVisitHeap(b *testing.B) {
	const n = 50_000
	for _, watchers := range []int{1, 10, 50, 200} {
		b.Run(fmt.Sprint("watchers=", watchers), func(b *testing.B) {
			for b.Loop() {
				before := heap()
				e := visitedBy(b, n, watchers)
				b.ReportMetric((heap()-before)/n, "B/visit")
				must(b, e.Close())
			}
		})
	}
}

// visitedBy has n visits of subscribers that have left.
func visitedBy(tb testing.TB, n, watchers int) *Engine {
	e, err := Open(Config{})
	must(tb, err)
	keys := benchmarkKeys(n / watchers)
	for i := range n {
		v := store.Visit{
			Watcher: fmt.Sprintf("sip:u%08d@127.0.0.1", i), Subscriptions: 1, TTL: 24 * time.Hour,
			Ended: []store.Ended{{ID: fmt.Sprintf("%022d", i), Event: 1}},
		}
		must(tb, e.Visit(tb.Context(), keys[i%len(keys)], v, 200))
	}
	return e
}

// BenchmarkVisitAgain is the next end of a subscription to a key that 200 have
// visited.
func BenchmarkVisitAgain(b *testing.B) {
	e := visitedBy(b, 200, 200)
	key := benchmarkKeys(1)[0]
	v := store.Visit{Subscriptions: 1, TTL: 24 * time.Hour, Ended: []store.Ended{{ID: fmt.Sprintf("%022d", 0), Event: 1}}}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		v.Watcher = fmt.Sprintf("sip:u%08d@127.0.0.1", i%200)
		must(b, e.Visit(b.Context(), key, v, 200))
	}
}

func heap() float64 {
	runtime.GC()
	runtime.GC() // what a finalizer held
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

// BenchmarkReload opens a log of 100,000 publications of 1.5 kB.
func BenchmarkReload(b *testing.B) {
	path := b.TempDir()
	e, err := Open(Config{Path: path, Log: slog.New(slog.DiscardHandler)})
	must(b, err)
	for _, key := range benchmarkKeys(100_000) {
		p := initial("a", time.Hour)
		p.Publication.Body = document
		must(b, e.Publish(b.Context(), key, p))
	}
	must(b, e.Close())
	info, err := os.Stat(filepath.Join(path, "state.log"))
	must(b, err)
	b.SetBytes(info.Size())
	b.ReportAllocs()
	for b.Loop() {
		e, err := Open(Config{Path: path, Log: slog.New(slog.DiscardHandler)})
		must(b, err)
		b.StopTimer()
		must(b, e.Close())
		b.StartTimer()
	}
}
