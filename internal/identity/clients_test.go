package identity

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"presenced/internal/store"
	"presenced/sip"
	"presenced/sip/digest"
)

// libpurple's credentials have neither qop nor cnonce though qop was offered, and quote nc.
func libpurple(nonce, count string) string {
	field := credentials(nonce, func(c *digest.Credentials) { c.Qop, c.CNonce, c.NonceCount = "", "", "" })
	return "Proxy-Authorization: " + field + `, nc="` + count + `"`
}

// TestLibpurple: after the 407 it sends the same branch, CSeq and Call-ID again, with credentials; later requests have a
// higher quoted nc on the same nonce.
func TestLibpurple(t *testing.T) {
	g, c := newGuard(t, nil)
	nonce := challengeNonce(t, refusalOf(t, g, message{}.request(t)))
	for _, count := range []string{"00000001", "00000002", "00000002"} {
		if id := identify(t, g, message{fields: []string{libpurple(nonce, count)}}.request(t)); id.AOR != "sip:alice@example.test" {
			t.Errorf("nc %s: %+v", count, id)
		}
	}
	elsewhere := client
	elsewhere.Remote = proxy.Remote
	r := message{flow: elsewhere, fields: []string{libpurple(nonce, "00000003")}}.request(t)
	if refusal := refusalOf(t, g, r); !strings.Contains(refusal.Header[0].Value, "stale=true") {
		t.Errorf("without qop the nonce is bound to its source, but another host got %v", refusal.Header)
	}
	c.now = c.now.Add(time.Hour)
	if refusal := refusalOf(t, g, message{fields: []string{libpurple(nonce, "00000004")}}.request(t)); refusal.Code != 407 {
		t.Errorf("without qop an old nonce got %v", refusal)
	}
}

// TestLinphoneGoodbye: the PUBLISH with Expires 0 is never sent again after a challenge, so its nonce, many refreshes
// old, must still be good. linphone counts on over new cnonces, writes two spaces and sends unquoted qop and nc.
func TestLinphoneGoodbye(t *testing.T) {
	g, c := newGuard(t, nil)
	nonce := nonceOf(t, g)
	for i, count := range []string{"00000001", "00000002", "00000003", "00000004", "00000005"} {
		field := credentials(nonce, func(c *digest.Credentials) { c.CNonce, c.NonceCount = "n"+count, count })
		r := message{fields: []string{"Proxy-Authorization:  " + field, "Expires: 0"}}.request(t)
		if id := identify(t, g, r); id.AOR == "" {
			t.Errorf("PUBLISH %d: %+v", i, id)
		}
		c.now = c.now.Add(55 * time.Minute)
	}
}

// TestTwinklePair: two that start within a second send the same branch, tag, Call-ID, CSeq and cnonce, so that both are
// given one nonce when they stand on one host.
func TestTwinklePair(t *testing.T) {
	g, _ := newGuard(t, nil)
	nonce := nonceOf(t, g)
	for _, name := range []string{"alice", "bob"} {
		field := "Authorization: " + credentials(nonce, func(c *digest.Credentials) { c.Username = name })
		r := message{from: "<sip:" + name + "@example.test>", fields: []string{field}}.request(t)
		if id := identify(t, g, r); id.AOR != "sip:"+name+"@example.test" {
			t.Errorf("%s: %+v", name, id)
		}
	}
}

// TestBaresip: every request is challenged once and answered with nc 1 on its own nonce and cnonce.
func TestBaresip(t *testing.T) {
	g, _ := newGuard(t, nil)
	for _, branch := range []string{"z9hG4bKa", "z9hG4bKb", "z9hG4bKc"} {
		m := message{branch: branch, uri: "sip:example.test;transport=udp"}
		nonce := challengeNonce(t, refusalOf(t, g, m.request(t)))
		m.fields = []string{"Proxy-Authorization: " + credentials(nonce, func(c *digest.Credentials) { c.URI = m.uri })}
		identify(t, g, m.request(t))
	}
}

// TestCaptures sends the recorded requests of real clients with our nonces: each must be identified as who it says.
func TestCaptures(t *testing.T) {
	folder := os.Getenv("PRESENCED_RFC_DATA")
	if folder == "" {
		t.Skip("PRESENCED_RFC_DATA is not set")
	}
	files, err := filepath.Glob(filepath.Join(folder, "captures", "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no captures: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			seen := 0
			for _, block := range strings.Split("\n"+string(text), "\n### ")[1:] {
				_, packet, _ := strings.Cut(block, "\n")
				if replay(t, packet) {
					seen++
				}
			}
			if seen == 0 {
				t.Error("no request with credentials in it")
			}
		})
	}
}

// replay sends one recorded request, if it has credentials, to a guard of its own.
func replay(t *testing.T, packet string) bool {
	t.Helper()
	head, _, _ := strings.Cut(packet, "\n\n")
	method, _, _ := strings.Cut(head, " ")
	_, field, found := strings.Cut(head, "uthorization:")
	if !found || method == "SIP/2.0" {
		return false
	}
	field, _, _ = strings.Cut(field, "\n")
	recorded, err := digest.Parse(field)
	if err != nil {
		t.Errorf("%v in %q", err, field)
		return false
	}
	g, _ := newGuard(t, func(c *Config) {
		c.Principals = principalsFunc(func(aor string) (store.Principal, error) {
			return NewPrincipal(aor, recorded.Username, recorded.Realm, "secret"), nil
		})
	})
	signed := recorded
	signed.Nonce = nonceOf(t, g) // the source of all is client: qop-less credentials are bound to it
	signed.Sign(method, digest.HA1(signed.Algorithm, signed.Username, signed.Realm, "secret"))
	head = strings.NewReplacer(recorded.Nonce, signed.Nonce, recorded.Response, signed.Response).Replace(head)
	lines := strings.Split(head, "\n")
	for i := range lines {
		if strings.HasPrefix(lines[i], "Content-Length:") {
			lines[i] = "Content-Length: 0"
		}
	}
	r, err := sip.ParseRequest([]byte(strings.Join(lines, "\r\n")+"\r\n\r\n"), client)
	if err != nil {
		t.Fatalf("%v in\n%s", err, head)
	}
	want := "sip:" + recorded.Username + "@" + recorded.Realm
	if id := identify(t, g, r); method != "NOTIFY" && id.AOR != want {
		t.Errorf("%s: identity %+v, want %s", method, id, want)
	}
	return true
}
