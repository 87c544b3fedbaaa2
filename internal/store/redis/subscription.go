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
		[]string{k.base + "sub:" + s.ID, k.base + "watch:" + member, k.base + "agent:" + s.Agent, k.expiry, k.counts, k.changes},
		k.base, s.ID, s.Fence, s.Agent, lifetime(s.TTL), member, rest, s.Standing, lifetime(max(0, s.Age)), memberOf(s.Key.Winfo()))
	return e.fenced(shard, s.Key, answer, err)
}

// DeleteSubscription removes a subscription. One that is unknown is no error;
// one with a higher fence is ErrFenced.
func (e *Engine) DeleteSubscription(ctx context.Context, key store.Key, id string, fence uint64) error {
	shard := int(store.Shard(key.AOR))
	k := &e.keys[shard]
	answer, err := e.run(ctx, shard, deleteSubscriptionScript,
		[]string{k.base + "sub:" + id, k.changes}, k.base, id, fence, memberOf(key.Winfo()))
	return e.fenced(shard, key, answer, err)
}

// fenced is what a write of a subscription came to. Those who watch the
// watchers here need not wait for the hint.
func (e *Engine) fenced(shard int, key store.Key, answer any, err error) error {
	if err != nil {
		return err
	}
	switch version, ok := answer.(int64); {
	case !ok || version < 0:
		return away(fmt.Errorf("%w: subscription answered %v", errMalformed, answer))
	case version == 1:
		return store.ErrFenced
	case version > 1:
		e.feed.told(shard, memberOf(key.Winfo()), store.Version(version))
	}
	return nil
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

// headerSize is the fixed part of a packed subscription: 1, fence, end, when it
// was made, standing, length of agent, length of member. One that begins with 0
// is an old one, in which when it was made and standing are not there.
const (
	headerSize    = 1 + 7 + 8 + 8 + 2 + 1 + 2
	oldHeaderSize = 8 + 8 + 1 + 2
)

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
	header, agent, member, ok := unpackHeader(s, record, now)
	if !ok || len(record) < header+agent+member {
		return false
	}
	record = record[header:]
	s.Agent = record[:agent]
	pkg, aor, ok := strings.Cut(record[agent:agent+member], ":")
	s.Key = store.Key{AOR: aor, Package: pkg}
	u := unpacker{rest: record[agent+member:]}
	s.Watcher = u.text()
	s.Data = string(u.rest)
	return ok && !u.failed
}

// unpackHeader reads the fixed part of a record and says how long it is, and
// what follows it.
func unpackHeader(s *store.Subscription, record string, now int64) (header, agent, member int, ok bool) {
	if len(record) < oldHeaderSize || record[0] == 1 && len(record) < headerSize {
		return 0, 0, 0, false
	}
	b := []byte(record[:min(len(record), headerSize)])
	s.TTL = max(micros(int64(binary.BigEndian.Uint64(b[8:]))-now), 1)
	switch b[0] {
	case 0:
		s.Fence = binary.BigEndian.Uint64(b)
		return oldHeaderSize, int(b[16]), int(binary.BigEndian.Uint16(b[17:])), true
	case 1:
		s.Fence = binary.BigEndian.Uint64(b) &^ (0xff << 56)
		s.Age = max(micros(now-int64(binary.BigEndian.Uint64(b[16:]))), 0)
		s.Standing = binary.BigEndian.Uint16(b[24:])
		return headerSize, int(b[26]), int(binary.BigEndian.Uint16(b[27:])), true
	}
	return 0, 0, 0, false
}
