package notifier

import (
	"context"
	"fmt"
)

// Left tells what is held for subscriptions: nothing, once they have ended.
func (n *Notifier) Left() (left []string) {
	n.conns.mu.Lock()
	defer n.conns.mu.Unlock()
	n.watchers.mu.Lock()
	defer n.watchers.mu.Unlock()
	if n.conns.all.Len()+n.watchers.used.Len() > 0 {
		left = append(left, fmt.Sprintf("%d connections, %d watchers", n.conns.all.Len(), n.watchers.used.Len()))
	}
	for i := range n.shards {
		sh := &n.shards[i]
		sh.mu.Lock()
		if sh.topics.Len()+sh.byTag.Len()+len(sh.due)+len(sh.ready) > 0 {
			left = append(left, fmt.Sprintf("shard %d: %d topics, %d tags, %d deadlines", i, sh.topics.Len(), sh.byTag.Len(), len(sh.due)))
		}
		sh.mu.Unlock()
	}
	return left
}

// Places tells which windows are not idle, or should be gone. With no NOTIFY
// in flight there are none.
func (n *Notifier) Places() (taken []string) {
	n.windows.mu.Lock()
	defer n.windows.mu.Unlock()
	for key, w := range n.windows.all {
		w.mu.Lock()
		if w.free != w.size || !w.empty() || len(w.peers)+len(w.crowded) > 0 || !key.isSocket() {
			taken = append(taken, fmt.Sprintf("%+v: %d free", key, w.free))
		}
		w.mu.Unlock()
	}
	return taken
}

// Offer queues a chore that may be left undone, in one lane.
func (n *Notifier) Offer(f func(context.Context)) { n.chores[0].offer(f) }

// MaxChores is how many chores may wait in a lane before such a one is left undone.
const MaxChores = maxChores
