package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"presenced/internal/store"
)

func watchers(t *testing.T, e Engine, key store.Key) store.Watchers {
	t.Helper()
	got, err := e.Watchers(t.Context(), key)
	must(t, err)
	return got
}

// sees watches the watchers of key as a subscriber to watcher information
// does, and is quiet.
func sees(t *testing.T, e Engine, key store.Key) store.Version {
	t.Helper()
	v := watchers(t, e, key).Version
	e.Watch(key.Winfo(), v)
	drain(e) // at least once: what was read before may come though nothing changed
	e.Seen(key.Winfo(), watchers(t, e, key).Version)
	wantQuiet(t, e)
	return watchers(t, e, key).Version
}

// wantTold waits until the feed tells that the watchers of key are other ones,
// and loads them.
func wantTold(t *testing.T, e Engine, key store.Key) store.Watchers {
	t.Helper()
	wantNext(t, e, key.Winfo())
	got := watchers(t, e, key)
	e.Seen(key.Winfo(), got.Version)
	return got
}

func wantSubscribedFor(t *testing.T, e Engine, s store.Subscription, want time.Duration) {
	t.Helper()
	for _, got := range watchers(t, e, s.Key).Subscriptions {
		if got.ID == s.ID {
			if got.Age < want || got.Age > want+patience {
				t.Fatalf("age %v, want %v", got.Age, want)
			}
			return
		}
	}
	t.Fatalf("no subscription %s", s.ID)
}

var watchersSentences = []sentence{
	{"the watchers of a key that has none are none, at version 0", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		putSubscription(t, e, subscriptionTo(bob, "b", "agent-a"))
		if got := watchers(t, e, alice); got.Version != 0 || len(got.Subscriptions) != 0 || len(got.Visits) != 0 {
			t.Fatalf("got %+v", got)
		}
	}},
	{"a subscription that is added, stands otherwise, or is deleted is told under the winfo key", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		given := []store.Version{sees(t, e, alice)}
		told := func(what string, n int, standing uint16) {
			t.Helper()
			got := wantTold(t, e, alice)
			if slices.Contains(given, got.Version) && got.Version != 0 || got.Version == given[len(given)-1] {
				t.Fatalf("%s: version %d again, after %d", what, got.Version, given)
			}
			given = append(given, got.Version)
			if len(got.Subscriptions) != n || n > 0 && got.Subscriptions[0].Standing != standing {
				t.Fatalf("%s: %+v", what, got)
			}
		}
		s := subscriptionTo(alice, "s", "agent-a")
		s.Standing = 0x0102
		putSubscription(t, e, s)
		told("added", 1, 0x0102)
		s.Standing = 0xffff
		putSubscription(t, e, s)
		told("another standing", 1, 0xffff)
		must(t, e.DeleteSubscription(t.Context(), alice, s.ID, 1))
		told("deleted", 0, 0)
		putSubscription(t, e, s)
		told("added again", 1, 0xffff)
		s.TTL = 0
		putSubscription(t, e, s)
		told("put without a lifetime", 0, 0)
		wantQuiet(t, e)
	}},
	{"a refresh, a claim, a fenced put and another key's subscriptions are not told", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		s := subscriptionTo(alice, "s", "agent-a")
		s.Standing = 7
		putSubscription(t, e, s)
		before := sees(t, e, alice)
		s.TTL, s.Data = 2*time.Hour, "other"
		putSubscription(t, e, s)
		_, err := e.ClaimSubscription(t.Context(), s.ID)
		must(t, err)
		s.Standing = 8
		wantError(t, e.PutSubscription(t.Context(), s), store.ErrFenced)
		wantError(t, e.DeleteSubscription(t.Context(), alice, s.ID, 1), store.ErrFenced)
		must(t, e.DeleteSubscription(t.Context(), alice, s.ID+"unknown", 1))
		putSubscription(t, e, subscriptionTo(bob, "b", "agent-a"))
		putSubscription(t, e, subscriptionTo(store.Key{AOR: alice.AOR, Package: "dialog"}, "d", "agent-a"))
		publish(t, e, alice, initial("a"))
		wantQuiet(t, e)
		if got := watchers(t, e, alice); got.Version != before || got.Subscriptions[0].Standing != 7 {
			t.Fatalf("got %+v, want version %d", got, before)
		}
	}},
	{"the lapse of a subscription is told, and the version is another one when it is gone", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		brief, long := subscriptionTo(alice, "brief", "agent-a"), subscriptionTo(alice, "long", "agent-a")
		brief.TTL, long.TTL = time.Minute, 3*time.Minute
		putSubscription(t, e, brief)
		putSubscription(t, e, long)
		before := sees(t, e, alice)
		h.Advance(2 * time.Minute)
		got := watchers(t, e, alice)
		if len(got.Subscriptions) != 1 || got.Version == before {
			t.Fatalf("after the lapse %+v, version before %d", got, before)
		}
		wantTold(t, e, alice)
		h.Advance(2 * time.Minute)
		if got := wantTold(t, e, alice); len(got.Subscriptions) != 0 {
			t.Fatalf("after the last lapse %+v", got)
		}
	}},
	{"a lapse that nobody reads is told by itself", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		s := subscriptionTo(alice, "s", "agent-a")
		s.TTL = time.Minute
		putSubscription(t, e, s)
		sees(t, e, alice)
		h.Advance(2 * time.Minute)
		wantTold(t, e, alice)
	}},
	{"what changed between Watchers and Watch is told", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		putSubscription(t, e, subscriptionTo(alice, "s", "agent-a"))
		have := watchers(t, e, alice).Version
		putSubscription(t, e, subscriptionTo(alice, "t", "agent-a"))
		e.Watch(alice.Winfo(), have)
		wantTold(t, e, alice)
		wantQuiet(t, e)
	}},
	{"Watch with the version that Watchers gave is quiet", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		putSubscription(t, e, subscriptionTo(alice, "s", "agent-a"))
		e.Watch(alice.Winfo(), watchers(t, e, alice).Version)
		wantQuiet(t, e)
	}},
	{"what changed after Unwatch is told by the next Watch", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		s := putSubscription(t, e, subscriptionTo(alice, "s", "agent-a"))
		have := sees(t, e, alice)
		e.Unwatch(alice.Winfo())
		s.Standing = 9
		putSubscription(t, e, s)
		wantQuiet(t, e)
		e.Watch(alice.Winfo(), have)
		wantTold(t, e, alice)
		e.Unwatch(alice.Winfo())
		must(t, e.DeleteSubscription(t.Context(), alice, s.ID, 1))
		e.Watch(alice.Winfo(), have)
		wantTold(t, e, alice)
	}},
	{"the watchers of watchers are watched the same way", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		sees(t, e, alice.Winfo())
		putSubscription(t, e, subscriptionTo(alice, "s", "agent-a"))
		wantQuiet(t, e)
		w := putSubscription(t, e, subscriptionTo(alice.Winfo(), "w", "agent-a"))
		if got := wantTold(t, e, alice.Winfo()); len(got.Subscriptions) != 1 || got.Subscriptions[0].ID != w.ID {
			t.Fatalf("got %+v", got)
		}
		sees(t, e, alice)
		must(t, e.DeleteSubscription(t.Context(), w.Key, w.ID, 1))
		wantNext(t, e, alice.Winfo().Winfo())
	}},
	{"a burst of many watchers is told until the last", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		sees(t, e, alice)
		const n = 200
		for i := range n {
			putSubscription(t, e, subscriptionTo(alice, fmt.Sprint(i), "agent-a"))
		}
		for len(wantTold(t, e, alice).Subscriptions) < n {
		}
		wantQuiet(t, e)
	}},
	{"the age of a subscription grows, whatever becomes of it", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		s := subscriptionTo(alice, "s", "agent-b")
		putSubscription(t, e, s)
		wantSubscribedFor(t, e, s, 0)
		h.Advance(10 * time.Minute)
		s.Standing = 3
		putSubscription(t, e, s)
		wantSubscribedFor(t, e, s, 10*time.Minute)
		h.Advance(10 * time.Minute)
		claimed, err := e.ClaimSubscription(t.Context(), s.ID)
		must(t, err)
		if claimed.Age < 20*time.Minute || claimed.Standing != 3 {
			t.Fatalf("claimed %+v", claimed)
		}
		claimed.Age = 0
		putSubscription(t, e, claimed)
		h.Advance(10 * time.Minute)
		wantSubscribedFor(t, e, s, 30*time.Minute)
		must(t, e.OwnSubscriptions(t.Context(), func(s store.Subscription) error {
			if s.Age < 30*time.Minute || s.Standing != 3 {
				t.Errorf("own %+v", s)
			}
			return nil
		}))
	}},
	{"a subscription that is put anew begins at the age that it is put with", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		s := subscriptionTo(alice, "s", "agent-a")
		s.Age = time.Hour
		putSubscription(t, e, s)
		h.Advance(10 * time.Minute)
		wantSubscribedFor(t, e, s, 70*time.Minute)
		must(t, e.DeleteSubscription(t.Context(), alice, s.ID, 1))
		s.Age = 0
		putSubscription(t, e, s)
		wantSubscribedFor(t, e, s, 0)
	}},
}
