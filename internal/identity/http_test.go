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

const aliceTarget = "/xcap-root/pres-rules/users/sip:alice@example.test/index"

// httpRequest is a PUT of alice's rules with credentials; "" has none.
func httpRequest(credentials string) *HTTPRequest {
	r := &HTTPRequest{Method: "PUT", Target: aliceTarget, Peer: netip.MustParseAddrPort("198.51.100.7:40000"), Subject: "sip:alice@example.test"}
	if credentials != "" {
		r.Authorization = []string{credentials}
	}
	return r
}

// answerOf answers the Guard's challenge to r.
func answerOf(t *testing.T, g *Guard, r *HTTPRequest, username, password string) string {
	t.Helper()
	_, err := g.IdentifyHTTP(context.Background(), r)
	var fields []string
	for _, f := range httpRefusal(t, err, 401).Header {
		if f.Name == "WWW-Authenticate" {
			fields = append(fields, f.Value)
		}
	}
	answer, err := digest.Authorize(fields, r.Method, r.Target, username, password)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

func httpRefusal(t *testing.T, err error, code int) *sip.Error {
	t.Helper()
	var refusal *sip.Error
	if !errors.As(err, &refusal) || refusal.Code != code {
		t.Fatalf("%v, want a %d", err, code)
	}
	return refusal
}

// TestHTTPDigest: the same principals and passwords as over SIP, in each form of the username.
func TestHTTPDigest(t *testing.T) {
	g, _ := newGuard(t, nil)
	for _, username := range []string{"alice", "alice@example.test", "sip:alice@example.test"} {
		answer := answerOf(t, g, httpRequest(""), username, "secret")
		if !strings.Contains(answer, `realm="example.test"`) {
			t.Error(answer)
		}
		aor, err := g.IdentifyHTTP(context.Background(), httpRequest(answer))
		if err != nil || aor != "sip:alice@example.test" {
			t.Errorf("%s: %q, %v", username, aor, err)
		}
		_, err = g.IdentifyHTTP(context.Background(), httpRequest(answer))
		if again := httpRefusal(t, err, 401); !strings.Contains(again.Header[0].Value, "stale=true") {
			t.Errorf("a replay hears %v", again.Header)
		}
	}
}

func TestHTTPRefusals(t *testing.T) {
	g, _ := newGuard(t, nil)
	_, err := g.IdentifyHTTP(context.Background(), httpRequest(answerOf(t, g, httpRequest(""), "alice", "wrong")))
	if refusal := httpRefusal(t, err, 401); strings.Contains(refusal.Header[0].Value, "stale") {
		t.Errorf("%v", refusal.Header)
	}
	elsewhere := httpRequest("")
	elsewhere.Target = "/watchers/sip:alice@example.test"
	elsewhere.Authorization = []string{answerOf(t, g, httpRequest(""), "alice", "secret")}
	_, err = g.IdentifyHTTP(context.Background(), elsewhere)
	httpRefusal(t, err, 400)
	_, err = g.IdentifyHTTP(context.Background(), httpRequest("Digest username="))
	httpRefusal(t, err, 400)
	_, err = g.IdentifyHTTP(context.Background(), httpRequest("Basic YWxpY2U6c2VjcmV0"))
	httpRefusal(t, err, 401)
	get := httpRequest(answerOf(t, g, httpRequest(""), "alice", "secret"))
	get.Method = "GET"
	_, err = g.IdentifyHTTP(context.Background(), get)
	httpRefusal(t, err, 401)
}

func TestHTTPTarget(t *testing.T) {
	for uri, want := range map[string]bool{
		"/a": true, "http://x/a": true, "HTTPS://x:1/a": true,
		"": false, "/b": false, "http://x/b": false, "ftp://x/a": false, "http://a": false, "/a?": false,
	} {
		if got := isTarget(uri, "/a"); got != want {
			t.Errorf("%q: %v", uri, got)
		}
	}
}

// TestHTTPGuessing: who guesses is slowed down, whatever it brings then; others are not.
func TestHTTPGuessing(t *testing.T) {
	g, c := newGuard(t, nil)
	for range guessing.Burst {
		_, err := g.IdentifyHTTP(context.Background(), httpRequest(answerOf(t, g, httpRequest(""), "alice", "guess")))
		httpRefusal(t, err, 401)
	}
	_, err := g.IdentifyHTTP(context.Background(), httpRequest(""))
	if refusal := httpRefusal(t, err, 429); refusal.Header[0] != (sip.Field{Name: "Retry-After", Value: "2"}) {
		t.Errorf("%v", refusal.Header)
	}
	other := httpRequest("")
	other.Peer = netip.MustParseAddrPort("203.0.113.1:1")
	other.Authorization = []string{answerOf(t, g, other, "alice", "secret")}
	if _, err := g.IdentifyHTTP(context.Background(), other); err != nil {
		t.Errorf("another source: %v", err)
	}
	c.now = c.now.Add(2 * time.Second)
	if _, err := g.IdentifyHTTP(context.Background(), httpRequest(answerOf(t, g, httpRequest(""), "alice", "secret"))); err != nil {
		t.Errorf("after a while: %v", err)
	}
}

func TestHTTPWithoutPasswords(t *testing.T) {
	g, _ := newGuard(t, func(c *Config) { c.Mode = None })
	if aor, err := g.IdentifyHTTP(context.Background(), httpRequest("")); err != nil || aor != "sip:alice@example.test" {
		t.Errorf("%q, %v", aor, err)
	}
}

func TestHTTPCertificate(t *testing.T) {
	g, _ := newGuard(t, nil)
	r := httpRequest("")
	for _, uri := range []string{"sip:alice@example.test", "sip:bob@example.test"} {
		named, err := url.Parse(uri)
		if err != nil {
			t.Fatal(err)
		}
		r.Certificate = &x509.Certificate{URIs: []*url.URL{named}}
		aor, err := g.IdentifyHTTP(context.Background(), r)
		if own := uri == r.Subject; own && (err != nil || aor != uri) || !own && err == nil {
			t.Errorf("%s: %q, %v", uri, aor, err)
		}
	}
}

func TestHTTPStoreAway(t *testing.T) {
	g, _ := newGuard(t, func(c *Config) {
		c.Principals = principalsFunc(func(string) (store.Principal, error) { return store.Principal{}, store.ErrUnavailable })
	})
	_, err := g.IdentifyHTTP(context.Background(), httpRequest(answerOf(t, g, httpRequest(""), "alice", "secret")))
	if refusal := httpRefusal(t, err, 503); refusal.Header[0].Name != "Retry-After" {
		t.Errorf("%v", refusal.Header)
	}
}
