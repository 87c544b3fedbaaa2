package message

import (
	"context"
	"net/netip"
	"slices"
	"strings"

	"presenced/internal/store"
	"presenced/sip"
	"presenced/sip/transaction"
)

// target is one element of the target set, with its next hop (RFC 3261 s.16.6
// steps 2, 6 and 7).
type target struct {
	requestURI string
	routes     []string // pushed on top of Route
	hop        transaction.Target
	remote     netip.AddrPort // requestURI's address where it is numeric
	contact    string         // the binding's
	flow       string         // the binding's, packed; "" where a Path leads there
}

// target finds the next hop to a binding: its Path, or its flow here, or the
// agent that holds the flow. ok is false where there is none.
func (s *Service) target(ctx context.Context, r *sip.Request, b *store.Binding) (t target, ok bool) {
	u, err := sip.ParseURI(b.Contact)
	if err != nil || u.Scheme != "sip" && u.Scheme != "sips" {
		return t, false
	}
	t = target{requestURI: requestURI(u, b.Contact), contact: b.Contact, remote: remoteOf(u)}
	if len(b.Path) > 0 {
		return t, t.follow(b.Path)
	}
	t.flow = b.Flow
	if t.hop.Flow = sip.ParseFlow(b.Flow); t.hop.Flow.IsZero() {
		return t, false
	}
	if b.Agent == s.Agent {
		return t, true
	}
	if hop, lives := s.AgentHop(ctx, b.Agent); lives {
		return t, s.through(r, &t, hop)
	}
	t.hop.Flow, ok = s.Reroute(t.hop.Flow)
	return t, ok
}

// requestURI is a contact as a Request-URI: without what may not stand there,
// headers and the method parameter (RFC 3261 s.16.6 step 2, s.19.1.1).
func requestURI(u *sip.URI, text string) string {
	if u.Headers == "" && !u.Params.Has("method") {
		return text
	}
	bare := *u
	bare.Headers, bare.Params = "", ""
	for name, value := range u.Params.All {
		if strings.EqualFold(name, "method") {
			continue
		}
		bare.Params += sip.Params(";" + name)
		if value != "" {
			bare.Params += sip.Params("=" + value)
		}
	}
	return bare.String()
}

// remoteOf is the address that a URI names in numbers, or zero.
func remoteOf(u *sip.URI) netip.AddrPort {
	host, ok := u.Addr()
	switch {
	case !ok:
		return netip.AddrPort{}
	case u.Port != 0:
		return netip.AddrPortFrom(host, uint16(u.Port))
	case u.Scheme == "sips":
		return netip.AddrPortFrom(host, 5061)
	}
	return netip.AddrPortFrom(host, 5060)
}

// follow sends the target along a path: it becomes the Route (RFC 3327 s.5.4).
// RFC 3261 s.16.6 step 6: where its first element is no loose router, that one
// becomes the Request-URI and ours the last Route.
func (t *target) follow(path []string) bool {
	first, err := sip.ParseAddress(path[0])
	if err != nil {
		return false
	}
	t.hop.Route, t.remote = &first.URI, netip.AddrPort{}
	t.routes = path
	if !first.URI.Params.Has("lr") {
		t.routes = append(slices.Clone(path[1:]), "<"+t.requestURI+">")
		t.requestURI = requestURI(&first.URI, first.URI.String())
	}
	return true
}

// secure says whether the target is reached by TLS, also behind a fellow
// agent.
func (t *target) secure() bool {
	if t.flow != "" && sip.ParseFlow(t.flow).Proto != sip.TLS {
		return false
	}
	if t.hop.Route == nil {
		return true
	}
	transport, _ := t.hop.Route.Params.Get("transport")
	return t.hop.Route.Scheme == "sips" || strings.EqualFold(transport, "tls")
}
