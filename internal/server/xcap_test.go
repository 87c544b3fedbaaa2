package server_test

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"presenced/internal/server/servertest"
	"presenced/sip/digest"
	"presenced/sip/siptest/schema"
)

const (
	xcapAliceRules = "/xcap-root/pres-rules/users/sip:alice@example.com/index"
	noRules        = `<ruleset xmlns="urn:ietf:params:xml:ns:common-policy"/>`
)

const xcapConfig = `
domains = ["example.com"]
[listen]
udp = ["127.0.0.1:0"]
http = []
xcap = ["127.0.0.1:0"]
[auth]
mode = "digest"
[[principal]]
uri = "sip:alice@example.com"
password = "wonderland"
[[principal]]
uri = "sip:bob@example.com"
password = "builder"
`

// principal asks the HTTP API as one, with a password; without, as nobody.
type principal struct {
	t              *testing.T
	root           string
	name, password string
	client         *http.Client
}

func asPrincipal(t *testing.T, n *clusterNode, name, password string) *principal {
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &principal{t, "http://" + n.XCAPAddr().String(), name, password, &http.Client{Transport: transport}}
}

// do sends a request, and again where it is challenged; header are names and
// values by turns.
func (p *principal) do(method, path, body string, header ...string) (*http.Response, string) {
	p.t.Helper()
	response := p.send(method, path, body, header)
	if response.StatusCode == http.StatusUnauthorized && p.password != "" {
		answer, err := digest.Authorize(response.Header.Values("WWW-Authenticate"), method, path, p.name, p.password)
		if err != nil {
			p.t.Fatal(err)
		}
		response = p.send(method, path, body, append(header, "Authorization", answer))
	}
	text, err := io.ReadAll(response.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	response.Body.Close()
	return response, schema.Collect(response.Header.Get("Content-Type"), string(text))
}

func (p *principal) send(method, path, body string, header []string) *http.Response {
	p.t.Helper()
	request, err := http.NewRequest(method, p.root+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	if method == http.MethodPut {
		request.Header.Set("Content-Type", "application/auth-policy+xml")
	}
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := p.client.Do(request)
	if err != nil {
		p.t.Fatal(err)
	}
	return response
}

func (p *principal) expect(code int, method, path, body string, header ...string) *http.Response {
	p.t.Helper()
	response, text := p.do(method, path, body, header...)
	if response.StatusCode != code {
		p.t.Fatalf("%s %s: %s %s, want %d", method, path, response.Status, text, code)
	}
	return response
}

func TestXCAP(t *testing.T) {
	t.Run("embedded", func(t *testing.T) {
		xcapLife(t, startNode(t, xcapConfig))
		xcapKept(t)
	})
	t.Run("redis", func(t *testing.T) {
		config := xcapConfig + fmt.Sprintf("[store]\nengine = \"redis\"\nredis = \"redis://%s\"\n", servertest.StartRedis(t).Addr)
		careful := startNode(t, config)
		asPrincipal(t, careful, "alice", "wonderland").expect(503, "PUT", xcapAliceRules, noRules)
		careful.stop()
		xcapLife(t, startNode(t, config+"accept_losing_durable_state = true\n"))
	})
}

// xcapLife is the life of a document, from its creation to its end.
func xcapLife(t *testing.T, n *clusterNode) {
	alice, bob := asPrincipal(t, n, "alice", "wonderland"), asPrincipal(t, n, "bob", "builder")
	stranger := asPrincipal(t, n, "alice", "")
	stranger.expect(401, "GET", xcapAliceRules, "")
	alice.expect(404, "GET", xcapAliceRules, "")
	bob.expect(403, "PUT", xcapAliceRules, noRules)
	alice.expect(409, "PUT", xcapAliceRules, "<ruleset>")
	tag := alice.expect(201, "PUT", xcapAliceRules, noRules, "If-None-Match", "*").Header.Get("ETag")
	alice.expect(304, "GET", xcapAliceRules, "", "If-None-Match", tag)
	alice.expect(412, "PUT", xcapAliceRules, "<!-- -->"+noRules, "If-Match", `"stale"`)
	next := alice.expect(200, "PUT", xcapAliceRules, "<!-- -->"+noRules, "If-Match", tag).Header.Get("ETag")
	if response, text := alice.do("GET", xcapAliceRules, ""); response.Header.Get("ETag") != next || text != "<!-- -->"+noRules {
		t.Errorf("%v %s, want the ETag %s", response.Header, text, next)
	}
	xcapDelegated(t, alice, bob)
	alice.expect(412, "DELETE", xcapAliceRules, "", "If-Match", tag)
	alice.expect(200, "DELETE", xcapAliceRules, "")
	alice.expect(404, "DELETE", xcapAliceRules, "")
}

// xcapDelegated: alice lets bob edit her rules, and takes it back.
func xcapDelegated(t *testing.T, alice, bob *principal) {
	t.Helper()
	const delegation = "/xcap-root/presenced.delegation/users/sip:alice@example.com/index"
	alice.expect(201, "PUT", delegation, `<ruleset xmlns="urn:ietf:params:xml:ns:common-policy"><rule id="a">
<conditions><identity><one id="sip:bob@example.com"/></identity></conditions>
<actions><rules xmlns="urn:presenced:delegation">true</rules></actions></rule></ruleset>`)
	bob.expect(200, "GET", xcapAliceRules, "")
	bob.expect(403, "GET", delegation, "")
	alice.expect(200, "DELETE", delegation, "")
	bob.expect(403, "GET", xcapAliceRules, "")
}

// xcapKept: a document is there after a restart.
func xcapKept(t *testing.T) {
	config := xcapConfig + fmt.Sprintf("[store]\npath = %q\n[control]\nsocket = \"%s/s\"\n", t.TempDir(), t.TempDir())
	n := startNode(t, config)
	tag := asPrincipal(t, n, "alice", "wonderland").expect(201, "PUT", xcapAliceRules, noRules).Header.Get("ETag")
	n.stop()
	got := asPrincipal(t, startNode(t, config), "alice", "wonderland").expect(200, "GET", xcapAliceRules, "").Header.Get("ETag")
	if got != tag {
		t.Errorf("the ETag %s after a restart, want %s", got, tag)
	}
}

// TestXCAPWithoutPasswords: as whom the path names, but for a page of the web.
func TestXCAPWithoutPasswords(t *testing.T) {
	n := startNode(t, strings.Replace(xcapConfig, `"digest"`, `"none"`, 1))
	nobody := asPrincipal(t, n, "", "")
	nobody.expect(201, "PUT", xcapAliceRules, noRules)
	nobody.expect(403, "PUT", xcapAliceRules, noRules, "Origin", "https://page.example")
	request, err := http.NewRequest("GET", nobody.root+xcapAliceRules, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Host = "page.example"
	response, err := nobody.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusMisdirectedRequest {
		t.Errorf("a name that was bound anew: %s", response.Status)
	}
}

// TestXCAPOverTLS: with a password, and with a certificate that names who asks.
func TestXCAPOverTLS(t *testing.T) {
	a := newAuthority(t)
	n := startNode(t, strings.Replace(a.config("127.0.0.1:0"), "http = []", "http = []\nxcaps = [\"127.0.0.1:0\"]", 1))
	const bobRules = "/xcap-root/pres-rules/users/sip:bob@example.com/index"
	over := func(name, password string, certificates ...tls.Certificate) *principal {
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: a.pool, Certificates: certificates}}
		t.Cleanup(transport.CloseIdleConnections)
		return &principal{t, "https://" + n.XCAPAddr().String(), name, password, &http.Client{Transport: transport}}
	}
	over("bob", "builder").expect(201, "PUT", bobRules, noRules)
	over("", "", a.issue(3, "sip:bob@example.com")).expect(200, "GET", bobRules, "")
	over("", "", a.issue(4, "sip:alice@example.com")).expect(401, "GET", bobRules, "")
	if response, err := http.Get("http://" + n.XCAPAddr().String() + bobRules); err == nil {
		response.Body.Close()
		if response.StatusCode < 400 {
			t.Error("served without TLS: ", response.Status)
		}
	}
}

// TestXCAPWatchers: alice sees who watches her and who did; bob does not.
func TestXCAPWatchers(t *testing.T) {
	n := startNode(t, xcapConfig)
	peer := servertest.UDP(t, "bob@example.com", "127.0.0.1")
	peer.Password = "builder"
	peer.Subscribe(n.udp(), "sip:alice@example.com", 0) // a fetch
	peer.Subscribe(n.udp(), "sip:alice@example.com", 600)
	const path = "/watchers/sip:alice@example.com"
	alice := asPrincipal(t, n, "alice", "wonderland")
	response, doc := alice.do("GET", path, "")
	if !strings.Contains(doc, `state="full"`) || strings.Count(doc, "sip:bob@example.com") != 1 || response.Header.Get("Content-Type") != "application/watcherinfo+xml" {
		t.Errorf("%s %v\n%s", response.Status, response.Header, doc)
	}
	const visit = `{"visits":[{"watcher":"sip:bob@example.com","fetches":1,"subscriptions":0,"last":"`
	deadline := time.Now().Add(servertest.Patience)
	for { // a fetch is written when it has been answered
		_, history := alice.do("GET", path+"/history", "")
		if strings.HasPrefix(history, visit) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s\nwant %s", history, visit)
		}
		time.Sleep(10 * time.Millisecond)
	}
	asPrincipal(t, n, "bob", "builder").expect(403, "GET", path+"/history", "")
}

// TestXCAPByCurl has curl do what README says.
func TestXCAPByCurl(t *testing.T) {
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Fatal("curl is not installed: scripts/test installs it")
	}
	n := startNode(t, xcapConfig)
	url := "http://" + n.XCAPAddr().String() + xcapAliceRules
	rules := filepath.Join(t.TempDir(), "rules.xml")
	if err := os.WriteFile(rules, []byte(noRules), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(want string, args ...string) {
		t.Helper()
		out, err := exec.Command(curl, append([]string{"-sS", "-w", "%{http_code}", "--digest", "-u", "alice:wonderland"}, args...)...).CombinedOutput()
		if err != nil || !bytes.Contains(out, []byte(want)) {
			t.Errorf("curl %v: %v %s, want %s", args, err, out, want)
		}
	}
	run("201", "-T", rules, "-H", "Content-Type: application/auth-policy+xml", url)
	run(noRules+"200", url)
	run("412", "-T", rules, "-H", "Content-Type: application/auth-policy+xml", "-H", `If-Match: "x"`, "-H", "If-None-Match: *", url)
	run("200", "-X", "DELETE", url)
}
