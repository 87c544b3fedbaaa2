package registrar

import (
	"context"
	"errors"
	"slices"
	"strings"

	"presenced/internal/store"
	"presenced/sip"
)

// Register is the registrar's procedure for REGISTER (RFC 3261 s.10.3). The
// Mux has made steps 1 (the Request-URI's domain) and 2 (Require), the guard
// step 3 (who asks). Record-Route is ignored.
func (g *Registrar) Register(ctx context.Context, r *sip.Request) (*sip.Response, error) {
	aor, err := g.addressOfRecord(r) // steps 4 and 5
	if err != nil {
		return nil, err
	}
	u := g.updates.Get().(*update)
	defer g.done(u)
	if err := g.read(u, r); err != nil { // what is asked in steps 6 and 7
		return nil, err
	}
	bindings, err := g.commit(ctx, aor, u) // steps 6 and 7
	if err != nil {
		return nil, err
	}
	return g.reply(r, bindings), nil // step 8
}

// addressOfRecord is whose bindings are meant: To's. Only its own principal
// registers for it (step 4: 403), and only where we keep bindings for its
// domain (step 5: 404).
func (g *Registrar) addressOfRecord(r *sip.Request) (string, error) {
	if _, err := r.To(); err != nil {
		return "", sip.Errorf(sip.StatusBadRequest, "Malformed To").Because(err)
	}
	aor := r.ToAOR()
	switch {
	case aor == "":
		return "", sip.Errorf(sip.StatusNotFound, "")
	case r.Identity.AOR != aor:
		return "", sip.Errorf(sip.StatusForbidden, "Not your address-of-record")
	case !g.Local(aor[strings.LastIndexByte(aor, '@')+1:]):
		return "", sip.Errorf(sip.StatusNotFound, "")
	}
	return aor, nil
}

// update is what a REGISTER asks for. Its strings are views of the request.
type update struct {
	star    bool // all bindings go
	wanted  []wanted
	origin  store.Binding // what all bindings made by this request have in common
	issued  int64         // when the request's nonce was, Unix seconds; 0: unknown
	flow    sip.Flow      // of the request
	pinned  bool          // reachable on the request's connection alone
	maximum int           // bindings
	// bindings are those from then on, as the store returned them.
	bindings []store.Binding
	change   store.BindingsChange // apply
}

func newUpdate() any {
	u := new(update)
	u.change = u.apply
	return u
}

// done gives an update's memory to the next request, with nothing in it.
func (g *Registrar) done(u *update) {
	clear(u.wanted[:cap(u.wanted)])
	clear(u.bindings[:cap(u.bindings)])
	*u = update{wanted: u.wanted[:0], bindings: u.bindings[:0], change: u.change}
	g.updates.Put(u)
}

func (g *Registrar) read(u *update, r *sip.Request) (err error) {
	u.issued, u.flow, u.maximum = r.Identity.Issued, r.Flow, g.Limit
	u.origin = store.Binding{CallID: r.CallID(), CSeq: r.CSeq(), Agent: g.Agent, UserAgent: r.Header("User-Agent")}
	if u.origin.Path, err = path(r); err != nil {
		return err
	}
	if err := g.contacts(u, r); err != nil {
		return err
	}
	u.pinned = r.Flow.Proto.Reliable() && len(u.origin.Path) == 0 && len(u.wanted) > 0
	for i := range u.wanted {
		u.wanted[i].flow = r.FlowTo(u.wanted[i].uri)
	}
	return nil
}

// commit makes all of the update true or nothing of it, and returns the
// bindings from then on, which last as long as u.
func (g *Registrar) commit(ctx context.Context, aor string, u *update) ([]store.Binding, error) {
	var err error
	if len(u.wanted) == 0 && !u.star { // step 6: a query
		reg, err := g.Store.Bindings(ctx, aor)
		return reg.Bindings, away(err)
	}
	if u.pinned {
		g.pin(u.flow, aor)
	}
	u.bindings, err = g.Store.UpdateBindings(ctx, aor, u.bindings, u.change)
	if err != nil {
		return nil, away(err)
	}
	return u.bindings, g.stillThere(ctx, aor, u)
}

// stillThere looks again at a connection that the bindings hang on. It is known
// by them since before they were stored, but may have closed meanwhile, or
// before that: then Closed knew of no bindings.
func (g *Registrar) stillThere(ctx context.Context, aor string, u *update) error {
	if !u.pinned {
		return nil
	}
	if g.Serves(u.flow) && g.isPinned(u.flow, aor) {
		return nil
	}
	g.Closed(u.flow)
	return away(g.drop(ctx, aor, onFlow(u.flow)))
}

// apply is steps 6 and 7 on the bindings as the store gave them: the new list,
// in their memory, or an error.
func (u *update) apply(bindings []store.Binding) ([]store.Binding, error) {
	if u.star {
		for i := range bindings {
			if !u.follows(&bindings[i]) {
				return nil, errOrder()
			}
		}
		return nil, nil
	}
	before := len(bindings)
	for i := range u.wanted {
		w := &u.wanted[i]
		at := w.in(bindings)
		switch {
		case at >= 0 && !u.follows(&bindings[at]):
			return nil, errOrder()
		case at >= 0 && w.seconds == 0:
			bindings = slices.Delete(bindings, at, at+1)
		case at >= 0:
			w.write(&bindings[at], &u.origin)
		case w.seconds > 0:
			bindings = append(bindings, store.Binding{})
			w.write(&bindings[len(bindings)-1], &u.origin)
		}
	}
	if len(bindings) > u.maximum && len(bindings) > before {
		return nil, sip.Errorf(sip.StatusForbidden, "Too many contacts")
	}
	return bindings, nil
}

// follows says whether this request may change the binding: it is of another
// Call-ID, or of a later CSeq.
//
// COMPAT: libpurple never seeds its random numbers, so that a restarted one
// uses its old Call-ID with a lower CSeq. It is let in where its nonce was
// issued after the binding's last change: that proves what the CSeq should
// prove, that the request is not an old one that was delayed
// (TestRestartedPurple).
func (u *update) follows(b *store.Binding) bool {
	return b.CallID != u.origin.CallID || u.origin.CSeq > b.CSeq || u.issued > b.Updated
}

// errOrder: "the update MUST be aborted and the request fails" (steps 6 and
// 7), where failing is a 500 (the end of step 7).
func errOrder() error {
	return sip.Errorf(sip.StatusInternalServerError, "CSeq is not higher than that of the binding")
}

// away turns the store's absence into what the peer hears: 503 with
// Retry-After. Other errors pass: to the peer they are a 500.
func away(err error) error {
	if errors.Is(err, store.ErrUnavailable) {
		return sip.Unavailable(err)
	}
	return err
}
