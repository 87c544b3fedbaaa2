package presence_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"presenced/internal/composition"
	"presenced/internal/notifier"
	"presenced/internal/presence"
	"presenced/internal/store"
	"presenced/internal/store/embedded"
	"presenced/policy"
	"presenced/sip"
	"presenced/sip/siptest/schema"
)

const bob = "sip:bob@example.com"

var bobKey = store.Key{AOR: bob, Package: "presence"}

// fixture is an agent on the embedded engine, which can be made to fail.
type fixture struct {
	*presence.Agent
	*embedded.Engine
	err error
}

// Publish is presence.Publications', and may fail.
func (f *fixture) Publish(ctx context.Context, key store.Key, p store.Publish) error {
	if f.err != nil {
		return f.err
	}
	return f.Engine.Publish(ctx, key, p)
}

const maxBody = 4000

func newFixture(t testing.TB) *fixture {
	t.Helper()
	engine, err := embedded.Open(embedded.Config{Agent: "a"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { engine.Close() })
	f := &fixture{Engine: engine}
	f.Agent = presence.New(presence.Config{
		Store: f, Documents: composition.New(composition.Config{Publications: engine, Registrations: engine, Capacity: 8}), MaxBody: maxBody, PerPresentity: 3,
		Expires: presence.Expires{Min: 60, Max: 7200, Default: 3600},
	}, &policy.AccessRules{Default: policy.Allow, Local: func(string) bool { return true }})
	return f
}

func (f *fixture) body(t *testing.T, view string) notifier.Body {
	t.Helper()
	s, err := f.State(t.Context(), bobKey)
	if err != nil {
		t.Fatal(err)
	}
	b := s.Body(view)
	if len(b.Bytes) > 0 {
		schema.Collect("application/pidf+xml", string(b.Bytes))
	}
	return b
}

func TestMain(m *testing.M) { schema.Main(m) }

func document(entity, basic string) string {
	return `<?xml version="1.0"?><presence xmlns="urn:ietf:params:xml:ns:pidf" entity="` + entity +
		`"><tuple id="t1"><status><basic>` + basic + `</basic></status><contact>sip:bob@192.0.2.7</contact></tuple></presence>`
}

// request is a PUBLISH to uri with header lines and a body.
func request(t testing.TB, uri, body string, lines ...string) *sip.Request {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "PUBLISH %s SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bK1\r\nFrom: <%s>;tag=1\r\nTo: <%s>\r\n"+
		"Call-ID: c\r\nCSeq: 1 PUBLISH\r\nEvent: presence\r\nUser-Agent: phone/1\r\n", uri, bob, uri)
	for _, line := range lines {
		b.WriteString(line + "\r\n")
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(body), body)
	r, err := sip.ParseRequest([]byte(b.String()), sip.Flow{Proto: sip.UDP, Remote: netip.MustParseAddrPort("192.0.2.7:5060")})
	if err != nil {
		t.Fatal(err)
	}
	r.Identity = sip.Identity{AOR: bob}
	return r
}

const typed = "Content-Type: application/pidf+xml"

// publish is an initial PUBLISH that must succeed; it returns the entity-tag.
func (f *fixture) publish(t testing.TB, body string, lines ...string) string {
	t.Helper()
	tag, _ := f.accepted(t, body, append(lines, typed)...)
	return tag
}

// accepted serves a PUBLISH for bob that must get a 200.
func (f *fixture) accepted(t testing.TB, body string, lines ...string) (tag, expires string) {
	t.Helper()
	res, err := f.Agent.Publish(t.Context(), request(t, bob, body, lines...))
	if err != nil || res.Code != 200 {
		t.Fatalf("%v: %+v, %v", lines, res, err)
	}
	for _, h := range res.Header {
		switch h.Name {
		case "SIP-ETag":
			tag = h.Value
		case "Expires":
			expires = h.Value
		}
	}
	if tag == "" || expires == "" { // RFC 3903 s.6, step 6
		t.Fatalf("200 without SIP-ETag or Expires: %+v", res.Header)
	}
	return tag, expires
}

func (f *fixture) refused(t *testing.T, r *sip.Request, code int) *sip.Error {
	t.Helper()
	res, err := f.Agent.Publish(t.Context(), r)
	var refusal *sip.Error
	if !errors.As(err, &refusal) || refusal.Code != code {
		t.Fatalf("got %+v, %v, want %d", res, err, code)
	}
	return refusal
}

// RFC 3903 s.6, what each step refuses, and that nothing is stored then.
func TestPublishRefusals(t *testing.T) {
	open := document(bob, "open")
	for _, c := range []struct {
		name   string
		uri    string
		body   string
		lines  []string
		code   int
		header string // that the refusal must have
	}{
		{"step 1: no address-of-record", "sip:example.com", open, []string{typed}, 404, ""},
		{"step 1: of somebody else", "sip:carol@example.com", open, []string{typed}, 403, ""},
		{"step 3: two tags", bob, open, []string{typed, "SIP-If-Match: a, b"}, 400, ""},
		{"step 3: no tag", bob, open, []string{typed, "SIP-If-Match: "}, 400, ""},
		{"step 3: not a token", bob, open, []string{typed, "SIP-If-Match: \"a b\""}, 400, ""},
		{"step 3: unknown", bob, open, []string{typed, "SIP-If-Match: a"}, 412, ""},
		{"step 3: unknown, to refresh", bob, "", []string{"SIP-If-Match: a"}, 412, ""},
		{"step 3: unknown, to remove", bob, "", []string{"SIP-If-Match: a", "Expires: 0"}, 412, ""},
		{"step 3 before 4", bob, open, []string{typed, "SIP-If-Match: a", "Expires: 59"}, 412, ""},
		{"step 3 before 5, type", bob, open, []string{"Content-Type: text/plain", "SIP-If-Match: a"}, 412, ""},
		{"step 3 before 5, form", bob, "<", []string{typed, "SIP-If-Match: a"}, 412, ""},
		{"step 4: too brief", bob, open, []string{typed, "Expires: 59"}, 423, "Min-Expires: 60"},
		{"step 4: malformed", bob, open, []string{typed, "Expires: soon"}, 400, ""},
		{"step 4 before 5", bob, "<", []string{"Content-Type: text/plain", "Expires: 1"}, 423, "Min-Expires: 60"},
		{"step 5: no body", bob, "", []string{typed}, 400, ""},
		{"step 5: no body, removal of nothing", bob, "", []string{"Expires: 0"}, 400, ""},
		{"step 5: type", bob, open, []string{"Content-Type: application/xml"}, 415, "Accept: application/pidf+xml, application/pidf-diff+xml"},
		{"step 5: no type", bob, open, nil, 415, "Accept: application/pidf+xml, application/pidf-diff+xml"},
		{"step 5: encoding", bob, open, []string{typed, "Content-Encoding: gzip"}, 415, "Accept-Encoding: identity"},
		{"step 5: encrypted", bob, open, []string{"Content-Type: application/pkcs7-mime"}, 415, "Accept: application/pidf+xml, application/pidf-diff+xml"},
		{"step 5: not well-formed", bob, open[:len(open)-3], []string{typed}, 400, ""},
		{"step 5: hostile", bob, "<!DOCTYPE x>" + open, []string{typed}, 400, ""},
		{"step 5: about somebody else", bob, document("sip:carol@example.com", "open"), []string{typed}, 400, ""},
		{"step 5: about no URI", bob, document("bob", "open"), []string{typed}, 400, ""},
		{"step 5: about nobody", bob, document("", "open"), []string{typed}, 400, ""},
		{"step 5: too large", bob, open + strings.Repeat(" ", maxBody), []string{typed}, 413, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t)
			refusal := f.refused(t, request(t, c.uri, c.body, c.lines...), c.code)
			header := ""
			for _, h := range refusal.Header {
				header = h.Name + ": " + h.Value
			}
			if header != c.header {
				t.Errorf("header %q, want %q", header, c.header)
			}
			if stats, err := f.Stats(t.Context()); err != nil || stats.Publications != 0 {
				t.Errorf("stored: %+v, %v", stats, err)
			}
		})
	}
}

// A tag that is live lets the later steps speak.
func TestPublishRefusalsBehindAMatch(t *testing.T) {
	f := newFixture(t)
	match := "SIP-If-Match: " + f.publish(t, document(bob, "open"))
	f.refused(t, request(t, bob, "", match, "Expires: 5"), 423)
	f.refused(t, request(t, bob, "<", typed, match), 400)
	f.refused(t, request(t, bob, "x", "Content-Type: text/plain", match), 415)
	f.accepted(t, "", match) // none of them has used the tag up
}

// Each 200 has a new entity-tag, and the one before it is stale.
func TestEntityTags(t *testing.T) {
	f := newFixture(t)
	seen := map[string]bool{}
	tag := f.publish(t, document(bob, "open"))
	for _, step := range []struct {
		body  string
		lines []string
		shows string
	}{
		{"", nil, "open"}, // refresh: the body stays
		{document(bob, "closed"), []string{typed}, "closed"}, // modify
		{"", []string{"Expires: 120"}, "closed"},             // refresh
		{document(bob, "open"), []string{typed}, "open"},     // modify
		{"", []string{"Expires: 0"}, "offline"},              // remove
	} {
		seen[tag] = true
		before := tag
		tag, _ = f.accepted(t, step.body, append(step.lines, "SIP-If-Match: "+before)...)
		if seen[tag] {
			t.Errorf("entity-tag %s came again", tag)
		}
		f.refused(t, request(t, bob, "", "SIP-If-Match: "+before), 412)
		if b := string(f.body(t, "full").Bytes); !strings.Contains(b, step.shows) {
			t.Errorf("%v: %s", step, b)
		}
	}
	f.refused(t, request(t, bob, "", "SIP-If-Match: "+tag), 412) // it was removed
}

// Several publications live side by side, each with its tag; there is a limit.
func TestSeveralPublications(t *testing.T) {
	f := newFixture(t)
	var tags []string
	for i := range 3 {
		body := strings.ReplaceAll(document(bob, "open"), "192.0.2.7", fmt.Sprint("192.0.2.7", i))
		tags = append(tags, f.publish(t, strings.ReplaceAll(body, "t1", fmt.Sprint("t", i))))
	}
	f.refused(t, request(t, bob, document(bob, "open"), typed), 403)
	f.accepted(t, "", "SIP-If-Match: "+tags[1], "Expires: 0")
	f.refused(t, request(t, bob, "", "SIP-If-Match: "+tags[1]), 412)
	b := string(f.body(t, "full").Bytes)
	for i, want := range []bool{true, false, true} {
		if got := strings.Contains(b, fmt.Sprint("bob@192.0.2.7", i)); got != want {
			t.Errorf("publication %d shown: %v\n%s", i, got, b)
		}
	}
	f.accepted(t, "", "SIP-If-Match: "+tags[0])
}

// A device that published anew and withdraws that has no other state left; an
// elder one that it still knows stays valid until then.
func TestElderStateStaysHidden(t *testing.T) {
	tests := []struct {
		name   string
		first  string // what was published first
		remain bool
	}{
		{"same device", document(bob, "open"), false},
		{"another contact", strings.ReplaceAll(document(bob, "open"), "192.0.2.7", "192.0.2.8"), true},
		{"another tuple", strings.ReplaceAll(document(bob, "open"), "t1", "t2"), true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := newFixture(t)
			first := f.publish(t, test.first)
			second := f.publish(t, document(bob, "open"))
			first, _ = f.accepted(t, "", "SIP-If-Match: "+first)
			f.accepted(t, "", "SIP-If-Match: "+second, "Expires: 0")
			if open := strings.Contains(string(f.body(t, "full").Bytes), ">open<"); open != test.remain {
				t.Errorf("open: %v\n%s", open, f.body(t, "full").Bytes)
			}
			if test.remain {
				f.accepted(t, "", "SIP-If-Match: "+first)
			} else {
				f.refused(t, request(t, bob, "", "SIP-If-Match: "+first), 412)
			}
		})
	}
}

// The elder publication does not replace the newer one.
func TestWithdrawingTheElderLeavesTheNewer(t *testing.T) {
	f := newFixture(t)
	first := f.publish(t, document(bob, "closed"))
	second := f.publish(t, document(bob, "open"))
	f.accepted(t, "", "SIP-If-Match: "+first, "Expires: 0")
	f.accepted(t, "", "SIP-If-Match: "+second)
	if !strings.Contains(string(f.body(t, "full").Bytes), ">open<") {
		t.Errorf("%s", f.body(t, "full").Bytes)
	}
}

func TestLifetimes(t *testing.T) {
	for _, c := range []struct{ asked, granted string }{
		{"", "3600"}, {"Expires: 60", "60"}, {"Expires: 7201", "7200"}, {"Expires: 4294967296", "7200"}, {"Expires: 0", "0"},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t)
			lines := []string{typed}
			if c.asked != "" {
				lines = append(lines, c.asked)
			}
			tag, granted := f.accepted(t, document(bob, "open"), lines...)
			if granted != c.granted {
				t.Errorf("%q: granted %s, want %s", c.asked, granted, c.granted)
			}
			var seconds int
			fmt.Sscan(granted, &seconds)
			if seconds > 0 {
				time.Sleep(time.Duration(seconds)*time.Second - time.Nanosecond)
				if pubs, err := f.Publications(t.Context(), bobKey); err != nil || len(pubs.List) != 1 {
					t.Errorf("gone too early: %+v, %v", pubs, err)
				}
				time.Sleep(time.Nanosecond)
			}
			f.refused(t, request(t, bob, "", "SIP-If-Match: "+tag), 412) // lapsed, or never stored
		})
	}
}

// One presentity under its several names (RFC 3859 s.3, RFC 3261 s.10.3).
func TestEntityOfThePresentity(t *testing.T) {
	for _, entity := range []string{bob, "pres:bob@example.com", "sips:bob@example.com", "sip:bob@EXAMPLE.com", "sip:b%6fb@example.com:5060;x=y"} {
		newFixture(t).publish(t, document(entity, "open"))
	}
}

// What the store says, as the peer hears it.
func TestStoreFails(t *testing.T) {
	for _, c := range []struct {
		err  error
		code int
	}{
		{fmt.Errorf("%w: refused", store.ErrUnavailable), 503},
		{store.ErrNoMatch, 412},
		{store.ErrLimit, 403},
	} {
		f := newFixture(t)
		f.err = c.err
		refusal := f.refused(t, request(t, bob, document(bob, "open"), typed), c.code)
		if c.code == 503 && (len(refusal.Header) != 1 || refusal.Header[0].Name != "Retry-After") {
			t.Errorf("503 without Retry-After: %v", refusal.Header)
		}
		if !errors.Is(refusal, c.err) {
			t.Errorf("%v is not logged", c.err)
		}
	}
	f := newFixture(t)
	f.err = errors.New("a fault")
	if _, err := f.Agent.Publish(t.Context(), request(t, bob, document(bob, "open"), typed)); !errors.Is(err, f.err) {
		t.Errorf("unknown error: %v", err)
	}
}

func BenchmarkPublish(b *testing.B) {
	for _, kind := range []string{"modify", "refresh"} {
		b.Run(kind, func(b *testing.B) {
			f := newFixture(b)
			tag := f.publish(b, document(bob, "open"))
			body, lines := "", []string{""}
			if kind == "modify" {
				body, lines = document(bob, "closed"), []string{"", typed}
			}
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				lines[0] = "SIP-If-Match: " + tag
				r := request(b, bob, body, lines...)
				b.StartTimer()
				res, err := f.Agent.Publish(b.Context(), r)
				if err != nil {
					b.Fatal(err)
				}
				tag = res.Header[1].Value
			}
		})
	}
}
