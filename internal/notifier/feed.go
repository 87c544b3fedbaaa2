package notifier

import (
	"context"
	"errors"
	"hash/maphash"
	"time"

	"presenced/internal/store"
)

// feedWorkers load changed states. Each key has its worker, so that the loads
// of one key follow one another.
const feedWorkers = 8

type load struct {
	key   store.Key
	heard instant
}

var workerSeed = maphash.MakeSeed()

// follow takes changed keys from the feed until ctx ends.
func (n *Notifier) follow(ctx context.Context) error {
	for {
		key, err := n.Feed.Next(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		n.reload(ctx, key)
	}
}

// reload has the key's worker load its state.
func (n *Notifier) reload(ctx context.Context, key store.Key) {
	select {
	case n.worker(key) <- load{key, n.now()}:
	case <-ctx.Done():
	}
}

func (n *Notifier) worker(key store.Key) chan load {
	return n.workers[maphash.String(workerSeed, key.AOR)%feedWorkers]
}

// work loads states and marks who is to hear of them.
func (n *Notifier) work(ctx context.Context, queue chan load) {
	for {
		select {
		case l := <-queue:
			n.changed(ctx, l.key, l.heard)
		case <-ctx.Done():
			return
		}
	}
}

// A state that could not be loaded waits, twice as long each time.
const (
	reloadPause  = time.Second
	longestPause = time.Minute
)

// changed loads the state of key and tells those who can see that it is new.
func (n *Notifier) changed(ctx context.Context, key store.Key, heard instant) {
	key = n.followed(key)
	t, _, _ := n.watched(key)
	if t == nil || n.postpone(ctx, t) {
		return
	}
	state, number, err := n.load(ctx, key, t.pkg)
	if err != nil {
		if !errors.Is(err, store.ErrUnavailable) && ctx.Err() == nil {
			n.Log.Error("state not loaded", "aor", key.AOR, "package", key.Package, "err", err)
		}
		n.retry(ctx, t)
		return
	}
	n.tell(t, state, number, heard)
}

// watched is the topic of key with the number of its subscriptions and the
// version that they are told; nil where nobody watches.
func (n *Notifier) watched(key store.Key) (t *topic, watchers int, have store.Version) {
	sh := n.shardOf(key)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if t = sh.topics.Get(key); t == nil {
		return nil, 0, 0
	}
	if t.state != nil {
		have = t.state.Version()
	}
	return t, len(t.subscriptions), have
}

// tell updates t if it still is what is watched.
func (n *Notifier) tell(t *topic, state State, number uint64, heard instant) {
	sh := n.shardOf(t.key)
	sh.mu.Lock()
	if sh.topics.Get(t.key) == t {
		n.update(t, state, number, heard)
	}
	n.unlock(sh)
}

// retry loads the state of t again after a pause: one timer a topic, as long
// as the topic is there.
func (n *Notifier) retry(ctx context.Context, t *topic) {
	sh := n.shardOf(t.key)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if t.retrying {
		return
	}
	t.retrying = true
	t.pause = min(max(2*t.pause, reloadPause), longestPause)
	time.AfterFunc(t.pause, func() {
		sh.mu.Lock()
		t.retrying = false
		current := sh.topics.Get(t.key) == t
		sh.mu.Unlock()
		if current {
			n.reload(ctx, t.key)
		}
	})
}

// postpone has the state of t loaded when it can be told, where that is later:
// a thousand watchers that come at once are read once or twice.
func (n *Notifier) postpone(ctx context.Context, t *topic) bool {
	if !t.pkg.strict {
		return false
	}
	sh, now := n.shardOf(t.key), n.now()
	sh.mu.Lock()
	defer sh.mu.Unlock()
	switch {
	case t.due:
		return true
	case now >= t.next:
		return false
	}
	t.due = true
	time.AfterFunc(t.next.sub(now), func() {
		sh.mu.Lock()
		t.due = false
		current := sh.topics.Get(t.key) == t
		sh.mu.Unlock()
		if current {
			n.reload(ctx, t.key)
		}
	})
	return true
}

// load asks the package for the state. Of two loads of a key the later one is
// at least as new: the number says which began later.
func (n *Notifier) load(ctx context.Context, key store.Key, pkg *served) (State, uint64, error) {
	number := n.loads.Add(1)
	state, err := pkg.State(ctx, key)
	return state, number, err
}

// present is the state for a SUBSCRIBE. While the store is away it is the one
// that this agent holds for others, if it does.
func (n *Notifier) present(ctx context.Context, key store.Key, pkg *served) (State, uint64, error) {
	state, number, err := n.load(ctx, key, pkg)
	if !errors.Is(err, store.ErrUnavailable) {
		return state, number, err
	}
	if state, number := n.held(key); state != nil {
		return state, number, nil
	}
	return nil, 0, err
}

// Held is the newest state of key that this agent has loaded for its watchers;
// nil where there are none.
func (n *Notifier) Held(key store.Key) State {
	state, _ := n.held(key)
	return state
}

func (n *Notifier) held(key store.Key) (State, uint64) {
	sh := n.shardOf(key)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	t := sh.topics.Get(key)
	if t == nil {
		return nil, 0
	}
	return t.state, t.loaded
}

// update installs a state and marks every subscription that can see a
// difference. The topic's shard is locked.
func (n *Notifier) update(t *topic, state State, number uint64, heard instant) {
	now := n.now()
	news := t.stale > 0 && number >= t.stale || t.differs(state)
	if !t.install(state, number, heard) {
		return
	}
	if number >= t.stale {
		t.stale = 0
	}
	if t.pkg.strict {
		t.next = now.add(t.pkg.interval)
	}
	n.Feed.Seen(t.key, state.Version())
	n.depend(t)
	if !news { // a SUBSCRIBE has loaded it anew: the others need no look
		return
	}
	// An advance may end a subscription, which puts the last one in its place.
	for i := len(t.subscriptions) - 1; i >= 0; i-- {
		n.mark(t.subscriptions[i], now)
	}
}
