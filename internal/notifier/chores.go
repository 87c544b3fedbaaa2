package notifier

import (
	"context"
	"errors"
	"sync"
	"time"

	"presenced/internal/store"
)

// chores are store writes that nobody waits for: the end of a subscription,
// the next block of sequence numbers. They are small; a store that is away
// drops them, and the record's lifetime or the next NOTIFY repairs it.
type chores struct {
	mu      sync.Mutex
	queue   []func(context.Context)
	arrived chan struct{}
}

const choreTime = 5 * time.Second

func (c *chores) init() { c.arrived = make(chan struct{}, 1) }

func (c *chores) add(f func(context.Context)) {
	c.mu.Lock()
	c.queue = append(c.queue, f)
	c.mu.Unlock()
	select {
	case c.arrived <- struct{}{}:
	default:
	}
}

func (c *chores) run(ctx context.Context) {
	for {
		c.mu.Lock()
		batch := c.queue
		c.queue = nil
		c.mu.Unlock()
		for _, f := range batch {
			bounded, cancel := context.WithTimeout(ctx, choreTime)
			f(bounded)
			cancel()
		}
		if len(batch) > 0 {
			continue
		}
		select {
		case <-c.arrived:
		case <-ctx.Done():
			return
		}
	}
}

// forget deletes the stored copy. The shard is locked.
func (n *Notifier) forget(s *subscription) {
	key, id, fence := s.topic.key, s.id, s.fence
	n.chores.add(func(ctx context.Context) {
		err := n.Store.DeleteSubscription(ctx, key, id, fence)
		if err != nil && !errors.Is(err, store.ErrFenced) {
			n.Log.Debug("stored subscription outlives its end until it expires", "id", id, "err", err)
		}
	})
}

// reserve stores the next block of sequence numbers before the present one is
// used up. The shard is locked.
func (n *Notifier) reserve(s *subscription) {
	s.cseqLimit += cseqBlock
	record := s.record(n.Agent, s.expires.sub(n.now()))
	n.chores.add(func(ctx context.Context) {
		switch err := n.Store.PutSubscription(ctx, record); {
		case errors.Is(err, store.ErrFenced):
			n.leave(s)
		case err != nil:
			n.Log.Debug("sequence numbers not reserved", "id", record.ID, "err", err)
		}
	})
}
