package notifier

import (
	"container/heap"
	"sync"
	"time"

	"presenced/internal/store"
	"presenced/internal/table"
)

// shard holds the subscriptions to the addresses-of-record of one store
// shard: found by dialog tag, by topic, and by the next deadline.
type shard struct {
	mu     sync.Mutex
	topics table.Table[store.Key, topic]
	byTag  table.Table[string, subscription]
	ending map[string]bool          // ended, while their stored copies are being deleted; nil: none
	visits map[visitor]*store.Visit // about to be written; nil: none
	due    deadlines
	timer  *time.Timer
	armed  instant // when timer fires; 0: it does not
	// stopped: the notifier has ended, and no deadline counts any more.
	stopped bool
	ready   pumps // windows to look at once the lock is free
}

// topic is what is watched: one event package's state of one
// address-of-record, with everybody who watches it here.
type topic struct {
	key           store.Key
	pkg           *served
	state         State   // the newest loaded
	loaded        uint64  // number of the load that brought it
	changed       instant // when this agent heard of it
	next          instant // no load before, where the pace is strict
	stale         uint64  // a load of this number or a later one is news at the same version too; 0: none
	partial       bool    // state is a Partial
	asked         bool    // the first load is under way
	due           bool    // a load waits for next
	retrying      bool    // the state could not be loaded; a timer runs
	pause         time.Duration
	composite     *composite // nil: the key's version says all
	subscriptions []*subscription
}

func (sh *shard) init() {
	sh.topics = table.New(func(t *topic) store.Key { return t.key })
	sh.byTag = table.New(func(s *subscription) string { return s.id })
}

// unlock frees the shard, and sends what found a place while it was locked.
func (n *Notifier) unlock(sh *shard) {
	var room [4]*window
	ready := append(pumps(room[:0]), sh.ready...)
	clear(sh.ready)
	sh.ready = sh.ready[:0]
	sh.mu.Unlock()
	n.pump(ready)
}

func (n *Notifier) shardOf(key store.Key) *shard { return &n.shards[store.Shard(key.AOR)] }

// shardOfTag finds the shard that a local tag names; nil for a tag that is
// not one of ours.
func (n *Notifier) shardOfTag(tag string) *shard {
	i, ok := store.ShardOfSubscription(tag)
	if !ok {
		return nil
	}
	return &n.shards[i]
}

// add puts s into the tables, under its key's topic. The topic is watched
// from now on. The shard is locked.
func (n *Notifier) add(s *subscription, key store.Key, pkg *served, have store.Version) {
	sh := n.shardOf(key)
	t := sh.topics.Get(key)
	if t == nil {
		t = &topic{key: key, pkg: pkg}
		sh.topics.Put(t)
		n.Feed.Watch(key, have)
	}
	s.shard, s.topic, s.position, s.due = sh, t, int32(len(t.subscriptions)), -1
	t.subscriptions = append(t.subscriptions, s)
	sh.byTag.Put(s)
	n.conns.add(s)
}

// remove takes s out of the tables; what it still has to send, it sends. The
// shard is locked.
func (n *Notifier) remove(s *subscription) {
	if s.gone {
		return
	}
	s.gone = true
	sh, t := s.shard, s.topic
	last := t.subscriptions[len(t.subscriptions)-1]
	t.subscriptions[s.position], last.position = last, s.position
	t.subscriptions[len(t.subscriptions)-1] = nil
	t.subscriptions = table.Trim(t.subscriptions[:len(t.subscriptions)-1])
	if len(t.subscriptions) == 0 {
		sh.topics.Delete(t.key)
		n.Feed.Unwatch(t.key)
		n.independ(t)
		t.composite.stop()
	}
	sh.byTag.Delete(s.id)
	if s.due >= 0 {
		heap.Remove(&sh.due, int(s.due))
	}
	n.conns.remove(s)
	n.watchers.weigh(s.account, s.undecided(), false)
	n.watchers.carry(s.account, s.termsOf(), nil)
	n.watchers.release(s.account)
}

// install makes state the topic's, unless a later load has brought a newer
// one. The shard is locked.
func (t *topic) install(state State, number uint64, heard instant) bool {
	if number <= t.loaded {
		return false
	}
	t.loaded, t.pause = number, 0
	if t.state == nil || t.state.Version() != state.Version() {
		t.changed = heard
	}
	t.state = state
	_, t.partial = state.(Partial)
	return true
}

// wakeAt sets the one deadline of s. The shard is locked.
func (n *Notifier) wakeAt(s *subscription, at instant) {
	if s.gone {
		return
	}
	sh := s.shard
	if s.again {
		at = min(at, s.retry)
	}
	if s.rare != nil {
		if s.giveUp > 0 {
			at = min(at, s.giveUp)
		}
		if repeat, ok := s.repeatAt(); ok {
			at = min(at, repeat)
		}
	}
	s.wake = at
	if s.due < 0 {
		heap.Push(&sh.due, s)
	} else {
		heap.Fix(&sh.due, int(s.due))
	}
	n.arm(sh)
}

// arm makes the shard's timer fire at its earliest deadline.
func (n *Notifier) arm(sh *shard) {
	if len(sh.due) == 0 || sh.stopped || sh.armed != 0 && sh.armed <= sh.due[0].wake {
		return
	}
	sh.armed = sh.due[0].wake
	wait := sh.armed.sub(n.now())
	if sh.timer == nil {
		sh.timer = time.AfterFunc(wait, func() { n.expire(sh) })
	} else {
		sh.timer.Reset(wait)
	}
}

// stop has no deadline fire any more: timers would keep a notifier that has
// ended alive.
func (sh *shard) stop() {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if sh.timer != nil {
		sh.timer.Stop()
	}
	for t := range sh.topics.All() {
		t.composite.stop()
	}
	sh.stopped = true
}

// expire moves on every subscription whose deadline has come.
func (n *Notifier) expire(sh *shard) {
	sh.mu.Lock()
	sh.armed = 0
	now := n.now()
	for !sh.stopped && len(sh.due) > 0 && sh.due[0].wake <= now {
		s := sh.due[0]
		heap.Pop(&sh.due)
		n.advance(s, now)
	}
	n.arm(sh)
	n.unlock(sh)
}

// deadlines is a heap of subscriptions by wake.
type deadlines []*subscription

func (d deadlines) Len() int           { return len(d) }
func (d deadlines) Less(i, j int) bool { return d[i].wake < d[j].wake }
func (d deadlines) Swap(i, j int) {
	d[i], d[j] = d[j], d[i]
	d[i].due, d[j].due = int32(i), int32(j)
}

// Push is heap.Interface's.
func (d *deadlines) Push(x any) {
	s := x.(*subscription)
	s.due = int32(len(*d))
	*d = append(*d, s)
}

// Pop is heap.Interface's.
func (d *deadlines) Pop() any {
	old := *d
	s := old[len(old)-1]
	old[len(old)-1] = nil
	*d, s.due = table.Trim(old[:len(old)-1]), -1
	return s
}
