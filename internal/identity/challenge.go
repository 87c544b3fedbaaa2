package identity

import (
	"strings"
	"time"

	"presenced/sip"
	"presenced/sip/digest"
)

// Challenge is the 401 or 407 that asks the sender of r for credentials. Within a digest.Slot it is the same for the
// same request, byte for byte, and so it is never kept (RFC 3261 s.8.2.7).
func (g *Guard) Challenge(r *sip.Request) *sip.Error {
	return g.challenge(r, g.Now(), digest.Challenge{})
}

// refusal is a refusal with room for a header field.
type refusal struct {
	sip.Error
	room [1]sip.Field
}

// challenge completes c, which says whether the nonce was stale.
func (g *Guard) challenge(r *sip.Request, now time.Time, c digest.Challenge) *sip.Error {
	g.stats.Challenged.Add(1)
	c.Realm, c.Algorithms = g.realm(r), g.Algorithms
	c.Nonce = g.keyring.keys.Load().Nonce(digest.NonceSeed{
		Branch: r.Via().Branch,
		CallID: r.CallID(),
		CSeq:   r.CSeq(),
		Source: r.Flow.Remote.Addr(),
	}, now)
	code, name := sip.StatusProxyAuthRequired, "Proxy-Authenticate"
	if g.asServer(r) {
		code, name = sip.StatusUnauthorized, "WWW-Authenticate"
	}
	challenge := &refusal{Error: sip.Error{Code: code, Stateless: true}}
	challenge.Header = challenge.room[:0]
	for field := range c.Fields() {
		challenge.With(name, field)
	}
	return &challenge.Error
}

// asServer says whether we ask as a server (401) or as a proxy (407). RFC 3261 s.22.1: a registrar asks with 401; so
// does a notifier, RFC 6665 s.4.2.1.3. We are a proxy to MESSAGEs, and to whatever is for another domain.
// COMPAT: PUBLISH is asked for with 407 too, since libpurple's last PUBLISH carries no credentials after a 401.
func (g *Guard) asServer(r *sip.Request) bool {
	switch r.Method() {
	case "REGISTER":
		return true
	case "SUBSCRIBE":
		if r.ToTag() != "" { // in a dialog the Request-URI is our own Contact
			return true
		}
		u, err := r.URI()
		return err == nil && g.Local(u.Host)
	}
	return false
}

// realm is the protection domain to ask for. It is the domain of the principal in From, because H(A1) is stored for that
// one alone: a watcher of one of our domains may watch in another. For everybody else it is the domain that is asked,
// and the agent's own where that is none of ours. RFC 3261 s.22.1 asks for a domain name and for no certain one.
func (g *Guard) realm(r *sip.Request) string {
	if aor := r.FromAOR(); aor != "" {
		if host := aor[strings.LastIndexByte(aor, '@')+1:]; g.Local(host) {
			return host
		}
	} else if from, err := r.From(); err == nil && g.Local(from.URI.Host) {
		return canonicalHost(from.URI.Host)
	}
	if u, err := r.URI(); err == nil && g.Local(u.Host) {
		return canonicalHost(u.Host)
	}
	return g.Domain
}

// canonicalHost is a host as it stands in an address-of-record.
func canonicalHost(host string) string {
	aor := (&sip.URI{User: "x", Host: host}).AOR()
	return strings.TrimPrefix(aor, "sip:x@")
}
