package identity

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"presenced/internal/store"
	"presenced/sip"
	"presenced/sip/digest"
)

const (
	// maxCredentials is how many fields of credentials for our realms are tried. RFC 3261 s.22.3 allows several for one
	// realm; a client has one.
	maxCredentials = 4
	// awayRetryAfter is what a client is told to wait for when the store is away, in seconds.
	awayRetryAfter = 5
	// wrongLogEvery is the least time between two log lines about wrong passwords.
	wrongLogEvery = time.Second
)

// credentialFields hold credentials. Both are read for every method, because the realm alone says whom they are for
// (RFC 3261 s.22.1) and clients answer a 407 where they were once asked with a 401.
var credentialFields = [...]string{"Authorization", "Proxy-Authorization"}

// checkCredentials identifies the sender by the credentials for our realms, the first that are right.
func (g *Guard) checkCredentials(ctx context.Context, id sip.Identity, r *sip.Request, from *sip.Address, now time.Time) (sip.Identity, error) {
	var room [1]digest.Credentials
	brought, fault := g.credentials(room[:0], r)
	var stale, wrongTarget bool
	for i := range brought {
		aor, result, err := g.verify(ctx, r, &brought[i], now)
		if err != nil {
			return id, err
		}
		switch result.Verdict {
		case digest.Accepted:
			id.AOR, id.Issued = aor, result.IssuedAt.Unix()
			return g.speakFor(id, r, from)
		case digest.WrongTarget:
			wrongTarget = true
		}
		stale = stale || result.Verdict.AskWithStale()
	}
	switch {
	case wrongTarget: // RFC 7616 s.3.4.6
		return id, refuse(sip.StatusBadRequest, "Digest URI is not for this domain")
	case len(brought) == 0 && fault != nil: // RFC 7616 s.3.4
		return id, refuse(sip.StatusBadRequest, "Malformed credentials").Because(fault)
	case len(brought) == 0 && g.passesAnonymously(r, from):
		id.Anonymous = true
		return id, nil
	}
	return id, g.challenge(r, now, digest.Challenge{Stale: stale})
}

// credentials appends those for our realms; others are for somebody else (RFC 3261 s.22.3), and so are other schemes. fault
// is that of a field which cannot be read.
func (g *Guard) credentials(brought []digest.Credentials, r *sip.Request) (_ []digest.Credentials, fault error) {
	for _, name := range credentialFields {
		for field := range r.Each(name) {
			c, err := digest.Parse(field)
			switch {
			case errors.Is(err, digest.ErrSyntax):
				fault = err
			case err == nil && g.Local(c.Realm) && len(brought) < maxCredentials:
				brought = append(brought, c)
			}
		}
	}
	return brought, fault
}

// verify checks one field of credentials. The error is a 503: nobody can say whether they are right.
func (g *Guard) verify(ctx context.Context, r *sip.Request, c *digest.Credentials, now time.Time) (string, digest.Result, error) {
	named, form := usernameURI(c.Username, c.Realm)
	aor := r.AOROf(&named)
	params := digest.Params{Method: r.Method(), Source: r.Flow.Remote.Addr(), Now: now}
	if c.URI != r.RequestURI() {
		params.AcceptURI = func(uri string) bool { return g.acceptURI(r, uri) }
	}
	result, err := g.check(ctx, aor, form, c, &params)
	if result.Verdict == digest.Wrong {
		g.logWrong(aor, r.Method(), r.Flow)
	}
	return aor, result, err
}

// check verifies the credentials of a principal, "" for one that cannot be, against what p says of the request; it
// completes p.
func (g *Guard) check(ctx context.Context, aor string, form usernameForm, c *digest.Credentials, p *digest.Params) (digest.Result, error) {
	var principal store.Principal
	if aor != "" {
		var err error
		principal, err = g.Principals.Principal(ctx, aor)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			g.stats.Away.Add(1)
			refusal := refuse(sip.StatusServiceUnavailable, "").Because(err)
			return digest.Result{}, refusal.With("Retry-After", strconv.Itoa(awayRetryAfter))
		}
	}
	p.Keys, p.Realm, p.Algorithms = g.keyring.keys.Load(), c.Realm, g.Algorithms
	p.HA1 = storedHash(&principal, c.Algorithm, form)
	result := g.verifier.Verify(c, p)
	g.count(result.Verdict)
	return result, nil
}

// usernameURI is whom a username in a realm names: user, user@domain or sip:user@domain, the domain
// being the realm. form is how it was written. Nobody has no user.
func usernameURI(username, realm string) (named sip.URI, form usernameForm) {
	user, form := username, userAlone
	if at := strings.LastIndexByte(username, '@'); at >= 0 {
		if !strings.EqualFold(username[at+1:], realm) {
			return named, form
		}
		user, form = username[:at], userAtDomain
		const scheme = "sip:"
		if len(user) > len(scheme) && strings.EqualFold(user[:len(scheme)], scheme) {
			user, form = user[len(scheme):], userURI
		}
	}
	return sip.URI{User: user, Host: realm}, form
}

// acceptURI says whether a digest-uri is for somebody that we accept requests for. RFC 3261 s.22.4, item 6: it need not
// be the Request-URI. COMPAT: baresip's carries ;transport=udp, and proxies rewrite the Request-URI.
func (g *Guard) acceptURI(r *sip.Request, uri string) bool {
	u, err := sip.ParseURI(uri)
	if err != nil || u.Host == "" {
		return false
	}
	if g.Local(u.Host) {
		return true
	}
	asked, err := r.URI()
	return err == nil && strings.EqualFold(u.Host, asked.Host)
}

func (g *Guard) count(verdict digest.Verdict) {
	switch verdict {
	case digest.Wrong:
		g.stats.Wrong.Add(1)
	case digest.Stale:
		g.stats.Stale.Add(1)
	case digest.Replayed:
		g.stats.Replayed.Add(1)
	}
}

// logWrong writes one line a second at most, however many guess passwords.
func (g *Guard) logWrong(aor, method string, from any) {
	now := int64(g.Now().Sub(g.started))
	last := g.lastWrong.Load()
	if now-last < int64(wrongLogEvery) || !g.lastWrong.CompareAndSwap(last, now) {
		return
	}
	g.Log.Debug("wrong credentials", "principal", aor, "method", method, "from", from, "wrong", g.stats.Wrong.Load())
}
