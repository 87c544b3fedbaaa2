package identity

import (
	"context"
	"fmt"
	"testing"

	"presenced/sip"
	"presenced/sip/digest"
)

// BenchmarkIdentify is what a PUBLISH costs in the guard, by the way that it is identified.
func BenchmarkIdentify(b *testing.B) {
	limited := func(c *Config) {
		c.Limits = Limits{PerSource: Rate{PerSecond: 1e8}, PerPrincipal: Rate{PerSecond: 1e8}}
	}
	withoutQop := func(c *digest.Credentials) { c.Qop, c.CNonce, c.NonceCount = "", "", "" }
	for _, bench := range []struct {
		name   string
		config func(*Config)
		m      message
		sign   bool
		code   int
	}{
		{"digest without qop", nil, message{}, true, 0},
		{"digest without qop, with limits", limited, message{}, true, 0},
		{"asserted", nil, message{flow: proxy, fields: []string{"P-Asserted-Identity: <sip:alice@example.test>"}}, false, 0},
		{"none", func(c *Config) { c.Mode = None }, message{}, false, 0},
		{"challenge", nil, message{}, false, 407},
	} {
		b.Run(bench.name, func(b *testing.B) {
			g, _ := newGuard(b, bench.config)
			if bench.sign { // so that the same request is good again
				bench.m.fields = []string{"Authorization: " + credentials(nonceOf(b, g), withoutQop)}
			}
			r := bench.m.request(b)
			b.ReportAllocs()
			for b.Loop() {
				err := g.Identify(context.Background(), r)
				if refusal, ok := err.(*sip.Error); err != nil && (!ok || refusal.Code != bench.code) {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkPublish is what a PUBLISH with a rising nonce count costs in the guard.
func BenchmarkPublish(b *testing.B) {
	g, _ := newGuard(b, nil)
	nonce := nonceOf(b, g)
	requests := make([]*sip.Request, 1<<12)
	for i := range requests {
		field := credentials(nonce, func(c *digest.Credentials) { c.NonceCount = fmt.Sprintf("%08x", i+1) })
		requests[i] = message{fields: []string{"Authorization: " + field}}.request(b)
	}
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		if n%len(requests) == 0 {
			g.verifier = digest.NewVerifier(g.Nonces) // forgets the counts
		}
		if err := g.Identify(context.Background(), requests[n%len(requests)]); err != nil {
			b.Fatal(err)
		}
	}
}
