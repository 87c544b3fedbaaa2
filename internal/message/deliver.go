package message

import (
	"context"
	"errors"
	"strconv"

	"presenced/internal/store"
	"presenced/sip"
)

// Message is the proxy's procedure for MESSAGE (RFC 3428 s.6, RFC 3261 s.16).
// The Mux has checked the Request-URI's scheme and domain and Proxy-Require,
// the guard has asked who sends. The response comes when the recipients' do.
func (s *Service) Message(ctx context.Context, r *sip.Request) (*sip.Response, error) {
	if res, err := s.refuses(r); res != nil || err != nil {
		return res, err
	}
	if flow, ok := s.relayed(r); ok {
		return s.relay(r, flow)
	}
	if r.Identity.AOR == "" {
		return nil, sip.Errorf(sip.StatusForbidden, "Instant messages need a sender")
	}
	aor := r.AOR()
	if aor == "" {
		return nil, sip.Errorf(sip.StatusNotFound, "")
	}
	c := newCopied()
	if err := s.validate(c, r); err != nil { // RFC 3261 s.16.3
		return nil, err
	}
	loop := s.loops.key(r)
	if s.looped(r, loop) { // s.16.3 step 4
		return nil, sip.Errorf(sip.StatusLoopDetected, "")
	}
	branches, err := s.targets(ctx, r, aor) // s.16.5
	if err != nil {
		return nil, err
	}
	s.copyFields(c, r)            // s.16.6
	f := s.fork(aor, branches, c) // s.16.7
	f.left = s.loops.enter(loop)
	return &sip.Response{Later: f.deliver}, nil
}

// defaultHops and defaultBreadth stand where a request says nothing (RFC 3261
// s.16.6 step 3, RFC 5393 s.5.3.3).
const (
	defaultHops    = 70
	defaultBreadth = 60
)

// validate is RFC 3261 s.16.3 as far as the request alone decides.
func (s *Service) validate(c *copied, r *sip.Request) error {
	c.hops, c.breadth, c.body = defaultHops, s.Branches, r.Body()
	if n, ok := r.MaxForwards(); ok {
		if n == 0 {
			return sip.Errorf(sip.StatusTooManyHops, "")
		}
		c.hops = n - 1
	}
	if v := r.Header("Max-Breadth"); v != "" {
		n, err := strconv.ParseUint(v, 10, 31)
		if err != nil && !errors.Is(err, strconv.ErrRange) || err == nil && n == 0 {
			return sip.Errorf(sip.StatusBadRequest, "Malformed Max-Breadth")
		}
		if err == nil {
			c.breadth = min(c.breadth, int(n))
		}
	}
	if s.MaxBody > 0 && len(c.body) > s.MaxBody {
		return sip.Errorf(sip.StatusRequestEntityTooLarge, "")
	}
	return nil
}

// targets is the target set, a branch each: every contact of the inbox that
// can be reached.
// RFC 3261 s.16.5: 404 where there is no such inbox, 480 where it is nowhere.
func (s *Service) targets(ctx context.Context, r *sip.Request, aor string) ([]branch, error) {
	reg, err := s.Store.Bindings(ctx, aor)
	if err != nil {
		return nil, away(err)
	}
	if len(reg.Bindings) == 0 {
		known, err := s.Known(ctx, aor)
		switch {
		case err != nil:
			return nil, away(err)
		case !known:
			return nil, sip.Errorf(sip.StatusNotFound, "")
		}
		return nil, sip.Errorf(sip.StatusTemporarilyUnavailable, "")
	}
	secure := isSecure(r)
	branches := make([]branch, 0, len(reg.Bindings))
	for i := range reg.Bindings {
		t, ok := s.target(ctx, r, &reg.Bindings[i])
		if ok && (!secure || t.secure()) {
			branches = append(branches, branch{target: t})
		}
	}
	if len(branches) == 0 {
		return nil, sip.Errorf(sip.StatusTemporarilyUnavailable, "")
	}
	return branches, nil
}

// isSecure says that the message may travel by TLS alone (RFC 3261 s.16.6
// step 7).
func isSecure(r *sip.Request) bool {
	u, err := r.URI()
	return err == nil && u.Scheme == "sips"
}

// away turns the store's absence into what the peer hears: 503 with
// Retry-After. Other errors pass.
func away(err error) error {
	if errors.Is(err, store.ErrUnavailable) {
		return sip.Unavailable(err)
	}
	return err
}
