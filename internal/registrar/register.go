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
	var u update
	if err := g.read(&u, r); err != nil { // what is asked in steps 6 and 7
		return nil, err
	}
	bindings, err := g.commit(ctx, aor, &u) // steps 6 and 7
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
	one     [1]wanted     // memory of wanted
}

func (g *Registrar) read(u *update, r *sip.Request) (err error) {
	u.issued, u.flow, u.maximum, u.wanted = r.Identity.Issued, r.Flow, g.Limit, u.one[:0]
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

// attempts are how often a lost compare-and-set is tried again.
const attempts = 8

// commit makes all of the update true or nothing of it, and returns the
// bindings from then on.
func (g *Registrar) commit(ctx context.Context, aor string, u *update) ([]store.Binding, error) {
	for range attempts {
		reg, err := g.Store.Bindings(ctx, aor)
		if err != nil {
			return nil, away(err)
		}
		if len(u.wanted) == 0 && !u.star { // step 6: a query
			return reg.Bindings, nil
		}
		before := len(reg.Bindings)
		if reg.Bindings, err = u.apply(reg.Bindings); err != nil {
			return nil, err
		}
		if before == 0 && len(reg.Bindings) == 0 {
			return nil, nil
		}
		err = g.save(ctx, aor, reg, u)
		if err == nil {
			return reg.Bindings, nil
		}
		if !errors.Is(err, store.ErrConflict) {
			return nil, away(err)
		}
	}
	return nil, sip.Errorf(sip.StatusInternalServerError, "").Because(store.ErrConflict)
}

// save stores the bindings. One that hangs on a connection is known by it
// before it is stored, and looked at again afterwards: the connection may
// have closed meanwhile.
func (g *Registrar) save(ctx context.Context, aor string, reg store.Registration, u *update) error {
	if u.pinned {
		g.pin(u.flow, aor)
	}
	if _, err := g.Store.SaveBindings(ctx, aor, reg); err != nil {
		return err
	}
	if u.pinned && !g.isPinned(u.flow, aor) {
		return g.drop(ctx, aor, onFlow(u.flow))
	}
	return nil
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
// Retry-After. Other errors pass.
func away(err error) error {
	if errors.Is(err, store.ErrUnavailable) {
		return sip.Unavailable(err)
	}
	return err
}
