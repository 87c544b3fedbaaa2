package notifier

import (
	"context"
	"unique"

	"presenced/internal/store"
	"presenced/sip/event"
	"presenced/watcherinfo"
)

// waiting is the state of what is left of a subscription that ended before the
// presentity had decided on it, and of a fetch (RFC 3857 s.4.7.1). It has no
// dialog any more. It is kept so that the presentity learns of the watcher, and
// ends with the decision, with an equal attempt, or after Config.GiveUp.
const waiting event.State = "waiting"

func (s *subscription) waits() bool { return s.decision().State == waiting }

var waitingStanding = unique.Make(standing{Decision{State: waiting}, "", codeOf(watcherinfo.Waiting, watcherinfo.Timeout)})

// waitingOf is what waits once s has ended, in no table yet.
func (n *Notifier) waitingOf(s *subscription) *subscription {
	w := &subscription{
		shard: s.shard, id: s.id, account: &account{watcher: s.watcher}, who: s.who, path: s.path, dialog: s.dialog, routed: s.routed,
		fence: s.fence, cseq: s.cseq, cseqLimit: s.cseqLimit, begun: s.begun, known: s.known, outcome: s.outcome,
		standing: waitingStanding, due: -1,
	}
	w.path.conn = 0
	return w
}

// conclude is what an event makes of a subscription that is out of the tables:
// it waits, or nothing is left but that it has been. The shard is locked.
func (n *Notifier) conclude(s *subscription, e watcherinfo.Event) {
	next, err := watcherinfo.Next(s.code().status(), e, "")
	switch {
	case err == nil && next == watcherinfo.Waiting && n.GiveUp > 0:
		w := n.waitingOf(s)
		w.account = n.watchers.count(s.watcher)
		n.await(w, s.topic.key, s.topic.pkg, n.now().add(n.GiveUp))
		return
	case err == nil && next == watcherinfo.Waiting:
		e = watcherinfo.Giveup
	}
	n.ended(s, e)
	n.forget(s)
}

// await enters a waiting subscription, which is counted already. The shard is
// locked.
func (n *Notifier) await(w *subscription, key store.Key, pkg *served, until instant) {
	n.watchers.weigh(w.account, false, true)
	n.add(w, key, pkg, 0)
	w.expires = until
	n.wakeAt(w, until)
	if w.known != w.code() {
		n.reserve(w)
	}
}

// finish ends a waiting subscription. The shard is locked.
func (n *Notifier) finish(w *subscription, e watcherinfo.Event) {
	n.remove(w)
	n.conclude(w, e)
}

// judgeWaiting takes the decision that was waited for. The shard is locked.
func (n *Notifier) judgeWaiting(w *subscription, d Decision) {
	switch d.State {
	case event.Active:
		n.finish(w, watcherinfo.Approved)
	case event.Terminated:
		n.finish(w, watcherinfo.Rejected)
	}
}

// knock leaves a fetch that met no decision waiting.
func (n *Notifier) knock(ctx context.Context, s *subscription, key store.Key, pkg *served) error {
	if !s.undecided() || n.GiveUp == 0 {
		return nil
	}
	w := n.waitingOf(s)
	if err := n.keep(ctx, w, key, n.GiveUp); err != nil {
		return err
	}
	w.shard.mu.Lock()
	n.giveUpEqual(w, key)
	w.expires = n.now().add(n.GiveUp)
	n.add(w, key, pkg, 0)
	n.wakeAt(w, w.expires)
	n.unlock(w.shard)
	return nil
}

// giveUpEqual ends the waiting subscriptions of the same attempt, which s
// makes redundant (RFC 3857 s.4.7.1). Those of other agents end when watcher
// information is asked for. The shard is locked.
func (n *Notifier) giveUpEqual(s *subscription, key store.Key) {
	for _, old := range s.equals(key) {
		n.finish(old, watcherinfo.Giveup)
	}
}

// equals are the waiting subscriptions to key of the same watcher, with the
// same parameters and filter. The shard is locked.
func (s *subscription) equals(key store.Key) (list []*subscription) {
	t := s.shard.topics.Get(key)
	if t == nil {
		return nil
	}
	for _, other := range t.subscriptions {
		if other != s && other.watcher == s.watcher && other.waits() && attemptOf(other.dialog) == attemptOf(s.dialog) {
			list = append(list, other)
		}
	}
	return list
}

// enterWaiting enters a stored subscription that waits, and decides on it.
func (n *Notifier) enterWaiting(s *subscription, r store.Subscription, pkg *served, d Decision) *subscription {
	sh := n.shardOf(r.Key)
	sh.mu.Lock()
	defer n.unlock(sh)
	if have := sh.byTag.Get(s.id); have != nil {
		have.fence = max(have.fence, s.fence)
		return have
	}
	s.path.conn, s.held, s.rare = 0, false, nil
	s.standing = waitingStanding
	s.account = n.watchers.count(s.watcher)
	n.await(s, r.Key, pkg, n.now().add(r.TTL))
	n.judgeWaiting(s, d)
	return s
}

// overdue says whether a stored subscription waits: it is written so, or its
// time ended while nobody served it.
func (n *Notifier) overdue(r store.Subscription) bool {
	switch code(r.Standing).status() {
	case watcherinfo.Waiting:
		return true
	case watcherinfo.Pending:
		return r.TTL <= n.GiveUp
	}
	return false
}
