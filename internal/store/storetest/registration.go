package storetest

import (
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"presenced/internal/store"
)

func contact(uri string, ttl time.Duration) store.Binding {
	return store.Binding{
		Contact: uri, Params: `;+sip.instance="<urn:uuid:1>"`, Q: 700, Path: []string{"<sip:p1.example.com;lr>", "<sip:p2.example.com;lr>"},
		CallID: "call-1", CSeq: 1, Agent: "agent-a", Flow: "udp\x00flow", UserAgent: "baresip", Withdrawn: true, TTL: ttl,
	}
}

// saveBindings replaces all of an inbox's bindings and returns their version.
func saveBindings(t *testing.T, e Engine, aor string, list ...store.Binding) store.Version {
	t.Helper()
	_, err := e.UpdateBindings(t.Context(), aor, nil, func([]store.Binding) ([]store.Binding, error) { return list, nil })
	must(t, err)
	return bindings(t, e, aor).Version
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
	{"an update returns the bindings, in the memory that it was given", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		into := make([]store.Binding, 0, 4)
		got, err := e.UpdateBindings(t.Context(), alice.AOR, into, func(live []store.Binding) ([]store.Binding, error) {
			return append(live, contact("sip:a@192.0.2.1", time.Hour)), nil
		})
		must(t, err)
		if len(got) != 1 || got[0].Contact != "sip:a@192.0.2.1" || got[0].TTL != time.Hour {
			t.Fatalf("got %+v", got)
		}
		got[0].Contact = "sip:the-callers@192.0.2.1"
		if got := bindings(t, e, alice.AOR).Bindings; len(got) != 1 || got[0].Contact != "sip:a@192.0.2.1" {
			t.Fatalf("got %+v", got)
		}
	}},
	{"an update is shown what is live, and its changes there are kept", changedInPlace},
	{"an update that fails changes nothing, and its error is the caller's", failedUpdate},
	{"an update of no bindings to none stores nothing", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		if v := saveBindings(t, e, alice.AOR); v != 0 {
			t.Fatalf("version %d", v)
		}
	}},
	{"each write changes the version, a repetition of the same bindings too", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		first := saveBindings(t, e, alice.AOR, contact("sip:a@192.0.2.1", time.Hour))
		second := saveBindings(t, e, alice.AOR, contact("sip:a@192.0.2.1", time.Hour))
		if first == second {
			t.Fatalf("version %d twice", first)
		}
	}},
	{"an empty list removes, and no version comes back", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		first := saveBindings(t, e, alice.AOR, contact("sip:a@192.0.2.1", time.Hour))
		emptied := saveBindings(t, e, alice.AOR)
		if got := bindings(t, e, alice.AOR); len(got.Bindings) != 0 || got.Version != emptied || emptied == first {
			t.Fatalf("got %+v after %d and %d", got, first, emptied)
		}
		again := saveBindings(t, e, alice.AOR, contact("sip:a@192.0.2.1", time.Hour))
		if again == first || again == emptied {
			t.Fatalf("versions %d, %d, %d", first, emptied, again)
		}
	}},
	{"an update is not shown what has lapsed", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		saveBindings(t, e, alice.AOR, contact("sip:a@192.0.2.1", time.Minute), contact("sip:a@192.0.2.2", time.Hour))
		h.Advance(2 * time.Minute)
		_, err := e.UpdateBindings(t.Context(), alice.AOR, nil, func(live []store.Binding) ([]store.Binding, error) {
			if len(live) != 1 || live[0].Contact != "sip:a@192.0.2.2" {
				t.Errorf("live %+v", live)
			}
			return live, nil
		})
		must(t, err)
	}},
	{"the engine sets Updated of what changed and of nothing else", updated},
	{"a binding without a lifetime is not stored", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		saveBindings(t, e, alice.AOR, contact("sip:a@192.0.2.1", 0), contact("sip:a@192.0.2.2", time.Hour))
		if got := bindings(t, e, alice.AOR).Bindings; len(got) != 1 || got[0].Contact != "sip:a@192.0.2.2" {
			t.Fatalf("got %+v", got)
		}
	}},
	{"bindings and publications of an address are apart", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		publish(t, e, alice, initial("a"))
		before := version(t, e, alice)
		saveBindings(t, e, alice.AOR, contact("sip:a@192.0.2.1", time.Hour))
		if after := version(t, e, alice); after != before {
			t.Fatalf("version of the publications %d, want %d", after, before)
		}
	}},
}

func bindingsAreRead(t *testing.T, h Harness) {
	e := h.Open(t, "agent-a")
	bare := store.Binding{Contact: "sip:a@192.0.2.9", TTL: time.Hour}
	want := []store.Binding{contact("sip:z@192.0.2.1", time.Hour), contact("sip:a@192.0.2.2", time.Minute), bare}
	saveBindings(t, e, alice.AOR, want...)
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

// changedInPlace refreshes the second of three bindings, with other lifetimes
// both longer and shorter, and leaves the others alone.
func changedInPlace(t *testing.T, h Harness) {
	e := h.Open(t, "agent-a")
	list := []store.Binding{contact("sip:a@192.0.2.1", time.Hour), contact("sip:a@192.0.2.2", time.Hour), contact("sip:a@192.0.2.3", 2*time.Hour)}
	saveBindings(t, e, alice.AOR, list...)
	for i, ttl := range []time.Duration{3 * time.Hour, time.Minute, 90 * time.Minute} {
		cseq, hop := uint32(7+i), fmt.Sprintf("<sip:p%d;lr>", i)
		_, err := e.UpdateBindings(t.Context(), alice.AOR, nil, func(live []store.Binding) ([]store.Binding, error) {
			live[1].TTL, live[1].CSeq, live[1].Path = ttl, cseq, []string{hop}
			return live, nil
		})
		must(t, err)
		got := bindings(t, e, alice.AOR).Bindings
		if len(got) != 3 || got[1].CSeq != cseq || len(got[1].Path) != 1 || got[1].Path[0] != hop {
			t.Fatalf("got %+v", got)
		}
		wantTTL(t, got[0].TTL, time.Hour)
		wantTTL(t, got[1].TTL, ttl)
		wantTTL(t, got[2].TTL, 2*time.Hour)
	}
	h.Advance(61 * time.Minute)
	if got := bindings(t, e, alice.AOR).Bindings; len(got) != 2 || got[0].Contact != list[1].Contact || got[1].Contact != list[2].Contact {
		t.Fatalf("got %+v", got)
	}
	h.Advance(30 * time.Minute)
	if got := bindings(t, e, alice.AOR).Bindings; len(got) != 1 || got[0].Contact != list[2].Contact {
		t.Fatalf("got %+v", got)
	}
}

func failedUpdate(t *testing.T, h Harness) {
	e := h.Open(t, "agent-a")
	first := saveBindings(t, e, alice.AOR, contact("sip:a@192.0.2.1", time.Hour))
	refused := errors.New("refused")
	_, err := e.UpdateBindings(t.Context(), alice.AOR, nil, func(live []store.Binding) ([]store.Binding, error) {
		live[0].Contact, live[0].Params = "sip:x@192.0.2.1", ""
		return live, refused
	})
	wantError(t, err, refused)
	got := bindings(t, e, alice.AOR)
	if got.Version != first || len(got.Bindings) != 1 || got.Bindings[0].Contact != "sip:a@192.0.2.1" {
		t.Fatalf("got %+v", got)
	}
}

func updated(t *testing.T, h Harness) {
	e := h.Open(t, "agent-a")
	saveBindings(t, e, alice.AOR, contact("sip:a@192.0.2.1", time.Hour), contact("sip:a@192.0.2.2", time.Hour))
	before := bindings(t, e, alice.AOR)
	h.Advance(10 * time.Minute)
	again := bindings(t, e, alice.AOR)
	again.Bindings[1].CSeq++
	again.Bindings[1].TTL = time.Hour
	again.Bindings = append(again.Bindings, contact("sip:a@192.0.2.3", time.Hour))
	saveBindings(t, e, alice.AOR, again.Bindings...)
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
