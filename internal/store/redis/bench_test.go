package redis

import (
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"presenced/internal/store"
)

// spentCPU is all of Redis's CPU so far, in microseconds, system calls
// included.
func spentCPU(b *testing.B, s *testServer) (micros float64) {
	b.Helper()
	info := s.client.Info(b.Context(), "cpu").Val()
	for _, name := range []string{"used_cpu_user", "used_cpu_sys"} {
		seconds, err := strconv.ParseFloat(field(info, name), 64)
		must(b, err)
		micros += seconds * 1e6
	}
	return micros
}

// measure runs one operation by 100 callers; each call gets a number of its own.
func measure(b *testing.B, operation func(e *Engine, n int64) error) {
	s := startRedis(b)
	config := s.at("agent-a")
	config.PoolSize = 100
	e, err := Open(b.Context(), config)
	must(b, err)
	b.Cleanup(func() { must(b, e.Close()) })
	for n := range int64(1000) {
		must(b, operation(e, n))
	}
	before := spentCPU(b, s)
	next := atomic.Int64{}
	next.Store(1000)
	b.SetParallelism(50) // times GOMAXPROCS, 2 here
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := operation(e, next.Add(1)); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.StopTimer()
	b.ReportMetric((spentCPU(b, s)-before)/float64(b.N), "redis-us/op")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "ops/s")
}

var body = []byte(strings.Repeat("x", 1500))

func presentity(n int64) store.Key {
	return store.Key{AOR: fmt.Sprintf("sip:p%d@example.com", n%1000), Package: "presence"}
}

func BenchmarkPublish(b *testing.B) {
	tags := make([]atomic.Pointer[string], 1000)
	measure(b, func(e *Engine, n int64) error {
		tag := strconv.FormatInt(n, 36)
		p := store.Publish{Publication: store.Publication{ID: "id", Tag: tag, ContentType: "application/pidf+xml", Body: body, TTL: time.Hour}}
		if before := tags[n%1000].Swap(&tag); before != nil {
			p.IfMatch = *before
		}
		return e.Publish(b.Context(), presentity(n), p)
	})
}

func BenchmarkRefresh(b *testing.B) {
	tags := make([]atomic.Pointer[string], 1000)
	measure(b, func(e *Engine, n int64) error {
		tag := strconv.FormatInt(n, 36)
		p := store.Publish{Publication: store.Publication{ID: "id", Tag: tag, TTL: time.Hour}}
		if before := tags[n%1000].Swap(&tag); before != nil {
			p.IfMatch = *before
		} else {
			p.Publication.Body = body
		}
		return e.Publish(b.Context(), presentity(n), p)
	})
}

func BenchmarkPublications(b *testing.B) {
	measure(b, func(e *Engine, n int64) error {
		if n < 1000 {
			return e.Publish(b.Context(), presentity(n), store.Publish{Publication: store.Publication{ID: "id", Tag: "t", Body: body, TTL: time.Hour}})
		}
		_, err := e.Publications(b.Context(), presentity(n))
		return err
	})
}

func BenchmarkPutSubscription(b *testing.B) {
	data := strings.Repeat("d", 500)
	measure(b, func(e *Engine, n int64) error {
		key := presentity(n)
		return e.PutSubscription(b.Context(), store.Subscription{
			ID: fmt.Sprintf("%02xs%d", store.Shard(key.AOR), n%5000), Key: key, Watcher: "sip:w@example.com",
			Fence: 1, Agent: "agent-a", TTL: time.Hour, Data: data,
		})
	})
}

func BenchmarkUpdateBindings(b *testing.B) {
	measure(b, func(e *Engine, n int64) error {
		_, err := e.UpdateBindings(b.Context(), presentity(n).AOR, nil, func(live []store.Binding) ([]store.Binding, error) {
			if len(live) == 0 {
				live = append(live, store.Binding{Contact: "sip:a@192.0.2.1", CallID: "a1b2", Flow: "udp 192.0.2.2:5060 192.0.2.1:5060 0"})
			}
			live[0].CSeq, live[0].TTL = uint32(n), time.Hour
			return live, nil
		})
		return err
	})
}
