package main

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"presenced/policy"
	"presenced/sip/digest"
	"presenced/sip/siptest/schema"
)

// library is an HTTP server with documents, which asks for alice's password.
type library struct {
	*httptest.Server
	t        *testing.T
	meddle   func(l *library) // before each PUT is looked at
	password string           // "": not asked for

	mu        sync.Mutex
	documents map[string]string // by path
	requests  []string          // method and path
}

const rulesPath = "/xcap-root/pres-rules/users/sip:alice@localhost/index"

func newLibrary(t *testing.T) *library {
	t.Helper()
	l := &library{t: t, password: "secret", documents: map[string]string{}, meddle: func(*library) {}}
	l.Server = httptest.NewServer(l)
	t.Cleanup(l.Close)
	defaults := policy.AccessRules{Default: policy.Allow, Foreign: policy.Confirm}
	doc, err := defaults.Document("localhost")
	if err != nil {
		t.Fatal(err)
	}
	for _, owner := range []string{"alice", "bob"} {
		l.documents["/xcap-root/pres-rules/users/sip:"+owner+"@localhost/defaults"] = string(doc)
	}
	return l
}

func (l *library) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.password != "" && !l.authentic(r) {
		w.Header().Set("WWW-Authenticate", `Digest realm="localhost", nonce="n1", qop="auth", algorithm=SHA-256`)
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	path := r.URL.EscapedPath()
	l.requests = append(l.requests, r.Method+" "+path)
	if r.Method == http.MethodPut {
		l.meddle(l)
	}
	doc, found := l.documents[path]
	if match := r.Header.Get("If-Match"); match != "" && match != tagOf(doc) || found && r.Header.Get("If-None-Match") == "*" {
		w.WriteHeader(http.StatusPreconditionFailed)
		return
	}
	switch {
	case r.Method == http.MethodPut:
		body, err := io.ReadAll(r.Body)
		if err != nil || r.Header.Get("Content-Type") != kindOf(path) {
			l.t.Errorf("PUT of %q: %v", r.Header.Get("Content-Type"), err)
		}
		if strings.Contains(string(body), "<broken") {
			w.WriteHeader(http.StatusConflict)
			io.WriteString(w, `<?xml version="1.0"?><xcap-error xmlns="urn:ietf:params:xml:ns:xcap-error"><not-well-formed phrase="line 7: unfinished tag"/></xcap-error>`)
			return
		}
		schema.CollectAs(l.t.Name(), r.Header.Get("Content-Type"), string(body))
		l.documents[path] = string(body)
		w.WriteHeader(http.StatusCreated)
	case !found:
		http.Error(w, "nothing here", http.StatusNotFound)
	case r.Method == http.MethodDelete:
		delete(l.documents, path)
	default:
		w.Header().Set("ETag", tagOf(doc))
		io.WriteString(w, doc)
	}
}

func kindOf(path string) string {
	if strings.Contains(path, "/pidf-manipulation/") {
		return "application/pidf+xml"
	}
	return "application/auth-policy+xml"
}

func tagOf(doc string) string { return fmt.Sprintf(`"%x"`, sha256.Sum256([]byte(doc))) }

// authentic checks the digest of a request (RFC 7616 s.3.4).
func (l *library) authentic(r *http.Request) bool {
	field := r.Header.Get("Authorization")
	if field == "" {
		return false
	}
	c, err := digest.Parse(field)
	if err != nil {
		l.t.Errorf("Authorization: %v", err)
		return false
	}
	if c.URI != r.RequestURI {
		l.t.Errorf("digest-uri %q of a request to %q", c.URI, r.RequestURI)
	}
	given := c.Response
	c.Sign(r.Method, digest.HA1(c.Algorithm, "alice", "localhost", l.password))
	return given == c.Response
}

func (l *library) document(path string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.documents[path]
}

// handling is what the access rules stored for alice give a watcher.
func (l *library) handling(t *testing.T, watcher string) policy.SubHandling {
	t.Helper()
	rules, err := policy.ParseRules([]byte(l.document(rulesPath)))
	if err != nil {
		t.Fatal(err)
	}
	return rules.Evaluate(policy.Watcher{URI: watcher}, policy.Context{Now: fixed}).Handling
}

func (l *library) run(t *testing.T, args ...string) *session {
	t.Helper()
	return launch(t, hurried, "secret", append(args, "--http", l.URL))
}

func TestDecide(t *testing.T) {
	l := newLibrary(t)
	for _, step := range []struct {
		args, stdout string
		want         policy.SubHandling
	}{
		{"block alice@localhost bob@localhost", "bob@localhost: block now: its subscription ends, and a new one is refused", policy.Block},
		{"block alice@localhost sip:BOB@LOCALHOST:5070", "BOB@localhost: block now: its subscription ends, and a new one is refused", policy.Block},
		{"polite-block alice@localhost bob@localhost", "bob@localhost: polite-block now: it sees you offline, whatever you publish, and cannot tell", policy.PoliteBlock},
		{"confirm alice@localhost bob@localhost", "bob@localhost: confirm now: it sees nothing until you decide", policy.Confirm},
		{"allow alice@localhost bob@localhost", "bob@localhost: allow now: it sees your presence", policy.Allow},
		{"allow alice@localhost bob@localhost", "bob@localhost: allow already: it sees your presence", policy.Allow},
	} {
		l.run(t, strings.Fields(step.args)...).expect(t, exitDone, "12:03:04 "+step.stdout+"\n", "")
		watcher := "sip:bob@localhost"
		if strings.Contains(step.args, "BOB") {
			watcher = "sip:BOB@localhost"
		}
		if got := l.handling(t, watcher); got != step.want {
			t.Errorf("%s: %v\n%s", step.args, got, l.document(rulesPath))
		}
	}
	// The defaults go on counting for everybody else.
	if got := l.handling(t, "sip:carol@localhost"); got != policy.Allow {
		t.Errorf("carol: %v", got)
	}
	if got := l.handling(t, "sip:dave@elsewhere"); got != policy.Confirm {
		t.Errorf("dave: %v", got)
	}
}

func TestDecideJSON(t *testing.T) {
	l := newLibrary(t)
	l.run(t, "allow", "alice@localhost", "bob@localhost", "--json").expect(t, exitDone,
		`{"time":"2026-01-02T12:03:04Z","event":"decided","presentity":"sip:alice@localhost","watcher":"sip:bob@localhost","handling":"allow"}`+"\n", "")
}

// A document that somebody changes between GET and PUT is edited anew; nobody's
// change is lost.
func TestEditRace(t *testing.T) {
	l := newLibrary(t)
	meddled := 0
	l.meddle = func(l *library) {
		if meddled++; meddled > 2 {
			return
		}
		doc := []byte(l.documents[rulesPath])
		if len(doc) == 0 {
			doc = []byte(l.documents[strings.Replace(rulesPath, "index", "defaults", 1)])
		}
		doc, err := policy.SetHandling(doc, fmt.Sprintf("sip:other%d@localhost", meddled), policy.Block)
		if err != nil {
			t.Error(err)
		}
		l.documents[rulesPath] = string(doc)
	}
	l.run(t, "block", "alice@localhost", "bob@localhost").expect(t, exitDone, "12:03:04 bob@localhost: block now: its subscription ends, and a new one is refused\n", "")
	for _, w := range []string{"bob", "other1", "other2"} {
		if got := l.handling(t, "sip:"+w+"@localhost"); got != policy.Block {
			t.Errorf("%s: %v", w, got)
		}
	}
	l.meddle = func(l *library) { l.documents[rulesPath] += " " }
	l.run(t, "allow", "alice@localhost", "bob@localhost").expect(t, exitFailed, "", "messenger: PUT refused: 412 Precondition Failed\n")
}

func TestRefusedByHTTP(t *testing.T) {
	wrong := newLibrary(t)
	wrong.password = "another"
	elsewhere := newLibrary(t)
	elsewhere.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "these are bob's \x1b[2Jrules\nand more", http.StatusForbidden)
	})
	redirecting := newLibrary(t)
	redirecting.Config.Handler = http.RedirectHandler(wrong.URL, http.StatusFound)
	huge := newLibrary(t)
	huge.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Write(make([]byte, largestAnswer+2))
	})
	untagged := newLibrary(t)
	untagged.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("<x/>")) })
	silent := newLibrary(t)
	silent.documents = map[string]string{}
	gone := newLibrary(t)
	gone.Close()
	malformed := newLibrary(t)
	malformed.documents[rulesPath] = "<nonsense/>"
	for _, test := range []struct {
		name   string
		server *library
		status int
		stderr string
	}{
		{"wrong password", wrong, exitFailed, `GET refused: 401 Unauthorized \(wrong name or password\)`},
		{"forbidden", elsewhere, exitFailed, "GET refused: 403 Forbidden: these are bob's \uFFFD\\[2Jrules"},
		{"redirected", redirecting, exitFailed, "GET refused: 302 Found"},
		{"huge", huge, exitFailed, "the answer of .* is longer than .* bytes"},
		{"no tag", untagged, exitFailed, "GET was answered without an entity-tag"},
		{"no defaults", silent, exitFailed, "alice@localhost has no access rules, and the agent does not say .*"},
		{"gone", gone, exitUnreachable, "no answer from http://127.0.0.1:[0-9]+ .*connection refused"},
		{"malformed", malformed, exitFailed, "the access rules of alice@localhost cannot be read: .*"},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.server.run(t, "allow", "alice@localhost", "bob@localhost").expect(t, test.status, "", "messenger: "+test.stderr+"\n")
		})
	}
}

func TestHTTPBase(t *testing.T) {
	for _, test := range []struct{ principal, flags, want string }{
		{"alice@localhost", "", "http://localhost:8081"},
		{"alice@[::1]:5070", "", "http://[::1]:8081"},
		{"alice@localhost", "--transport tls", "https://localhost:8443"},
		{"alice@example.com", "", "https://example.com:8443"},
		{"alice@example.com", "--server 127.0.0.2:5070", "http://127.0.0.2:8081"},
		{"alice@localhost", "--server sip.example.com:5070", "https://sip.example.com:8443"},
		{"alice@localhost", "--http https://x/api/", "https://x/api"},
	} {
		o, _, err := parseArguments(commands()["rules"], append(strings.Fields(test.flags), test.principal))
		if err != nil {
			t.Fatal(err)
		}
		a, err := newAgent(o, test.principal, nil, &terminal{})
		if err != nil {
			t.Fatal(err)
		}
		if u, err := a.httpBase(); err != nil || u.String() != test.want {
			t.Errorf("%s %s: %v, %v", test.principal, test.flags, u, err)
		}
		a.close()
	}
	for _, bad := range []string{"x", "ftp://x", "http://", "http://a:b@x", "http://x?y", "http://x#y", "http://%zz"} {
		if u, err := (&agent{options: &options{http: bad}}).httpBase(); err == nil {
			t.Errorf("%s is taken as %v", bad, u)
		}
	}
}
