package embedded

import (
	"cmp"
	"context"
	"encoding/binary"
	"slices"
	"time"

	"presenced/internal/store"
)

// visits is the recent past of one key's watchers, stalest first.
type visits struct {
	key  store.Key
	list []*visit
}

// visit is one watcher's. Last and TTL of the embedded record are not used:
// the time stands here, the deadline in lapse.
type visit struct {
	lapse
	of *visits
	store.Visit
	last time.Duration // since the engine's epoch; before it where it is negative
}

// Visit merges a visit into the stored one of its watcher, and keeps at most
// limit watchers of the key; 0: no limit.
func (e *Engine) Visit(ctx context.Context, key store.Key, v store.Visit, limit int) error {
	if err := e.writable(); err != nil {
		return err
	}
	total := len(key.AOR) + len(v.Watcher) + len(v.Display)
	for _, ended := range v.Ended {
		total += len(ended.ID)
	}
	if err := tooLarge(total); err != nil {
		return err
	}
	sh := e.enterAOR(key.AOR)
	sh.visit(key, v, limit)
	return e.settle(ctx, sh, nil)
}

func (sh *shard) visit(key store.Key, v store.Visit, limit int) {
	if v.TTL <= 0 {
		return
	}
	v.Last = max(0, v.Last)
	stored := store.Visit{Watcher: v.Watcher, Last: v.Last}
	all := sh.visits.Get(key)
	if old := all.of(v.Watcher); old != nil {
		stored = old.read(sh)
	}
	v = v.Merge(stored)
	sh.placeVisit(key, v)
	if sh.logging() {
		sh.record(sh.appendVisit(sh.scratch, key, v))
	}
	for all = sh.visits.Get(key); limit > 0 && len(all.list) > limit; {
		stalest := all.list[0]
		sh.takeVisit(stalest)
		if sh.logging() {
			sh.record(sh.appendUnvisited(sh.scratch, stalest))
		}
	}
}

// of is a watcher's visit, or nil.
func (all *visits) of(watcher string) *visit {
	if all == nil {
		return nil
	}
	for _, v := range all.list {
		if v.Watcher == watcher {
			return v
		}
	}
	return nil
}

// placeVisit stores a visit in place of its watcher's.
func (sh *shard) placeVisit(key store.Key, v store.Visit) {
	if old := sh.visits.Get(key).of(v.Watcher); old != nil {
		v.Watcher, v.Display = old.Watcher, keep(old.Display, v.Display)
		sh.takeVisit(old)
	} else {
		v.Watcher, v.Display = keep("", v.Watcher), keep("", v.Display)
	}
	all := sh.visits.Get(key)
	if all == nil {
		all = &visits{key: store.Key{AOR: keep("", key.AOR), Package: keep("", key.Package)}}
		sh.visits.Put(all)
	}
	added := &visit{of: all, Visit: v, last: sh.now.mono - min(v.Last, longest)}
	added.Ended = slices.Clone(v.Ended)
	for i := range added.Ended {
		added.Ended[i].ID = keep("", added.Ended[i].ID)
	}
	i, _ := slices.BinarySearchFunc(all.list, added.last+1, func(v *visit, last time.Duration) int { return cmp.Compare(v.last, last) })
	all.list = slices.Insert(all.list, i, added)
	sh.live(added, v.TTL)
}

// takeVisit undoes what placeVisit did.
func (sh *shard) takeVisit(v *visit) {
	sh.end(v)
	i := slices.Index(v.of.list, v)
	v.of.list = slices.Delete(v.of.list, i, i+1)
	if len(v.of.list) == 0 {
		sh.visits.Delete(v.of.key)
	}
}

// lapsed is not logged: the log has the deadline.
func (v *visit) lapsed(sh *shard) { sh.takeVisit(v) }

func (v *visit) read(sh *shard) store.Visit {
	read := v.Visit
	read.Last, read.TTL = sh.now.mono-v.last, v.remaining(sh)
	return read
}

// visitsOf is what is known of the recent past of a key, newest first.
func (sh *shard) visitsOf(key store.Key) []store.Visit {
	all := sh.visits.Get(key)
	if all == nil {
		return nil
	}
	list := make([]store.Visit, 0, len(all.list))
	for _, v := range slices.Backward(all.list) {
		list = append(list, v.read(sh))
	}
	return list
}

func (sh *shard) appendVisit(b []byte, key store.Key, v store.Visit) []byte {
	now := sh.now.wall.UnixMicro()
	b = appendKey(append(b, entryVisit), key)
	b = appendString(b, v.Watcher)
	b = appendString(b, v.Display)
	b = binary.AppendUvarint(b, uint64(v.Fetches))
	b = binary.AppendUvarint(b, uint64(v.Subscriptions))
	b = binary.AppendVarint(b, now-int64(v.Last/time.Microsecond))
	b = binary.AppendVarint(b, now+int64(v.TTL/time.Microsecond))
	b = binary.AppendUvarint(b, uint64(len(v.Ended)))
	for _, ended := range v.Ended {
		b = append(appendString(b, ended.ID), ended.Event)
	}
	return b
}

func (sh *shard) appendUnvisited(b []byte, v *visit) []byte {
	return appendString(appendKey(append(b, entryUnvisited), v.of.key), v.Watcher)
}

func (e *Engine) applyVisit(f *fields) {
	key := f.key()
	sh := &e.shards[store.Shard(key.AOR)]
	v := store.Visit{Watcher: f.string(), Display: f.string(), Fetches: uint32(f.number()), Subscriptions: uint32(f.number())}
	v.Last, v.TTL = -f.lifetime(sh.now), f.lifetime(sh.now)
	for range f.count() {
		v.Ended = append(v.Ended, store.Ended{ID: f.string(), Event: f.byte()})
	}
	if f.err == nil {
		sh.placeVisit(key, v)
	}
}

func (e *Engine) applyUnvisited(f *fields) {
	key := f.key()
	sh := &e.shards[store.Shard(key.AOR)]
	if v := sh.visits.Get(key).of(f.string()); f.err == nil && v != nil {
		sh.takeVisit(v)
	}
}
