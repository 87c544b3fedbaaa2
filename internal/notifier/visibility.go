package notifier

import (
	"context"

	"presenced/internal/store"
)

// VisibilityChanged is told that a watcher's word on how much of its watching
// is shown is another one, "": anybody's. Who is told of it as a watcher is
// told anew, at the pace of watcher information.
func (n *Notifier) VisibilityChanged(ctx context.Context, watcher string) {
	for i := range n.shards {
		for _, key := range n.stale(&n.shards[i], watcher) {
			n.reload(ctx, key)
		}
	}
}

// stale marks the topics that have told of a watcher.
func (n *Notifier) stale(sh *shard, watcher string) (keys []store.Key) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	for t := range sh.topics.All() {
		list, ok := t.state.(*watchers)
		if !ok || watcher != "" && len(list.own()[watcher]) == 0 {
			continue
		}
		t.stale = n.loads.Load() + 1
		keys = append(keys, t.key)
	}
	return keys
}
