package identity

import (
	"slices"
	"strings"
	"testing"
	"time"

	"presenced/sip"
	"presenced/sip/digest"
)

func TestChallenge(t *testing.T) {
	for _, test := range []struct {
		name  string
		m     message
		code  int
		realm string
	}{
		{"REGISTER", message{method: "REGISTER", uri: "sip:example.test"}, 401, "example.test"},
		{"SUBSCRIBE", message{method: "SUBSCRIBE"}, 401, "example.test"},
		{"PUBLISH", message{}, 407, "example.test"},
		{"MESSAGE", message{method: "MESSAGE"}, 407, "example.test"},
		{"SUBSCRIBE for another domain", message{method: "SUBSCRIBE", uri: "sip:carol@elsewhere.test"}, 407, "example.test"},
		{"across our domains: the watcher's", message{method: "SUBSCRIBE", from: "<sip:bob@example.org>"}, 401, "example.org"},
		{"From of another domain: the presentity's", message{method: "SUBSCRIBE", uri: "sip:bob@Example.ORG.", from: "<sip:carol@elsewhere.test>"}, 401, "example.org"},
		{"anonymous: the presentity's", message{method: "SUBSCRIBE", uri: "sip:bob@example.org", from: anonymousFrom}, 401, "example.org"},
		{"neither: the first domain", message{method: "MESSAGE", uri: "sip:bob@192.0.2.1", from: "<sip:carol@elsewhere.test>"}, 407, "example.test"},
		{"unknown principal", message{method: "SUBSCRIBE", from: "<sip:nobody@example.test>"}, 401, "example.test"},
	} {
		t.Run(test.name, func(t *testing.T) {
			g, _ := newGuard(t, nil)
			refusal := refusalOf(t, g, test.m.request(t))
			name := map[int]string{401: "WWW-Authenticate", 407: "Proxy-Authenticate"}[test.code]
			if refusal.Code != test.code || len(refusal.Header) != 1 || refusal.Header[0].Name != name {
				t.Fatalf("%d %v, want %d with one %s", refusal.Code, refusal.Header, test.code, name)
			}
			want := `Digest realm="` + test.realm + `", nonce="` + challengeNonce(t, refusal) + `", algorithm=MD5, qop="auth"`
			if refusal.Header[0].Value != want {
				t.Errorf("%s, want %s", refusal.Header[0].Value, want)
			}
			if !refusal.Stateless || !refusal.Response().Stateless {
				t.Error("the challenge is kept")
			}
		})
	}
}

// In a dialog the Request-URI is our own Contact; the notifier still asks as a server, RFC 6665 s.4.2.1.3.
func TestChallengeInDialog(t *testing.T) {
	g, _ := newGuard(t, nil)
	text := strings.ReplaceAll(subscribeInDialog, "\n", "\r\n")
	r, err := sip.ParseRequest([]byte(text), client)
	if err != nil {
		t.Fatal(err)
	}
	if refusal := refusalOf(t, g, r); refusal.Code != 401 {
		t.Errorf("%d, want 401", refusal.Code)
	}
}

const subscribeInDialog = `SUBSCRIBE sip:192.0.2.1:5060 SIP/2.0
Via: SIP/2.0/UDP 198.51.100.7;branch=z9hG4bK1
From: <sip:alice@example.test>;tag=f
To: <sip:bob@example.test>;tag=t
Call-ID: c
CSeq: 2 SUBSCRIBE
Contact: <sip:alice@198.51.100.7>
Event: presence
Content-Length: 0

`

// TestChallengeIsStateless: RFC 3261 s.8.2.7.
func TestChallengeIsStateless(t *testing.T) {
	g, c := newGuard(t, nil)
	first := g.Challenge(message{}.request(t)).Header
	c.now = c.now.Add(digest.Slot / 2)
	if again := g.Challenge(message{}.request(t)).Header; !slices.Equal(first, again) {
		t.Errorf("a repeat got %v, the first %v", again, first)
	}
	if other := g.Challenge(message{branch: "z9hG4bK2"}.request(t)).Header; slices.Equal(first, other) {
		t.Error("another request got the same nonce")
	}
}

// TestChallengeAlgorithms: RFC 8760 s.2.3, one field for each, in order; the same for whoever asks.
func TestChallengeAlgorithms(t *testing.T) {
	g, _ := newGuard(t, func(c *Config) { c.Algorithms = []digest.Algorithm{digest.SHA256, digest.MD5} })
	for _, from := range []string{"<sip:alice@example.test>", "<sip:nobody@example.test>"} {
		refusal := refusalOf(t, g, message{from: from}.request(t))
		if len(refusal.Header) != 2 || !strings.Contains(refusal.Header[0].Value, "algorithm=SHA-256,") ||
			!strings.Contains(refusal.Header[1].Value, "algorithm=MD5,") {
			t.Errorf("%s is asked for %v", from, refusal.Header)
		}
	}
	nonce := nonceOf(t, g)
	for _, alg := range g.Algorithms {
		field := "Authorization: " + credentials(nonce, func(c *digest.Credentials) { c.Algorithm, c.CNonce = alg, string(alg) })
		if id := identify(t, g, message{fields: []string{field}}.request(t)); id.AOR != "sip:alice@example.test" {
			t.Errorf("%s: %+v", alg, id)
		}
	}
}

// TestIssued: the identity says when the nonce was issued, for the registrar.
func TestIssued(t *testing.T) {
	g, c := newGuard(t, nil)
	nonce := nonceOf(t, g)
	c.now = c.now.Add(time.Hour)
	field := "Authorization: " + credentials(nonce, nil)
	issued := identify(t, g, message{fields: []string{field}}.request(t)).Issued
	if age := epoch.Unix() - issued; age < 0 || age > int64(digest.Slot/time.Second) {
		t.Errorf("issued %d s before it was, want at most a slot", age)
	}
}
