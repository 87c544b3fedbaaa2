package notifier

import (
	"context"
	"strings"

	"presenced/internal/store"
	"presenced/sip"
	"presenced/sip/event"
	"presenced/watcherinfo"
)

// visitor is who has watched what.
type visitor struct {
	key     store.Key
	watcher string
}

// visit writes one more of a watcher's visits, as a chore: the recent past is
// part of watcher information by RFC 2778 s.2.5. What comes while the chore
// waits is written with it. The shard is locked.
func (n *Notifier) visit(s *subscription, v store.Visit) {
	if n.Past <= 0 {
		return
	}
	v.TTL = n.Past
	sh, who := s.shard, visitor{s.topic.key, s.watcher}
	if have := sh.visits[who]; have != nil {
		*have = v.Merge(*have)
		return
	}
	packed := s.dialog
	kept := &v
	offered := n.chores.of(who.key).offer(func(ctx context.Context) {
		sh.mu.Lock()
		visit := *kept
		if delete(sh.visits, who); len(sh.visits) == 0 {
			sh.visits = nil
		}
		sh.mu.Unlock()
		visit.Watcher, visit.Display = strings.Clone(who.watcher), displayName(packed)
		if err := n.Store.Visit(ctx, who.key, visit, n.Visitors); err != nil {
			n.Log.Debug("a visit is not remembered", "aor", who.key.AOR, "err", err)
		}
	})
	if !offered {
		return
	}
	if sh.visits == nil {
		sh.visits = map[visitor]*store.Visit{}
	}
	sh.visits[who] = kept
}

// ended is the visit of a subscription that has ended.
func (n *Notifier) ended(s *subscription, e watcherinfo.Event) {
	n.visit(s, store.Visit{Subscriptions: 1, Ended: []store.Ended{{ID: s.id, Event: e.Code()}}})
}

// displayName is the name that a watcher gave itself in From, "" for none.
func displayName(packed string) string {
	dialog, _, err := event.UnpackDialog(packed)
	if err != nil || !strings.ContainsAny(dialog.Remote, "<") || strings.HasPrefix(dialog.Remote, "<") {
		return ""
	}
	address, err := sip.ParseAddress(dialog.Remote)
	if err != nil {
		return ""
	}
	return address.Display
}
