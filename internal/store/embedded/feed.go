package embedded

import (
	"context"
	"fmt"
	"sync"

	"presenced/internal/store"
)

// feed is the queue of watched resources that changed. What is watched, seen
// and queued stands in each resource, under its shard's lock; the feed's own
// lock is taken inside a shard's.
type feed struct {
	mu     sync.Mutex
	queue  []*resource
	head   int
	holds  int           // between Hold and Take: they look at the queue themselves
	wake   chan struct{} // holds a token while the queue may hold something
	closed chan struct{}
}

func newFeed() *feed {
	return &feed{wake: make(chan struct{}, 1), closed: make(chan struct{})}
}

func (f *feed) close() { close(f.closed) }

// notice queues a resource whose version is not the one that its watcher saw.
// The resource's shard is locked.
func (f *feed) notice(r *resource) {
	if !r.watched || r.queued || r.version == r.seen {
		return
	}
	r.queued = true
	f.mu.Lock()
	f.queue = append(f.queue, r)
	held := f.holds > 0
	f.mu.Unlock()
	if !held {
		f.signal()
	}
}

func (f *feed) signal() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// pop is the longest queued resource, or nil.
func (f *feed) pop() *resource {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := f.popLocked()
	if f.head < len(f.queue) {
		f.signal() // for another goroutine in Next
	}
	return r
}

func (f *feed) popLocked() *resource {
	if f.head == len(f.queue) {
		return nil
	}
	r := f.queue[f.head]
	f.queue[f.head] = nil
	f.head++
	switch {
	case f.head == len(f.queue) && cap(f.queue) > 4096: // memory goes back after a storm
		f.queue, f.head = nil, 0
	case f.head == len(f.queue):
		f.queue, f.head = f.queue[:0], 0
	case f.head > 1024 && f.head > len(f.queue)/2:
		n := copy(f.queue, f.queue[f.head:])
		clear(f.queue[n:])
		f.queue, f.head = f.queue[:n], 0
	}
	return r
}

// takeMost is how many keys a Take gives at most; the rest is left to Next.
const takeMost = 16

// Hold keeps Next from being woken for what changes from now on. Each Hold has
// its Take.
func (e *Engine) Hold() {
	e.feed.mu.Lock()
	e.feed.holds++
	e.feed.mu.Unlock()
}

// Take ends a Hold, and appends the keys to which Next would come now: what the
// caller has changed since, and what others have.
func (e *Engine) Take(keys []store.Key) []store.Key {
	f := e.feed
	var room [takeMost]*resource
	taken := room[:0]
	f.mu.Lock()
	f.holds--
	for len(taken) < takeMost {
		r := f.popLocked()
		if r == nil {
			break
		}
		taken = append(taken, r)
	}
	if f.head < len(f.queue) {
		f.signal()
	}
	f.mu.Unlock()
	for _, r := range taken {
		if e.due(r) {
			keys = append(keys, r.key)
		}
	}
	return keys
}

// Watch lets Next return key whenever its version differs from have, or from
// the one Seen last.
func (e *Engine) Watch(key store.Key, have store.Version) {
	sh := e.enterAOR(key.AOR)
	defer sh.leave()
	r := sh.resource(key)
	if !r.watched {
		sh.watchWatchers(r)
	}
	r.watched, r.seen = true, have
	e.feed.notice(r)
}

// Seen tells which version of a watched key the caller has loaded. If it is
// not the stored one, Next returns the key again.
func (e *Engine) Seen(key store.Key, have store.Version) {
	sh := e.enterAOR(key.AOR)
	defer sh.leave()
	if r := sh.resources.Get(key); r != nil && r.watched {
		r.seen = have
		e.feed.notice(r)
	}
}

// Unwatch ends what Watch began. The key may still come once from a Next that
// runs meanwhile.
func (e *Engine) Unwatch(key store.Key) {
	sh := e.enterAOR(key.AOR)
	defer sh.leave()
	if r := sh.resources.Get(key); r != nil && r.watched {
		r.watched = false
		sh.unwatchWatchers(r)
		sh.drop(r)
	}
}

// Next waits for a watched key whose version is not the one that was seen. The
// error is the context's, or ErrUnavailable once the engine is closed.
func (e *Engine) Next(ctx context.Context) (store.Key, error) {
	for {
		if r := e.feed.pop(); r != nil {
			if e.due(r) {
				return r.key, nil
			}
			continue
		}
		select {
		case <-e.feed.wake:
		case <-ctx.Done():
			return store.Key{}, ctx.Err()
		case <-e.feed.closed:
			return store.Key{}, fmt.Errorf("%w: closed", store.ErrUnavailable)
		}
	}
}

// due takes a popped resource's mark off and tells whether it is news still.
func (e *Engine) due(r *resource) bool {
	sh := e.enterAOR(r.key.AOR)
	defer sh.leave()
	r.queued = false
	return r.watched && r.version != r.seen
}
