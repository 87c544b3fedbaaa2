package digest

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"
)

const (
	realm  = "example.test"
	target = "sip:example.test;transport=udp" // COMPAT: baresip's digest-uri
)

// signed returns the credentials of a client that knows alice's password, as it would answer a challenge with nonce.
func signed(nonce string, change func(*Credentials)) *Credentials {
	c := &Credentials{Username: "alice", Realm: realm, Nonce: nonce, URI: target, Algorithm: MD5,
		Qop: "auth", CNonce: "c", NonceCount: "00000001"}
	if change != nil {
		change(c)
	}
	c.Sign("REGISTER", HA1(c.Algorithm, c.Username, c.Realm, "secret"))
	return c
}

func withoutQop(c *Credentials) { c.Qop, c.CNonce, c.NonceCount = "", "", "" }

func algorithm(alg Algorithm) func(*Credentials) {
	return func(c *Credentials) { c.Algorithm = alg }
}

func right(c *Credentials) *Params { return rightAt(c, time.Second) }

func rightAt(c *Credentials, age time.Duration) *Params {
	return &Params{Keys: NewKeys(oldKey, nil), Method: "REGISTER", Realm: realm, Source: host, Now: epoch.Add(age),
		HA1: HA1(c.Algorithm, "alice", realm, "secret")}
}

func TestVerify(t *testing.T) {
	nonce := NewKeys(oldKey, nil).Nonce(seed, epoch)
	foreign := NewKeys(Key{ID: 9}, nil).Nonce(seed, epoch)
	for _, test := range []struct {
		name string
		c    *Credentials
		p    func(*Params)
		want Verdict
	}{
		{"right", signed(nonce, nil), nil, Accepted},
		{"right, from another host", signed(nonce, nil), func(p *Params) { p.Source = other }, Accepted},
		{"right, just before the end", signed(nonce, nil), func(p *Params) { p.Now = epoch.Add(time.Hour - 1) }, Accepted},
		{"too old", signed(nonce, nil), func(p *Params) { p.Now = epoch.Add(time.Hour) }, Stale},
		{"from an agent whose clock is ahead", signed(nonce, nil), func(p *Params) { p.Now = epoch.Add(-ClockSkew) }, Accepted},
		{"from the future", signed(nonce, nil), func(p *Params) { p.Now = epoch.Add(-ClockSkew - 1) }, Stale},
		{"key rotated", signed(nonce, nil), func(p *Params) { p.Keys = NewKeys(newKey, &oldKey) }, Accepted},
		{"key rotated away", signed(nonce, nil), func(p *Params) { p.Keys = NewKeys(newKey, nil) }, Stale},
		{"somebody else's nonce", signed(foreign, nil), nil, Stale},
		{"no nonce", signed("", nil), nil, Stale},

		{"without qop", signed(nonce, withoutQop), nil, Accepted},
		{"without qop, source mapped to IPv6", signed(nonce, withoutQop), func(p *Params) { p.Source = netip.AddrFrom16(host.As16()) }, Accepted},
		{"without qop, from another host", signed(nonce, withoutQop), func(p *Params) { p.Source = other }, Stale},
		{"without qop, too old", signed(nonce, withoutQop), func(p *Params) { p.Now = epoch.Add(5 * time.Minute) }, Stale},
		{"libpurple: nc without qop", signed(nonce, func(c *Credentials) { withoutQop(c); c.NonceCount = "00000001" }), nil, Accepted},
		{"without qop, by SHA-256", signed(nonce, func(c *Credentials) { withoutQop(c); c.Algorithm = SHA256 }),
			func(p *Params) { p.Algorithms = []Algorithm{SHA256} }, Wrong},

		{"SHA-256", signed(nonce, algorithm(SHA256)), func(p *Params) { p.Algorithms = []Algorithm{SHA256, MD5} }, Accepted},
		{"SHA-512-256", signed(nonce, algorithm(SHA512256)), func(p *Params) { p.Algorithms = []Algorithm{SHA512256} }, Accepted},
		{"SHA-256, not offered", signed(nonce, algorithm(SHA256)), nil, Wrong},
		{"libpurple: MD5, not offered", signed(nonce, nil), func(p *Params) { p.Algorithms = []Algorithm{SHA256} }, Wrong},
		{"MD5-sess, offered by mistake", signed(nonce, algorithm("MD5-sess")), func(p *Params) { p.Algorithms = []Algorithm{"MD5-sess"} }, Wrong},

		{"qop in upper case", signed(nonce, func(c *Credentials) { c.Qop = "AUTH" }), nil, Accepted},
		{"auth-int", signed(nonce, func(c *Credentials) { c.Qop = "auth-int" }), nil, Wrong},
		{"qop without cnonce", signed(nonce, func(c *Credentials) { c.CNonce = "" }), nil, Wrong},
		{"qop without nc", signed(nonce, func(c *Credentials) { c.NonceCount = "" }), nil, Wrong},
		{"nc is no number", signed(nonce, func(c *Credentials) { c.NonceCount = "0000000g" }), nil, Wrong},
		{"nc too long", signed(nonce, func(c *Credentials) { c.NonceCount = "000000001" }), nil, Wrong},
		{"userhash", signed(nonce, func(c *Credentials) { c.hashedName = true }), nil, Wrong},

		{"wrong password", signed(nonce, nil), func(p *Params) { p.HA1 = HA1(MD5, "alice", realm, "guess") }, Wrong},
		{"wrong password, nonce too old", signed(nonce, nil), func(p *Params) { p.HA1 = HA1(MD5, "alice", realm, "guess"); p.Now = epoch.Add(2 * time.Hour) }, Wrong},
		{"unknown principal", signed(nonce, nil), func(p *Params) { p.HA1 = "" }, Wrong},
		{"unknown principal, nonce too old", signed(nonce, nil), func(p *Params) { p.HA1 = ""; p.Now = epoch.Add(2 * time.Hour) }, Wrong},
		{"other method", signed(nonce, nil), func(p *Params) { p.Method = "PUBLISH" }, Wrong},
		{"other realm", signed(nonce, func(c *Credentials) { c.Realm = "example.com" }), nil, OtherRealm},

		{"target is ours", signed(nonce, nil), func(p *Params) { p.AcceptURI = func(uri string) bool { return uri == target } }, Accepted},
		{"target is not ours", signed(nonce, nil), func(p *Params) { p.AcceptURI = func(string) bool { return false } }, WrongTarget},
		{"target is not ours, wrong password", signed(nonce, nil), func(p *Params) { p.HA1 = ""; p.AcceptURI = func(string) bool { return false } }, Wrong},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := right(test.c)
			if test.p != nil {
				test.p(p)
			}
			got := NewVerifier(Limits{}).Verify(test.c, p)
			if got.Verdict != test.want {
				t.Errorf("%s, want %s", got.Verdict, test.want)
			}
			if got.Verdict == Accepted && !got.IssuedAt.Equal(epoch) {
				t.Errorf("issued at %v, want %v", got.IssuedAt, epoch)
			}
		})
	}
}

// Whoever knows the dummy H(A1) must not get in as a principal that does not exist.
func TestDummyHA1OpensNothing(t *testing.T) {
	c := signed(NewKeys(oldKey, nil).Nonce(seed, epoch), nil)
	c.Sign("REGISTER", dummyHA1[:32])
	p := right(c)
	p.HA1 = ""
	if got := NewVerifier(Limits{}).Verify(c, p); got.Verdict != Wrong {
		t.Errorf("%s, want %s", got.Verdict, Wrong)
	}
}

func TestVerifyResponseThatIsNoDigest(t *testing.T) {
	nonce := NewKeys(oldKey, nil).Nonce(seed, epoch)
	for _, response := range []string{"", "0", strings.Repeat("0", 31), strings.Repeat("g", 32), strings.Repeat("0", 33), strings.Repeat("0", 64), strings.Repeat("0", 4000)} {
		c := signed(nonce, nil)
		c.Response = response
		if got := NewVerifier(Limits{}).Verify(c, right(c)); got.Verdict != Wrong {
			t.Errorf("%s for the response %.70q", got.Verdict, response)
		}
	}
}

// A client goes on with one nonce while nc rises, in any order, with one cnonce or with many (linphone). What it sent
// once is refused, and its refusal is stale=true.
func TestVerifyReplay(t *testing.T) {
	v := NewVerifier(Limits{})
	nonce := NewKeys(oldKey, nil).Nonce(seed, epoch)
	count := func(cnonce, nc string) *Credentials {
		return signed(nonce, func(c *Credentials) { c.CNonce, c.NonceCount = cnonce, nc })
	}
	for i, step := range []struct {
		cnonce, nc string
		want       Verdict
	}{
		{"c", "00000001", Accepted},
		{"c", "00000001", Replayed},
		{"c", "00000003", Accepted},
		{"c", "00000002", Accepted},
		{"c", "3", Replayed},
		{"d", "00000004", Accepted},
		{"d", "00000004", Replayed},
		{"c", "000000FF", Accepted},
		{"c", "00000004", Replayed},
	} {
		c := count(step.cnonce, step.nc)
		got := v.Verify(c, right(c))
		if got.Verdict != step.want {
			t.Errorf("step %d: %s, want %s", i+1, got.Verdict, step.want)
		}
		if got.Verdict.AskWithStale() != (step.want == Replayed) {
			t.Errorf("step %d: stale %v", i+1, got.Verdict.AskWithStale())
		}
	}
	wrong := count("e", "00000001")
	wrong.Response = strings.Repeat("0", 32)
	v.Verify(wrong, right(wrong))
	if again := count("e", "00000001"); v.Verify(again, right(again)).Verdict != Accepted {
		t.Error("a wrong response used up the count of a right one")
	}
}

func TestVerifierLimits(t *testing.T) {
	v := NewVerifier(Limits{Lifetime: time.Minute, BoundLifetime: 10 * time.Second, Entries: 32})
	nonce := NewKeys(oldKey, nil).Nonce(seed, epoch)
	for _, test := range []struct {
		age    time.Duration
		change func(*Credentials)
		want   Verdict
	}{
		{9 * time.Second, withoutQop, Accepted},
		{10 * time.Second, withoutQop, Stale},
		{59 * time.Second, nil, Accepted},
		{60 * time.Second, nil, Stale},
	} {
		c := signed(nonce, test.change)
		if got := v.Verify(c, rightAt(c, test.age)); got.Verdict != test.want {
			t.Errorf("after %v: %s, want %s", test.age, got.Verdict, test.want)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	keys := NewKeys(oldKey, nil)
	nonce := keys.Nonce(seed, epoch)
	for _, bench := range []struct {
		name   string
		change func(*Credentials)
	}{
		{"MD5", func(*Credentials) {}},
		{"SHA-256", algorithm(SHA256)},
		{"no-qop", withoutQop},
	} {
		b.Run(bench.name, func(b *testing.B) {
			var requests [1024]*Credentials
			for i := range requests {
				requests[i] = signed(nonce, func(c *Credentials) {
					c.NonceCount = fmt.Sprintf("%08x", i+1)
					bench.change(c)
				})
			}
			p := right(requests[0])
			p.Keys, p.Algorithms = keys, []Algorithm{SHA256, MD5}
			var v *Verifier
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if i%len(requests) == 0 {
					v = NewVerifier(Limits{}) // all counts are new to it
				}
				if got := v.Verify(requests[i%len(requests)], p); got.Verdict != Accepted {
					b.Fatal(got.Verdict)
				}
			}
		})
	}
}

// The floor of a verification: the two digests alone.
func BenchmarkResponse(b *testing.B) {
	c := signed(NewKeys(oldKey, nil).Nonce(seed, epoch), nil)
	ha1 := HA1(MD5, "alice", realm, "secret")
	var sum [maxSum]byte
	b.ReportAllocs()
	for b.Loop() {
		c.response(&sum, "REGISTER", ha1)
	}
}

func BenchmarkParse(b *testing.B) {
	field := signed(NewKeys(oldKey, nil).Nonce(seed, epoch), nil).String()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(field); err != nil {
			b.Fatal(err)
		}
	}
}
