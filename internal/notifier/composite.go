package notifier

import (
	"context"
	"maps"
	"time"

	"presenced/internal/store"
)

// composite is what a topic with a Composite state depends on beside its key.
type composite struct {
	also  store.Key   // watched too; the zero key: none
	lapse *time.Timer // fires when the state is another one; nil: never
}

// StateChanged is told that the state of key is another one although its
// version may not be.
func (n *Notifier) StateChanged(ctx context.Context, key store.Key) {
	if n.disturb(key) {
		n.reload(ctx, key)
	}
}

// StatesChanged is StateChanged for every key of a package.
func (n *Notifier) StatesChanged(ctx context.Context, pkg string) {
	for i := range n.shards {
		sh := &n.shards[i]
		keys := map[store.Key]bool{}
		sh.mu.Lock()
		for t := range sh.topics.All() {
			if t.key.Package == pkg {
				keys[t.key] = true
			}
		}
		sh.mu.Unlock()
		for key := range maps.Keys(keys) {
			n.StateChanged(ctx, key)
		}
	}
}

// disturb has the next load of key be news. It is false where nobody watches.
func (n *Notifier) disturb(key store.Key) bool {
	sh := n.shardOf(key)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	t := sh.topics.Get(key)
	if t == nil {
		return false
	}
	t.stale = n.loads.Load() + 1
	return true
}

// followed is the key whose state is made of a key that the feed has told; most
// are their own.
func (n *Notifier) followed(key store.Key) store.Key {
	name, ok := n.followers[key.Package]
	if !ok {
		return key
	}
	key.Package = name
	n.disturb(key)
	return key
}

// differs says whether a state may be another one than the topic's. A SUBSCRIBE
// can load what the feed has not told of yet, and will not any more, or what a
// lapse has made that the timer has not told of.
func (t *topic) differs(state State) bool {
	if t.state == nil || t.state.Version() != state.Version() {
		return true
	}
	had, composite := t.state.(Composite)
	has, stays := state.(Composite)
	if !composite || !stays {
		return composite != stays
	}
	key, version, _ := had.Also()
	other, newer, _ := has.Also()
	return key != other || version != newer || !had.Until().Equal(has.Until())
}

// depend follows what the state of t, which has just been installed, depends
// on. The topic's shard is locked.
func (n *Notifier) depend(t *topic) {
	c, ok := t.state.(Composite)
	if !ok {
		return
	}
	also, version, _ := c.Also()
	until := c.Until()
	if t.composite == nil {
		if also == (store.Key{}) && until.IsZero() {
			return
		}
		t.composite = new(composite)
	}
	switch {
	case also == t.composite.also && also != (store.Key{}):
		n.Feed.Seen(also, version)
	case also != t.composite.also:
		n.independ(t)
		t.composite.also = also
		if also != (store.Key{}) {
			n.Feed.Watch(also, version)
		}
	}
	t.composite.stop()
	if !until.IsZero() {
		t.composite.lapse = time.AfterFunc(time.Until(until), func() { n.lapsed(t) })
	}
}

// independ ends the watch of the other key. The topic's shard is locked.
func (n *Notifier) independ(t *topic) {
	if t.composite != nil && t.composite.also != (store.Key{}) {
		n.Feed.Unwatch(t.composite.also)
		t.composite.also = store.Key{}
	}
}

func (c *composite) stop() {
	if c != nil && c.lapse != nil {
		c.lapse.Stop()
		c.lapse = nil
	}
}

// busy is how long a lapse waits that finds every place taken.
const busy = 100 * time.Millisecond

// lapsed has the state of t loaded anew: its time is over.
func (n *Notifier) lapsed(t *topic) {
	sh := n.shardOf(t.key)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if sh.stopped || sh.topics.Get(t.key) != t {
		return
	}
	t.stale = n.loads.Load() + 1
	select {
	case n.worker(t.key) <- load{t.key, n.now()}:
	default:
		t.composite.lapse = time.AfterFunc(busy, func() { n.lapsed(t) })
	}
}
