package identity

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"presenced/internal/store"
	"presenced/sip/digest"
)

// TestCredentials has one row for each thing that credentials can be.
func TestCredentials(t *testing.T) {
	const alice = "sip:alice@example.test"
	user := func(name string) func(*digest.Credentials) {
		return func(c *digest.Credentials) { c.Username = name }
	}
	uri := func(s string) func(*digest.Credentials) { return func(c *digest.Credentials) { c.URI = s } }
	for _, test := range []struct {
		name   string
		change func(*digest.Credentials)
		m      message
		code   int
		stale  bool
		aor    string
	}{
		{"right", nil, message{}, 0, false, alice},
		{"user@domain", user("alice@example.test"), message{}, 0, false, alice},
		{"sip:user@domain", user("sip:alice@example.test"), message{}, 0, false, alice},
		{"From anonymous", nil, message{from: anonymousFrom}, 0, false, alice},
		{"From another's", nil, message{from: "<sip:bob@example.test>"}, 403, false, ""},
		{"From of the same user elsewhere", nil, message{from: "<sip:alice@example.org>"}, 403, false, ""},
		{"From of another case", nil, message{from: "<sip:Alice@example.test>"}, 403, false, ""},
		{"From with escapes and port", nil, message{from: "<sip:%61lice@EXAMPLE.test:5060;transport=tcp>"}, 0, false, alice},
		{"user@other domain", user("alice@example.org"), message{}, 407, false, ""},
		{"no user", user("@example.test"), message{}, 407, false, ""},
		{"unknown principal", user("nobody"), message{}, 407, false, ""},
		{"another's name with alice's password", func(c *digest.Credentials) { c.CNonce = "x"; c.Username = "mallory" }, message{}, 407, false, ""},
		{"algorithm not offered", func(c *digest.Credentials) { c.Algorithm = digest.SHA256 }, message{}, 407, false, ""},
		{"nonce not ours", func(c *digest.Credentials) { c.Nonce = "x" }, message{}, 407, true, ""},
		{"realm not ours", func(c *digest.Credentials) { c.Realm = "elsewhere.test" }, message{}, 407, false, ""},
		{"realm of our other domain", func(c *digest.Credentials) { c.Realm, c.Username = "example.org", "bob" }, message{from: "<sip:bob@example.org>"}, 0, false, "sip:bob@example.org"},
		{"digest-uri with a parameter", uri("sip:example.test;transport=udp"), message{}, 0, false, alice},
		{"digest-uri of our other domain", uri("sip:bob@example.org"), message{}, 0, false, alice},
		{"digest-uri of nobody here", uri("sip:alice@elsewhere.test"), message{}, 400, false, ""},
		{"digest-uri that is none", uri("/index.html"), message{}, 400, false, ""},
		{"digest-uri is the address we were reached at", uri("sip:192.0.2.1:5060;transport=udp"), message{uri: "sip:192.0.2.1"}, 0, false, alice},
		{"a foreign proxy's before it", nil, message{fields: []string{`Proxy-Authorization: Digest username="x", realm="elsewhere.test", nonce="n", uri="sip:x", response="00"`}}, 0, false, alice},
		{"Basic before it", nil, message{fields: []string{"Authorization: Basic YWxpY2U6c2VjcmV0"}}, 0, false, alice},
		{"malformed before it", nil, message{fields: []string{`Authorization: Digest username="`}}, 0, false, alice},
	} {
		t.Run(test.name, func(t *testing.T) {
			g, _ := newGuard(t, nil)
			test.m.fields = append(test.m.fields, "Proxy-Authorization: "+credentials(nonceOf(t, g), test.change))
			r := test.m.request(t)
			if test.code == 0 {
				id := identify(t, g, r)
				if id.AOR != test.aor || id.Issued == 0 || id.Anonymous != (test.m.from == anonymousFrom) {
					t.Errorf("identity %+v, want %s", id, test.aor)
				}
				return
			}
			refusal := refusalOf(t, g, r)
			if refusal.Code != test.code {
				t.Fatalf("refused with %v, want %d", refusal, test.code)
			}
			stale := len(refusal.Header) > 0 && strings.HasSuffix(refusal.Header[0].Value, ", stale=true")
			if stale != test.stale {
				t.Errorf("stale is %v in %v", stale, refusal.Header)
			}
		})
	}
}

// TestMalformedCredentials: RFC 7616 s.3.4, "the proper response is a 4xx". Other schemes are as good as none.
func TestMalformedCredentials(t *testing.T) {
	for field, code := range map[string]int{
		`Digest username="alice`:              400,
		`Digest realm="example.test"`:         400,
		"Digest " + strings.Repeat("a", 5000): 400,
		"Basic YWxpY2U6c2VjcmV0":              407,
		"Bearer x":                            407,
		"x":                                   407,
	} {
		g, _ := newGuard(t, nil)
		refusal := refusalOf(t, g, message{fields: []string{"Authorization: " + field}}.request(t))
		if refusal.Code != code || !refusal.Stateless {
			t.Errorf("%.40s: %v, want %d", field, refusal, code)
		}
	}
}

// TestManyCredentials: the right ones behind too many wrong ones are not looked at.
func TestManyCredentials(t *testing.T) {
	g, _ := newGuard(t, nil)
	nonce := nonceOf(t, g)
	wrong := "Authorization: " + credentials(nonce, func(c *digest.Credentials) { c.Username = "nobody" })
	right := "Authorization: " + credentials(nonce, nil)
	fields := []string{wrong, wrong, wrong, right}
	if id := identify(t, g, message{fields: fields}.request(t)); id.AOR == "" {
		t.Error("the fourth was not tried")
	}
	g, _ = newGuard(t, nil)
	if refusal := refusalOf(t, g, message{fields: append([]string{wrong}, fields...)}.request(t)); refusal.Code != 407 {
		t.Errorf("%v, want 407", refusal)
	}
	if n := g.Stats().Wrong.Load(); n != maxCredentials {
		t.Errorf("%d were tried, want %d", n, maxCredentials)
	}
}

// TestNoOracle: an unknown principal and a wrong password hear the same.
func TestNoOracle(t *testing.T) {
	hear := func(username string) *digestRefusal {
		g, _ := newGuard(t, nil)
		g.keyring.hold([]store.Secret{{ID: 1, Key: make([]byte, secretLength)}})
		field := credentials(nonceOf(t, g), func(c *digest.Credentials) { c.Username = username })
		field = strings.Replace(field, `response="`, `response="0`, 1) // one digit too many
		refusal := refusalOf(t, g, message{fields: []string{"Authorization: " + field}}.request(t))
		return &digestRefusal{refusal.Code, refusal.Header[0].Value}
	}
	if known, unknown := hear("alice"), hear("nobody"); *known != *unknown {
		t.Errorf("known %v, unknown %v", known, unknown)
	}
}

type digestRefusal struct {
	code  int
	field string
}

func TestNonceLife(t *testing.T) {
	g, c := newGuard(t, nil)
	nonce := nonceOf(t, g)
	send := func(count string) (code int, field string) {
		f := "Authorization: " + credentials(nonce, func(c *digest.Credentials) { c.NonceCount = count })
		r := message{fields: []string{f}}.request(t)
		if g.Identify(context.Background(), r) == nil {
			return 200, ""
		}
		refusal := refusalOf(t, g, r)
		return refusal.Code, refusal.Header[0].Value
	}
	if code, _ := send("00000001"); code != 200 {
		t.Fatal("refused")
	}
	if code, field := send("00000001"); code != 407 || !strings.Contains(field, "stale=true") {
		t.Errorf("a replay got %d %s", code, field)
	}
	c.now = c.now.Add(nonceLifetime - digest.Slot)
	if code, _ := send("00000002"); code != 200 {
		t.Error("refused before the end of its life")
	}
	c.now = c.now.Add(digest.Slot)
	if code, field := send("00000003"); code != 407 || !strings.Contains(field, "stale=true") {
		t.Errorf("an old nonce got %d %s", code, field)
	}
	s := g.Stats()
	if s.Accepted.Load() != 2 || s.Replayed.Load() < 1 || s.Stale.Load() < 1 || s.Challenged.Load() < 2 {
		t.Errorf("accepted %d, replayed %d, stale %d, challenged %d", s.Accepted.Load(), s.Replayed.Load(), s.Stale.Load(), s.Challenged.Load())
	}
}

// TestStoreAway: 503 with Retry-After while nobody can say whether credentials are right; never a challenge, which would
// make a client ask its person for the password.
func TestStoreAway(t *testing.T) {
	g, _ := newGuard(t, func(c *Config) {
		c.Principals = principalsFunc(func(string) (store.Principal, error) { return store.Principal{}, store.ErrUnavailable })
	})
	field := "Authorization: " + credentials(nonceOf(t, g), nil)
	refusal := refusalOf(t, g, message{fields: []string{field}}.request(t))
	if refusal.Code != 503 || len(refusal.Header) != 1 || refusal.Header[0].Name != "Retry-After" {
		t.Errorf("%d %v", refusal.Code, refusal.Header)
	}
	if refusal := refusalOf(t, g, message{}.request(t)); refusal.Code != 407 {
		t.Errorf("without credentials %d, want 407", refusal.Code)
	}
}

type principalsFunc func(aor string) (store.Principal, error)

func (f principalsFunc) Principal(_ context.Context, aor string) (store.Principal, error) {
	return f(aor)
}

// TestWrongIsLoggedSparsely: one line a second, without the credentials.
func TestWrongIsLoggedSparsely(t *testing.T) {
	var text strings.Builder
	g, c := newGuard(t, func(c *Config) {
		c.Log = slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	wrong := func() {
		f := "Authorization: " + credentials(nonceOf(t, g), func(c *digest.Credentials) { c.Username = "mallory" })
		refusalOf(t, g, message{fields: []string{f}}.request(t))
	}
	for range 5 {
		wrong()
	}
	c.now = c.now.Add(time.Second)
	wrong()
	if n := strings.Count(text.String(), "\n"); n != 2 {
		t.Errorf("%d lines, want 2:\n%s", n, text.String())
	}
	if strings.Contains(text.String(), "response") || strings.Contains(text.String(), "secret") {
		t.Errorf("credentials in the log:\n%s", text.String())
	}
}
