package notifier

import (
	"context"
	"errors"
	"math"
	"sync"
	"time"

	"presenced/internal/store"
)

// chores are store writes that nobody waits for: the end of a subscription,
// the next block of sequence numbers. They are small; a store that is away
// drops them, and the record's lifetime or the next NOTIFY repairs it.
//
// Those of one address-of-record follow one another, in its lane; the lanes run
// beside each other, so that a store behind a network makes the writes of a
// takeover in fewer round trips.
type chores [choreLanes]lane

type lane struct {
	mu      sync.Mutex
	queue   []func(context.Context)
	arrived chan struct{}
}

const (
	choreTime  = 5 * time.Second
	choreLanes = 32
	maxChores  = 1 << 13 // in a lane: beyond it what is offered is left undone
)

func (c *chores) init() {
	for i := range c {
		c[i].arrived = make(chan struct{}, 1)
	}
}

// of is the lane of a key.
func (c *chores) of(key store.Key) *lane { return &c[store.Shard(key.AOR)%choreLanes] }

// run does chores until ctx ends, and then what is left within choreTime.
func (c *chores) run(ctx context.Context) {
	var lanes sync.WaitGroup
	for i := range c {
		lanes.Go(func() { c[i].run(ctx) })
	}
	lanes.Wait()
}

// add queues a chore of which there is at most one for a shard, a topic or a
// subscription.
func (l *lane) add(f func(context.Context)) { l.queueUp(f, math.MaxInt) }

// offer queues a chore that may be left undone: false where it is.
func (l *lane) offer(f func(context.Context)) bool { return l.queueUp(f, maxChores) }

func (l *lane) queueUp(f func(context.Context), most int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.queue) >= most {
		return false
	}
	l.queue = append(l.queue, f)
	select {
	case l.arrived <- struct{}{}:
	default:
	}
	return true
}

func (l *lane) run(ctx context.Context) {
	for ctx.Err() == nil {
		l.do(ctx)
		select {
		case <-l.arrived:
		case <-ctx.Done():
		}
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), choreTime)
	defer cancel()
	l.do(last)
}

// do does what is queued, until ctx ends.
func (l *lane) do(ctx context.Context) {
	for ctx.Err() == nil {
		f := l.next()
		if f == nil {
			return
		}
		bounded, cancel := context.WithTimeout(ctx, choreTime)
		f(bounded)
		cancel()
	}
}

func (l *lane) next() func(context.Context) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.queue) == 0 {
		l.queue = nil
		return nil
	}
	f := l.queue[0]
	l.queue[0] = nil
	l.queue = l.queue[1:]
	return f
}

// forget deletes the stored copy, unless that has been done. Until it is
// deleted nobody takes the dialog up from it. The shard is locked.
func (n *Notifier) forget(s *subscription) {
	if s.erased {
		return
	}
	sh, key, id, fence := s.shard, s.topic.key, s.id, s.fence
	offered := n.chores.of(key).offer(func(ctx context.Context) {
		err := n.Store.DeleteSubscription(ctx, key, id, fence)
		if err != nil && !errors.Is(err, store.ErrFenced) {
			n.Log.Debug("stored subscription outlives its end until it expires", "id", id, "err", err)
		}
		sh.mu.Lock()
		defer sh.mu.Unlock()
		if delete(sh.ending, id); len(sh.ending) == 0 {
			sh.ending = nil // a map keeps the memory of its best days
		}
	})
	if !offered {
		return
	}
	if sh.ending == nil {
		sh.ending = map[string]bool{}
	}
	sh.ending[id] = true
}

// putLater stores the standing of s after a pause, where the store has another
// one: watcher information would be wrong for long.
func (n *Notifier) putLater(s *subscription) {
	s.shard.mu.Lock()
	defer s.shard.mu.Unlock()
	if s.reserving || s.gone || s.known == s.code() {
		return
	}
	s.reserving = true
	time.AfterFunc(putPause, func() {
		s.shard.mu.Lock()
		defer s.shard.mu.Unlock()
		s.reserving = false
		n.reserve(s)
	})
}

const putPause = 5 * time.Second

// reserve stores the next block of sequence numbers before the present one is
// used up. Where that fails, the next NOTIFY tries again. The shard is locked.
func (n *Notifier) reserve(s *subscription) {
	if s.reserving || s.gone {
		return
	}
	s.reserving = true
	n.chores.of(s.topic.key).add(func(ctx context.Context) {
		s.shard.mu.Lock()
		s.reserving = false
		s.shard.mu.Unlock()
		n.putBlock(ctx, s)
	})
}

// putBlock stores the copy with the block that follows the last number used.
func (n *Notifier) putBlock(ctx context.Context, s *subscription) {
	s.shard.mu.Lock()
	if s.gone {
		s.shard.mu.Unlock()
		return
	}
	s.copies++
	c := *s
	s.shard.mu.Unlock()
	defer func() {
		s.shard.mu.Lock()
		s.copies++
		s.shard.mu.Unlock()
	}()
	c.cseqLimit = c.cseq + cseqBlock
	now := n.now()
	err := n.Store.PutSubscription(ctx, c.record(n.Agent, c.topic.key, n.keptFor(&c, c.expires.sub(now)), now))
	switch {
	case err == nil:
		s.shard.mu.Lock()
		s.known = c.code()
		s.cseqLimit = max(s.cseqLimit, c.cseqLimit)
		if s.dialog == c.dialog { // one copy of it is enough
			s.id, s.dialog = c.id, c.dialog
		}
		if s.erased { // and now it has been put back
			if s.erased = false; s.gone {
				n.forget(s)
			}
		}
		if w := s.shard.byTag.Get(c.id); s.gone && w != nil { // it has come to wait meanwhile
			w.known = c.code()
			n.reserve(w)
		}
		s.shard.mu.Unlock()
	case errors.Is(err, store.ErrFenced):
		n.leave(s)
	default:
		n.Log.Debug("sequence numbers not reserved", "id", c.id, "err", err)
		n.putLater(s)
	}
}
