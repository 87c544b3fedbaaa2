package notifier

import (
	"context"

	"presenced/internal/store"
	"presenced/sip/event"
)

// Watcher is what `presenced show` prints of one subscription.
type Watcher struct {
	ID      string
	Watcher string // address-of-record; "" anonymous
	Agent   string
	State   event.State // "" where another agent serves it
	Expires int         // seconds
	Flow    string
	Outcome string // of the last NOTIFY: "200", "timeout", ...; "" none yet
}

// Watchers are the subscriptions to key, here and at other agents.
func (n *Notifier) Watchers(ctx context.Context, key store.Key) ([]Watcher, error) {
	stored, err := n.Store.Watchers(ctx, key)
	if err != nil {
		return nil, err
	}
	list := make([]Watcher, 0, len(stored.Subscriptions))
	sh, now := n.shardOf(key), n.now()
	sh.mu.Lock()
	defer sh.mu.Unlock()
	for _, r := range stored.Subscriptions {
		w := Watcher{ID: r.ID, Watcher: r.Watcher, Agent: r.Agent, Expires: int(r.TTL.Seconds())}
		if s := sh.byTag.Get(r.ID); s != nil {
			w.State, w.Outcome, w.Flow = s.decision().State, s.outcome.String(), s.path.flow().String()
			w.Expires = s.expires.seconds(now)
		}
		list = append(list, w)
	}
	return list, nil
}

// Stats counts the live subscriptions of this agent by package and state.
func (n *Notifier) Stats() map[string]map[event.State]int {
	count := map[string]map[event.State]int{}
	for i := range n.shards {
		sh := &n.shards[i]
		sh.mu.Lock()
		for t := range sh.topics.All() {
			byState := count[t.key.Package]
			if byState == nil {
				byState = map[event.State]int{}
				count[t.key.Package] = byState
			}
			for _, s := range t.subscriptions {
				byState[s.decision().State]++
			}
		}
		sh.mu.Unlock()
	}
	return count
}

// Drain refuses new SUBSCRIBEs from now on. NOTIFYs in flight are the
// transaction layer's to finish; subscriptions stay in the store.
func (n *Notifier) Drain() { n.draining.Store(true) }
