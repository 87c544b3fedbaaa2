package notifier

import (
	"testing"

	"presenced/internal/store"
	"presenced/sip"
	"presenced/watcherinfo"
)

// manyWatchers is who watches sip:user00007, with one who asks.
func manyWatchers(b *testing.B, count int) *benchNode {
	b.Helper()
	n := newBenchNode(b)
	for i := range count {
		n.subscribe(b, benchRequest(b, i, 7))
	}
	return n
}

var watchedByMany = store.Key{AOR: "sip:user00007@example.com", Package: "presence"}

func (n *benchNode) who(b *testing.B) *watchers {
	b.Helper()
	state, err := n.packages["presence.winfo"].State(b.Context(), watchedByMany.Winfo())
	if err != nil {
		b.Fatal(err)
	}
	return state.(*watchers)
}

// BenchmarkWinfoLoad reads who watches, 1,000 watchers.
func BenchmarkWinfoLoad(b *testing.B) {
	n := manyWatchers(b, 1000)
	b.ReportAllocs()
	for b.Loop() {
		n.who(b)
	}
}

// BenchmarkWinfoFull writes full state of 1,000 watchers.
func BenchmarkWinfoFull(b *testing.B) {
	n := manyWatchers(b, 1000)
	w := n.who(b)
	b.ReportAllocs()
	size := 0
	for b.Loop() {
		size = len(w.Document(viewAll, nil, 1).Bytes)
	}
	b.ReportMetric(float64(size), "bytes")
}

// BenchmarkWinfoPartial writes what is new where one of 1,001 has come.
func BenchmarkWinfoPartial(b *testing.B) {
	n := manyWatchers(b, 1000)
	before := n.who(b)
	n.subscribe(b, benchRequest(b, 1000, 7))
	after := n.who(b)
	b.ReportAllocs()
	for b.Loop() {
		after.Document(viewAll, before, 2)
	}
}

// BenchmarkWinfoStorm is 1,000 watchers that come at once, with one who is
// told of them: what a watcher costs beside BenchmarkSubscribe.
func BenchmarkWinfoStorm(b *testing.B) {
	const arriving = 1000
	requests := make([]*sip.Request, arriving)
	for i := range requests {
		requests[i] = benchRequest(b, i, 7)
	}
	for b.Loop() {
		b.StopTimer()
		n := newBenchNode(b)
		n.subscribe(b, benchRequestOf(b, 7, 7, "presence.winfo", watcherinfo.ContentType))
		b.StartTimer()
		for _, r := range requests {
			n.subscribe(b, r)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*arriving), "ns/watcher")
}
