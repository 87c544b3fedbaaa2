package identity

import (
	"context"
	"crypto/x509"
	"errors"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"presenced/sip"
	"presenced/sip/digest"
)

// guessing bounds the wrong passwords of one source over HTTP, where a guess needs no round trip of its own and tools
// for guessing are at hand. More than an office behind one NAT mistypes. Trusted peers are exempt.
var guessing = Rate{PerSecond: 0.5, Burst: 30}

// tooManyRequests is RFC 6585 s.4's status, which SIP has not.
const tooManyRequests = 429

// HTTPRequest is what a Guard reads of a request of HTTP.
type HTTPRequest struct {
	Method        string
	Target        string            // as in the request line: what the digest-uri has to be
	Authorization []string          // the values of the fields of this name
	Certificate   *x509.Certificate // verified, of the TLS client; nil: none
	Peer          netip.AddrPort
	Subject       string // the address-of-record that it is about
}

// IdentifyHTTP returns the address-of-record of who asks: by the certificate of the TLS client, if it names Subject; by
// digest credentials (RFC 7616); in mode None the Subject itself, because nobody else is named. The error is a *sip.Error
// whose code and fields HTTP has too: 400, 401 with WWW-Authenticate, 429 or 503 with Retry-After.
//
// The realm of a challenge is the domain of Subject. A delegate of another of our domains has no password for that one,
// and must ask with a certificate or with credentials for its own realm at once.
func (g *Guard) IdentifyHTTP(ctx context.Context, r *HTTPRequest) (string, error) {
	clock := g.Now()
	now := clock.Sub(g.started)
	trusted := g.Trusted != nil && g.Trusted(sip.Flow{Proto: sip.TCP, Remote: r.Peer})
	from := sourceAt(r.Peer.Addr())
	if !trusted && !g.sources.allow(from, now) {
		return "", g.slowDown(g.sources.interval)
	}
	if !trusted && g.guesses.empty(from, now) {
		return "", g.slowDown(g.guesses.interval)
	}
	aor, result, err := g.authenticateHTTP(ctx, r, clock)
	if result.Verdict == digest.Wrong {
		g.logWrong(aor, r.Method, r.Peer)
		g.guesses.allow(from, now)
	}
	if err != nil {
		return "", err
	}
	if !g.principals.allow(aor, now) {
		return "", g.slowDown(g.principals.interval)
	}
	g.stats.Accepted.Add(1)
	return aor, nil
}

func (g *Guard) slowDown(interval time.Duration) error {
	g.stats.Limited.Add(1)
	refusal := &sip.Error{Code: tooManyRequests, Reason: "Too many requests"}
	return refusal.With("Retry-After", strconv.Itoa(max(1, int(math.Ceil(interval.Seconds())))))
}

// authenticateHTTP tries the first credentials for a realm of ours; HTTP has room for one (RFC 9110 s.11.6.2).
func (g *Guard) authenticateHTTP(ctx context.Context, r *HTTPRequest, now time.Time) (aor string, result digest.Result, err error) {
	if r.Certificate != nil && slices.Contains(certificateAORs(r.Certificate), r.Subject) {
		return r.Subject, result, nil
	}
	if g.Mode == None {
		return r.Subject, result, nil
	}
	for _, field := range r.Authorization {
		c, err := digest.Parse(field)
		switch {
		case errors.Is(err, digest.ErrSyntax): // RFC 7616 s.3.4
			return "", result, refuse(sip.StatusBadRequest, "Malformed credentials").Because(err)
		case err != nil || !g.Local(c.Realm):
			continue
		}
		return g.checkHTTP(ctx, r, &c, now)
	}
	return "", result, g.challengeHTTP(r, now, digest.Challenge{})
}

func (g *Guard) checkHTTP(ctx context.Context, r *HTTPRequest, c *digest.Credentials, now time.Time) (string, digest.Result, error) {
	named, form := usernameURI(c.Username, c.Realm)
	aor := named.AOR()
	result, err := g.check(ctx, aor, form, c, &digest.Params{
		Method: r.Method, Source: r.Peer.Addr(), Now: now,
		AcceptURI: func(uri string) bool { return isTarget(uri, r.Target) },
	})
	switch {
	case err != nil:
		return aor, result, err
	case result.Verdict == digest.Accepted:
		return aor, result, nil
	case result.Verdict == digest.WrongTarget: // RFC 7616 s.3.4.6
		return aor, result, refuse(sip.StatusBadRequest, "Digest URI is not the request's")
	}
	return aor, result, g.challengeHTTP(r, now, digest.Challenge{Stale: result.Verdict.AskWithStale()})
}

// isTarget says whether a digest-uri is the request's target, which a client of a proxy writes with scheme and host.
func isTarget(uri, target string) bool {
	if uri == target {
		return true
	}
	scheme, rest, absolute := strings.Cut(uri, "://")
	if !absolute || !strings.EqualFold(scheme, "http") && !strings.EqualFold(scheme, "https") {
		return false
	}
	slash := strings.IndexByte(rest, '/')
	return slash >= 0 && rest[slash:] == target
}

// challengeHTTP asks for credentials. Connections of one host get different nonces.
func (g *Guard) challengeHTTP(r *HTTPRequest, now time.Time, c digest.Challenge) *sip.Error {
	g.stats.Challenged.Add(1)
	c.Realm, c.Algorithms = g.Domain, g.Algorithms
	if host := r.Subject[strings.LastIndexByte(r.Subject, '@')+1:]; g.Local(host) {
		c.Realm = host
	}
	c.Nonce = g.keyring.keys.Load().Nonce(digest.NonceSeed{Branch: "http", CallID: r.Peer.String(), Source: r.Peer.Addr()}, now)
	refusal := &sip.Error{Code: sip.StatusUnauthorized, Reason: "Credentials are needed"}
	for field := range c.Fields() {
		refusal.With("WWW-Authenticate", field)
	}
	return refusal
}
