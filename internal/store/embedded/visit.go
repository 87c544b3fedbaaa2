package embedded

import (
	"context"
	"encoding/binary"
	"slices"
	"time"

	"presenced/internal/store"
)

// visits is the recent past of one key's watchers. It lapses at the earliest
// deadline of a visit, or before, where that visit is no more.
type visits struct {
	lapse
	count  int32
	key    store.Key
	packed past
	newest time.Duration // no visit is later
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
	if _, old := sh.pastOf(key).of(v.Watcher); old != nil {
		stored = old.read().at(sh.now)
	}
	if stored.Last > store.EndedKept && len(v.Ended) > 0 {
		stored.Ended = nil
	}
	v = v.Merge(stored)
	sh.placeVisit(key, v)
	if sh.logging() {
		sh.record(sh.appendVisit(sh.scratch, key, v))
	}
	for all := sh.visits.Get(key); limit > 0 && int(all.count) > limit; {
		stalest := all.packed.stalest()
		if sh.logging() {
			sh.record(sh.appendUnvisited(sh.scratch, key, stalest.read().Watcher))
		}
		sh.takeVisit(all, 0, stalest)
	}
}

// pastOf is the visits of a key, packed; nil if there are none.
func (sh *shard) pastOf(key store.Key) past {
	if all := sh.visits.Get(key); all != nil {
		return all.packed
	}
	return nil
}

// placeVisit stores a visit in place of its watcher's.
func (sh *shard) placeVisit(key store.Key, v store.Visit) {
	if i, old := sh.pastOf(key).of(v.Watcher); old != nil {
		sh.takeVisit(sh.visits.Get(key), i, old)
	}
	added := visited{v, (sh.now.mono - min(v.Last, longest)).Truncate(time.Microsecond), (sh.now.mono + min(v.TTL, longest)).Truncate(time.Microsecond)}
	ttl := added.deadline - sh.now.mono
	all := sh.visits.Get(key)
	if all == nil {
		all = &visits{key: ownKey(key), newest: added.last}
		sh.visits.Put(all)
		sh.live(all, ttl)
	} else if ttl < all.remaining(sh) {
		sh.prolong(all, ttl)
	}
	at := len(all.packed)
	if added.last < all.newest {
		at = all.packed.behind(added.last)
	}
	var room [256]byte
	all.packed = all.packed.spliced(at, at, past(room[:0]).append(added))
	all.newest = max(all.newest, added.last)
	all.count++
}

// takeVisit takes out a visit that begins at an offset.
func (sh *shard) takeVisit(all *visits, at int, one past) {
	all.packed = all.packed.spliced(at, at+len(one), nil)
	if all.count--; all.count == 0 {
		sh.end(all)
		sh.visits.Delete(all.key)
	}
}

// lapsed is not logged: the log has the deadlines.
func (all *visits) lapsed(sh *shard) {
	kept, gone, earliest := all.packed.lapsed(sh.now.mono)
	all.packed, all.count = kept, all.count-int32(gone)
	if all.count == 0 {
		sh.end(all)
		sh.visits.Delete(all.key)
		return
	}
	sh.prolong(all, earliest-sh.now.mono)
}

// at is the visit as it is read at a moment.
func (v visited) at(now instant) store.Visit {
	v.Last, v.TTL = now.mono-v.last, v.deadline-now.mono
	return v.Visit
}

// visitsOf is what is known of the recent past of a key, newest first.
func (sh *shard) visitsOf(key store.Key) []store.Visit {
	all := sh.visits.Get(key)
	if all == nil {
		return nil
	}
	list := make([]store.Visit, 0, all.count)
	for _, one := range all.packed.all() {
		list = append(list, one.read().at(sh.now))
	}
	slices.Reverse(list)
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
	return appendEnded(b, v.Ended)
}

func appendEnded(b []byte, list []store.Ended) []byte {
	b = binary.AppendUvarint(b, uint64(len(list)))
	for _, ended := range list {
		b = append(appendString(b, ended.ID), ended.Event)
	}
	return b
}

func (f *fields) ended() []store.Ended {
	var list []store.Ended
	for range f.count() {
		list = append(list, store.Ended{ID: f.string(), Event: f.byte()})
	}
	return list
}

func (sh *shard) appendUnvisited(b []byte, key store.Key, watcher string) []byte {
	return appendString(appendKey(append(b, entryUnvisited), key), watcher)
}

func (e *Engine) applyVisit(f *fields) {
	key := f.key()
	sh := &e.shards[store.Shard(key.AOR)]
	v := store.Visit{Watcher: f.string(), Display: f.string(), Fetches: uint32(f.number()), Subscriptions: uint32(f.number())}
	v.Last, v.TTL = -f.lifetime(sh.now), f.lifetime(sh.now)
	v.Ended = f.ended()
	if f.err == nil {
		sh.placeVisit(key, v)
	}
}

func (e *Engine) applyUnvisited(f *fields) {
	key := f.key()
	sh := &e.shards[store.Shard(key.AOR)]
	if i, one := sh.pastOf(key).of(f.string()); f.err == nil && one != nil {
		sh.takeVisit(sh.visits.Get(key), i, one)
	}
}
