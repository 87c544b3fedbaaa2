package embedded

import (
	"context"
	"errors"
	"time"

	"presenced/internal/store"
	"presenced/internal/table"
)

// subscription is a live subscription. Its strings are the ones that it was
// put with: the notifier has them too, mostly as parts of data.
type subscription struct {
	lapse
	place   int32 // in of.subscriptions
	of      *resource
	id      string
	watcher string
	agent   *string // nearly always the engine's
	fence   uint64
	data    string

	made     time.Duration // since the engine's epoch; before it where it is negative
	standing uint16
}

var errShard = errors.New("store: subscription id does not name the shard of its key")

// PutSubscription inserts or replaces a subscription. ErrFenced where it is
// another agent's by now.
func (e *Engine) PutSubscription(ctx context.Context, s store.Subscription) error {
	if err := e.writable(); err != nil {
		return err
	}
	if number, ok := store.ShardOfSubscription(s.ID); !ok || number != store.Shard(s.Key.AOR) {
		return errShard
	}
	if err := tooLarge(len(s.ID), len(s.Key.AOR), len(s.Watcher), len(s.Data)); err != nil {
		return err
	}
	sh := e.enterAOR(s.Key.AOR)
	return e.settle(ctx, sh, sh.putSubscription(s))
}

func (sh *shard) putSubscription(s store.Subscription) error {
	stored := sh.subscriptions.Get(s.ID)
	if stored != nil && (s.Fence < stored.fence || s.Fence == stored.fence && s.Agent != *stored.agent) {
		return store.ErrFenced
	}
	switch {
	case s.TTL <= 0 && stored == nil:
		return nil
	case s.TTL <= 0:
		sh.removeSubscription(stored)
		return nil
	case stored != nil && stored.of.key != s.Key:
		s.Age = sh.now.mono - stored.made
		sh.removeSubscription(stored)
		stored = nil
	}
	if stored == nil {
		stored = sh.placeSubscription(s)
		sh.watchersChanged(stored.of)
		sh.subscriptionChanged(stored)
		return nil
	}
	if stored.standing != s.Standing {
		sh.watchersChanged(stored.of)
	}
	stored.replace(sh, s)
	sh.prolong(stored, s.TTL)
	sh.subscriptionChanged(stored)
	return nil
}

func (sh *shard) subscriptionChanged(sub *subscription) {
	if sh.logging() {
		sh.record(sh.appendSubscription(sh.scratch, sub))
	}
}

// placeSubscription stores a subscription whose ID is not there.
func (sh *shard) placeSubscription(s store.Subscription) *subscription {
	r := sh.resource(s.Key)
	added := &subscription{of: r, made: sh.now.mono - min(max(0, s.Age), longest)}
	added.replace(sh, s)
	added.place = int32(len(r.subscriptions))
	r.subscriptions = append(r.subscriptions, added)
	sh.subscriptions.Put(added)
	sh.counts.Subscriptions++
	sh.live(added, s.TTL)
	return added
}

func (sub *subscription) replace(sh *shard, s store.Subscription) {
	sub.id, sub.watcher, sub.fence, sub.data, sub.standing = s.ID, s.Watcher, s.Fence, s.Data, s.Standing
	sub.agent = &sh.engine.agent
	if s.Agent != sh.engine.agent {
		other := s.Agent
		sub.agent = &other
	}
}

func (sh *shard) removeSubscription(sub *subscription) {
	sh.takeSubscription(sub)
	sh.watchersChanged(sub.of)
	if sh.logging() {
		sh.record(sh.appendUnsubscribed(sh.scratch, sub))
	}
}

// takeSubscription undoes what placeSubscription did.
func (sh *shard) takeSubscription(sub *subscription) {
	sh.end(sub)
	r := sub.of
	last := len(r.subscriptions) - 1
	r.subscriptions[sub.place] = r.subscriptions[last]
	r.subscriptions[sub.place].place = sub.place
	r.subscriptions[last] = nil
	if r.subscriptions = table.Trim(r.subscriptions[:last]); last == 0 {
		r.subscriptions = nil // a resource that is published may stay for long
	}
	sh.subscriptions.Delete(sub.id)
	sh.counts.Subscriptions--
	sh.drop(r)
}

func (sub *subscription) lapsed(sh *shard) { sh.removeSubscription(sub) }

func (sub *subscription) read(sh *shard) store.Subscription {
	return store.Subscription{
		ID: sub.id, Key: sub.of.key, Watcher: sub.watcher, Fence: sub.fence,
		Agent: *sub.agent, TTL: sub.remaining(sh), Standing: sub.standing,
		Age: sub.age(sh), Data: sub.data,
	}
}

func (sub *subscription) age(sh *shard) time.Duration { return sh.now.mono - sub.made }

// DeleteSubscription removes a subscription. ErrFenced where the stored fence
// is greater; nil for an unknown id.
func (e *Engine) DeleteSubscription(ctx context.Context, key store.Key, id string, fence uint64) error {
	if err := e.writable(); err != nil {
		return err
	}
	sh := e.enterAOR(key.AOR)
	return e.settle(ctx, sh, sh.deleteSubscription(id, fence))
}

func (sh *shard) deleteSubscription(id string, fence uint64) error {
	stored := sh.subscriptions.Get(id)
	if stored == nil {
		return nil
	}
	if fence < stored.fence {
		return store.ErrFenced
	}
	sh.removeSubscription(stored)
	return nil
}

// ClaimSubscription makes this engine's agent the owner, with the next fence.
func (e *Engine) ClaimSubscription(ctx context.Context, id string) (store.Subscription, error) {
	if err := e.writable(); err != nil {
		return store.Subscription{}, err
	}
	number, ok := store.ShardOfSubscription(id)
	if !ok {
		return store.Subscription{}, store.ErrNotFound
	}
	sh := e.enter(number)
	claimed, err := sh.claimSubscription(id)
	if err := e.settle(ctx, sh, err); err != nil {
		return store.Subscription{}, err
	}
	return claimed, nil
}

func (sh *shard) claimSubscription(id string) (store.Subscription, error) {
	sub := sh.subscriptions.Get(id)
	if sub == nil {
		return store.Subscription{}, store.ErrNotFound
	}
	sub.fence++
	sub.agent = &sh.engine.agent
	sh.subscriptionChanged(sub)
	return sub.read(sh), nil
}

// OwnSubscriptions yields every subscription of this engine's agent. yield
// runs without a lock and may call the engine; its error ends the walk.
func (e *Engine) OwnSubscriptions(ctx context.Context, yield func(store.Subscription) error) error {
	for i := range e.shards {
		for _, s := range e.ownOfShard(uint8(i)) {
			if err := yield(s); err != nil {
				return err
			}
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

func (e *Engine) ownOfShard(number uint8) []store.Subscription {
	sh := e.enter(number)
	defer sh.leave()
	own := make([]store.Subscription, 0, sh.subscriptions.Len())
	for sub := range sh.subscriptions.All() {
		if *sub.agent == e.agent {
			own = append(own, sub.read(sh))
		}
	}
	return own
}

// Orphans is always empty: there is no other agent whose lease could lapse.
func (e *Engine) Orphans(context.Context) ([]store.Subscription, error) {
	return nil, nil
}

// Moved blocks until ctx is done: there is no other agent that could claim a
// subscription.
func (e *Engine) Moved(ctx context.Context) (id string, err error) {
	<-ctx.Done()
	return "", ctx.Err()
}
