package notifier

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"
	"unique"

	"presenced/internal/store"
	"presenced/sip"
	"presenced/sip/event"
	"presenced/watcherinfo"
)

// Run restores this agent's subscriptions and serves changes until ctx ends.
func (n *Notifier) Run(ctx context.Context) error {
	var wait sync.WaitGroup
	for _, queue := range n.workers {
		wait.Go(func() { n.work(ctx, queue) })
	}
	wait.Go(func() { n.chores.run(ctx) })
	wait.Go(func() { n.yield(ctx) })
	wait.Go(func() { n.adopt(ctx) })
	err := n.follow(ctx)
	wait.Wait()
	for i := range n.shards {
		n.shards[i].stop()
	}
	return err
}

// Restore takes up the subscriptions that this agent's name owns: after a
// restart, an epoch begins for each, since nobody knows which NOTIFY was the
// last to arrive. Call it before Run.
func (n *Notifier) Restore(ctx context.Context) (count int, err error) {
	err = n.Store.OwnSubscriptions(ctx, func(r store.Subscription) error {
		if _, err := n.takeUp(ctx, r); err != nil {
			n.Log.Warn("a stored subscription is left out", "id", r.ID, "err", err)
			return nil
		}
		count++
		return nil
	})
	return count, err
}

var errPackage = errors.New("its event package is not served here")

// takeUp makes a stored subscription one of ours. Whether its peer can be
// reached from here, Reroute says; a peer that cannot is sent nothing until
// it refreshes.
func (n *Notifier) takeUp(ctx context.Context, r store.Subscription) (*subscription, error) {
	s, dialog, err := restored(r)
	if err != nil {
		return nil, err
	}
	return n.place(ctx, s, dialog, r)
}

// place decides on a restored subscription and enters it.
func (n *Notifier) place(ctx context.Context, s *subscription, dialog event.Dialog, r store.Subscription) (*subscription, error) {
	pkg := n.packages[r.Key.Package]
	if pkg == nil {
		return nil, errPackage
	}
	asked := n.rulings.Load()
	decision, err := pkg.ask(ctx, r.Key, s.identity(), s.params)
	if err != nil {
		return nil, err
	}
	now := n.now()
	s.known, s.begun = code(r.Standing), int32((time.Duration(now)-r.Age)/time.Second)
	s.standing = unique.Make(standing{code: s.known})
	if n.overdue(r) {
		s = n.enterWaiting(s, r, pkg, decision)
		n.confirm(ctx, s, asked)
		return s, nil
	}
	s.stand(s.termsOf().extended(decision), "")
	if s.expires = now.add(r.TTL); s.known.status() == watcherinfo.Pending {
		s.expires = s.expires.add(-n.GiveUp)
	}
	n.setGiveUp(s, n.GiveUp-r.Age)
	if !s.routed {
		var flow sip.Flow
		flow, s.suspend = n.reach(s.path.flow(), dialog, now)
		s.path = pathOf(flow)
	}
	n.address(s, dialog)
	s = n.enter(s, r.Key, pkg)
	n.confirm(ctx, s, asked)
	return s, nil
}

// address makes our Contact the one at which this agent is reached, which a
// NOTIFY tells the watcher (RFC 6665 s.3.2): its next SUBSCRIBE is not to go
// to an agent that is dead. s is nobody else's yet.
func (n *Notifier) address(s *subscription, dialog event.Dialog) {
	ours, ok := n.Reroute(s.path.flow())
	if !ok || s.suspend != 0 {
		return
	}
	contact := n.Contact(ours, strings.HasPrefix(dialog.Contact, "<sips:"))
	if contact != dialog.Contact {
		dialog.Contact = contact
		s.dialog = packed(&dialog, restOf(s.dialog))
		s.id = partOf(s.dialog, s.id)
	}
}

// enter puts a stored subscription into the tables, unless it is there. Its
// watcher is told the state once that is loaded. One that the rules have come
// to refuse ends.
func (n *Notifier) enter(s *subscription, key store.Key, pkg *served) *subscription {
	sh := n.shardOf(key)
	sh.mu.Lock()
	defer n.unlock(sh)
	if have := sh.byTag.Get(s.id); have != nil {
		have.fence = max(have.fence, s.fence)
		return have
	}
	s.account = n.watchers.count(s.watcher)
	n.watchers.weigh(s.account, false, s.undecided())
	n.watchers.carry(s.account, nil, s.termsOf())
	n.add(s, key, pkg, 0)
	t := s.termsOf()
	if s.dirty = t == nil || !t.dormant; !s.dirty {
		s.blind = true // it may be
	}
	if !s.held && !s.terminated() { // else its SUBSCRIBE reserves, or nothing will follow
		s.held = true
		n.resume(s)
	}
	switch t := s.topic; {
	case s.terminated():
		n.terminate(s, event.Rejected)
	case t.state != nil:
		n.advance(s, n.now())
	default:
		n.wakeAt(s, s.expires)
		if !t.asked {
			t.asked = true
			n.chores.of(key).add(func(ctx context.Context) { n.reload(ctx, key) })
		}
	}
	return s
}

// reach is the flow to a peer that subscribed elsewhere or before: ours if
// the peer's address is its own (no NAT between), else none.
func (n *Notifier) reach(flow sip.Flow, d event.Dialog, now instant) (sip.Flow, instant) {
	ours, ok := n.Reroute(flow)
	if ok && (ours == flow || numericHost(d.Target) == flow.Remote) {
		return ours, 0
	}
	return flow, now.add(n.Grace)
}

// claim takes a dialog over that another agent has served, or that this one
// has forgotten; 481 when nobody knows it. It is held: nothing leaves before the
// 200 of the SUBSCRIBE that it is claimed for, or before resume.
func (n *Notifier) claim(ctx context.Context, id string) (*subscription, error) {
	r, err := n.Store.ClaimSubscription(ctx, id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, sip.Errorf(sip.StatusNoSuchTransaction, "")
	case err != nil:
		return nil, away(err)
	}
	s, dialog, err := restored(r)
	if err == nil {
		s.held = true
		s, err = n.place(ctx, s, dialog, r)
	}
	if err != nil {
		return nil, sip.Errorf(sip.StatusNoSuchTransaction, "").Because(err)
	}
	return s, nil
}

// resume has a subscription that was taken up tell its watcher the state, once
// the store has its next block of sequence numbers: who served it before may
// have used all of the last, and CSeq must rise (RFC 3261 s.12.2.1.1). A
// SUBSCRIBE meanwhile does so itself. The shard is locked.
func (n *Notifier) resume(s *subscription) {
	if !s.held || s.gone {
		return
	}
	epoch := s.epoch
	n.chores.of(s.topic.key).add(func(ctx context.Context) {
		n.putBlock(ctx, s)
		s.shard.mu.Lock()
		if s.held && s.epoch == epoch && !s.gone {
			s.held = false
			if s.topic.state != nil { // else its load is under way
				n.advance(s, n.now())
			}
		}
		n.unlock(s.shard)
	})
}

// leave forgets a subscription that another agent serves now: nothing is sent
// and nothing is deleted.
func (n *Notifier) leave(s *subscription) {
	s.shard.mu.Lock()
	defer n.unlock(s.shard)
	n.supersede(s)
	s.dirty = false
	n.remove(s)
}

// yield leaves the subscriptions that others have claimed.
func (n *Notifier) yield(ctx context.Context) {
	for ctx.Err() == nil {
		id, err := n.Store.Moved(ctx)
		if err != nil {
			pause(ctx, adoptEvery)
			continue
		}
		if sh := n.shardOfTag(id); sh != nil {
			sh.mu.Lock()
			s := sh.byTag.Get(id)
			sh.mu.Unlock()
			if s != nil {
				n.leave(s)
			}
		}
	}
}

const adoptEvery = time.Second

// adopt takes up what dead agents have left. A claim whose answer was lost may
// have been made: then what is ours by the store is looked through.
func (n *Notifier) adopt(ctx context.Context) {
	unsure := false
	for pause(ctx, adoptEvery) {
		if unsure {
			_, err := n.Restore(ctx)
			unsure = err != nil
		}
		for {
			orphans, err := n.Store.Orphans(ctx)
			if err != nil || len(orphans) == 0 {
				unsure = unsure || err != nil
				break
			}
			for _, r := range orphans {
				if _, err := n.takeUp(ctx, r); err != nil {
					n.Log.Warn("an orphaned subscription is left out", "id", r.ID, "err", err)
				}
			}
			n.Log.Info("took over subscriptions", "count", len(orphans))
		}
	}
}

// Lost is told that the store has forgotten what it held: our subscriptions
// are put again. It returns when they are, or when ctx ends.
func (n *Notifier) Lost(ctx context.Context) {
	for i := range n.shards {
		if ctx.Err() != nil {
			return
		}
		for _, r := range n.records(&n.shards[i], n.now()) {
			if err := n.Store.PutSubscription(ctx, r); err != nil {
				n.Log.Debug("subscription not put again", "id", r.ID, "err", err)
			}
		}
	}
}

// records are the copies of the shard's subscriptions.
func (n *Notifier) records(sh *shard, now instant) []store.Subscription {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	list := make([]store.Subscription, 0, sh.byTag.Len())
	for s := range sh.byTag.All() {
		if !s.erased {
			list = append(list, s.record(n.Agent, s.topic.key, n.keptFor(s, s.expires.sub(now)), now))
		}
	}
	return list
}

func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
