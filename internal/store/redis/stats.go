package redis

import (
	"context"
	"strconv"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"presenced/internal/store"
)

// Stats counts what all agents hold.
func (e *Engine) Stats(ctx context.Context) (store.Stats, error) {
	pipe := e.client.Pipeline()
	counts := make([]*goredis.MapStringStringCmd, store.Shards)
	principals := make([]*goredis.IntCmd, store.Shards)
	for shard := range e.keys {
		counts[shard] = pipe.HGetAll(ctx, e.keys[shard].counts)
		principals[shard] = pipe.HLen(ctx, e.keys[shard].principals)
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return store.Stats{}, away(err)
	}
	var s store.Stats
	for shard := range e.keys {
		for noun, sum := range map[string]*int{"publications": &s.Publications, "subscriptions": &s.Subscriptions, "bindings": &s.Bindings, "documents": &s.Documents} {
			text := counts[shard].Val()[noun]
			if text == "" {
				continue
			}
			n, err := strconv.Atoi(text)
			if err != nil {
				return store.Stats{}, away(err)
			}
			*sum += n
		}
		s.Principals += int(principals[shard].Val())
	}
	return s, nil
}

// FeedStats is how the feed fares, for /metrics.
type FeedStats struct {
	Following bool          // every shard's hints arrive
	Lag       time.Duration // from a change to its hint, the longest since FeedStats was last asked
	Hints     uint64        // for keys that are watched here
	Repaired  uint64        // changes that no hint told of in time
	Watched   int
}

// FeedStats says how the feed fares.
func (e *Engine) FeedStats() FeedStats {
	f := e.feed
	f.mu.Lock()
	defer f.mu.Unlock()
	s := FeedStats{Following: f.following, Lag: f.lag, Hints: f.hints, Repaired: f.repaired}
	for _, shard := range f.watched {
		s.Watched += len(shard)
	}
	f.lag = 0
	return s
}
