package embedded

import (
	"strings"
	"sync"
	"time"

	"presenced/internal/store"
	"presenced/internal/table"
)

// shard is the part of the state that one mutex guards. Methods of a shard
// other than open and close are called with it locked.
type shard struct {
	mu     sync.Mutex
	engine *Engine
	now    instant // taken when the shard was locked

	last          store.Version // no version above it was ever given
	watchers      store.Version // of who watches what nobody watches the watchers of
	resources     table.Table[store.Key, resource]
	subscriptions table.Table[string, subscription] // by ID
	visits        table.Table[store.Key, visits]
	deadlines     deadlines
	timer         *time.Timer
	armed         time.Duration // when the timer fires; 0: it does not
	counts        store.Stats

	copied  uint64 // generation of the snapshot that has this shard
	scratch []byte // for the entry that is being logged
}

// resource is all that is stored for one Key. It is in its shard's map while
// it holds anything or is watched.
type resource struct {
	key           store.Key
	version       store.Version // 0 while there are no publications and no bindings; see watchersChanged
	publications  []*publication
	subscriptions []*subscription
	bindings      []*binding
	winfo         *resource // what watches the watchers of this one, or nil

	// The feed's part.
	seen    store.Version // the version that the watcher told last
	watched bool
	queued  bool // in the feed's queue
}

func (sh *shard) open(e *Engine) {
	sh.engine = e
	sh.resources = table.New(func(r *resource) store.Key { return r.key })
	sh.subscriptions = table.New(func(sub *subscription) string { return sub.id })
	sh.visits = table.New(func(all *visits) store.Key { return all.key })
}

func (sh *shard) close() {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if sh.timer != nil {
		sh.timer.Stop()
	}
}

// leave unlocks the shard, with its timer set to the earliest deadline.
func (sh *shard) leave() {
	sh.arm()
	sh.mu.Unlock()
}

// resource is the stored one, made if there is none.
func (sh *shard) resource(key store.Key) *resource {
	r := sh.resources.Get(key)
	if r == nil {
		r = &resource{key: ownKey(key)}
		sh.resources.Put(r)
	}
	return r
}

// ownKey is a copy in one allocation, which holds no larger buffer alive.
func ownKey(key store.Key) store.Key {
	text := key.AOR + key.Package
	return store.Key{AOR: text[:len(key.AOR)], Package: text[len(key.AOR):]}
}

// drop forgets a resource that holds nothing and is not watched, nor its
// watchers.
func (sh *shard) drop(r *resource) {
	if len(r.publications) == 0 && len(r.bindings) == 0 && len(r.subscriptions) == 0 && !r.watched && r.winfo == nil {
		sh.resources.Delete(r.key)
	}
}

// next is a version that was never given in this shard.
func (sh *shard) next() store.Version {
	sh.last = max(sh.last+1, store.Version(max(0, sh.now.wall.UnixMicro())))
	return sh.last
}

// changed gives a resource its next version and tells the feed. Where it is
// empty the version is 0; what is stored there later still gets one above all
// that were given.
func (sh *shard) changed(r *resource) {
	r.version = 0
	if len(r.publications) > 0 || len(r.bindings) > 0 {
		r.version = sh.next()
	}
	sh.engine.feed.notice(r)
}

// logging tells whether entries are wanted.
func (sh *shard) logging() bool { return sh.engine.log != nil }

// record logs an entry that was appended to scratch.
func (sh *shard) record(entry []byte) {
	const kept = 16 << 10 // bytes; a larger buffer is not kept
	sh.engine.log.append(entry, sh.copied)
	if cap(entry) <= kept {
		sh.scratch = entry[:0]
	}
}

// keep is a copy of s that holds no larger buffer alive: the old value where
// it is equal.
func keep(old, s string) string {
	if old == s {
		return old
	}
	return strings.Clone(s)
}
