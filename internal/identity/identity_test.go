package identity

import (
	"context"
	"crypto/x509"
	"errors"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"presenced/internal/store"
	"presenced/sip"
	"presenced/sip/digest"
)

var (
	epoch   = time.Unix(1_800_000_000, 0)
	client  = sip.Flow{Proto: sip.UDP, Local: netip.MustParseAddrPort("192.0.2.1:5060"), Remote: netip.MustParseAddrPort("198.51.100.7:40000")}
	proxy   = sip.Flow{Proto: sip.UDP, Local: client.Local, Remote: netip.MustParseAddrPort("10.0.0.1:5060")}
	secured = sip.Flow{Proto: sip.TLS, Local: client.Local, Remote: client.Remote, Conn: 7}
)

const anonymousFrom = `"Anonymous" <sip:anonymous@anonymous.invalid>`

// clock is a time that tests move.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

// newGuard is a guard for example.test and example.org that knows alice in the first and bob in both.
func newGuard(t testing.TB, change func(*Config)) (*Guard, *clock) {
	t.Helper()
	c := &clock{now: epoch}
	principals := NewLayered(nil, c.Now)
	principals.Configure([]store.Principal{
		NewPrincipal("sip:alice@example.test", "alice", "example.test", "secret"),
		NewPrincipal("sip:bob@example.test", "bob", "example.test", "secret"),
		NewPrincipal("sip:bob@example.org", "bob", "example.org", "secret"),
	})
	config := Config{
		Domain: "example.test",
		Local: func(host string) bool {
			host = strings.ToLower(strings.TrimSuffix(host, "."))
			return host == "example.test" || host == "example.org"
		},
		Trusted:    func(f sip.Flow) bool { return f.Remote == proxy.Remote },
		Principals: principals,
		Now:        c.Now,
	}
	if change != nil {
		change(&config)
	}
	return New(config), c
}

// message is a request in parts, with defaults: a PUBLISH of alice for herself.
type message struct {
	method, uri, from, branch string
	cseq                      string
	fields                    []string
	flow                      sip.Flow
}

func (m message) request(t testing.TB) *sip.Request {
	t.Helper()
	set := func(s *string, value string) {
		if *s == "" {
			*s = value
		}
	}
	set(&m.method, "PUBLISH")
	set(&m.uri, "sip:alice@example.test")
	set(&m.from, "<sip:alice@example.test>")
	set(&m.branch, "z9hG4bK1")
	set(&m.cseq, "1")
	if m.flow.IsZero() {
		m.flow = client
	}
	text := m.method + " " + m.uri + " SIP/2.0\r\n" +
		"Via: SIP/2.0/" + m.flow.Proto.String() + " 198.51.100.7;branch=" + m.branch + "\r\n" +
		"From: " + m.from + ";tag=f\r\nTo: <sip:alice@example.test>\r\nCall-ID: c\r\nCSeq: " + m.cseq + " " + m.method + "\r\n" +
		"Contact: <sip:alice@198.51.100.7>\r\nEvent: presence\r\n" +
		strings.Join(append(m.fields, ""), "\r\n") + "Content-Length: 0\r\n\r\n"
	r, err := sip.ParseRequest([]byte(text), m.flow)
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return r
}

// credentials are what a client with this nonce and password sends for a PUBLISH of alice.
func credentials(nonce string, change func(*digest.Credentials)) string {
	c := digest.Credentials{Username: "alice", Realm: "example.test", Nonce: nonce, URI: "sip:alice@example.test",
		Algorithm: digest.MD5, Qop: "auth", CNonce: "c", NonceCount: "00000001"}
	if change != nil {
		change(&c)
	}
	c.Sign("PUBLISH", digest.HA1(c.Algorithm, c.Username, c.Realm, "secret"))
	return c.String()
}

// nonceOf asks for a challenge and returns its nonce.
func nonceOf(t testing.TB, g *Guard) string {
	t.Helper()
	return challengeNonce(t, g.Challenge(message{}.request(t)))
}

func challengeNonce(t testing.TB, refusal *sip.Error) string {
	t.Helper()
	_, rest, _ := strings.Cut(refusal.Header[0].Value, `nonce="`)
	nonce, _, ok := strings.Cut(rest, `"`)
	if !ok {
		t.Fatalf("no nonce in %q", refusal.Header)
	}
	return nonce
}

// refusalOf is the refusal that Identify must answer with.
func refusalOf(t testing.TB, g *Guard, r *sip.Request) *sip.Error {
	t.Helper()
	err := g.Identify(context.Background(), r)
	var refusal *sip.Error
	if !errors.As(err, &refusal) {
		t.Fatalf("%s from %s: %v, not a refusal", r.Method(), r.Header("From"), err)
	}
	if r.Identity != (sip.Identity{}) {
		t.Errorf("refused, but the identity is set: %+v", r.Identity)
	}
	return refusal
}

func identify(t testing.TB, g *Guard, r *sip.Request) sip.Identity {
	t.Helper()
	if err := g.Identify(context.Background(), r); err != nil {
		t.Fatalf("%s from %s: %v", r.Method(), r.Header("From"), err)
	}
	return r.Identity
}

// certificateOf is a certificate with these URIs as alternative names.
func certificateOf(t testing.TB, names ...string) *x509.Certificate {
	t.Helper()
	c := &x509.Certificate{}
	for _, name := range names {
		u, err := url.Parse(name)
		if err != nil {
			t.Fatal(err)
		}
		c.URIs = append(c.URIs, u)
	}
	return c
}

// TestIdentify has one row for each way to be identified or refused without credentials.
func TestIdentify(t *testing.T) {
	none := func(c *Config) { c.Mode = None }
	anonymous := func(c *Config) { c.Anonymous = true }
	noneAnonymous := func(c *Config) { c.Mode, c.Anonymous = None, true }
	showing := func(names ...string) func(*Config) {
		return func(c *Config) {
			c.Certificate = func(sip.Flow) *x509.Certificate { return certificateOf(t, names...) }
		}
	}
	asserted := func(values ...string) []string {
		for i := range values {
			values[i] = "P-Asserted-Identity: " + values[i]
		}
		return values
	}
	const alice = "sip:alice@example.test"
	for _, test := range []struct {
		name   string
		config func(*Config)
		m      message
		code   int // 0: identified
		want   sip.Identity
	}{
		{"no credentials", nil, message{}, 407, sip.Identity{}},
		{"another method", nil, message{method: "OPTIONS"}, 0, sip.Identity{}},

		{"asserted by a trusted peer", nil, message{flow: proxy, fields: asserted("<sip:alice@example.test>")}, 0, sip.Identity{AOR: alice, Trusted: true}},
		{"asserted for a foreign principal", nil, message{flow: proxy, from: "<sip:carol@elsewhere.test>", fields: asserted("<sip:carol@elsewhere.test>")}, 0, sip.Identity{AOR: "sip:carol@elsewhere.test", Trusted: true}},
		{"asserted, sips:, port and parameter", nil, message{flow: proxy, fields: asserted(`"A" <sips:alice@Example.TEST:5061;x=y>`)}, 0, sip.Identity{AOR: alice, Trusted: true}},
		{"asserted beside tel:, in a list", nil, message{flow: proxy, fields: asserted("tel:+15550100, <sip:alice@example.test>")}, 0, sip.Identity{AOR: alice, Trusted: true}},
		{"asserted beside tel:, in two fields", nil, message{flow: proxy, fields: asserted("<sip:alice@example.test>", "<tel:+15550100>")}, 0, sip.Identity{AOR: alice, Trusted: true}},
		{"asserted, From is the asserted number", nil, message{flow: proxy, from: "<tel:+15550100>", fields: asserted("<sip:alice@example.test>, <tel:+15550100>")}, 0, sip.Identity{AOR: alice, Trusted: true}},
		{"asserted, From is another number", nil, message{flow: proxy, from: "<tel:+15550199>", fields: asserted("<sip:alice@example.test>, <tel:+15550100>")}, 403, sip.Identity{}},
		{"asserted, From is another's", nil, message{flow: proxy, from: "<sip:bob@example.test>", fields: asserted("<sip:alice@example.test>")}, 403, sip.Identity{}},
		{"asserted, From anonymous", nil, message{flow: proxy, from: anonymousFrom, fields: asserted("<sip:alice@example.test>")}, 0, sip.Identity{AOR: alice, Trusted: true, Anonymous: true}},
		{"asserted, Privacy: id", nil, message{flow: proxy, fields: append(asserted("<sip:alice@example.test>"), "Privacy: header; ID")}, 0, sip.Identity{AOR: alice, Trusted: true, Anonymous: true}},
		{"asserted, Privacy: none", nil, message{flow: proxy, fields: append(asserted("<sip:alice@example.test>"), "Privacy: none")}, 0, sip.Identity{AOR: alice, Trusted: true}},
		{"asserted, a number alone", nil, message{flow: proxy, fields: asserted("<tel:+15550100>")}, 407, sip.Identity{}},
		{"asserted, nonsense", nil, message{flow: proxy, fields: asserted("*, <>")}, 407, sip.Identity{}},
		{"trusted peer without assertion", nil, message{flow: proxy}, 407, sip.Identity{}},
		{"asserted by a stranger", nil, message{fields: asserted("<sip:alice@example.test>")}, 407, sip.Identity{}},

		{"certificate of the principal", showing("SIP:alice@example.test"), message{flow: secured}, 0, sip.Identity{AOR: alice}},
		{"certificate of several", showing("sip:bob@example.test", "sip:alice@example.test"), message{flow: secured}, 0, sip.Identity{AOR: alice}},
		{"certificate, From anonymous", showing("sip:alice@example.test"), message{flow: secured, from: anonymousFrom}, 0, sip.Identity{AOR: alice, Anonymous: true}},
		{"certificate of another", showing("sip:bob@example.test"), message{flow: secured}, 407, sip.Identity{}},
		{"certificate of a domain", showing("sip:example.test", "https://alice@example.test", "sips:alice@example.test"), message{flow: secured}, 407, sip.Identity{}},
		{"certificate, but not on this flow", showing("sip:alice@example.test"), message{}, 407, sip.Identity{}},

		{"mode none", none, message{}, 0, sip.Identity{AOR: alice}},
		{"mode none, foreign", none, message{from: "Carol <sip:carol@elsewhere.test:5070>"}, 0, sip.Identity{AOR: "sip:carol@elsewhere.test"}},
		{"mode none, pres:", none, message{from: "<pres:alice@example.test>"}, 0, sip.Identity{AOR: alice}},
		{"mode none, asserted", none, message{flow: proxy, from: anonymousFrom, fields: asserted("<sip:alice@example.test>")}, 0, sip.Identity{AOR: alice, Trusted: true, Anonymous: true}},
		{"mode none, Privacy", none, message{fields: []string{"Privacy: user"}}, 0, sip.Identity{AOR: alice, Anonymous: true}},
		{"mode none, no user", none, message{from: "<sip:example.test>"}, 403, sip.Identity{}},
		{"mode none, a number", none, message{from: "<tel:+15550100>"}, 403, sip.Identity{}},
		{"mode none, anonymous", none, message{method: "SUBSCRIBE", from: anonymousFrom}, 403, sip.Identity{}},
		{"mode none, anonymous allowed", noneAnonymous, message{method: "SUBSCRIBE", from: anonymousFrom}, 0, sip.Identity{Anonymous: true}},

		{"anonymous allowed", anonymous, message{method: "SUBSCRIBE", from: anonymousFrom}, 0, sip.Identity{Anonymous: true}},
		{"anonymous, any user and case", anonymous, message{method: "SUBSCRIBE", from: "<sip:thisis@Anonymous.Invalid>"}, 0, sip.Identity{Anonymous: true}},
		{"anonymous PUBLISH", anonymous, message{from: anonymousFrom}, 407, sip.Identity{}},
		{"anonymous not allowed", nil, message{method: "SUBSCRIBE", from: anonymousFrom}, 401, sip.Identity{}},
		{"not anonymous though it says so", anonymous, message{method: "SUBSCRIBE", from: "Anonymous <sip:carol@elsewhere.test>"}, 401, sip.Identity{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			g, _ := newGuard(t, test.config)
			r := test.m.request(t)
			if test.code == 0 {
				if got := identify(t, g, r); got != test.want {
					t.Errorf("identity %+v, want %+v", got, test.want)
				}
				return
			}
			if refusal := refusalOf(t, g, r); refusal.Code != test.code {
				t.Errorf("refused with %v, want %d", refusal, test.code)
			}
		})
	}
}

// TestBehindMux: what nobody can serve is refused as such before anybody is asked for a password.
func TestBehindMux(t *testing.T) {
	g, _ := newGuard(t, nil)
	mux := sip.NewMux(sip.MuxConfig{Local: g.Local, Guard: g.Identify})
	mux.HandleEvent("PUBLISH", "presence", sip.HandlerFunc(func(context.Context, *sip.Request) (*sip.Response, error) {
		return &sip.Response{Code: 200}, nil
	}))
	for _, test := range []struct {
		m    message
		code int
	}{
		{message{method: "INVITE"}, 405},
		{message{method: "FETCH"}, 501},
		{message{uri: "tel:+15550100"}, 416},
		{message{uri: "sip:alice@elsewhere.test"}, 404},
		{message{fields: []string{"Require: nothing"}}, 420},
		{message{method: "OPTIONS"}, 200},
		{message{}, 407},
		{message{fields: []string{"Authorization: " + credentials(nonceOf(t, g), nil)}}, 200},
	} {
		r := test.m.request(t)
		res := sip.ResponseOf(mux.ServeSIP(context.Background(), r))
		if res.Code != test.code {
			t.Errorf("%s %s: %d, want %d", r.Method(), r.RequestURI(), res.Code, test.code)
		}
		if res.Code == 407 && !res.Stateless {
			t.Error("a challenge is kept for retransmissions")
		}
	}
}
