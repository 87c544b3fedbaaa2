package redis

import (
	"context"
	"sync"
	"testing"
	"time"

	"presenced/internal/store"
	"presenced/internal/store/storetest"
)

// run runs an engine until the test ends.
func run(t testing.TB, e *Engine) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
		if err := e.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
}

// clock is the offset that all engines of one state share.
type clock struct {
	mu      sync.Mutex
	offset  time.Duration
	engines []*Engine
}

func (c *clock) open(t *testing.T, config Config) storetest.Engine {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	config.Offset = c.offset
	e := open(t, config)
	c.engines = append(c.engines, e)
	return e
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset += d
	for _, e := range c.engines {
		e.SetOffset(c.offset)
	}
}

func TestSuite(t *testing.T) {
	t.Parallel()
	s := startRedis(t)
	storetest.RunShared(t, func(t *testing.T) storetest.Harness {
		must(t, s.client.FlushAll(t.Context()).Err())
		var c clock
		return storetest.Harness{
			Open:    func(t *testing.T, agent string) storetest.Engine { return c.open(t, s.at(agent)) },
			Advance: c.advance,
		}
	})
}

func publish(t testing.TB, e *Engine, key store.Key, p store.Publish) {
	t.Helper()
	must(t, e.Publish(t.Context(), key, p))
}

func initial(id string, ttl time.Duration) store.Publish {
	return store.Publish{Publication: store.Publication{ID: id, Tag: id + "-1", ContentType: "application/pidf+xml", Body: []byte("<presence/>"), TTL: ttl}}
}

func stored(t testing.TB, e *Engine, key store.Key) store.Publications {
	t.Helper()
	all, err := e.Publications(t.Context(), key)
	must(t, err)
	return all
}
