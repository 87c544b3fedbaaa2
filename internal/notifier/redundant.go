package notifier

import (
	"context"

	"presenced/internal/store"
	"presenced/watcherinfo"
)

// redundantOf are the ids of waiting subscriptions that a younger one of the
// same watcher, with the same parameters and filter, has made redundant
// (RFC 3857 s.4.7.1). Mostly they have ended already; those that another agent
// keeps, the agent with the younger one does not know.
func redundantOf(list []store.Subscription) map[string]bool {
	var waiting []int
	for i := range list {
		if code(list[i].Standing).status() == watcherinfo.Waiting {
			waiting = append(waiting, i)
		}
	}
	if len(waiting) == 0 {
		return nil
	}
	youngest := map[string]store.Subscription{} // undecided ones, by attempt
	for _, r := range list {
		status := code(r.Standing).status()
		if status != watcherinfo.Waiting && status != watcherinfo.Pending {
			continue
		}
		name := r.Watcher + "\x00" + attemptIn(r.Data)
		if have, ok := youngest[name]; !ok || younger(r, have) {
			youngest[name] = r
		}
	}
	redundant := map[string]bool{}
	for _, i := range waiting {
		if youngest[list[i].Watcher+"\x00"+attemptIn(list[i].Data)].ID != list[i].ID {
			redundant[list[i].ID] = true
		}
	}
	return redundant
}

func younger(a, b store.Subscription) bool {
	return a.Age < b.Age || a.Age == b.Age && a.ID < b.ID
}

// attemptIn is the attempt in a record's data.
func attemptIn(data string) string { return attemptOf(dialogIn(data)) }

// giveUpRedundant ends redundant subscriptions, which are claimed for it: who
// kept them hears of that.
func (n *Notifier) giveUpRedundant(key store.Key, ids map[string]bool) {
	for id := range ids {
		n.chores.of(key).offer(func(ctx context.Context) { n.claimEnd(ctx, id) })
	}
}

func (n *Notifier) claimEnd(ctx context.Context, id string) {
	sh := n.shardOfTag(id)
	if sh == nil {
		return
	}
	sh.mu.Lock()
	w := sh.byTag.Get(id)
	sh.mu.Unlock()
	if w == nil {
		var err error
		if w, err = n.claim(ctx, id); err != nil {
			return // it ends with its time
		}
	}
	sh.mu.Lock()
	if !w.gone && w.waits() {
		n.finish(w, watcherinfo.Giveup)
	}
	n.unlock(sh)
}
