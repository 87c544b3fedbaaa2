package notifier

import (
	"context"

	"presenced/internal/store"
	"presenced/sip/event"
)

// Reconsider decides anew on every watcher: the rules have changed. A pending
// one that may see now is notified at once, one that may not any more ends
// with reason rejected, and a changed view is sent; none of it waits for the
// pace (RFC 6665 s.4.2.2).
func (n *Notifier) Reconsider(ctx context.Context) {
	n.rulings.Add(1)
	for i := range n.shards {
		sh := &n.shards[i]
		var all []*subscription
		sh.mu.Lock()
		for t := range sh.topics.All() {
			all = append(all, t.subscriptions...)
		}
		sh.mu.Unlock()
		n.decideAll(ctx, all)
	}
}

// ReconsiderKey is Reconsider for one resource, and for who watches its
// watchers.
func (n *Notifier) ReconsiderKey(ctx context.Context, key store.Key) {
	n.rulings.Add(1)
	var all []*subscription
	sh := n.shardOf(key)
	sh.mu.Lock()
	for range 1 + deepest {
		if t := sh.topics.Get(key); t != nil {
			all = append(all, t.subscriptions...)
		}
		key = key.Winfo()
	}
	sh.mu.Unlock()
	n.decideAll(ctx, all)
}

// confirm decides anew where the rules have changed since asked, the number of
// rulings when the decision was asked for: Reconsider may have gone by before
// it was applied.
func (n *Notifier) confirm(ctx context.Context, s *subscription, asked uint64) {
	if n.rulings.Load() != asked {
		n.decideAnew(ctx, s)
	}
}

func (n *Notifier) decideAll(ctx context.Context, all []*subscription) {
	for _, s := range all {
		n.decideAnew(ctx, s)
	}
}

// decideAnew asks once more where the rules have changed meanwhile: who has
// changed them may have been faster to decide.
func (n *Notifier) decideAnew(ctx context.Context, s *subscription) {
	for !n.decideOnce(ctx, s) {
	}
}

// decideOnce is false where the answer is out of date, and nothing has come of it.
func (n *Notifier) decideOnce(ctx context.Context, s *subscription) bool {
	asked := n.rulings.Load()
	decision, err := s.topic.pkg.ask(ctx, s.topic.key, s.identity(), func() string {
		s.shard.mu.Lock()
		defer s.shard.mu.Unlock()
		return s.params()
	})
	if err != nil {
		n.Log.Warn("decision kept, the rules could not be asked", "aor", s.topic.key.AOR, "err", err)
		return true
	}
	s.shard.mu.Lock()
	defer n.unlock(s.shard)
	if n.rulings.Load() != asked {
		return false
	}
	decision = s.termsOf().extended(decision)
	if !s.gone && s.decision() != decision {
		n.transition(s, decision)
	}
	return true
}

// transition is a changed decision on a live subscription. Where it changes
// nothing that the watcher can see, the watcher is not told that there was one.
// The shard is locked.
func (n *Notifier) transition(s *subscription, d Decision) {
	if s.waits() {
		n.judgeWaiting(s, d)
		return
	}
	if d.State == event.Terminated {
		n.terminate(s, event.Rejected)
		return
	}
	before := s.decision().State
	stays := d.State == before && !s.dirty
	n.move(s, d, "")
	if stays && s.topic.state != nil && s.sent == s.signature() {
		s.relearns()
		return
	}
	if t := s.termsOf(); t != nil && d.State == before && (t.dormant || t.rates.max > 0) {
		// RFC 5839 s.6.3, RFC 6446 s.5.2: only another state is told now.
		s.learns(superseded)
		s.dirty = s.dirty || !t.dormant
		n.advance(s, n.now())
		return
	}
	n.supersede(s)
	n.press(s, n.now())
}
