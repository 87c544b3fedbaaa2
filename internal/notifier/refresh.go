package notifier

import (
	"context"
	"errors"
	"strconv"

	"presenced/internal/store"
	"presenced/sip"
	"presenced/sip/event"
)

// refresh serves a SUBSCRIBE inside a dialog: a refresh, or the end.
func (n *Notifier) refresh(ctx context.Context, r *sip.Request, pkg *served) (res *sip.Response, err error) {
	s, dialog, err := n.find(ctx, r)
	defer func() {
		if err != nil && s != nil {
			s.shard.mu.Lock()
			n.resume(s)
			s.shard.mu.Unlock()
		}
	}()
	if err != nil {
		return nil, err
	}
	key := s.topic.key
	switch {
	case s.watcher != r.Identity.AOR:
		return nil, sip.Errorf(sip.StatusForbidden, "Not your subscription")
	case dialog.Event != event.ParseType(r.Header("Event")):
		// One subscription a dialog: RFC 6665 s.4.5.2 discourages more.
		return nil, sip.Errorf(sip.StatusForbidden, "One subscription in a dialog")
	}
	if err := dialog.Refresh(r); err != nil {
		return nil, err
	}
	next, err := n.renegotiate(r, pkg, s)
	if err != nil {
		return nil, err
	}
	asked := n.rulings.Load()
	decision, state, number, err := n.admit(ctx, pkg, key, r, next.terms)
	if errors.Is(err, errRefused) {
		n.end(s, event.Rejected)
	}
	if err != nil {
		return nil, err
	}
	dialog.Contact = n.Contact(r.Flow, isSecure(r, &dialog))
	next.dialog, next.flow, next.decision = packed(&dialog, next.terms.pack()+attempt(r)), peer(r), decision
	next.suppress, next.has = condition(r, state, decision.View, next.terms)
	s, err = n.store(ctx, s, &next)
	if err != nil {
		return nil, err
	}
	after, code, err := n.apply(s, next, state, number)
	if err != nil {
		return nil, err
	}
	n.confirm(ctx, s, asked)
	res = sip.NewResponse(code,
		sip.Field{Name: "Expires", Value: strconv.Itoa(int(next.seconds))},
		sip.Field{Name: "Contact", Value: dialog.Contact})
	res.After = after
	return res, nil
}

// change is what a SUBSCRIBE inside a dialog brings.
type change struct {
	dialog   string
	flow     sip.Flow
	decision Decision
	seconds  uint32
	terms    *terms
	suppress bool   // its condition holds (RFC 5839)
	has      uint64 // hash of what the watcher has, where it has said so
	copies   uint8  // the subscription's when this was about to be stored
}

// renegotiate is what a SUBSCRIBE inside the dialog of s asks for.
func (n *Notifier) renegotiate(r *sip.Request, pkg *served, s *subscription) (next change, err error) {
	if next.seconds, err = n.granted(r); err != nil {
		return next, err
	}
	s.shard.mu.Lock()
	before := s.termsOf()
	s.shard.mu.Unlock()
	if next.terms, err = pkg.terms(r, s.topic.key, before, next.seconds); err != nil {
		return next, err
	}
	if !n.watchers.carries(s.account, before, next.terms) {
		return next, errFilters()
	}
	return next, nil
}

func errFilters() error { return sip.Errorf(sip.StatusForbidden, "Too large filters") }

// store writes the changed subscription's copy, or deletes it at its end.
// Where another agent has claimed the dialog, it is claimed back: it belongs
// where its watcher asks. What is claimed is returned beside an error too.
func (n *Notifier) store(ctx context.Context, s *subscription, next *change) (*subscription, error) {
	for range 2 {
		err := n.write(ctx, s, next)
		if !errors.Is(err, store.ErrFenced) {
			return s, away(err)
		}
		n.leave(s)
		if s, err = n.claim(ctx, s.tag()); err != nil {
			return nil, err
		}
	}
	return s, sip.Errorf(sip.StatusInternalServerError, "")
}

// write is one try of store. A store that is away does not keep a watcher from
// leaving: terminate tries to delete the copy again.
func (n *Notifier) write(ctx context.Context, s *subscription, next *change) error {
	s.shard.mu.Lock()
	c := *s
	s.shard.mu.Unlock()
	c.stand(next.decision, "")
	next.copies = c.copies
	ends := next.seconds == 0
	if ends && c.undecided() && n.GiveUp > 0 {
		return n.writeWaiting(ctx, s, next)
	}
	if ends {
		err := n.Store.DeleteSubscription(ctx, c.topic.key, c.id, c.fence)
		if errors.Is(err, store.ErrUnavailable) {
			return nil
		}
		s.shard.mu.Lock()
		s.erased = err == nil
		s.shard.mu.Unlock()
		return err
	}
	c.dialog, c.path, c.cseqLimit = next.dialog, pathOf(next.flow), max(c.cseqLimit, c.cseq+cseqBlock)
	if err := n.Store.PutSubscription(ctx, c.record(n.Agent, c.topic.key, n.keptFor(&c, lifetime(next.seconds)), n.now())); err != nil {
		return err
	}
	s.shard.mu.Lock()
	s.cseqLimit, s.erased, s.known = max(s.cseqLimit, c.cseqLimit), false, c.code()
	s.shard.mu.Unlock()
	next.dialog = c.dialog
	return nil
}

// writeWaiting is write where the watcher leaves before there is a decision.
func (n *Notifier) writeWaiting(ctx context.Context, s *subscription, next *change) error {
	w := n.waitingOf(s)
	w.dialog = next.dialog
	err := n.Store.PutSubscription(ctx, w.record(n.Agent, s.topic.key, n.GiveUp, n.now()))
	if errors.Is(err, store.ErrUnavailable) {
		return nil // conclude tries again
	}
	s.shard.mu.Lock()
	defer s.shard.mu.Unlock()
	if err == nil {
		next.dialog, s.known = w.dialog, w.code()
	}
	return err
}

// apply makes the change true and starts a new epoch. It returns the answer's
// code, and what follows the answer.
func (n *Notifier) apply(s *subscription, next change, state State, number uint64) (after func(), code int, err error) {
	s.shard.mu.Lock()
	if s.gone { // it lapsed meanwhile, and store has put its copy back
		if w := s.shard.byTag.Get(s.id); w != nil { // it waits
			n.reserve(w)
		} else {
			n.forget(s)
		}
		s.shard.mu.Unlock()
		return nil, 0, sip.Errorf(sip.StatusNoSuchTransaction, "")
	}
	if next.has != 0 && s.outruns(next) {
		next.suppress, next.has = false, 0
	}
	// RFC 5839 s.6.3: no NOTIFY, but of another state.
	quiet := next.suppress && s.decision().State == next.decision.State
	told := s.toldFor(next)
	n.supersede(s)
	n.conns.remove(s)
	s.path, s.dialog = pathOf(next.flow), next.dialog
	s.id = partOf(s.dialog, s.id)
	n.conns.add(s)
	n.watchers.carry(s.account, s.termsOf(), next.terms)
	s.agree(next.terms)
	s.has(next.has)
	n.move(s, next.decision, "")
	s.suspend, s.queued, s.held = 0, false, true
	epoch := s.epoch
	n.update(s.topic, state, number, n.now())
	if next.seconds > 0 {
		s.expires = n.now().add(lifetime(next.seconds))
		n.wakeAt(s, s.expires)
		if s.copies != next.copies || s.copies%2 != 0 { // an older copy may have been put after this one
			n.reserve(s)
		}
	}
	if quiet {
		s.dirty, s.again, s.sent = false, false, s.signature()
		if next.has != 0 {
			s.sent = signed(next.has, next.decision.State)
		}
		if told != nil {
			s.rarely().told = told
		}
		if s.triggers() != nil {
			s.rarely().shown = state
		}
	}
	n.unlock(s.shard)
	switch {
	case quiet && next.seconds > 0:
		return func() { n.quiet(s, epoch) }, sip.StatusNoNotification, nil
	case quiet:
		return func() { n.leaves(s) }, sip.StatusNoNotification, nil
	case next.seconds > 0:
		return func() { n.answered(s, epoch) }, sip.StatusOK, nil
	}
	return func() { n.end(s, event.Timeout) }, sip.StatusOK, nil // RFC 6665 s.4.2.1.4
}

// outruns says whether the watcher may not have any more what its SUBSCRIBE says
// that it has: something else was told since, or is on its way. They have crossed,
// or the SUBSCRIBE is a repeat. To believe it where the state has changed back
// would leave the watcher with what it was told in between (RFC 5839 s.5.1: the
// condition names what was seen last).
func (s *subscription) outruns(next change) bool {
	d := s.decision()
	if s.rare != nil && s.blind { // it has the tag of what it slept through, no more
		return true
	}
	return s.busy || s.sent != 0 && d.View == next.decision.View && s.sent != signed(next.has, d.State)
}

// toldFor is what the watcher still has by a view after a change: nil where it
// is another view.
func (s *subscription) toldFor(next change) State {
	if s.rare == nil || s.busy || next.decision != s.decision() {
		return nil
	}
	return s.told
}

// end terminates s and tells it.
func (n *Notifier) end(s *subscription, why event.Reason) {
	s.shard.mu.Lock()
	if !s.gone {
		n.terminate(s, why)
	}
	n.unlock(s.shard)
}

// find is the subscription of the dialog that r belongs to: here, or taken
// over from the agent that served it; that one is returned beside an error too.
func (n *Notifier) find(ctx context.Context, r *sip.Request) (*subscription, event.Dialog, error) {
	unknown := sip.Errorf(sip.StatusNoSuchTransaction, "")
	sh := n.shardOfTag(r.ToTag())
	if sh == nil {
		return nil, event.Dialog{}, unknown
	}
	sh.mu.Lock()
	s, ending := sh.byTag.Get(r.ToTag()), sh.ending[r.ToTag()]
	sh.mu.Unlock()
	switch {
	case ending:
		return nil, event.Dialog{}, unknown
	case s == nil:
		var err error
		if s, err = n.claim(ctx, r.ToTag()); err != nil {
			return nil, event.Dialog{}, err
		}
	}
	sh.mu.Lock()
	packed, waits := s.dialog, s.waits()
	sh.mu.Unlock()
	if waits { // it has no dialog any more
		return nil, event.Dialog{}, unknown
	}
	dialog, _, err := event.UnpackDialog(packed)
	if err != nil || !dialog.Matches(r) {
		return s, event.Dialog{}, unknown.Because(err)
	}
	return s, dialog, nil
}
