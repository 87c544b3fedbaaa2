package redis

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"presenced/internal/store"
)

// An agent renews its lease three times in its length. The subscriptions of an
// agent whose lease has lapsed are claimed by whoever comes first; the fence
// keeps the old owner, should it live, from writing over the new one.
//
// An agent that finds its own lease lapsed was cut off, or Redis stood still,
// or the clock jumped: it judges nobody before the others have had the length
// of a lease to renew theirs.

// orphanBatch is how many subscriptions one call of Orphans claims, about.
const orphanBatch = 1024

type leases struct {
	wake  chan struct{}
	trust atomic.Int64 // Unix nanoseconds before which nobody is judged
}

func (e *Engine) leasesKey() string { return e.prefix + ":{agents}:leases" }

// renew renews the agent's lease and returns the other agents whose lease has
// lapsed.
func (e *Engine) renew(ctx context.Context) ([]string, error) {
	answer, err := e.run(ctx, noShard, leaseScript, []string{e.leasesKey()}, e.agent, e.lease.Microseconds())
	if err != nil {
		return nil, err
	}
	r := newReply(answer)
	if r.number() == 1 {
		e.leases.trust.Store(time.Now().Add(e.lease).UnixNano())
	}
	var lapsed []string
	for r.more() {
		if agent := r.text(); agent != e.agent {
			lapsed = append(lapsed, agent)
		}
	}
	if r.failed {
		return nil, away(fmt.Errorf("%w: leases", errMalformed))
	}
	if time.Now().UnixNano() < e.leases.trust.Load() {
		return nil, nil
	}
	return lapsed, nil
}

// heartbeat renews the lease until ctx ends.
func (e *Engine) heartbeat(ctx context.Context) {
	for {
		pause := e.lease / 3
		if _, err := e.renew(ctx); err != nil {
			pause = min(pause, recheck)
		}
		select {
		case <-ctx.Done():
			return
		case <-e.leases.wake:
		case <-time.After(pause):
		}
	}
}

// Orphans claims subscriptions of agents whose lease has lapsed, about a
// thousand at a time: call it again until it returns none. What it returns was
// claimed by no other agent. In the grace period after Redis restarted nobody
// is lost. What was claimed by a call whose answer was lost is found by
// OwnSubscriptions.
func (e *Engine) Orphans(ctx context.Context) ([]store.Subscription, error) {
	lapsed, err := e.renew(ctx)
	if err != nil {
		return nil, err
	}
	for _, agent := range lapsed {
		list, err := e.claimFrom(ctx, agent)
		if err != nil || len(list) > 0 {
			return list, err
		}
		if _, err := e.run(ctx, noShard, forgetAgentScript, []string{e.leasesKey()}, agent); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// claimFrom claims up to about orphanBatch subscriptions of an agent, some
// shards at a time from a random one on, so that survivors seldom meet. None
// means that the agent has none left.
func (e *Engine) claimFrom(ctx context.Context, agent string) ([]store.Subscription, error) {
	const together = 32
	var all []store.Subscription
	start := rand.IntN(store.Shards)
	for done := 0; done < store.Shards && len(all) < orphanBatch; {
		calls := make([]call, 0, together)
		for i := range together {
			k := &e.keys[(start+done+i)%store.Shards]
			calls = append(calls, call{
				keys: []string{k.base + "agent:" + agent, k.base + "agent:" + e.agent},
				own:  []any{k.base, e.agent, orphanBatch / together},
			})
		}
		answers, err := e.runAll(ctx, claimOrphansScript, calls)
		left := int64(0)
		for _, answer := range answers {
			if answer == nil {
				continue
			}
			r := newReply(answer)
			now := r.number()
			left += r.number()
			all = unpackSubscriptions(r, now, all)
			if r.failed {
				err = errors.Join(err, away(fmt.Errorf("%w: subscriptions of agent %s", errMalformed, agent)))
			}
		}
		if err != nil {
			return all, err
		}
		if left == 0 {
			done += together
		}
	}
	return all, nil
}

// Lives says whether an agent has a lease. It takes a second or two longer
// than the lease for a dead one to be forgotten. Where Redis cannot say,
// everybody lives.
func (e *Engine) Lives(ctx context.Context, agent string) bool {
	return !errors.Is(e.client.ZScore(ctx, e.leasesKey(), agent).Err(), goredis.Nil)
}
