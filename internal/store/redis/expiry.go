package redis

import (
	"context"
	"sync"
	"time"

	"presenced/internal/store"
)

// Every agent ends what is due in every shard, because the script that does it
// is one step and does nothing the second time. It answers when the next end
// is, and that is when it is run again; in between every agent looks once a
// second what the others have written.

const (
	lookInterval  = time.Second
	shortestPause = 10 * time.Millisecond
	expiryBatch   = 100 // per shard and run: what keeps Redis busy for about a millisecond
)

type expiry struct {
	engine *Engine
	wake   chan struct{}

	mu   sync.Mutex
	next [store.Shards]time.Time // when a shard is looked at again at the latest
}

func newExpiry(e *Engine) *expiry {
	return &expiry{engine: e, wake: make(chan struct{}, 1)}
}

// due tells of something that ends after d. What ends later than the next look
// need not be told.
func (x *expiry) due(shard int, d time.Duration) {
	if d > lookInterval {
		return
	}
	at := time.Now().Add(d)
	x.mu.Lock()
	defer x.mu.Unlock()
	if at.Before(x.next[shard]) {
		x.next[shard] = at
		wake(x.wake)
	}
}

// all has every shard looked at now.
func (x *expiry) all() {
	x.mu.Lock()
	defer x.mu.Unlock()
	clear(x.next[:])
	wake(x.wake)
}

// run ends what is due until ctx ends.
func (x *expiry) run(ctx context.Context) {
	for ctx.Err() == nil {
		shards, next := x.look(time.Now())
		if len(shards) > 0 {
			next = time.Now().Add(shortestPause)
			if err := x.expire(ctx, shards); err != nil {
				next = time.Now().Add(recheck)
			}
		}
		select {
		case <-ctx.Done():
		case <-x.wake:
		case <-time.After(time.Until(next)):
		}
	}
}

// look returns the shards that are due, or when the first one will be.
func (x *expiry) look(now time.Time) (shards []int, next time.Time) {
	x.mu.Lock()
	defer x.mu.Unlock()
	next = now.Add(lookInterval)
	for shard, at := range x.next {
		if !at.After(now) {
			shards = append(shards, shard)
			x.next[shard] = now.Add(lookInterval)
		} else if at.Before(next) {
			next = at
		}
	}
	return shards, next
}

func (x *expiry) expire(ctx context.Context, shards []int) error {
	calls := make([]call, len(shards))
	for i, shard := range shards {
		k := &x.engine.keys[shard]
		calls[i] = call{
			keys: []string{k.expiry, k.changes, k.counts},
			own:  []any{k.base, expiryBatch},
		}
	}
	answers, err := x.engine.runAll(ctx, expireScript, calls)
	now := time.Now()
	x.mu.Lock()
	defer x.mu.Unlock()
	for i, answer := range answers {
		left, ok := answer.(int64)
		if !ok || left < 0 {
			continue
		}
		if at := now.Add(micros(left)); at.Before(x.next[shards[i]]) {
			x.next[shards[i]] = at
		}
	}
	return err
}
