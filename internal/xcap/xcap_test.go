package xcap

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"presenced/internal/identity"
	"presenced/internal/store"
	"presenced/policy"
	"presenced/sip/siptest/schema"
)

// documents are a map, each call of which can be made to fail.
type documents struct {
	mu      sync.Mutex
	stored  map[string]store.Document
	err     error
	between func() // runs once before a write
}

func (d *documents) Document(_ context.Context, aor, name string) (store.Document, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	doc, ok := d.stored[aor+" "+name]
	if !ok && d.err == nil {
		return doc, store.ErrNotFound
	}
	return doc, d.err
}

func (d *documents) PutDocument(_ context.Context, doc store.Document, ifMatch string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if f := d.between; f != nil {
		d.between = nil
		f()
	}
	if !store.Holds(ifMatch, d.stored[doc.AOR+" "+doc.Name].Tag) {
		return store.ErrNoMatch
	}
	d.stored[doc.AOR+" "+doc.Name] = doc
	return nil
}

func (d *documents) DeleteDocument(_ context.Context, aor, name, ifMatch string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	doc, ok := d.stored[aor+" "+name]
	if !ok {
		return store.ErrNotFound
	}
	if !store.Holds(ifMatch, doc.Tag) {
		return store.ErrNoMatch
	}
	delete(d.stored, aor+" "+name)
	return nil
}

// asAlice believes the field X-Test, or that alice asks.
type asAlice struct{}

func (asAlice) IdentifyHTTP(_ context.Context, r *identity.HTTPRequest) (string, error) {
	if len(r.Authorization) > 0 {
		return r.Authorization[0], nil
	}
	return alice, nil
}

type delegations map[string]policy.Delegated

func (d delegations) Delegated(_ context.Context, principal, delegate string) (policy.Delegated, error) {
	return d[principal+" "+delegate], nil
}

type watchers struct{ err error }

func (w watchers) WatcherInfo(context.Context, string, string) ([]byte, error) {
	return []byte("<watcherinfo/>"), w.err
}

func (w watchers) History(context.Context, string, string) ([]Visit, error) {
	return []Visit{{Watcher: bob, Fetches: 2, Last: time.Minute}}, w.err
}

const (
	alice = "sip:alice@example.com"
	bob   = "sip:bob@example.com"
	carol = "sip:carol@example.com"
	dave  = "sip:dave@example.com"
	erin  = "sip:erin@example.com"

	aliceRules = "/xcap-root/pres-rules/users/sip:alice@example.com/index"

	rules = `<ruleset xmlns="urn:ietf:params:xml:ns:common-policy"/>`
	tagA  = "A"
)

// away is permanent presence information.
func away(entity string) string {
	return `<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="` + entity + `"><tuple id="a"><status><basic>closed</basic></status></tuple></presence>`
}

// world is a Server with what is behind it.
type world struct {
	*Server
	documents *documents
}

func newWorld() *world {
	d := &documents{stored: map[string]store.Document{
		alice + " pres-rules": {AOR: alice, Name: "pres-rules", Tag: tagA, Body: []byte(rules)},
	}}
	return &world{New(Config{
		Documents: d, Identifier: asAlice{}, Local: func(host string) bool { return host == "example.com" },
		Delegations: delegations{alice + " " + bob: {Rules: true}, alice + " " + carol: {Watchers: true}, alice + " " + erin: {Publish: true}},
		Watchers:    watchers{}, Defaults: func() ([]byte, error) { return []byte("<defaults/>"), nil }, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Now: func() time.Time { return time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC) },
	}), d}
}

func TestMain(m *testing.M) { schema.Main(m) }

// ask sends a request; header are names and values by turns.
func (w *world) ask(method, path, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if method == http.MethodPut {
		r.Header.Set("Content-Type", policyType)
		if strings.Contains(path, "pidf-manipulation") {
			r.Header.Set("Content-Type", presenceType)
		}
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	rec := httptest.NewRecorder()
	w.ServeHTTP(rec, r)
	if rec.Code >= http.StatusBadRequest { // what is stored here is made up
		schema.Collect(rec.Header().Get("Content-Type"), rec.Body.String())
	}
	return rec
}

func TestStatus(t *testing.T) {
	const delegation = "/xcap-root/presenced.delegation/users/sip:alice@example.com/index"
	const visibility = "/xcap-root/presenced.visibility-rules/users/sip:alice@example.com/index"
	const permanent = "/xcap-root/pidf-manipulation/users/sip:alice@example.com/index"
	for _, test := range []struct {
		name, method, path, body string
		header                   fields
		code                     int
		says                     string // in the body
	}{
		{"GET", "GET", aliceRules, "", nil, 200, rules},
		{"GET, escaped", "GET", "/xcap-root/pres-rules/users/sip%3Aalice%40EXAMPLE.com/index", "", nil, 200, rules},
		{"GET, pres:", "GET", "/xcap-root/pres-rules/users/pres:alice@example.com/index", "", nil, 200, rules},
		{"GET, no scheme", "GET", "/xcap-root/pres-rules/users/alice@example.com/index", "", nil, 200, rules},
		{"GET, OMA's name", "GET", "/xcap-root/org.openmobilealliance.pres-rules/users/sip:alice@example.com/pres-rules", "", nil, 200, rules},
		{"GET, unchanged", "GET", aliceRules, "", fields{"If-None-Match", `"B", W/"A"`}, 304, ""},
		{"GET, changed", "GET", aliceRules, "", fields{"If-None-Match", `"B"`}, 200, rules},
		{"GET, If-Match that fails", "GET", aliceRules, "", fields{"If-Match", `"B"`}, 412, "load it"},
		{"GET, none", "GET", visibility, "", nil, 404, "has no presenced.visibility-rules"},
		{"HEAD", "HEAD", aliceRules, "", nil, 200, ""},
		{"defaults", "GET", "/xcap-root/pres-rules/users/sip:alice@example.com/defaults", "", nil, 200, "<defaults/>"},
		{"defaults, PUT", "PUT", "/xcap-root/pres-rules/users/sip:alice@example.com/defaults", rules, nil, 405, "PUT"},
		{"defaults, delegated", "GET", "/xcap-root/pres-rules/users/sip:alice@example.com/defaults", "", fields{"Authorization", bob}, 200, "<defaults/>"},
		{"defaults, somebody else's", "GET", "/xcap-root/pres-rules/users/sip:alice@example.com/defaults", "", fields{"Authorization", dave}, 403, "only"},
		{"defaults of another usage", "GET", "/xcap-root/presenced.delegation/users/sip:alice@example.com/defaults", "", nil, 404, "its path is"},
		{"OPTIONS", "OPTIONS", aliceRules, "", nil, 204, ""},
		{"POST", "POST", aliceRules, rules, nil, 405, "POST"},
		{"PATCH of watchers", "PUT", "/watchers/sip:alice@example.com", "", nil, 405, "PUT"},

		{"PUT, created", "PUT", visibility, rules, nil, 201, ""},
		{"PUT, replaced", "PUT", aliceRules, rules, nil, 200, ""},
		{"PUT, charset", "PUT", aliceRules, rules, fields{"Content-Type", policyType + "; charset=UTF-8"}, 200, ""},
		{"PUT, If-Match", "PUT", aliceRules, "<!-- -->" + rules, fields{"If-Match", `"A"`}, 200, ""},
		{"PUT, If-Match in a list", "PUT", aliceRules, "<!-- -->" + rules, fields{"If-Match", `"x" ,, "A"`}, 200, ""},
		{"PUT, If-Match: *", "PUT", aliceRules, "<!-- -->" + rules, fields{"If-Match", `*`}, 200, ""},
		{"PUT, stale", "PUT", aliceRules, "<!-- -->" + rules, fields{"If-Match", `"B"`}, 412, "load it"},
		{"PUT, weak", "PUT", aliceRules, "<!-- -->" + rules, fields{"If-Match", `W/"A"`}, 412, "load it"},
		{"PUT, stale, but stored already", "PUT", aliceRules, rules, fields{"If-Match", `"B"`}, 200, ""},
		{"PUT, only new, exists", "PUT", aliceRules, rules, fields{"If-None-Match", `*`}, 412, "load it"},
		{"PUT, only new", "PUT", visibility, rules, fields{"If-None-Match", `*`}, 201, ""},
		{"PUT, must exist", "PUT", visibility, rules, fields{"If-Match", `*`}, 412, "load it"},
		{"PUT, tag without quotes", "PUT", aliceRules, rules, fields{"If-Match", `A`}, 400, "in quotes"},
		{"PUT, other type", "PUT", aliceRules, rules, fields{"Content-Type", "application/xml"}, 415, policyType},
		{"PUT, zipped", "PUT", aliceRules, rules, fields{"Content-Encoding", "gzip"}, 415, "Content-Encoding"},
		{"PUT, a part", "PUT", aliceRules, rules, fields{"Content-Range", "bytes 0-1/9"}, 400, "whole"},
		{"PUT, too large", "PUT", aliceRules, rules + strings.Repeat(" ", maxDocument), nil, 413, "1048576"},
		{"PUT, a stale tag does not hide the reason", "PUT", aliceRules, "<", fields{"If-Match", `"B"`}, 409, notWellFormed},

		{"DELETE", "DELETE", aliceRules, "", nil, 200, ""},
		{"DELETE, If-Match", "DELETE", aliceRules, "", fields{"If-Match", `"A"`}, 200, ""},
		{"DELETE, stale", "DELETE", aliceRules, "", fields{"If-Match", `"B"`}, 412, "load it"},
		{"DELETE, none", "DELETE", visibility, "", nil, 404, "has no"},

		{"somebody else's", "GET", aliceRules, "", fields{"Authorization", dave}, 403, "only " + alice},
		{"somebody else's, PUT", "PUT", aliceRules, rules, fields{"Authorization", dave}, 403, "only " + alice},
		{"of nobody", "GET", "/xcap-root/pres-rules/users/sip:nobody@example.com/index", "", nil, 403, "only"},
		{"delegated", "PUT", aliceRules, rules, fields{"Authorization", bob}, 200, ""},
		{"delegation is not delegated", "PUT", delegation, rules, fields{"Authorization", bob}, 403, "only"},
		{"watchers alone are delegated", "PUT", aliceRules, rules, fields{"Authorization", carol}, 403, "only"},
		{"delegation, the owner", "PUT", delegation, rules, nil, 201, ""},

		{"permanent presence, none", "GET", permanent, "", nil, 404, "has no pidf-manipulation"},
		{"permanent presence", "PUT", permanent, away(alice), nil, 201, ""},
		{"permanent presence, pres:", "PUT", permanent, away("pres:alice@EXAMPLE.com"), nil, 201, ""},
		{"permanent presence, as rules", "PUT", permanent, away(alice), fields{"Content-Type", policyType}, 415, presenceType},
		{"permanent presence, other name", "PUT", strings.Replace(permanent, "/index", "/other", 1), away(alice), nil, 404, "/index"},
		{"permanent presence of another", "PUT", permanent, away(bob), nil, 409, "constraint-failure phrase=\"the entity of the document is not sip:alice"},
		{"permanent presence of no URI", "PUT", permanent, away(""), nil, 409, constraintFailure},
		{"permanent presence, not closed", "PUT", permanent, "<presence>\n<tuple", nil, 409, "not-well-formed phrase=\"line 1: "},
		{"permanent presence, no presence", "PUT", permanent, rules, nil, 409, schemaError},
		{"permanent presence, hostile", "PUT", permanent, "<!DOCTYPE presence>" + away(alice), nil, 409, constraintFailure},
		{"permanent presence, too large", "PUT", permanent, away(alice) + strings.Repeat(" ", 64<<10), nil, 413, "65536"},
		{"permanent presence, by who publishes", "PUT", permanent, away(alice), fields{"Authorization", erin}, 201, ""},
		{"permanent presence, by who edits rules", "PUT", permanent, away(alice), fields{"Authorization", bob}, 403, "only"},
		{"rules, by who publishes", "PUT", aliceRules, rules, fields{"Authorization", erin}, 403, "only"},

		{"another domain", "GET", "/xcap-root/pres-rules/users/sip:alice@example.org/index", "", nil, 404, "domain"},
		{"unknown usage", "GET", "/xcap-root/resource-lists/users/sip:alice@example.com/index", "", nil, 404, "unknown application usage"},
		{"unknown document", "GET", "/xcap-root/pres-rules/users/sip:alice@example.com/other", "", nil, 404, "its path is"},
		{"global tree", "GET", "/xcap-root/pres-rules/global/index", "", nil, 404, "its path is"},
		{"tel: XUI", "GET", "/xcap-root/pres-rules/users/tel:123/index", "", nil, 404, "names no address"},
		{"elsewhere", "GET", "/", "", nil, 404, "documents are below"},
		{"node selector", "GET", aliceRules + "/~~/ruleset/rule%5b1%5d", "", nil, 501, "~~"},
		{"node selector, escaped", "PUT", aliceRules + "/%7E%7e/ruleset", "<rule/>", nil, 501, "~~"},
		{"a page of another origin", "PUT", aliceRules, rules, fields{"Origin", "https://evil.example"}, 403, "origin"},

		{"watchers", "GET", "/watchers/alice@example.com", "", nil, 200, "<watcherinfo/>"},
		{"watchers, delegated", "GET", "/watchers/alice@example.com", "", fields{"Authorization", carol}, 200, "<watcherinfo/>"},
		{"watchers, rules delegated", "GET", "/watchers/alice@example.com", "", fields{"Authorization", bob}, 403, "only"},
		{"watchers, a stranger", "GET", "/watchers/alice@example.com/history", "", fields{"Authorization", dave}, 403, "only"},
		{"watchers, something else", "GET", "/watchers/alice@example.com/future", "", nil, 404, "history"},
	} {
		t.Run(test.name, func(t *testing.T) {
			res := newWorld().ask(test.method, test.path, test.body, test.header...)
			body := res.Body.String()
			if res.Code != test.code || !strings.Contains(body, test.says) || test.says == "" && res.Code < 300 && test.method != "HEAD" && body != "" {
				t.Fatalf("%d %v\n%s\nwant %d %q", res.Code, res.Header(), body, test.code, test.says)
			}
			if written := res.Code < 300 && test.method == "PUT"; written && (res.Header().Get("ETag") == "" || body != "") {
				t.Errorf("RFC 4825 s.8.2.7: a PUT's answer has an entity-tag and no content: %v %s", res.Header(), body)
			}
			if res.Code == 405 && !strings.Contains(res.Header().Get("Allow"), "GET, HEAD") {
				t.Errorf("Allow: %s", res.Header().Get("Allow"))
			}
		})
	}
}

func TestTagsChangeWithTheDocument(t *testing.T) {
	w := newWorld()
	tag := w.ask("PUT", aliceRules, rules).Header().Get("ETag")
	got := w.ask("GET", aliceRules, "")
	if tag == "" || got.Header().Get("ETag") != tag || got.Header().Get("Content-Type") != policyType {
		t.Errorf("%v, want the ETag %s of the PUT", got.Header(), tag)
	}
	again := w.ask("PUT", aliceRules, rules, "If-Match", tag)
	if again.Code != 200 || again.Header().Get("ETag") == tag {
		t.Errorf("%d, ETag %s", again.Code, again.Header().Get("ETag"))
	}
}

func TestStoreErrors(t *testing.T) {
	for _, test := range []struct {
		err   error
		code  int
		says  string
		retry string
	}{
		{store.ErrUnavailable, 503, "does not answer", "5"},
		{store.ErrRisk, 503, "power cut", ""},
		{errors.New("secret cause"), 500, "Internal Server Error", ""},
	} {
		for _, method := range []string{"GET", "PUT", "DELETE"} {
			w := newWorld()
			w.documents.err = test.err
			res := w.ask(method, aliceRules, rules)
			if res.Code != test.code || !strings.Contains(res.Body.String(), test.says) || res.Header().Get("Retry-After") != test.retry {
				t.Errorf("%s, %v: %d %v %s", method, test.err, res.Code, res.Header(), res.Body)
			}
		}
	}
}

// TestConcurrentEdits: of many who edit the same version, one wins and the others hear 412.
func TestConcurrentEdits(t *testing.T) {
	w := newWorld()
	codes := make(chan int, 20)
	var wait sync.WaitGroup
	for i := range cap(codes) {
		wait.Go(func() {
			body := "<!--" + strings.Repeat("x", i) + "-->" + rules
			codes <- w.ask("PUT", aliceRules, body, "If-Match", `"A"`).Code
		})
	}
	wait.Wait()
	close(codes)
	count := map[int]int{}
	for code := range codes {
		count[code]++
	}
	if count[200] != 1 || count[412] != 19 {
		t.Errorf("%v, want one 200 and 412 for the others", count)
	}
}

// TestWriteInBetween: an unconditional PUT that finds another document than it saw says what it replaced.
func TestWriteInBetween(t *testing.T) {
	w := newWorld()
	delete(w.documents.stored, alice+" pres-rules")
	w.documents.between = func() { w.documents.stored[alice+" pres-rules"] = store.Document{Tag: "B"} }
	if res := w.ask("PUT", aliceRules, rules); res.Code != 200 {
		t.Errorf("%d, want 200: it was replaced, not created", res.Code)
	}
}

func TestHistory(t *testing.T) {
	res := newWorld().ask("GET", "/watchers/sip:alice@example.com/history", "")
	var got map[string][]map[string]any
	if err := json.Unmarshal(res.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	const want = `{"visits":[{"watcher":"sip:bob@example.com","fetches":2,"subscriptions":0,"last":"2026-01-02T15:03:05Z"}]}`
	if body := res.Body.String(); body != want || res.Header().Get("Content-Type") != "application/json" {
		t.Errorf("%v\n%s\nwant %s", res.Header(), body, want)
	}
}

func TestHost(t *testing.T) {
	w := newWorld()
	w.Host = func(host string) bool { return host == "localhost" }
	for host, code := range map[string]int{"localhost:8081": 200, "localhost": 200, "evil.example:8081": 421} {
		r := httptest.NewRequest("GET", aliceRules, nil)
		r.Host = host
		rec := httptest.NewRecorder()
		if w.ServeHTTP(rec, r); rec.Code != code {
			t.Errorf("%s: %d, want %d", host, rec.Code, code)
		}
	}
}
