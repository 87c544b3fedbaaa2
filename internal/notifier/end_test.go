package notifier_test

import (
	"context"
	"testing"
	"testing/synctest"

	"presenced/internal/notifier"
	"presenced/internal/store"
)

// deletions counts them.
type deletions struct {
	notifier.Subscriptions
	count int
}

func (d *deletions) DeleteSubscription(ctx context.Context, key store.Key, id string, fence uint64) error {
	d.count++
	return d.Subscriptions.DeleteSubscription(ctx, key, id, fence)
}

// The end of a subscription deletes its copy once: before the 200 where the
// watcher ends it.
func TestEndDeletesOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &deletions{}
		n := start(t, func(c *notifier.Config) { d.Subscriptions, c.Store = c.Store, d })
		w := n.watcher("alice")
		w.settled(600)
		res, err := n.Subscribe(t.Context(), w.request(0))
		if err != nil {
			t.Fatal(err)
		}
		if stats, err := n.engine.Stats(t.Context()); err != nil || stats.Subscriptions != 0 {
			t.Errorf("before the 200: %+v, %v", stats, err)
		}
		res.After()
		n.answer(n.one(), 200)
		n.empty()
		if d.count != 1 {
			t.Errorf("deleted %d times", d.count)
		}
		w.refused(600, 481)
	})
}
