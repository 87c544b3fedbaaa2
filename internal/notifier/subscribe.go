package notifier

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"time"

	"presenced/internal/store"
	"presenced/sip"
	"presenced/sip/event"
)

// Subscribe answers a SUBSCRIBE (RFC 6665 s.4.2.1).
func (n *Notifier) Subscribe(ctx context.Context, r *sip.Request) (*sip.Response, error) {
	pkg := n.packages[r.EventPackage()]
	switch {
	case pkg == nil && n.tooDeep(r.EventPackage()): // RFC 3857 s.4.6
		return nil, sip.Errorf(sip.StatusForbidden, "")
	case pkg == nil: // RFC 6665 s.4.2.1.1
		return nil, sip.Errorf(sip.StatusBadEvent, "")
	case n.draining.Load():
		return nil, sip.Errorf(sip.StatusServiceUnavailable, "Going down").With("Retry-After", "5")
	case r.ToTag() != "":
		return n.refresh(ctx, r, pkg)
	}
	return n.create(ctx, r, pkg)
}

// create serves a SUBSCRIBE outside a dialog: a new subscription, or a fetch.
func (n *Notifier) create(ctx context.Context, r *sip.Request, pkg *served) (*sip.Response, error) {
	// RFC 7621 s.4: without a GRUU as our Contact there is no subscribing to
	// one of our own dialogs.
	if r.Has("Target-Dialog") {
		return nil, sip.Errorf(sip.StatusForbidden, "No subscriptions to dialogs here")
	}
	key := store.Key{AOR: r.AOR(), Package: pkg.Name()}
	if key.AOR == "" { // nobody: RFC 3261 s.21.4.5
		return nil, sip.Errorf(sip.StatusNotFound, "")
	}
	seconds, err := n.granted(r)
	if err != nil {
		return nil, err
	}
	terms, err := pkg.terms(r, key, nil, seconds)
	if err != nil {
		return nil, err
	}
	asked := n.rulings.Load()
	decision, state, number, err := n.admit(ctx, pkg, key, r, terms)
	if err != nil {
		return nil, err
	}
	dialog, err := event.NewDialog(r, newTag(key), "")
	if err != nil {
		return nil, err
	}
	dialog.Contact = n.Contact(r.Flow, isSecure(r, &dialog))
	s := &subscription{
		shard: n.shardOf(key), id: dialog.LocalTag, account: &account{watcher: r.Identity.AOR}, who: identityBits(r.Identity),
		path: pathOf(peer(r)), dialog: packed(&dialog, terms.pack()+attempt(r)), routed: len(dialog.Routes) > 0, due: -1,
		begun: int32(time.Duration(n.now()) / time.Second),
	}
	s.agree(terms)
	s.stand(decision, "")
	if holds, hash := condition(r, state, decision.View, terms); holds {
		s.has(hash)
	}
	res := sip.NewResponse(sip.StatusOK,
		sip.Field{Name: "Expires", Value: strconv.Itoa(int(seconds))},
		sip.Field{Name: "Contact", Value: dialog.Contact})
	res.ToTag = s.id
	for _, route := range r.Values("Record-Route") { // RFC 3261 s.12.1.1
		res.Header = append(res.Header, sip.Field{Name: "Record-Route", Value: route})
	}
	if seconds == 0 { // RFC 6665 s.4.4.3: no subscription is left behind
		if err := n.knock(ctx, s, key, pkg); err != nil {
			return nil, err
		}
		t := &topic{key: key, pkg: pkg}
		t.install(state, number, n.now())
		res.After = func() { n.fetched(s, t) }
		return res, nil
	}
	if err := n.keep(ctx, s, key, lifetime(seconds)); err != nil {
		return nil, err
	}
	s.shard.mu.Lock()
	s.expires = n.now().add(lifetime(seconds))
	s.held = true
	if s.undecided() {
		n.giveUpEqual(s, key)
		n.setGiveUp(s, n.GiveUp)
	}
	n.add(s, key, pkg, state.Version())
	n.update(s.topic, state, number, n.now())
	n.wakeAt(s, s.expires)
	epoch := s.epoch
	n.unlock(s.shard)
	n.confirm(ctx, s, asked)
	res.After = func() { n.answered(s, epoch) }
	return res, nil
}

// keep counts the subscription and stores its copy.
func (n *Notifier) keep(ctx context.Context, s *subscription, key store.Key, ttl time.Duration) error {
	var ok bool
	if s.account, ok = n.watchers.take(s.watcher); !ok {
		return sip.Errorf(sip.StatusForbidden, "Too many subscriptions")
	}
	if s.undecided() {
		s.shard.mu.Lock()
		redundant := len(s.equals(key))
		s.shard.mu.Unlock()
		if !n.watchers.admit(s.account, redundant) {
			n.watchers.release(s.account)
			return sip.Errorf(sip.StatusForbidden, "Too many subscriptions without a decision")
		}
		n.watchers.weigh(s.account, false, true)
	}
	if !n.watchers.carries(s.account, nil, s.termsOf()) {
		n.watchers.weigh(s.account, s.undecided(), false)
		n.watchers.release(s.account)
		return errFilters()
	}
	n.watchers.carry(s.account, nil, s.termsOf())
	s.cseqLimit = cseqBlock
	if err := n.Store.PutSubscription(ctx, s.record(n.Agent, key, n.keptFor(s, ttl), n.now())); err != nil {
		n.watchers.carry(s.account, s.termsOf(), nil)
		n.watchers.weigh(s.account, s.undecided(), false)
		n.watchers.release(s.account)
		return away(err)
	}
	s.known = s.code()
	return nil
}

// fetched sends the one NOTIFY of a fetch: terminated, reason timeout, with
// the state (RFC 6665 s.4.4.3).
func (n *Notifier) fetched(s *subscription, t *topic) {
	s.shard.mu.Lock()
	s.topic, s.gone = t, true
	n.visit(s, store.Visit{Fetches: 1})
	s.stand(Decision{event.Terminated, s.decision().View}, event.Timeout)
	n.press(s, n.now())
	n.unlock(s.shard)
}

// answered sends the NOTIFY that follows a 200 (RFC 6665 s.4.2.1.2).
func (n *Notifier) answered(s *subscription, epoch uint32) {
	s.shard.mu.Lock()
	if s.epoch == epoch && !s.gone {
		s.held = false
		n.press(s, n.now())
	}
	n.unlock(s.shard)
}

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
	}
	if quiet {
		s.dirty, s.sent = false, s.signature()
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

// granted is the lifetime of the subscription.
func (n *Notifier) granted(r *sip.Request) (seconds uint32, err error) {
	seconds, given, err := r.Expires()
	if err != nil {
		return 0, sip.Errorf(sip.StatusBadRequest, "Malformed Expires").Because(err)
	}
	if !given {
		seconds = n.Expires.Default
	}
	// RFC 6665 s.4.2.1.1: too brief only below an hour. Never longer than asked.
	if seconds > 0 && seconds < 3600 && seconds < n.Expires.Min {
		return 0, sip.Errorf(sip.StatusIntervalTooBrief, "").With("Min-Expires", strconv.Itoa(int(n.Expires.Min)))
	}
	return min(seconds, n.Expires.Max), nil
}

// admit decides on a watcher and loads the state that it is to be told. Where
// the circumstances of the decision have changed until then, both once more.
func (n *Notifier) admit(ctx context.Context, pkg *served, key store.Key, r *sip.Request, t *terms) (d Decision, state State, number uint64, err error) {
	for range 3 {
		if d, err = n.decide(ctx, pkg, key, r); err != nil {
			return d, nil, 0, err
		}
		d = t.extended(d)
		if state, number, err = n.present(ctx, key, pkg); err != nil {
			return d, nil, 0, away(err)
		}
		if hashOf(state, d.View) != 0 {
			break
		}
	}
	return d, state, number, nil
}

// decide asks the package; a refused watcher gets 403 (RFC 6665 s.4.2.1.3).
func (n *Notifier) decide(ctx context.Context, pkg *served, key store.Key, r *sip.Request) (Decision, error) {
	d, err := pkg.ask(ctx, key, r.Identity, func() string { return eventParams(r) })
	if err != nil {
		return d, away(err)
	}
	if d.State == event.Terminated {
		return d, sip.Errorf(sip.StatusForbidden, "").Because(errRefused)
	}
	return d, nil
}

// errRefused is the cause of a 403 that the rules decided on.
var errRefused = errors.New("the rules refuse the watcher")

// away turns the store's absence into what the peer hears (design: 503 with
// Retry-After); other refusals pass.
func away(err error) error {
	if errors.Is(err, store.ErrUnavailable) {
		return sip.Unavailable(err)
	}
	return err
}

// newTag is a local tag: two characters for the shard, as the store wants
// them, and 80 random bits.
func newTag(key store.Key) string {
	var b [1 + 10]byte
	b[0] = store.Shard(key.AOR)
	rand.Read(b[1:])
	var text [2 * len(b)]byte
	hex.Encode(text[:], b[:])
	return string(text[:])
}

func lifetime(seconds uint32) time.Duration { return time.Duration(seconds) * time.Second }

// isSecure says whether our Contact must be a sips: URI: where the Request-URI
// is one, or the top Record-Route, or without it the Contact
// (RFC 3261 s.12.1.1).
func isSecure(r *sip.Request, d *event.Dialog) bool {
	if u, err := r.URI(); err == nil && u.Scheme == "sips" {
		return true
	}
	first := d.NextHop()
	if first == "" {
		first = d.Target
	}
	scheme, _, _ := strings.Cut(first, ":")
	return strings.EqualFold(scheme, "sips")
}

// peer is the flow that NOTIFYs take where there is no route set.
func peer(r *sip.Request) sip.Flow {
	target, err := event.RemoteTarget(r)
	if err != nil {
		return r.Flow
	}
	return r.FlowTo(target)
}

// packed is the dialog as a subscription keeps it, with its terms and its
// attempt.
func packed(d *event.Dialog, rest string) string {
	var room [512]byte
	return string(append(d.AppendPacked(room[:0]), rest...))
}
