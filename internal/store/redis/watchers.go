package redis

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"presenced/internal/store"
)

// Watchers is who watches a key, and who did. The state of one that had
// watchers when its winfo key was last seen, and lost them with Redis, is
// store.ErrLost until the grace period is over.
func (e *Engine) Watchers(ctx context.Context, key store.Key) (store.Watchers, error) {
	shard, member, winfo := int(store.Shard(key.AOR)), memberOf(key), memberOf(key.Winfo())
	k := &e.keys[shard]
	keys := []string{k.base + "watch:" + member, k.changes, k.base + "vis:" + member, k.base + "last:" + member}
	var all store.Watchers
	given := make(map[string]bool)
	for cursor := "0"; ; {
		answer, err := e.run(ctx, shard, readWatchersScript, keys, k.base, cursor, winfo)
		if err != nil {
			return store.Watchers{}, err
		}
		first := cursor == "0"
		r := newReply(answer)
		cursor = r.text()
		now, version, visits := r.number(), store.Version(r.number()), r.list()
		if first { // what changes later gives another version than this
			all.Version, all.Visits = version, unpackVisits(visits)
		}
		for _, s := range unpackSubscriptions(r, now, nil) {
			if !given[s.ID] {
				given[s.ID] = true
				all.Subscriptions = append(all.Subscriptions, s)
			}
		}
		if r.failed || visits.failed {
			return store.Watchers{}, away(fmt.Errorf("%w: watchers", errMalformed))
		}
		if cursor == "0" {
			break
		}
	}
	if all.Version == 0 {
		return all, e.lostState(ctx, shard, winfo)
	}
	return all, nil
}

// Visit merges a visit into the stored one of its watcher, and keeps at most
// limit watchers of the key; 0: no limit.
func (e *Engine) Visit(ctx context.Context, key store.Key, v store.Visit, limit int) error {
	if v.TTL <= 0 {
		return nil
	}
	shard, member := int(store.Shard(key.AOR)), memberOf(key)
	k := &e.keys[shard]
	own := []any{
		"vis:" + member, v.Watcher, v.Display, v.Fetches, v.Subscriptions,
		lifetime(max(0, v.Last)), lifetime(v.TTL), limit, store.MaxEnded,
	}
	for _, ended := range v.Ended {
		own = append(own, ended.ID, ended.Event)
	}
	_, err := e.run(ctx, shard, visitScript, []string{k.base + "vis:" + member, k.base + "last:" + member, k.expiry}, own...)
	return err
}

// unpackVisits reads visits, and puts them in order.
func unpackVisits(r *reply) []store.Visit {
	var list []store.Visit
	for r.more() {
		f := r.list()
		v := store.Visit{
			Watcher: f.text(), Display: f.text(), Fetches: uint32(f.number()), Subscriptions: uint32(f.number()),
			Last: micros(f.number()), TTL: micros(f.number()),
		}
		for f.more() {
			v.Ended = append(v.Ended, store.Ended{ID: f.text(), Event: uint8(f.number())})
		}
		r.failed = r.failed || f.failed
		list = append(list, v)
	}
	slices.SortStableFunc(list, func(a, b store.Visit) int { return cmp.Compare(a.Last, b.Last) })
	return list
}
