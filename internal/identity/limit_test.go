package identity

import (
	"net/netip"
	"testing"
	"time"

	"presenced/sip"
	"presenced/sip/digest"
)

func TestLimiter(t *testing.T) {
	l := newLimiter[string](Rate{PerSecond: 10, Burst: 3})
	now := 5 * time.Second
	take := func(key string) (n int) {
		for l.allow(key, now) {
			n++
		}
		return n
	}
	if n := take("a"); n != 3 {
		t.Errorf("a burst of %d, want 3", n)
	}
	if n := take("b"); n != 3 {
		t.Errorf("another key's burst of %d, want 3", n)
	}
	now += 200 * time.Millisecond
	if n := take("a"); n != 2 {
		t.Errorf("%d after 200 ms, want 2", n)
	}
	now += time.Hour
	if n := take("a"); n != 3 {
		t.Errorf("%d after an hour, want 3", n)
	}
	if !newLimiter[string](Rate{}).allow("a", 0) {
		t.Error("no rate is no limit")
	}
	slow, n := newLimiter[string](Rate{PerSecond: 0.1}), 0
	for slow.allow("a", 0) {
		n++
	}
	if n != 1 {
		t.Errorf("a burst of %d by default, want 1", n)
	}
}

func TestSourceOf(t *testing.T) {
	for _, test := range []struct {
		a, b string
		same bool
	}{
		{"192.0.2.1", "192.0.2.1", true},
		{"192.0.2.1", "::ffff:192.0.2.1", true},
		{"192.0.2.1", "192.0.2.2", false},
		{"2001:db8::1", "2001:db8::ffff:1", true},
		{"2001:db8::1", "2001:db8:0:1::1", false},
		{"fe80::1%eth0", "fe80::2", true},
	} {
		of := func(s string) source {
			return sourceOf(sip.Flow{Remote: netip.AddrPortFrom(netip.MustParseAddr(s), 5060)})
		}
		if same := of(test.a) == of(test.b); same != test.same {
			t.Errorf("%s and %s: same is %v", test.a, test.b, same)
		}
	}
}

// TestLimits: 480, never 503; only limits per source spare a trusted peer; nobody but the principal uses up its own.
func TestLimits(t *testing.T) {
	perSource := func(c *Config) { c.Limits.PerSource = Rate{PerSecond: 0.5, Burst: 1} }
	perPrincipal := func(c *Config) { c.Limits.PerPrincipal = Rate{PerSecond: 1, Burst: 1} }
	open := func(c *Config) { c.Mode = None }
	assertion := []string{"P-Asserted-Identity: <sip:alice@example.test>"}
	for _, test := range []struct {
		name          string
		config        []func(*Config)
		first, second message
		retryAfter    string // "": the second is let through
		stateless     bool
	}{
		{"one source", []func(*Config){open, perSource}, message{}, message{from: "<sip:bob@example.test>"}, "2", true},
		{"one source, other methods", []func(*Config){open, perSource}, message{method: "OPTIONS"}, message{}, "2", true},
		{"two sources", []func(*Config){open, perSource}, message{}, message{flow: proxy}, "", false},
		{"a trusted source", []func(*Config){open, perSource}, message{flow: proxy}, message{flow: proxy}, "", false},
		{"one principal", []func(*Config){open, perPrincipal}, message{}, message{flow: proxy}, "1", false},
		{"one principal by a trusted peer", []func(*Config){perPrincipal}, message{flow: proxy, fields: assertion}, message{flow: proxy, fields: assertion}, "1", false},
		{"two principals", []func(*Config){open, perPrincipal}, message{}, message{from: "<sip:bob@example.test>"}, "", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			g, _ := newGuard(t, func(c *Config) {
				for _, change := range test.config {
					change(c)
				}
			})
			identify(t, g, test.first.request(t))
			if test.retryAfter == "" {
				identify(t, g, test.second.request(t))
				return
			}
			refusal := refusalOf(t, g, test.second.request(t))
			if refusal.Code != 480 || refusal.Reason != "Too many requests" || refusal.Stateless != test.stateless ||
				len(refusal.Header) != 1 || refusal.Header[0] != (sip.Field{Name: "Retry-After", Value: test.retryAfter}) {
				t.Errorf("%+v", refusal)
			}
			if g.Stats().Limited.Load() != 1 {
				t.Error("not counted")
			}
		})
	}
}

// TestStrangersUseUpNoLimit: requests in a principal's name without its password.
func TestStrangersUseUpNoLimit(t *testing.T) {
	g, _ := newGuard(t, func(c *Config) { c.Limits.PerPrincipal = Rate{PerSecond: 1, Burst: 1} })
	nonce := nonceOf(t, g)
	for range 10 {
		refusalOf(t, g, message{}.request(t))
		wrong := credentials(nonce, func(c *digest.Credentials) { c.Username = "bob" }) + `, realm2="x"`
		refusalOf(t, g, message{method: "MESSAGE", fields: []string{"Authorization: " + wrong}}.request(t))
	}
	identify(t, g, message{fields: []string{"Authorization: " + credentials(nonce, nil)}}.request(t))
}
