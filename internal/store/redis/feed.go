package redis

import (
	"context"
	"errors"
	"sync"
	"time"

	"presenced/internal/store"
)

// The feed compares versions. A hint says that a key has a version; when the
// caller has another one, the key is given to Next. What no hint told is found
// by comparing (repair.go): when a key begins to be watched, when the hints
// were interrupted, and now and then.

// watched is a key that is watched. What it was told last is have; stored is
// the last other version that was heard of.
type watched struct {
	key          store.Key
	member       string
	shard        int
	have, stored store.Version
	dirty        bool // in the queue
	given        bool // Next returned it at version stored, Seen has not followed
	held         bool // its state was lost with Redis: waits for the grace period's end
	pending      bool // waits to be compared
	swept        bool // the change index has a change that no hint may have told
	gone         bool // no longer watched
}

// errClosed is the cause after Close.
var errClosed = errors.New("redis: closed")

type feed struct {
	engine *Engine
	ready  chan struct{} // the queue may not be empty
	doubt  chan struct{} // pending may not be empty

	mu        sync.Mutex
	watched   [store.Shards]map[string]*watched // by member
	queue     []*watched
	pending   []*watched
	held      []*watched
	following bool
	lag       time.Duration
	skew      time.Duration // Redis's clock minus ours
	hints     uint64
	repaired  uint64
}

func newFeed(e *Engine) *feed {
	f := &feed{engine: e, ready: make(chan struct{}, 1), doubt: make(chan struct{}, 1)}
	for shard := range f.watched {
		f.watched[shard] = make(map[string]*watched)
	}
	return f
}

// Watch has Next return the key whenever its stored version is another than
// have, or than the one that Seen told last.
func (e *Engine) Watch(key store.Key, have store.Version) {
	f := e.feed
	shard, member := int(store.Shard(key.AOR)), memberOf(key)
	f.mu.Lock()
	defer f.mu.Unlock()
	w := f.watched[shard][member]
	if w == nil {
		w = &watched{key: key, member: member, shard: shard}
		f.watched[shard][member] = w
	}
	w.have, w.given = have, false
	f.compare(w)
}

// Seen tells that the caller has loaded this version.
func (e *Engine) Seen(key store.Key, have store.Version) {
	f := e.feed
	f.mu.Lock()
	defer f.mu.Unlock()
	w := f.watched[store.Shard(key.AOR)][memberOf(key)]
	if w == nil {
		return
	}
	w.have, w.given = have, false
	_, winfo := key.Inner()
	if w.stored != have || winfo && have == 0 { // Redis must learn that a version is wanted: see compare.lua
		f.compare(w)
	}
}

// Unwatch ends a Watch.
func (e *Engine) Unwatch(key store.Key) {
	f := e.feed
	f.mu.Lock()
	defer f.mu.Unlock()
	shard, member := store.Shard(key.AOR), memberOf(key)
	if w := f.watched[shard][member]; w != nil {
		w.gone = true
		delete(f.watched[shard], member)
	}
}

// Next blocks until a watched key's stored version is another than the caller
// has seen, and returns the key. It does not return the key again before the
// version changes again or the caller calls Seen. Its error is that of ctx, or
// store.ErrUnavailable once the engine is closed.
func (e *Engine) Next(ctx context.Context) (store.Key, error) {
	for {
		if key, ok := e.feed.pop(); ok {
			return key, nil
		}
		select {
		case <-ctx.Done():
			return store.Key{}, ctx.Err()
		case <-e.closed:
			return store.Key{}, away(errClosed)
		case <-e.feed.ready:
		}
	}
}

func (f *feed) pop() (store.Key, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for len(f.queue) > 0 {
		w := f.queue[0]
		f.queue[0] = nil
		f.queue = f.queue[1:]
		w.dirty = false
		if w.gone || w.stored == w.have {
			continue
		}
		w.given = true
		if len(f.queue) > 0 {
			wake(f.ready) // another caller of Next may wait
		}
		return w.key, true
	}
	f.queue = nil
	return store.Key{}, false
}

// mark takes note of a stored version and says whether it is news.
func (f *feed) mark(w *watched, stored store.Version) bool {
	if stored == w.have || w.given && stored == w.stored || w.dirty && stored == w.stored {
		return false
	}
	w.stored = stored
	if !w.dirty {
		w.dirty = true
		f.queue = append(f.queue, w)
		wake(f.ready)
	}
	return true
}

// compare has a key's stored version looked up.
func (f *feed) compare(w *watched) {
	if w.pending {
		return
	}
	w.pending = true
	f.pending = append(f.pending, w)
	wake(f.doubt)
}

// compareAll has every key's stored version looked up.
func (f *feed) compareAll() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, shard := range f.watched {
		for _, w := range shard {
			f.compare(w)
		}
	}
}

// had says whether the caller has seen state of a key that is watched.
func (f *feed) had(shard int, member string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	w := f.watched[shard][member]
	return w != nil && w.have != 0
}

// told takes the version that a write of this agent made: its watchers need
// not wait for the hint.
func (f *feed) told(shard int, member string, version store.Version) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hint(shard, member, version)
}

// hint takes a hint or an entry of the change index: versions only rise there,
// so a lower one than the caller has is old news.
func (f *feed) hint(shard int, member string, version store.Version) (news bool) {
	w := f.watched[shard][member]
	return w != nil && version > w.have && f.mark(w, version)
}
