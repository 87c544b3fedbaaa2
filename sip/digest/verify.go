package digest

import (
	"crypto/subtle"
	"encoding/hex"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// A Verdict is what a verification found.
type Verdict string

const (
	Accepted    Verdict = "accepted"     // the principal is who it says
	Wrong       Verdict = "wrong"        // unknown principal, wrong password, or an algorithm or qop that was not offered: ask again without stale
	Stale       Verdict = "stale"        // the response is right, its nonce is not usable: ask again with stale=true
	Replayed    Verdict = "replayed"     // the response is right, its nonce count was used before: ask again with stale=true
	OtherRealm  Verdict = "other realm"  // meant for another server: look at the next field, RFC 3261 s.22.3
	WrongTarget Verdict = "wrong target" // the response is right, its digest-uri is not for us: 400, RFC 7616 s.3.4.6
)

// AskWithStale says whether the next challenge has stale=true (RFC 7616 s.3.3: the client need not ask the person).
func (v Verdict) AskWithStale() bool { return v == Stale || v == Replayed }

// Params are what credentials are verified against.
type Params struct {
	Keys       *Keys
	Method     string      // of the request
	Realm      string      // ours
	Algorithms []Algorithm // what the challenge offers; none means MD5 alone
	HA1        string      // stored for (Algorithm, Username, Realm) of the credentials, see HA1; "" when there is none
	Source     netip.Addr  // the host that the request came from
	Now        time.Time   // the wall clock, which agents that share keys have in common within ClockSkew

	// AcceptURI says whether the digest-uri names somebody that we accept requests for. It need not equal the
	// Request-URI, because proxies rewrite that (RFC 8760 s.2.6, item 6). nil accepts all.
	AcceptURI func(uri string) bool
}

// Result is the verdict, and for a genuine nonce the start of the Slot in which it was issued.
type Result struct {
	Verdict  Verdict
	IssuedAt time.Time // zero unless the verdict is Accepted, Replayed, WrongTarget, or Stale with a key that we still have
}

// ClockSkew is how far ahead of our clock a nonce of another agent may have been issued.
const ClockSkew = time.Minute

// Limits bound how long nonces are good and how many of them are remembered. Zero values take the defaults.
type Limits struct {
	Lifetime      time.Duration // with qop, where the nonce count rises; default 1 h
	BoundLifetime time.Duration // without qop, where the nonce is bound to the source host instead; default 5 min
	Entries       int           // of the Window; default 262,144, some 10 MB when full
}

// A Verifier verifies credentials. It is safe for concurrent use.
type Verifier struct {
	lifetime, boundLifetime time.Duration
	window                  *Window
}

// NewVerifier returns a verifier with an empty Window.
func NewVerifier(limits Limits) *Verifier {
	v := &Verifier{lifetime: time.Hour, boundLifetime: 5 * time.Minute}
	if limits.Lifetime > 0 {
		v.lifetime = limits.Lifetime
	}
	if limits.BoundLifetime > 0 {
		v.boundLifetime = limits.BoundLifetime
	}
	entries := 1 << 18
	if limits.Entries > 0 {
		entries = limits.Entries
	}
	v.window = NewWindow(entries, v.lifetime+ClockSkew+Slot)
	return v
}

// Verify checks c. The response is computed over the digest-uri that c brings, never over the Request-URI.
//
// The response is computed first, with a dummy H(A1) for a principal that is unknown, so that unknown principals cost
// the same and hear the same as wrong passwords. Only who knows the password learns anything about the nonce.
//
// A count is marked as used by this call, so each request is verified once; its retransmissions are absorbed before.
func (v *Verifier) Verify(c *Credentials, p *Params) Result {
	if c.Realm != p.Realm {
		return Result{Verdict: OtherRealm}
	}
	if !offered(c, p.Algorithms) || !c.matches(p.Method, p.HA1) {
		return Result{Verdict: Wrong}
	}
	var raw [nonceLen]byte
	key := p.Keys.open(&raw, c.Nonce)
	if key == nil {
		return Result{Verdict: Stale}
	}
	issued := issuedAt(&raw)
	return Result{Verdict: v.judge(c, p, key, &raw, issued), IssuedAt: issued}
}

// judge goes on where the response is right and the nonce is ours.
func (v *Verifier) judge(c *Credentials, p *Params, key *macKey, raw *[nonceLen]byte, issued time.Time) Verdict {
	age := p.Now.Sub(issued)
	lifetime := v.lifetime
	if c.Qop == "" {
		lifetime = v.boundLifetime
	}
	if age < -ClockSkew || age >= lifetime {
		return Stale
	}
	if c.Qop == "" && !key.from(raw, p.Source) {
		return Stale
	}
	if p.AcceptURI != nil && !p.AcceptURI(c.URI) {
		return WrongTarget
	}
	if c.Qop == "" {
		return Accepted
	}
	if !v.window.Accept(c, p.Now) {
		return Replayed
	}
	return Accepted
}

var defaultAlgorithms = []Algorithm{MD5}

// orDefault: no algorithms are MD5 alone.
func orDefault(algorithms []Algorithm) []Algorithm {
	if len(algorithms) == 0 {
		return defaultAlgorithms
	}
	return algorithms
}

// offered says whether c uses what the challenge offered: one of its algorithms, and qop=auth with cnonce and nc
// (RFC 7616 s.3.4). COMPAT: libpurple answers without qop though it was offered; that is taken with MD5 alone, as
// clients of RFC 2069's kind know no other (RFC 3261 s.22.4, item 8).
func offered(c *Credentials, algorithms []Algorithm) bool {
	if c.hashedName || !c.Algorithm.Supported() || !slices.Contains(orDefault(algorithms), c.Algorithm) {
		return false
	}
	if c.Qop == "" {
		return c.Algorithm == MD5
	}
	_, ok := c.count()
	return ok && strings.EqualFold(c.Qop, "auth") && c.CNonce != ""
}

// dummyHA1 stands for principals that are unknown. Its first characters are as long as any H(A1).
const dummyHA1 = "0000000000000000000000000000000000000000000000000000000000000000"

// matches compares the response in constant time. ha1 is "" when the principal is unknown: never a match then.
func (c *Credentials) matches(method, ha1 string) bool {
	known := 1
	if ha1 == "" {
		known = 0
		ha1 = dummyHA1
		if c.Algorithm == MD5 {
			ha1 = dummyHA1[:32]
		}
	}
	var want, got [maxSum]byte
	n := c.response(&want, method, ha1)
	if len(c.Response) != 2*n {
		return false
	}
	var text [2 * maxSum]byte
	copy(text[:], c.Response)
	if _, err := hex.Decode(got[:], text[:2*n]); err != nil {
		return false
	}
	return subtle.ConstantTimeCompare(want[:n], got[:n])&known == 1
}
