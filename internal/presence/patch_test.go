package presence_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"presenced/internal/presence"
	"presenced/internal/store"
	"presenced/pidf/partial"
	"presenced/policy"
	"presenced/sip"
)

const typedPartial = "Content-Type: application/pidf-diff+xml"

// full and diff are bodies of application/pidf-diff+xml (RFC 5262 s.3).
func full(entity, content string) string {
	return `<p:pidf-full xmlns="urn:ietf:params:xml:ns:pidf" xmlns:p="urn:ietf:params:xml:ns:pidf-diff" entity="` + entity + `">` + content + `</p:pidf-full>`
}

func diff(operations string) string {
	return `<p:pidf-diff xmlns="urn:ietf:params:xml:ns:pidf" xmlns:p="urn:ietf:params:xml:ns:pidf-diff" entity="` + bob + `">` + operations + `</p:pidf-diff>`
}

const (
	tuple   = `<tuple id="t1"><status><basic>open</basic></status><contact>sip:bob@192.0.2.7</contact></tuple>`
	closing = `<p:replace sel="*/tuple[@id='t1']/status/basic/text()">closed</p:replace>`
)

// storedBody is that of bob's only publication.
func (f *fixture) storedBody(t *testing.T) string {
	t.Helper()
	pubs, err := f.Publications(t.Context(), bobKey)
	if err != nil || len(pubs.List) != 1 || pubs.List[0].ContentType != "application/pidf+xml" {
		t.Fatalf("stored: %+v, %v", pubs, err)
	}
	return string(pubs.List[0].Body)
}

// The example of RFC 5264 s.6. Its documents are about somebody else than its
// Request-URI, which is a 400 here, so that they are given the presentity's name.
func TestPartialPublicationExample(t *testing.T) {
	data := os.Getenv("PRESENCED_RFC_DATA")
	if data == "" {
		t.Skip("PRESENCED_RFC_DATA is not set")
	}
	body := func(name string) string {
		text, err := os.ReadFile(filepath.Join(data, "rfc-examples", "xml", name))
		if err != nil {
			t.Fatal(err)
		}
		return strings.ReplaceAll(string(text), "pres:someone@example.com", bob)
	}
	f := newFixture(t)
	tag, _ := f.accepted(t, body("rfc5264-s6-pidf-full-1.xml"), typedPartial, "Expires: 3600")
	if stored := f.storedBody(t); !strings.Contains(stored, "r:busy") || strings.Contains(stored, "pidf-full") {
		t.Errorf("M1: %s", stored)
	}
	second, _ := f.accepted(t, body("rfc5264-s6-pidf-diff-1.xml"), typedPartial, "SIP-If-Match: "+tag)
	stored := f.storedBody(t)
	if second == tag || strings.Contains(stored, "r:busy") || !strings.Contains(stored, `id="ert4773"`) || !strings.Contains(stored, `priority="0.7"`) {
		t.Errorf("M3: %s", stored)
	}
}

// RFC 5264 s.4.3: full state replaces, a diff changes what its entity-tag
// names, and what follows goes on from the patched document.
func TestPartialPublication(t *testing.T) {
	f := newFixture(t)
	tag, _ := f.accepted(t, full(bob, tuple), typedPartial)
	for _, step := range []struct{ body, contentType, has, hasNot string }{
		{diff(closing), typedPartial, ">closed<", ">open<"},
		{diff(`<p:add sel="*"><note>gone</note></p:add>`), typedPartial, ">closed<", ">open<"},
		{"", "Expires: 300", "<note>gone</note>", ">open<"},
		{document(bob, "open"), typed, ">open<", "gone"},
		{diff(closing), typedPartial, ">closed<", ">open<"},
		{full(bob, tuple), typedPartial, ">open<", ">closed<"},
		{diff(``), typedPartial, ">open<", ">closed<"},
		{diff(`<p:replace sel="*/@entity">pres:bob@example.com</p:replace>`), typedPartial, `entity="pres:bob@example.com"`, ">closed<"},
	} {
		tag, _ = f.accepted(t, step.body, step.contentType, "SIP-If-Match: "+tag)
		if b := f.storedBody(t); !strings.Contains(b, step.has) || strings.Contains(b, step.hasNot) {
			t.Errorf("after %s: %s", step.body, b)
		}
	}
	// A removal clears all; its body is not looked at (RFC 3903 s.6).
	f.accepted(t, diff(`<p:remove sel="*/none"/>`), typedPartial, "Expires: 0", "SIP-If-Match: "+tag)
	if pubs, err := f.Publications(t.Context(), bobKey); err != nil || len(pubs.List) != 0 {
		t.Errorf("left: %+v, %v", pubs, err)
	}
}

// What RFC 5264 s.4.3.2 and RFC 5261 s.5.1 answer, and that nothing changes.
func TestPartialPublicationRefusals(t *testing.T) {
	for _, c := range []struct {
		name, body string
		code       int
		condition  string // the element of the error document; "": no document
	}{
		{"selects nothing", diff(closing + `<p:remove sel="*/tuple[@id='t2']"/>`), 400, "unlocated-node"},
		{"selects two", diff(`<p:add sel="*"><note/></p:add><p:add sel="*"><note/></p:add><p:remove sel="*/note"/>`), 400, "unlocated-node"},
		{"leaves the document", diff(`<p:remove sel="../note"/>`), 400, "invalid-attribute-value"},
		{"no selector", diff(`<p:remove/>`), 400, "invalid-attribute-value"},
		{"an unbound prefix", diff(`<p:remove sel="*/r:note"/>`), 400, "invalid-namespace-prefix"},
		{"removes the root", diff(`<p:remove sel="*"/>`), 400, "invalid-root-element-operation"},
		{"an operation unknown", diff(`<p:move sel="*"/>`), 400, "invalid-patch-directive"},
		{"grows too large", diff(`<p:add sel="*"><note>` + strings.Repeat("x", 3000) + `</note></p:add>`), 413, ""},
		{"loses its namespace", diff(`<p:replace sel="*"><note xmlns="urn:x"/></p:replace>`), 400, "invalid-patch-directive"},
		{"more operations than anybody needs", diff(strings.Repeat(`<p:add sel="*"/>`, 201)), 400, "invalid-patch-directive"},
		{"not well-formed", diff(`<p:remove`), 400, "invalid-diff-format"},
		{"about somebody else", strings.Replace(diff(closing), bob, "sip:carol@example.com", 1), 400, "invalid-diff-format"},
		{"becomes somebody else's", diff(`<p:replace sel="*/@entity">sip:carol@example.com</p:replace>`), 400, ""},
		{"loses its entity", diff(`<p:remove sel="*/@entity"/>`), 400, ""},
		{"full, about somebody else", full("sip:carol@example.com", tuple), 400, ""},
		{"full, not well-formed", full(bob, "<tuple>"), 400, ""},
		{"hostile", "<!DOCTYPE x>" + diff(closing), 400, ""},
		{"PIDF by another type", document(bob, "closed"), 400, ""},
		{"too large", diff(closing + strings.Repeat(" ", maxBody)), 413, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t)
			match := "SIP-If-Match: " + f.publish(t, strings.Replace(document(bob, "open"), "<tuple", "<!--"+strings.Repeat("x", 1000)+"--><tuple", 1))
			before := f.storedBody(t)
			refusal := f.refused(t, request(t, bob, c.body, typedPartial, match), c.code)
			document := string(refusal.Response().Body)
			if c.condition == "" && document != "" || !strings.Contains(document, c.condition) {
				t.Errorf("body %q, want %q", document, c.condition)
			}
			if typed := len(refusal.Header) == 1 && refusal.Header[0].Value == partial.ErrorContentType; typed != (document != "") {
				t.Errorf("header %v", refusal.Header)
			}
			if after := f.storedBody(t); after != before {
				t.Errorf("stored %s", after)
			}
			f.accepted(t, diff(closing), typedPartial, match) // the entity-tag is live still
		})
	}
}

// Without an entity-tag there is nothing to change; with one that names
// nothing, step 3 of RFC 3903 s.6 has failed.
func TestPartialPublicationOfNothing(t *testing.T) {
	f := newFixture(t)
	if refusal := f.refused(t, request(t, bob, diff(closing), typedPartial), 400); refusal.Reason != "Invalid Partial Publication" {
		t.Errorf("got %v", refusal)
	}
	for _, body := range []string{diff(closing), full(bob, tuple), "<"} {
		f.refused(t, request(t, bob, body, typedPartial, "SIP-If-Match: a"), 412)
	}
	if stats, err := f.Stats(t.Context()); err != nil || stats.Publications != 0 {
		t.Errorf("stored: %+v, %v", stats, err)
	}
}

// meanwhile runs something between an agent's reading and writing.
type meanwhile struct {
	*fixture
	do func()
}

// Publications is presence.Publications'.
func (m *meanwhile) Publications(ctx context.Context, key store.Key) (store.Publications, error) {
	pubs, err := m.fixture.Publications(ctx, key)
	if do := m.do; do != nil {
		m.do = nil
		do()
	}
	return pubs, err
}

// A publication that another agent changes between reading and writing keeps
// that change; the patch is a 412.
func TestPartialPublicationIsAtomic(t *testing.T) {
	f := newFixture(t)
	match := "SIP-If-Match: " + f.publish(t, document(bob, "open"))
	m := &meanwhile{fixture: f, do: func() { f.accepted(t, document(bob, "open")+"<!-- newer -->", typed, match) }}
	config := f.Config
	config.Store = m
	f.Agent = presence.New(config, &policy.AccessRules{Default: policy.Allow, Local: func(string) bool { return true }})
	f.refused(t, request(t, bob, diff(closing), typedPartial, match), 412)
	if b := f.storedBody(t); !strings.Contains(b, "newer") || m.do != nil {
		t.Errorf("stored %s", b)
	}
}

// What is not the publisher's fault is a 500, or a 503.
func TestPartialPublicationMeetsFaults(t *testing.T) {
	f := newFixture(t)
	tag := f.publish(t, document(bob, "open"))
	damaged := store.Publish{IfMatch: tag, Publication: store.Publication{Tag: "damaged", Body: []byte("<"), TTL: 1e12}}
	if err := f.Engine.Publish(t.Context(), bobKey, damaged); err != nil {
		t.Fatal(err)
	}
	_, err := f.Agent.Publish(t.Context(), request(t, bob, diff(closing), typedPartial, "SIP-If-Match: damaged"))
	if refusal := errorOf(err); err == nil || refusal != nil {
		t.Errorf("got %v, want an error that is a 500", err)
	}
	f.accepted(t, full(bob, tuple), typedPartial, "SIP-If-Match: damaged") // full state heals it

	config := f.Config
	config.Store = away{f}
	f.Agent = presence.New(config, &policy.AccessRules{Default: policy.Allow, Local: func(string) bool { return true }})
	f.refused(t, request(t, bob, diff(closing), typedPartial, "SIP-If-Match: a"), 503)
}

// away is a store that cannot be read.
type away struct{ *fixture }

// Publications is presence.Publications'.
func (away) Publications(context.Context, store.Key) (store.Publications, error) {
	return store.Publications{}, store.ErrUnavailable
}

func errorOf(err error) *sip.Error {
	var refusal *sip.Error
	if errors.As(err, &refusal) {
		return refusal
	}
	return nil
}
