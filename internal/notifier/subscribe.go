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
