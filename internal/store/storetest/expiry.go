package storetest

import (
	"testing"
	"time"

	"presenced/internal/store"
)

var expirySentences = []sentence{
	{"a publication is there before its deadline and gone after it", publicationLapses},
	{"a lapse changes the version", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		publish(t, e, alice, initial("a"))
		short := initial("b")
		short.Publication.TTL = time.Minute
		publish(t, e, alice, short)
		before := version(t, e, alice)
		h.Advance(2 * time.Minute)
		middle := version(t, e, alice)
		h.Advance(time.Hour)
		after := version(t, e, alice)
		if middle == before || after == middle || after == before {
			t.Fatalf("versions %d, %d, %d", before, middle, after)
		}
	}},
	{"a lapsed tag is ErrNoMatch", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		publish(t, e, alice, initial("a"))
		h.Advance(61 * time.Minute)
		wantError(t, e.Publish(t.Context(), alice, refresh("a-1", "a-2", time.Hour)), store.ErrNoMatch)
		wantError(t, e.Publish(t.Context(), alice, remove("a-1")), store.ErrNoMatch)
	}},
	{"a lapsed publication does not count for the limit", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		publish(t, e, alice, initial("a"))
		h.Advance(61 * time.Minute)
		second := initial("b")
		second.Limit = 1
		publish(t, e, alice, second)
		wantTags(t, e, alice, "b-1")
	}},
	{"a refresh moves the deadline, later and sooner", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		publish(t, e, alice, initial("a"))
		h.Advance(50 * time.Minute)
		publish(t, e, alice, refresh("a-1", "a-2", time.Hour))
		h.Advance(50 * time.Minute)
		wantTags(t, e, alice, "a-2")
		publish(t, e, alice, refresh("a-2", "a-3", time.Minute))
		h.Advance(2 * time.Minute)
		wantTags(t, e, alice)
	}},
	{"a modification moves the deadline", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		publish(t, e, alice, initial("a"))
		publish(t, e, alice, modify("a-1", "a-2"))
		h.Advance(90 * time.Minute)
		wantTags(t, e, alice, "a-2")
		h.Advance(31 * time.Minute)
		wantTags(t, e, alice)
	}},
	{"what is read is the remaining lifetime", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		publish(t, e, alice, initial("a"))
		saveBindings(t, e, alice.AOR, contact("sip:a@192.0.2.1", time.Hour))
		putSubscription(t, e, subscriptionTo(alice, "s", "agent-a"))
		h.Advance(20 * time.Minute)
		wantTTL(t, publications(t, e, alice).List[0].TTL, 40*time.Minute)
		wantTTL(t, bindings(t, e, alice.AOR).Bindings[0].TTL, 40*time.Minute)
		wantTTL(t, subscriptionsOf(t, e, alice)[0].TTL, 40*time.Minute)
	}},
	{"a lapse wakes the feed", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		publish(t, e, alice, initial("a"))
		e.Watch(alice, version(t, e, alice))
		wantQuiet(t, e)
		h.Advance(61 * time.Minute)
		wantNext(t, e, alice)
		wantTags(t, e, alice)
	}},
	{"many deadlines are each kept", manyDeadlines},
	{"a lapsed binding changes the version and wakes the feed", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		key := store.Key{AOR: alice.AOR, Package: store.RegistrationPackage}
		saveBindings(t, e, alice.AOR, contact("sip:a@192.0.2.1", time.Minute), contact("sip:a@192.0.2.2", time.Hour))
		before := bindings(t, e, alice.AOR)
		e.Watch(key, before.Version)
		wantQuiet(t, e)
		h.Advance(2 * time.Minute)
		wantNext(t, e, key)
		after := bindings(t, e, alice.AOR)
		if len(after.Bindings) != 1 || after.Bindings[0].Contact != "sip:a@192.0.2.2" || after.Version == before.Version {
			t.Fatalf("got %+v after %+v", after, before)
		}
	}},
	{"a lapsed subscription vanishes and nobody is told", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		publish(t, e, alice, long(initial("a")))
		s := putSubscription(t, e, subscriptionTo(alice, "s", "agent-a"))
		before := version(t, e, alice)
		e.Watch(alice, before)
		h.Advance(61 * time.Minute)
		wantQuiet(t, e)
		if got := subscriptionsOf(t, e, alice); len(got) != 0 {
			t.Fatalf("got %+v", got)
		}
		if after := version(t, e, alice); after != before {
			t.Fatalf("version %d, want %d", after, before)
		}
		_, err := e.ClaimSubscription(t.Context(), s.ID)
		wantError(t, err, store.ErrNotFound)
	}},
}

func long(p store.Publish) store.Publish {
	p.Publication.TTL = 24 * time.Hour
	return p
}

func publicationLapses(t *testing.T, h Harness) {
	e := h.Open(t, "agent-a")
	publish(t, e, alice, initial("a"))
	publish(t, e, bob, long(initial("b")))
	h.Advance(time.Hour - patience)
	wantTags(t, e, alice, "a-1")
	h.Advance(patience)
	wantTags(t, e, alice)
	wantTags(t, e, bob, "b-1")
}

// manyDeadlines gives 60 publications of one key lifetimes in mixed order.
func manyDeadlines(t *testing.T, h Harness) {
	e := h.Open(t, "agent-a")
	const n = 60
	for i := range n {
		minutes := i*37%n + 1 // each of 1..n once
		p := initial(string(rune('A' + i)))
		p.Publication.TTL = time.Duration(minutes)*time.Minute - 30*time.Second
		publish(t, e, alice, p)
	}
	for left := n; left > 0; left -= 6 {
		if got := len(publications(t, e, alice).List); got != left {
			t.Fatalf("%d publications, want %d", got, left)
		}
		h.Advance(6 * time.Minute)
	}
	h.Advance(time.Minute)
	wantTags(t, e, alice)
}
