package embedded

import (
	"context"

	"presenced/internal/store"
)

// Only the watchers of a key that somebody watches (its Winfo is watched) have
// a version of their own. Those of all others in a shard share one, so that a
// subscription that nobody watches costs nothing for it: what was read before
// the first Watch may be told though nothing has changed, which the feed
// allows.

// Watchers is who watches key, and who did.
func (e *Engine) Watchers(_ context.Context, key store.Key) (store.Watchers, error) {
	sh := e.enterAOR(key.AOR)
	defer sh.leave()
	got := store.Watchers{Visits: sh.visitsOf(key)}
	r := sh.resources.Get(key)
	if r == nil || len(r.subscriptions) == 0 {
		return got, nil
	}
	got.Version = sh.watchersOf(r)
	got.Subscriptions = make([]store.Subscription, len(r.subscriptions))
	for i, sub := range r.subscriptions {
		got.Subscriptions[i] = sub.read(sh)
	}
	return got, nil
}

// watchersOf is the version of who watches a resource.
func (sh *shard) watchersOf(r *resource) store.Version {
	if len(r.subscriptions) == 0 {
		return 0
	}
	if r.winfo != nil {
		return r.winfo.version
	}
	if sh.watchers == 0 {
		sh.watchers = sh.next()
	}
	return sh.watchers
}

// watchersChanged gives the watchers of a resource their next version and tells
// the feed.
func (sh *shard) watchersChanged(r *resource) {
	sh.watchers = sh.next()
	if r.winfo == nil {
		return
	}
	r.winfo.version = 0
	if len(r.subscriptions) > 0 {
		r.winfo.version = sh.watchers
	}
	sh.engine.feed.notice(r.winfo)
}

// watchWatchers has a resource that begins to be watched hear of the watchers
// of another, where it is about them.
func (sh *shard) watchWatchers(r *resource) {
	if inner, ok := r.key.Inner(); ok {
		of := sh.resource(inner)
		r.version = sh.watchersOf(of)
		of.winfo = r
	}
}

// unwatchWatchers undoes what watchWatchers did.
func (sh *shard) unwatchWatchers(r *resource) {
	if inner, ok := r.key.Inner(); ok {
		of := sh.resources.Get(inner)
		of.winfo, r.version = nil, 0
		sh.drop(of)
	}
}
