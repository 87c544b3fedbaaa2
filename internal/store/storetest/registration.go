package storetest

import (
	"reflect"
	"testing"
	"time"

	"presenced/internal/store"
)

func contact(uri string, ttl time.Duration) store.Binding {
	return store.Binding{
		Contact: uri, Params: `;+sip.instance="<urn:uuid:1>"`, Q: 700, Path: []string{"<sip:p1.example.com;lr>", "<sip:p2.example.com;lr>"},
		CallID: "call-1", CSeq: 1, Agent: "agent-a", Flow: "udp\x00flow", UserAgent: "baresip", TTL: ttl,
	}
}

func saveBindings(t *testing.T, e Engine, aor string, have store.Version, list ...store.Binding) store.Version {
	t.Helper()
	v, err := e.SaveBindings(t.Context(), aor, store.Registration{Version: have, Bindings: list})
	must(t, err)
	return v
}

func bindings(t *testing.T, e Engine, aor string) store.Registration {
	t.Helper()
	got, err := e.Bindings(t.Context(), aor)
	must(t, err)
	return got
}

var registrationSentences = []sentence{
	{"an inbox of nothing has version 0 and no bindings", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		if got := bindings(t, e, alice.AOR); got.Version != 0 || len(got.Bindings) != 0 {
			t.Fatalf("got %+v", got)
		}
	}},
	{"bindings are read as they were written, in order", bindingsAreRead},
	{"the version returned is the version read", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		v := saveBindings(t, e, alice.AOR, 0, contact("sip:a@192.0.2.1", time.Hour))
		if got := bindings(t, e, alice.AOR).Version; v == 0 || got != v {
			t.Fatalf("saved as %d, read as %d", v, got)
		}
	}},
	{"a write with another version is ErrConflict and changes nothing", conflict},
	{"each write changes the version, a repetition of the same bindings too", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		first := saveBindings(t, e, alice.AOR, 0, contact("sip:a@192.0.2.1", time.Hour))
		second := saveBindings(t, e, alice.AOR, first, contact("sip:a@192.0.2.1", time.Hour))
		if first == second {
			t.Fatalf("version %d twice", first)
		}
	}},
	{"an empty list removes, and no version comes back", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		first := saveBindings(t, e, alice.AOR, 0, contact("sip:a@192.0.2.1", time.Hour))
		emptied := saveBindings(t, e, alice.AOR, first)
		if got := bindings(t, e, alice.AOR); len(got.Bindings) != 0 || got.Version != emptied || emptied == first {
			t.Fatalf("got %+v after %d and %d", got, first, emptied)
		}
		again := saveBindings(t, e, alice.AOR, emptied, contact("sip:a@192.0.2.1", time.Hour))
		if again == first || again == emptied {
			t.Fatalf("versions %d, %d, %d", first, emptied, again)
		}
	}},
	{"a lapse between read and write is ErrConflict", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		v := saveBindings(t, e, alice.AOR, 0, contact("sip:a@192.0.2.1", time.Minute), contact("sip:a@192.0.2.2", time.Hour))
		h.Advance(2 * time.Minute)
		_, err := e.SaveBindings(t.Context(), alice.AOR, store.Registration{Version: v})
		wantError(t, err, store.ErrConflict)
	}},
	{"the engine sets Updated of what changed and of nothing else", updated},
	{"a binding without a lifetime is not stored", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		saveBindings(t, e, alice.AOR, 0, contact("sip:a@192.0.2.1", 0), contact("sip:a@192.0.2.2", time.Hour))
		if got := bindings(t, e, alice.AOR).Bindings; len(got) != 1 || got[0].Contact != "sip:a@192.0.2.2" {
			t.Fatalf("got %+v", got)
		}
	}},
	{"bindings and publications of an address are apart", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		publish(t, e, alice, initial("a"))
		before := version(t, e, alice)
		saveBindings(t, e, alice.AOR, 0, contact("sip:a@192.0.2.1", time.Hour))
		if after := version(t, e, alice); after != before {
			t.Fatalf("version of the publications %d, want %d", after, before)
		}
	}},
}

func bindingsAreRead(t *testing.T, h Harness) {
	e := h.Open(t, "agent-a")
	bare := store.Binding{Contact: "sip:a@192.0.2.9", TTL: time.Hour}
	want := []store.Binding{contact("sip:z@192.0.2.1", time.Hour), contact("sip:a@192.0.2.2", time.Minute), bare}
	saveBindings(t, e, alice.AOR, 0, want...)
	got := bindings(t, e, alice.AOR).Bindings
	if len(got) != len(want) {
		t.Fatalf("got %+v, want %+v", got, want)
	}
	for i := range got {
		wantTTL(t, got[i].TTL, want[i].TTL)
		if got[i].Updated <= 0 {
			t.Errorf("Updated %d", got[i].Updated)
		}
		got[i].TTL, got[i].Updated = want[i].TTL, want[i].Updated
		if len(got[i].Path) == 0 {
			got[i].Path = want[i].Path // nil and empty are the same
		}
		if !reflect.DeepEqual(got[i], want[i]) {
			t.Errorf("got %+v, want %+v", got[i], want[i])
		}
	}
}

func conflict(t *testing.T, h Harness) {
	e := h.Open(t, "agent-a")
	refused := store.Registration{Bindings: []store.Binding{contact("sip:x@192.0.2.1", time.Hour)}}
	refused.Version = 42
	_, err := e.SaveBindings(t.Context(), alice.AOR, refused)
	wantError(t, err, store.ErrConflict)

	first := saveBindings(t, e, alice.AOR, 0, contact("sip:a@192.0.2.1", time.Hour))
	second := saveBindings(t, e, alice.AOR, first, contact("sip:a@192.0.2.2", time.Hour))
	for _, stale := range []store.Version{0, first, second + 1} {
		refused.Version = stale
		_, err := e.SaveBindings(t.Context(), alice.AOR, refused)
		wantError(t, err, store.ErrConflict)
	}
	got := bindings(t, e, alice.AOR)
	if got.Version != second || len(got.Bindings) != 1 || got.Bindings[0].Contact != "sip:a@192.0.2.2" {
		t.Fatalf("got %+v", got)
	}
}

func updated(t *testing.T, h Harness) {
	e := h.Open(t, "agent-a")
	saveBindings(t, e, alice.AOR, 0, contact("sip:a@192.0.2.1", time.Hour), contact("sip:a@192.0.2.2", time.Hour))
	before := bindings(t, e, alice.AOR)
	h.Advance(10 * time.Minute)
	again := bindings(t, e, alice.AOR)
	again.Bindings[1].CSeq++
	again.Bindings[1].TTL = time.Hour
	again.Bindings = append(again.Bindings, contact("sip:a@192.0.2.3", time.Hour))
	saveBindings(t, e, alice.AOR, again.Version, again.Bindings...)
	after := bindings(t, e, alice.AOR).Bindings
	if after[0].Updated != before.Bindings[0].Updated {
		t.Errorf("Updated of the one that stayed: %d, want %d", after[0].Updated, before.Bindings[0].Updated)
	}
	for _, changed := range after[1:] {
		passed := changed.Updated - before.Bindings[1].Updated
		if passed < 600 || passed > 660 {
			t.Errorf("Updated of %s is %d s later, want 600", changed.Contact, passed)
		}
	}
}
