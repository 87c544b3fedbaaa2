package presence_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"presenced/internal/notifier"
	"presenced/internal/store"
	"presenced/pidf"
	"presenced/policy"
	"presenced/sip"
	"presenced/sip/event"
)

// RFC 5025 s.3.2.1 as states of a subscription, and what each may see.
func TestDecide(t *testing.T) {
	rules := func(own, foreign, anonymous policy.SubHandling) *policy.AccessRules {
		return &policy.AccessRules{Default: own, Foreign: foreign, Anonymous: anonymous,
			Local: func(d string) bool { return d == "example.com" }}
	}
	allow, block := policy.Allow, policy.Block
	own := sip.Identity{AOR: "sip:carol@example.com"}
	foreign := sip.Identity{AOR: "sip:carol@example.org"}
	for _, c := range []struct {
		name  string
		rules *policy.AccessRules
		who   sip.Identity
		state event.State
		sees  string // "full", "offline", "pending", "" nothing
	}{
		{"own domain allowed", rules(allow, block, block), own, event.Active, "full"},
		{"own domain to be confirmed", rules(policy.Confirm, allow, allow), own, event.Pending, "pending"},
		{"own domain blocked politely", rules(policy.PoliteBlock, allow, allow), own, event.Active, "offline"},
		{"own domain blocked", rules(block, allow, allow), own, event.Terminated, ""},
		{"foreign allowed", rules(block, allow, block), foreign, event.Active, "full"},
		{"foreign blocked", rules(allow, block, allow), foreign, event.Terminated, ""},
		{"nobody", rules(allow, allow, policy.PoliteBlock), sip.Identity{Anonymous: true}, event.Active, "offline"},
		{"hides who it is", rules(allow, allow, block), sip.Identity{AOR: own.AOR, Anonymous: true}, event.Terminated, ""},
		{"itself", rules(block, block, block), sip.Identity{AOR: bob}, event.Active, "full"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t)
			f.SetDefaults(c.rules)
			f.publish(t, document(bob, "open"))
			d, err := f.Decide(t.Context(), bobKey, c.who)
			if err != nil || d.State != c.state {
				t.Fatalf("%+v, %v, want %s", d, err, c.state)
			}
			if c.sees == "" {
				return
			}
			body := f.body(t, d.View)
			switch c.sees {
			case "full":
				if !bytes.Contains(body.Bytes, []byte("<basic>open</basic>")) {
					t.Errorf("sees\n%s", body.Bytes)
				}
			case "offline": // exactly what a presentity that is offline shows
				if !bytes.Equal(body.Bytes, newFixture(t).body(t, "full").Bytes) || !bytes.Equal(body.Bytes, pidf.Offline(bob)) {
					t.Errorf("sees\n%s", body.Bytes)
				}
			case "pending":
				if bytes.Contains(body.Bytes, []byte("open")) || bytes.Contains(body.Bytes, []byte("192.0.2")) {
					t.Errorf("sees\n%s", body.Bytes)
				}
			}
		})
	}
}

// A change that a view does not show leaves its body and hash as they are: no
// NOTIFY tells a watcher that there was one.
func TestViewsThatHideStandStill(t *testing.T) {
	f := newFixture(t)
	views := []string{"offline", "pending", "", "unheard-of"}
	before := map[string]notifier.Body{}
	for _, v := range views {
		before[v] = f.body(t, v)
	}
	first := f.body(t, "full")
	f.publish(t, document(bob, "open"))
	for _, v := range views {
		b := f.body(t, v)
		if !bytes.Equal(b.Bytes, before[v].Bytes) || b.Hash != before[v].Hash || b.Hash == 0 || b.Type != "application/pidf+xml" {
			t.Errorf("%q: %+v, then %+v", v, before[v], b)
		}
		if _, err := pidf.Parse(b.Bytes); err != nil {
			t.Errorf("%q: %v", v, err)
		}
	}
	if b := f.body(t, "full"); b.Hash == first.Hash {
		t.Error("the full view has not changed")
	}
}

func TestStateVersion(t *testing.T) {
	f := newFixture(t)
	before, err := f.State(t.Context(), bobKey)
	if err != nil || before.Version() != 0 {
		t.Fatalf("never published: %v, %v", before, err)
	}
	f.publish(t, document(bob, "open"))
	after, err := f.State(t.Context(), bobKey)
	if err != nil || after.Version() == 0 {
		t.Errorf("published: %v, %v", after, err)
	}
	if s, err := f.State(t.Context(), store.Key{AOR: "sip:x@example.com", Package: "presence"}); err != nil || s.Version() != 0 {
		t.Errorf("somebody else: %v, %v", s, err)
	}
}

// lawOf is one presentity's rules.
type lawOf struct {
	rules *policy.Rules
	err   error
}

func (l *lawOf) Access(context.Context, string) (*policy.Rules, error) { return l.rules, l.err }

func (l *lawOf) MayPublish(context.Context, string, string) (bool, error) { return false, l.err }

func (l *lawOf) set(t testing.TB, content string) {
	t.Helper()
	var err error
	l.rules, err = policy.ParseRules([]byte(`<cp:ruleset xmlns:cp="urn:ietf:params:xml:ns:common-policy" xmlns="urn:ietf:params:xml:ns:pres-rules">` + content + `</cp:ruleset>`))
	if err != nil {
		t.Fatal(err)
	}
}

// With a document its rules decide under every default: who is blocked stays
// blocked, and who matches nothing too.
func TestBlockedUnderEveryDefault(t *testing.T) {
	f := newFixture(t)
	law := &lawOf{}
	f.Rules = law
	for _, doc := range []string{
		"",
		`<cp:rule id="a"><cp:conditions><cp:identity><cp:one id="sip:carol@example.com"/></cp:identity></cp:conditions><cp:actions><sub-handling>block</sub-handling></cp:actions></cp:rule>`,
		`<cp:rule id="a"><cp:conditions><cp:identity><cp:many><cp:except id="sip:carol@example.com"/></cp:many></cp:identity></cp:conditions><cp:actions><sub-handling>allow</sub-handling></cp:actions></cp:rule>`,
	} {
		law.set(t, doc)
		for _, def := range []policy.SubHandling{policy.Block, policy.Confirm, policy.PoliteBlock, policy.Allow} {
			f.SetDefaults(&policy.AccessRules{Default: def, Foreign: def, Anonymous: def, Local: func(string) bool { return true }})
			d, err := f.Decide(t.Context(), bobKey, sip.Identity{AOR: "sip:carol@example.com"})
			if err != nil || d.State != event.Terminated {
				t.Errorf("%s, default %v: %+v, %v", doc, def, d, err)
			}
		}
		if d, err := f.Decide(t.Context(), bobKey, sip.Identity{AOR: bob}); err != nil || d.View != "full" {
			t.Errorf("itself: %+v, %v", d, err)
		}
	}
	law.err = store.ErrUnavailable
	if d, err := f.Decide(t.Context(), bobKey, sip.Identity{AOR: "sip:carol@example.com"}); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("unknown rules: %+v, %v", d, err)
	}
}

// A thousand watchers with equal permissions are told the same bytes.
func TestEqualPermissionsShareBytes(t *testing.T) {
	f := newFixture(t)
	law := &lawOf{}
	law.set(t, `<cp:rule id="a"><cp:conditions><cp:identity><cp:many domain="example.com"/></cp:identity></cp:conditions><cp:actions><sub-handling>allow</sub-handling></cp:actions>`+
		`<cp:transformations><provide-services><all-services/></provide-services></cp:transformations></cp:rule>`)
	f.Rules = law
	f.publish(t, document(bob, "open"))
	var first notifier.Body
	for i := range 1000 {
		d, err := f.Decide(t.Context(), bobKey, sip.Identity{AOR: fmt.Sprintf("sip:w%d@example.com", i)})
		if err != nil {
			t.Fatal(err)
		}
		body := f.body(t, d.View) // another State each time, of one document
		if i == 0 {
			first = body
		}
		if &body.Bytes[0] != &first.Bytes[0] || body.Hash != first.Hash || !bytes.Contains(body.Bytes, []byte("open")) {
			t.Fatalf("watcher %d has another body:\n%s", i, body.Bytes)
		}
	}
}

// A view that was decided on in another sphere shows nothing.
func TestViewOfAnotherSphere(t *testing.T) {
	f := newFixture(t)
	law := &lawOf{}
	law.set(t, `<cp:rule id="a"><cp:conditions><cp:sphere value="home"/></cp:conditions><cp:actions><sub-handling>allow</sub-handling></cp:actions></cp:rule>`)
	f.Rules = law
	sphere := func(name string) string {
		return strings.Replace(document(bob, "open"), "</presence>", `<dm:person xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" id="p"><r:sphere xmlns:r="urn:ietf:params:xml:ns:pidf:rpid"><r:`+
			name+`/></r:sphere></dm:person></presence>`, 1)
	}
	tag := f.publish(t, sphere("home"))
	carol := sip.Identity{AOR: "sip:carol@example.com"}
	d, err := f.Decide(t.Context(), bobKey, carol)
	if err != nil || d.State != event.Active || f.body(t, d.View).Hash == 0 {
		t.Fatalf("at home: %+v, %v", d, err)
	}
	f.publish(t, sphere("work"), "SIP-If-Match: "+tag)
	if b := f.body(t, d.View); b.Hash != 0 || b.Bytes != nil {
		t.Errorf("at work the view of home shows\n%s", b.Bytes)
	}
	if d, err := f.Decide(t.Context(), bobKey, carol); err != nil || d.State != event.Terminated {
		t.Errorf("at work: %+v, %v", d, err)
	}
}

// What a decision costs: without a document, with one rule that matches, and
// with rules that depend on the sphere.
func BenchmarkDecide(b *testing.B) {
	const rule = `<cp:rule id="a"><cp:conditions><cp:identity><cp:many/></cp:identity>`
	const allow = `</cp:conditions><cp:actions><sub-handling>allow</sub-handling></cp:actions><cp:transformations><provide-services><all-services/></provide-services></cp:transformations></cp:rule>`
	for name, doc := range map[string]string{"defaults": "", "rules": rule + allow, "sphere": rule + `<cp:sphere value="home work"/>` + allow} {
		b.Run(name, func(b *testing.B) {
			f := newFixture(b)
			law := &lawOf{}
			if doc != "" {
				law.set(b, doc)
			}
			f.Rules = law
			b.ReportAllocs()
			for b.Loop() {
				if _, err := f.Decide(b.Context(), bobKey, sip.Identity{AOR: "sip:carol@example.com"}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
