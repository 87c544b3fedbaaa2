package storetest

import (
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"presenced/internal/store"
)

func principal(aor string) store.Principal {
	return store.Principal{AOR: aor, HA1: map[string]string{"MD5": "0123", "SHA-256": "4567"}}
}

func wantPrincipal(t *testing.T, e Engine, want store.Principal) {
	t.Helper()
	got, err := e.Principal(t.Context(), want.AOR)
	must(t, err)
	if got.AOR != want.AOR || !maps.Equal(got.HA1, want.HA1) {
		t.Fatalf("got %+v, want %+v", got, want)
	}
}

var principalSentences = []sentence{
	{"an unknown principal is ErrNotFound", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		_, err := e.Principal(t.Context(), alice.AOR)
		wantError(t, err, store.ErrNotFound)
		wantError(t, e.DeletePrincipal(t.Context(), alice.AOR), store.ErrNotFound)
	}},
	{"a principal is read as it was put, and a put replaces", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		p := principal(alice.AOR)
		must(t, e.PutPrincipal(t.Context(), p))
		wantPrincipal(t, e, p)
		p = store.Principal{AOR: alice.AOR, HA1: map[string]string{"MD5": "89ab"}}
		must(t, e.PutPrincipal(t.Context(), p))
		wantPrincipal(t, e, p)
		none := store.Principal{AOR: bob.AOR}
		must(t, e.PutPrincipal(t.Context(), none))
		wantPrincipal(t, e, none)
	}},
	{"what was put or read is a copy", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		p := principal(alice.AOR)
		must(t, e.PutPrincipal(t.Context(), p))
		p.HA1["MD5"] = "changed"
		got, err := e.Principal(t.Context(), alice.AOR)
		must(t, err)
		got.HA1["MD5"] = "changed"
		wantPrincipal(t, e, principal(alice.AOR))
	}},
	{"delete removes", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		must(t, e.PutPrincipal(t.Context(), principal(alice.AOR)))
		must(t, e.PutPrincipal(t.Context(), principal(bob.AOR)))
		must(t, e.DeletePrincipal(t.Context(), alice.AOR))
		_, err := e.Principal(t.Context(), alice.AOR)
		wantError(t, err, store.ErrNotFound)
		wantPrincipal(t, e, principal(bob.AOR))
	}},
	{"Principals yields each once; an error of yield ends the walk", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		want := []string{alice.AOR, bob.AOR, "sip:carol@example.com"}
		for _, aor := range want {
			must(t, e.PutPrincipal(t.Context(), principal(aor)))
		}
		var got []string
		must(t, e.Principals(t.Context(), func(p store.Principal) error {
			if !maps.Equal(p.HA1, principal(p.AOR).HA1) {
				t.Errorf("got %+v", p)
			}
			got = append(got, p.AOR)
			return nil
		}))
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Fatalf("got %q, want %q", got, want)
		}
		stop := errors.New("stop")
		calls := 0
		err := e.Principals(t.Context(), func(store.Principal) error { calls++; return stop })
		if !errors.Is(err, stop) || calls != 1 {
			t.Fatalf("error %v after %d calls", err, calls)
		}
	}},
	{"a principal does not lapse", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		must(t, e.PutPrincipal(t.Context(), principal(alice.AOR)))
		h.Advance(1000 * time.Hour)
		wantPrincipal(t, e, principal(alice.AOR))
	}},
}
