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

type load struct{ key store.Key }

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
	worker := n.workers[maphash.String(workerSeed, key.AOR)%feedWorkers]
	select {
	case worker <- load{key}:
	case <-ctx.Done():
	}
}

// work loads states and marks who is to hear of them.
func (n *Notifier) work(ctx context.Context, queue chan load) {
	for {
		select {
		case l := <-queue:
			n.changed(ctx, l.key)
		case <-ctx.Done():
			return
		}
	}
}

// reloadPause is how long a state that could not be loaded waits.
const reloadPause = time.Second

// changed loads the state of key and tells those who can see that it is new.
func (n *Notifier) changed(ctx context.Context, key store.Key) {
	sh := n.shardOf(key)
	sh.mu.Lock()
	t := sh.topics[key]
	sh.mu.Unlock()
	if t == nil {
		return
	}
	state, number, err := n.load(ctx, key, t.pkg)
	if err != nil {
		if !errors.Is(err, store.ErrUnavailable) && ctx.Err() == nil {
			n.Log.Error("state not loaded", "aor", key.AOR, "package", key.Package, "err", err)
		}
		time.AfterFunc(reloadPause, func() { n.reload(ctx, key) })
		return
	}
	var ready pumps
	sh.mu.Lock()
	if sh.topics[key] == t {
		ready = n.update(t, state, number)
	}
	sh.mu.Unlock()
	n.pump(ready)
}

// load asks the package for the state. Of two loads of a key the later one is
// at least as new: the number says which began later.
func (n *Notifier) load(ctx context.Context, key store.Key, pkg Package) (State, uint64, error) {
	number := n.loads.Add(1)
	state, err := pkg.State(ctx, key)
	return state, number, err
}

// update installs a state and marks every subscription that can see a
// difference. The topic's shard is locked; the caller pumps.
func (n *Notifier) update(t *topic, state State, number uint64) (ready pumps) {
	now := n.now()
	if !t.install(state, number, now) {
		return nil
	}
	n.Feed.Seen(t.key, state.Version())
	for _, s := range t.subscriptions {
		ready.add(n.mark(s, now))
	}
	return ready
}
