package presence_test

import (
	"bytes"
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
