package redis

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	goredis "github.com/redis/go-redis/v9"

	"presenced/internal/store"
)

// PutSubscription inserts a subscription, or replaces it if its fence is not
// lower than the stored one and no other agent holds that fence: else
// ErrFenced. Without a lifetime it deletes.
func (e *Engine) PutSubscription(ctx context.Context, s store.Subscription) error {
	shard := int(store.Shard(s.Key.AOR))
	member := memberOf(s.Key)
	if of, ok := store.ShardOfSubscription(s.ID); !ok || int(of) != shard {
		return fmt.Errorf("redis: subscription id %q does not begin with shard %02x of its key", s.ID, shard)
	}
	if len(member) > maxKey || len(s.Agent) == 0 || len(s.Agent) > 255 {
		return fmt.Errorf("redis: subscription %q: key or agent too long or missing", s.ID)
	}
	if s.TTL <= 0 {
		return e.DeleteSubscription(ctx, s.Key, s.ID, s.Fence)
	}
	k := &e.keys[shard]
	rest := append(appendString(make([]byte, 0, len(s.Watcher)+len(s.Data)+binary.MaxVarintLen16), s.Watcher), s.Data...)
	answer, err := e.run(ctx, shard, putSubscriptionScript,
		[]string{k.base + "sub:" + s.ID, k.base + "watch:" + member, k.base + "agent:" + s.Agent, k.expiry, k.counts},
		k.base, s.ID, s.Fence, s.Agent, lifetime(s.TTL), member, rest)
	return fenced(answer, err)
}

// DeleteSubscription removes a subscription. One that is unknown is no error;
// one with a higher fence is ErrFenced.
func (e *Engine) DeleteSubscription(ctx context.Context, key store.Key, id string, fence uint64) error {
	shard := int(store.Shard(key.AOR))
	k := &e.keys[shard]
	answer, err := e.run(ctx, shard, deleteSubscriptionScript, []string{k.base + "sub:" + id}, k.base, id, fence)
	return fenced(answer, err)
}

func fenced(answer any, err error) error {
	switch {
	case err != nil:
		return err
	case answer == int64(0):
		return nil
	case answer == int64(1):
		return store.ErrFenced
	}
	return away(fmt.Errorf("%w: subscription answered %v", errMalformed, answer))
}

// ClaimSubscription makes this agent the owner of a subscription and raises its
// fence. ErrNotFound where there is none.
func (e *Engine) ClaimSubscription(ctx context.Context, id string) (store.Subscription, error) {
	of, ok := store.ShardOfSubscription(id)
	if !ok {
		return store.Subscription{}, store.ErrNotFound
	}
	shard := int(of)
	k := &e.keys[shard]
	answer, err := e.run(ctx, shard, claimSubscriptionScript,
		[]string{k.base + "sub:" + id, k.base + "agent:" + e.agent}, k.base, id, e.agent)
	if errors.Is(err, goredis.Nil) {
		return store.Subscription{}, store.ErrNotFound
	}
	if err != nil {
		return store.Subscription{}, err
	}
	r := newReply(answer)
	list := unpackSubscriptions(r, r.number(), nil)
	if r.failed || len(list) != 1 {
		return store.Subscription{}, away(fmt.Errorf("%w: subscription %q", errMalformed, id))
	}
	return list[0], nil
}

// Watchers is who watches a key.
func (e *Engine) Watchers(ctx context.Context, key store.Key) (store.Watchers, error) {
	shard := int(store.Shard(key.AOR))
	var all store.Watchers
	err := e.eachSubscription(ctx, shard, "watch:"+memberOf(key), func(s store.Subscription) error {
		all.Subscriptions = append(all.Subscriptions, s)
		return nil
	})
	return all, err
}

// OwnSubscriptions yields every live subscription that this agent owns. It
// stops at yield's first error and returns it.
func (e *Engine) OwnSubscriptions(ctx context.Context, yield func(store.Subscription) error) error {
	for shard := range e.keys {
		if err := e.eachSubscription(ctx, shard, "agent:"+e.agent, yield); err != nil {
			return err
		}
	}
	return nil
}

// eachSubscription yields the subscriptions whose ids are in a set, page by
// page, each once.
func (e *Engine) eachSubscription(ctx context.Context, shard int, set string, yield func(store.Subscription) error) error {
	k := &e.keys[shard]
	given := make(map[string]bool)
	for cursor := "0"; ; {
		answer, err := e.run(ctx, shard, readSubscriptionsScript, []string{k.base + set}, k.base, cursor)
		if err != nil {
			return err
		}
		r := newReply(answer)
		cursor = r.text()
		list := unpackSubscriptions(r, r.number(), nil)
		if r.failed {
			return away(fmt.Errorf("%w: subscriptions of %s", errMalformed, set))
		}
		for _, s := range list {
			if given[s.ID] {
				continue
			}
			given[s.ID] = true
			if err := yield(s); err != nil {
				return err
			}
		}
		if cursor == "0" {
			return nil
		}
	}
}

// headerSize is the fixed part of a packed subscription: fence, end, length of
// agent, length of member.
const headerSize = 8 + 8 + 1 + 2

// unpackSubscriptions appends the ids and records that are left in r.
func unpackSubscriptions(r *reply, now int64, list []store.Subscription) []store.Subscription {
	for r.more() {
		s := store.Subscription{ID: r.text()}
		if !unpackSubscription(&s, r.text(), now) {
			r.failed = true
			break
		}
		list = append(list, s)
	}
	return list
}

func unpackSubscription(s *store.Subscription, record string, now int64) bool {
	if len(record) < headerSize {
		return false
	}
	header := []byte(record[:headerSize])
	s.Fence = binary.BigEndian.Uint64(header)
	s.TTL = max(micros(int64(binary.BigEndian.Uint64(header[8:]))-now), 1)
	agent, member := int(header[16]), int(binary.BigEndian.Uint16(header[17:]))
	record = record[headerSize:]
	if len(record) < agent+member {
		return false
	}
	s.Agent = record[:agent]
	pkg, aor, ok := strings.Cut(record[agent:agent+member], ":")
	s.Key = store.Key{AOR: aor, Package: pkg}
	u := unpacker{rest: record[agent+member:]}
	s.Watcher = u.text()
	s.Data = string(u.rest)
	return ok && !u.failed
}
