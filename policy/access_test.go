package policy

import "testing"

func TestHandling(t *testing.T) {
	rules := &AccessRules{
		Default: Allow, Foreign: Confirm, Anonymous: PoliteBlock,
		Local: func(d string) bool { return d == "example.com" },
	}
	for _, c := range []struct {
		name string
		w    Watcher
		want SubHandling
	}{
		{"own domain", Watcher{URI: "sip:bob@example.com"}, Allow},
		{"other domain", Watcher{URI: "sip:bob@example.org"}, Confirm},
		{"nobody", Watcher{}, PoliteBlock},
		{"hides who it is", Watcher{URI: "sip:bob@example.com", Anonymous: true}, PoliteBlock},
		{"itself", Watcher{URI: "sip:alice@example.com", Anonymous: true}, Allow},
	} {
		if got := rules.Handling("sip:alice@example.com", c.w); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestSubHandlingNames(t *testing.T) {
	for _, name := range []string{"block", "confirm", "polite-block", "allow"} {
		h, err := ParseSubHandling(name)
		if err != nil || h.String() != name {
			t.Errorf("%s became %v, %v", name, h, err)
		}
	}
	if h, err := ParseSubHandling("Allow"); err == nil || h != Block {
		t.Errorf("an unknown value became %v, %v: it must not open a door", h, err)
	}
	if !(Block < Confirm && Confirm < PoliteBlock && PoliteBlock < Allow) {
		t.Error("RFC 5025 s.3.2.1: permissions combine by maximum")
	}
}
