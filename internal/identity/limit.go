package identity

import (
	"math"
	"net/netip"
	"strconv"
	"time"

	"presenced/sip"
)

// Limits bound what one source or one principal may ask. Trusted peers are exempt from PerSource alone.
type Limits struct {
	PerSource    Rate // an IPv4 address, or an IPv6 network of 64 bits, which is what one site has
	PerPrincipal Rate // an identified principal, wherever it asks from
}

// Rate is a limit of requests. The zero Rate is no limit.
type Rate struct {
	PerSecond float64
	Burst     int // how many may come at once after a quiet time; 0: what comes in 2 s
}

// limitEntries is how many sources, and how many principals, are told apart. When there are more, the one that was
// quiet for longest starts anew with a full burst.
const limitEntries = 1 << 16

// limiter is a token bucket for each key. A bucket is one number: the time, since the Guard's start, at which it will be
// full again.
type limiter[K comparable] struct {
	interval time.Duration // that one request costs
	slack    time.Duration // that may be owed
	full     *recent[K, time.Duration]
}

// newLimiter returns nil, which allows everything, for the zero Rate.
func newLimiter[K comparable](rate Rate) *limiter[K] {
	if rate.PerSecond <= 0 {
		return nil
	}
	burst := rate.Burst
	if burst <= 0 {
		burst = max(1, int(math.Ceil(2*rate.PerSecond)))
	}
	interval := time.Duration(float64(time.Second) / rate.PerSecond)
	return &limiter[K]{
		interval: interval,
		slack:    time.Duration(burst) * interval,
		full:     newRecent[K, time.Duration](limitEntries),
	}
}

// allow takes a token from the key's bucket if there is one.
func (l *limiter[K]) allow(key K, now time.Duration) bool {
	if l == nil {
		return true
	}
	allowed := false
	l.full.update(key, func(full time.Duration) time.Duration {
		next := max(full, now) + l.interval
		if allowed = next-now <= l.slack; !allowed {
			return full
		}
		return next
	})
	return allowed
}

// empty says whether the key's bucket has no token left; it takes none.
func (l *limiter[K]) empty(key K, now time.Duration) bool {
	return l != nil && max(l.full.get(key), now)+l.interval-now > l.slack
}

// source is what a limit per source counts for.
type source netip.Addr

func sourceOf(flow sip.Flow) source { return sourceAt(flow.Remote.Addr()) }

func sourceAt(a netip.Addr) source {
	a = a.Unmap().WithZone("")
	if a.Is6() {
		if network, err := a.Prefix(64); err == nil {
			return source(network.Addr())
		}
	}
	return source(a)
}

// keeping says whether a refusal is kept for retransmissions.
type keeping string

const (
	stateless  keeping = "stateless"  // a repeat is looked at anew
	remembered keeping = "remembered" // credentials were used up: a repeat would look like a replay
)

// tooMany is the answer over a limit: 480, never 503, after which a proxy would stop sending everybody's requests
// (RFC 3261 s.21.5.4).
func (g *Guard) tooMany(interval time.Duration, keep keeping) error {
	g.stats.Limited.Add(1)
	seconds := max(1, int(math.Ceil(interval.Seconds())))
	refusal := &sip.Error{Code: sip.StatusTemporarilyUnavailable, Reason: "Too many requests", Stateless: keep == stateless}
	return refusal.With("Retry-After", strconv.Itoa(seconds))
}
