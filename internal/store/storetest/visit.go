package storetest

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"presenced/internal/store"
)

func visit(t *testing.T, e Engine, key store.Key, v store.Visit, limit int) {
	t.Helper()
	must(t, e.Visit(t.Context(), key, v, limit))
}

// fetched is a fetch of this moment, kept for a day.
func fetched(watcher string) store.Visit {
	return store.Visit{Watcher: watcher, Display: "display of " + watcher, Fetches: 1, TTL: 24 * time.Hour}
}

// wantVisits expects the visits to key, newest first, with a little of their
// time gone.
func wantVisits(t *testing.T, e Engine, key store.Key, want ...store.Visit) {
	t.Helper()
	got := watchers(t, e, key).Visits
	if len(got) != len(want) {
		t.Fatalf("got %+v, want %+v", got, want)
	}
	for i := range want {
		wantTTL(t, got[i].TTL, want[i].TTL)
		if got[i].Last < want[i].Last || got[i].Last > want[i].Last+patience {
			t.Errorf("%s: last %v, want %v", want[i].Watcher, got[i].Last, want[i].Last)
		}
		got[i].TTL, got[i].Last = want[i].TTL, want[i].Last
		if !reflect.DeepEqual(got[i], want[i]) {
			t.Errorf("got %+v, want %+v", got[i], want[i])
		}
	}
}

var visitSentences = []sentence{
	{"a visit is read as it was written, and grows older", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		v := store.Visit{
			Watcher: "sip:w@example.com", Display: "J\u00fcrgen \x00", Fetches: 3, Subscriptions: 2, Last: time.Minute, TTL: time.Hour,
			Ended: []store.Ended{{ID: "b", Event: 255}, {ID: "a", Event: 0}},
		}
		visit(t, e, alice, v, 0)
		wantVisits(t, e, alice, v)
		h.Advance(10 * time.Minute)
		v.Last, v.TTL = 11*time.Minute, 50*time.Minute
		wantVisits(t, e, alice, v)
	}},
	{"visits of one watcher are merged: counts add, the later one names it", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		visit(t, e, alice, fetched("w"), 0)
		h.Advance(10 * time.Minute)
		visit(t, e, alice, store.Visit{Watcher: "w", Display: "new", Subscriptions: 1, TTL: time.Hour, Ended: []store.Ended{{ID: "x", Event: 1}}}, 0)
		want := store.Visit{Watcher: "w", Display: "new", Fetches: 1, Subscriptions: 1, TTL: time.Hour, Ended: []store.Ended{{ID: "x", Event: 1}}}
		wantVisits(t, e, alice, want)
		visit(t, e, alice, store.Visit{Watcher: "w", Display: "old", Fetches: 4, Last: 5 * time.Minute, TTL: time.Minute}, 0)
		want.Fetches = 5
		wantVisits(t, e, alice, want)
	}},
	{"the last subscriptions that ended are kept, newest first, each once", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		want := fetched("w")
		want.Fetches = 0
		for i := range 7 {
			ended := store.Ended{ID: fmt.Sprint(i), Event: uint8(i)}
			v := want
			v.Subscriptions, v.Ended = 1, []store.Ended{ended}
			visit(t, e, alice, v, 0)
		}
		want.Subscriptions = 7
		want.Ended = []store.Ended{{ID: "6", Event: 6}, {ID: "5", Event: 5}, {ID: "4", Event: 4}, {ID: "3", Event: 3}}
		wantVisits(t, e, alice, want)
		again := store.Visit{Watcher: "w", Display: want.Display, TTL: want.TTL, Ended: []store.Ended{{ID: "5", Event: 9}}}
		visit(t, e, alice, again, 0)
		want.Ended = []store.Ended{{ID: "5", Event: 9}, {ID: "6", Event: 6}, {ID: "4", Event: 4}, {ID: "3", Event: 3}}
		wantVisits(t, e, alice, want)
	}},
	{"visits come newest first, those of another key do not, and an anonymous one does", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		visit(t, e, alice, fetched("a"), 0)
		h.Advance(time.Minute)
		visit(t, e, alice, fetched(""), 0)
		h.Advance(time.Minute)
		visit(t, e, alice, fetched("c"), 0)
		visit(t, e, bob, fetched("bob's"), 0)
		visit(t, e, alice.Winfo(), fetched("winfo's"), 0)
		a, anonymous := fetched("a"), fetched("")
		a.Last, a.TTL = 2*time.Minute, a.TTL-2*time.Minute
		anonymous.Last, anonymous.TTL = time.Minute, anonymous.TTL-time.Minute
		wantVisits(t, e, alice, fetched("c"), anonymous, a)
	}},
	{"a key keeps as many watchers as the limit says, and the stalest go", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		for i := range 5 {
			visit(t, e, alice, fetched(fmt.Sprint(i)), 3)
			h.Advance(time.Second)
		}
		visit(t, e, alice, fetched("2"), 3) // it is among the newest again
		visit(t, e, alice, fetched("5"), 3)
		var got []string
		for _, v := range watchers(t, e, alice).Visits {
			got = append(got, v.Watcher)
		}
		if want := []string{"5", "2", "4"}; !reflect.DeepEqual(got, want) {
			t.Fatalf("got %q, want %q", got, want)
		}
		visit(t, e, alice, fetched("6"), 1)
		if got := watchers(t, e, alice).Visits; len(got) != 1 || got[0].Watcher != "6" {
			t.Fatalf("got %+v", got)
		}
		visit(t, e, bob, fetched("6"), 1)
		if got := watchers(t, e, alice).Visits; len(got) != 1 {
			t.Fatalf("another key's limit left %+v", got)
		}
	}},
	{"a visit without a lifetime is not written", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		visit(t, e, alice, store.Visit{Watcher: "w", Fetches: 1}, 0)
		wantVisits(t, e, alice)
	}},
	{"a visit ends with its lifetime", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		v := fetched("w")
		v.TTL = time.Minute
		visit(t, e, alice, v, 0)
		visit(t, e, alice, fetched("x"), 0)
		h.Advance(2 * time.Minute)
		x := fetched("x")
		x.Last, x.TTL = 2*time.Minute, x.TTL-2*time.Minute
		wantVisits(t, e, alice, x)
		visit(t, e, alice, fetched("w"), 0) // anew: what has ended is not merged
		wantVisits(t, e, alice, fetched("w"), x)
	}},
	{"a visit changes no version and is not told", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		putSubscription(t, e, subscriptionTo(alice, "s", "agent-a"))
		before := sees(t, e, alice)
		visit(t, e, alice, fetched("w"), 0)
		wantQuiet(t, e)
		if got := watchers(t, e, alice); got.Version != before || len(got.Subscriptions) != 1 || len(got.Visits) != 1 {
			t.Fatalf("got %+v, version before %d", got, before)
		}
	}},
	{"of concurrent visits none is lost", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		concurrently(t, 16, nil, func(int) error { return e.Visit(t.Context(), alice, fetched("w"), 10) })
		want := fetched("w")
		want.Fetches = 16
		wantVisits(t, e, alice, want)
	}},
}
