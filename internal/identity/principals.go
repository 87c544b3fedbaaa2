package identity

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"presenced/internal/store"
	"presenced/sip/digest"
)

// Principals knows who can authenticate. An unknown address-of-record is store.ErrNotFound.
type Principals interface {
	Principal(ctx context.Context, aor string) (store.Principal, error)
}

const (
	principalEntries = 1 << 16          // remembered lookups
	principalFresh   = 10 * time.Second // how long a lookup is believed
	principalPatched = time.Second      // how long one is believed again after the store could not be asked
)

// Layered are the principals of the configuration, which take precedence, in front of those of the store. What the store
// said is believed for 10 s, so a change is seen that late by other agents; Forget makes it seen here at once. When the
// store is away, whoever was found before is still known. It is safe for concurrent use.
type Layered struct {
	configured atomic.Pointer[map[string]store.Principal]
	behind     Principals
	lookups    *recent[string, lookup]
	now        func() time.Time
}

// lookup is what the store said.
type lookup struct {
	principal store.Principal
	found     bool
	until     time.Time
}

// NewLayered returns principals in front of behind, which may be nil: then there are no others. now may be nil.
func NewLayered(behind Principals, now func() time.Time) *Layered {
	if now == nil {
		now = time.Now
	}
	l := &Layered{behind: behind, lookups: newRecent[string, lookup](principalEntries), now: now}
	l.Configure(nil)
	return l
}

// Configure replaces the principals of the configuration, as SIGHUP does.
func (l *Layered) Configure(principals []store.Principal) {
	byAOR := make(map[string]store.Principal, len(principals))
	for _, p := range principals {
		byAOR[p.AOR] = p
	}
	l.configured.Store(&byAOR)
}

// Forget makes the next lookup of a principal ask the store. It is called after a put or a delete.
func (l *Layered) Forget(aor string) {
	l.lookups.update(aor, func(lookup) lookup { return lookup{} })
}

// Principal looks in the configuration, in memory and in the store. The error is store.ErrNotFound, or the store's when
// it is away and the principal was not found before.
func (l *Layered) Principal(ctx context.Context, aor string) (store.Principal, error) {
	if p, ok := (*l.configured.Load())[aor]; ok {
		return p, nil
	}
	if l.behind == nil {
		return store.Principal{}, store.ErrNotFound
	}
	now := l.now()
	known := l.lookups.get(aor)
	if now.Before(known.until) {
		return known.answer()
	}
	p, err := l.behind.Principal(ctx, aor)
	switch {
	case err == nil:
		known = lookup{principal: p, found: true, until: now.Add(principalFresh)}
	case errors.Is(err, store.ErrNotFound):
		known = lookup{until: now.Add(principalFresh)}
	case known.found: // the store is away; do not wait for it with every request
		known.until = now.Add(principalPatched)
	default:
		return store.Principal{}, err
	}
	l.lookups.update(aor, func(lookup) lookup { return known })
	return known.answer()
}

func (k *lookup) answer() (store.Principal, error) {
	if !k.found {
		return store.Principal{}, store.ErrNotFound
	}
	return k.principal, nil
}

// usernameForm is how a username is written, and what stands behind the algorithm in the keys of store.Principal.HA1:
// the username is hashed as the client writes it (RFC 7616 s.3.4.2), so each form has a hash of its own.
type usernameForm string

const (
	userAlone    usernameForm = ""                 // alice
	userAtDomain usernameForm = " user@domain"     // alice@example.com, as in many account forms
	userURI      usernameForm = " sip:user@domain" // sip:alice@example.com
)

// NewPrincipal makes the record of user@domain with a password, hashed for each algorithm and each way to write the
// username. user is without escapes; aor is its canonical address-of-record.
func NewPrincipal(aor, user, domain, password string) store.Principal {
	p := store.Principal{AOR: aor, HA1: map[string]string{}}
	for _, alg := range [...]digest.Algorithm{digest.MD5, digest.SHA256, digest.SHA512256} {
		p.HA1[string(alg)] = digest.HA1(alg, user, domain, password)
		p.HA1[string(alg)+string(userAtDomain)] = digest.HA1(alg, user+"@"+domain, domain, password)
		p.HA1[string(alg)+string(userURI)] = digest.HA1(alg, "sip:"+user+"@"+domain, domain, password)
	}
	return p
}

// storedHash is the principal's hash, "" where it has none for the algorithm. A record with one hash per algorithm, as
// operators import it, may be for whichever form they chose.
func storedHash(p *store.Principal, alg digest.Algorithm, form usernameForm) string {
	if form != userAlone {
		if hash := p.HA1[string(alg)+string(form)]; hash != "" {
			return hash
		}
	}
	return p.HA1[string(alg)]
}
