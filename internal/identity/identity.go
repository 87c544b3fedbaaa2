// Package identity says who asks. Its Guard stands between a sip.Mux's checks of form and the handlers: it sets
// Request.Identity, or refuses. Handlers never authenticate.
//
// A request to register, publish, subscribe or send a message is identified by the first of these that there is:
//
//  1. P-Asserted-Identity from a trusted peer (RFC 3325). A trusted peer's request without it goes on as any other.
//  2. A verified TLS client certificate that names the principal in From by a sip: URI with a user part (RFC 5922 s.7.1
//     keeps those apart from domains).
//  3. Digest credentials (RFC 3261 s.22, RFC 8760); in mode None the word of the From field.
//  4. An anonymous SUBSCRIBE without credentials passes as nobody's where the domain allows that.
//
// Who else comes is challenged, with 401 or 407 (see Guard.Challenge). From must then name the identified principal or
// be anonymous (RFC 3323 s.4.1.1.3); anything else is spoofing: 403. Whose presence or inbox it is about is the
// handlers' business, and so is To in a REGISTER (RFC 3261 s.10.3, step 4).
//
// Challenges are functions of the request (RFC 3261 s.8.2.7): nothing is kept for somebody who has not proven who he is,
// but for a counter per source. Nonces are signed with keys that all agents share by the store.
//
// A request of HTTP is identified the same way, but for what HTTP has not: see Guard.IdentifyHTTP.
//
// Left out: the algorithms offered are the same for every principal of the agent. Challenges by principal would tell
// strangers who exists, and cost a look into the store before anything is proven. SIP Identity (RFC 8224) is not read.
package identity

import (
	"context"
	"crypto/x509"
	"log/slog"
	"sync/atomic"
	"time"

	"presenced/sip"
	"presenced/sip/digest"
)

// Mode says how a principal proves who it is.
type Mode string

const (
	Digest Mode = "digest" // by digest credentials
	None   Mode = "none"   // From is believed: for a loopback
)

// nonceLifetime is how long a nonce is good while its count rises.
// COMPAT: linphone never answers a challenge of the PUBLISH that it says goodbye with, so that a nonce must outlive the
// hour between two refreshes many times over. TestLinphoneGoodbye.
const nonceLifetime = 12 * time.Hour

// Config is what a Guard needs. Domain, Local and, in mode Digest, Principals are required.
type Config struct {
	Mode   Mode                   // empty: Digest
	Domain string                 // the realm where neither From nor the Request-URI names a domain of ours
	Local  func(host string) bool // says whether a domain is ours; the host may come in any case

	Trusted     func(sip.Flow) bool              // trusted peers (RFC 3325); nil: none
	Certificate func(sip.Flow) *x509.Certificate // the verified certificate of a TLS client, or nil; nil: none

	Algorithms []digest.Algorithm // offered in this order; none: MD5 alone. COMPAT: see digest.Challenge
	Nonces     digest.Limits      // a Lifetime of 0 is 12 h here
	Principals Principals
	Secrets    Secrets       // keeps the nonces' keys; nil: one random key, for one agent in one run
	Rotation   time.Duration // of the nonces' keys; 0: 24 h. Longer than the nonces' lifetime

	Anonymous bool // anonymous SUBSCRIBEs without credentials pass
	Limits    Limits

	Now func() time.Time // nil: time.Now
	Log *slog.Logger     // nil: slog.Default()
}

// Stats counts since the start. Its fields are read with Load.
type Stats struct {
	Accepted   atomic.Uint64 // the principal is known and From is its own or anonymous
	Challenged atomic.Uint64 // 401 and 407, whatever the cause
	Wrong      atomic.Uint64 // credentials with a wrong password, of an unknown principal, or with an algorithm that was not offered
	Stale      atomic.Uint64 // credentials that are right, but for a nonce that is too old or unknown
	Replayed   atomic.Uint64 // credentials that are right, but whose nonce count was used before
	Spoofed    atomic.Uint64 // From is somebody else's
	Limited    atomic.Uint64 // over a rate limit
	Away       atomic.Uint64 // credentials that could not be checked, because the store is away
}

// A Guard identifies who asks. It is safe for concurrent use.
type Guard struct {
	Config
	stats      Stats
	started    time.Time
	keyring    *keyring
	verifier   *digest.Verifier
	sources    *limiter[source]
	guesses    *limiter[source] // wrong passwords over HTTP
	principals *limiter[string]
	lastWrong  atomic.Int64 // when a wrong password was logged, as Duration since started
}

// New makes a Guard. It works at once, with a key of its own until Refresh or Run has asked the store.
func New(config Config) *Guard {
	g := &Guard{Config: config}
	if g.Mode == "" {
		g.Mode = Digest
	}
	if g.Now == nil {
		g.Now = time.Now
	}
	if g.Log == nil {
		g.Log = slog.Default()
	}
	if g.Nonces.Lifetime == 0 {
		g.Nonces.Lifetime = nonceLifetime
	}
	if g.Rotation == 0 {
		g.Rotation = 24 * time.Hour
	}
	g.started = g.Now()
	g.lastWrong.Store(-int64(wrongLogEvery))
	g.keyring = newKeyring(g.Secrets, g.Rotation, g.Log)
	g.verifier = digest.NewVerifier(g.Nonces)
	g.sources = newLimiter[source](g.Limits.PerSource)
	g.guesses = newLimiter[source](guessing)
	g.principals = newLimiter[string](g.Limits.PerPrincipal)
	return g
}

// Refresh takes the nonces' keys from the store, and makes or rotates them where it is time. Called before the first
// listener opens, it spares clients of the last run a challenge.
func (g *Guard) Refresh(ctx context.Context) error { return g.keyring.refresh(ctx) }

// Run refreshes the keys until ctx ends. A store that is away is logged once; the keys at hand serve on.
func (g *Guard) Run(ctx context.Context) { g.keyring.run(ctx) }

// Stats are the Guard's counters.
func (g *Guard) Stats() *Stats { return &g.stats }

// clock is the time, and that since the start, where anything depends on them.
func (g *Guard) clock() (now time.Time, since time.Duration) {
	if g.Mode == None && g.sources == nil && g.principals == nil {
		return now, since
	}
	now = g.Now()
	return now, now.Sub(g.started)
}

// Identify sets r.Identity, or returns the refusal as a *sip.Error: 400, 401, 403, 407, 480 or 503. Requests of other
// methods than the four that act for a principal pass with the zero Identity, counted against their source.
func (g *Guard) Identify(ctx context.Context, r *sip.Request) error {
	trusted := g.Trusted != nil && g.Trusted(r.Flow)
	clock, now := g.clock()
	if !trusted && !g.sources.allow(sourceOf(r.Flow), now) {
		return g.tooMany(g.sources.interval, stateless)
	}
	switch r.Method() {
	case "REGISTER", "PUBLISH", "SUBSCRIBE", "MESSAGE":
	default:
		return nil
	}
	from, err := r.From()
	if err != nil {
		return refuse(sip.StatusBadRequest, "Malformed From")
	}
	id, err := g.authenticate(ctx, r, from, trusted, clock)
	if err != nil {
		return err
	}
	if id.AOR != "" && !g.principals.allow(id.AOR, now) {
		return g.tooMany(g.principals.interval, remembered)
	}
	g.stats.Accepted.Add(1)
	r.Identity = id
	return nil
}

func (g *Guard) authenticate(ctx context.Context, r *sip.Request, from *sip.Address, trusted bool, now time.Time) (sip.Identity, error) {
	id := sip.Identity{Trusted: trusted}
	if trusted {
		if asserted := assertedIdentity(r); asserted.aor != "" {
			id.AOR = asserted.aor
			if asserted.owns(from) {
				return g.withPrivacy(id, r, from), nil
			}
			return g.speakFor(id, r, from)
		}
	}
	if id.AOR = g.certified(r.Flow, from); id.AOR != "" {
		return g.speakFor(id, r, from)
	}
	if g.Mode == None {
		return g.believe(id, r, from)
	}
	return g.checkCredentials(ctx, id, r, from, now)
}

// believe takes From at its word.
func (g *Guard) believe(id sip.Identity, r *sip.Request, from *sip.Address) (sip.Identity, error) {
	if isAnonymous(from) {
		if g.passesAnonymously(r, from) {
			id.Anonymous = true
			return id, nil
		}
		return id, refuse(sip.StatusForbidden, "Anonymity is not allowed")
	}
	if id.AOR = r.FromAOR(); id.AOR == "" {
		return id, refuse(sip.StatusForbidden, "From names no principal")
	}
	return g.withPrivacy(id, r, from), nil
}

// refuse is a refusal that depends on the request alone.
func refuse(code int, reason string) *sip.Error {
	return &sip.Error{Code: code, Reason: reason, Stateless: true}
}
