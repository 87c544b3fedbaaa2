package storetest

import (
	"fmt"
	"testing"
	"time"

	"presenced/internal/store"
)

// agentsSentences are about two agents on one state.
var agentsSentences = []sentence{
	{"a claim at one agent fences the other", func(t *testing.T, h Harness) {
		a, b := h.Open(t, "agent-a"), h.Open(t, "agent-b")
		s := putSubscription(t, a, subscriptionTo(alice, "s", "agent-a"))
		claimed, err := b.ClaimSubscription(t.Context(), s.ID)
		must(t, err)
		s.Agent, s.Fence = "agent-b", 2
		wantSubscription(t, claimed, s)
		stale := subscriptionTo(alice, "s", "agent-a")
		wantError(t, a.PutSubscription(t.Context(), stale), store.ErrFenced)
		wantError(t, a.DeleteSubscription(t.Context(), alice, s.ID, stale.Fence), store.ErrFenced)
		if got := own(t, a); len(got) != 0 {
			t.Fatalf("agent-a owns %q", got)
		}
		wantStored(t, a, s)
	}},
	{"a change at one agent is told at the other", func(t *testing.T, h Harness) {
		a, b := h.Open(t, "agent-a"), h.Open(t, "agent-b")
		b.Watch(alice, 0)
		wantQuiet(t, b)
		publish(t, a, alice, initial("a"))
		wantNext(t, b, alice)
		wantTags(t, b, alice, "a-1")
		b.Seen(alice, version(t, b, alice))
		h.Advance(61 * time.Minute)
		wantNext(t, b, alice)
		wantTags(t, a, alice)
	}},
	{"a watcher at one agent is told to who watches the watchers at the other", func(t *testing.T, h Harness) {
		a, b := h.Open(t, "agent-a"), h.Open(t, "agent-b")
		winfo := putSubscription(t, b, subscriptionTo(alice.Winfo(), "w", "agent-b"))
		sees(t, b, alice)
		s := subscriptionTo(alice, "s", "agent-a")
		s.TTL = 30 * time.Minute
		putSubscription(t, a, s)
		if got := wantTold(t, b, alice); len(got.Subscriptions) != 1 || got.Subscriptions[0].Agent != "agent-a" {
			t.Fatalf("got %+v", got)
		}
		s.Standing = 5
		putSubscription(t, a, s)
		if got := wantTold(t, b, alice); got.Subscriptions[0].Standing != 5 {
			t.Fatalf("got %+v", got)
		}
		other := putSubscription(t, a, subscriptionTo(alice, "other", "agent-a"))
		wantTold(t, b, alice)
		must(t, a.DeleteSubscription(t.Context(), alice, other.ID, other.Fence))
		wantTold(t, b, alice)
		h.Advance(31 * time.Minute)
		if got := wantTold(t, b, alice); len(got.Subscriptions) != 0 {
			t.Fatalf("after the lapse %+v", got)
		}
		must(t, b.DeleteSubscription(t.Context(), winfo.Key, winfo.ID, winfo.Fence))
	}},
	{"standing and age survive the takeover by another agent", func(t *testing.T, h Harness) {
		a, b := h.Open(t, "agent-a"), h.Open(t, "agent-b")
		s := subscriptionTo(alice, "s", "agent-a")
		s.Standing = 0x0203
		putSubscription(t, a, s)
		before := sees(t, b, alice)
		h.Advance(10 * time.Minute)
		claimed, err := b.ClaimSubscription(t.Context(), s.ID)
		must(t, err)
		if claimed.Standing != s.Standing || claimed.Age < 10*time.Minute || claimed.Age > 11*time.Minute {
			t.Fatalf("claimed %+v", claimed)
		}
		claimed.Age = 0
		putSubscription(t, b, claimed)
		wantSubscribedFor(t, a, s, 10*time.Minute)
		if v := watchers(t, a, alice).Version; v != before {
			t.Fatalf("version %d, before the takeover %d", v, before)
		}
	}},
	{"visits to both agents are one", func(t *testing.T, h Harness) {
		a, b := h.Open(t, "agent-a"), h.Open(t, "agent-b")
		visit(t, a, alice, fetched("w"), 2)
		visit(t, b, alice, fetched("w"), 2)
		want := fetched("w")
		want.Fetches = 2
		wantVisits(t, a, alice, want)
	}},
	{"a document that one agent puts or deletes is told at every agent", func(t *testing.T, h Harness) {
		a, b := h.Open(t, "agent-a"), h.Open(t, "agent-b")
		changes(t, a)
		changes(t, b)
		putDocument(t, a, rulesOf(alice.AOR, "1"), store.MatchMissing)
		wantChanged(t, b, alice.AOR, "pres-rules")
		wantDocument(t, b, rulesOf(alice.AOR, "1"))
		wantError(t, b.PutDocument(t.Context(), rulesOf(alice.AOR, "2"), store.MatchMissing), store.ErrNoMatch)
		must(t, b.DeleteDocument(t.Context(), alice.AOR, "pres-rules", "1"))
		wantChanged(t, a, alice.AOR, "pres-rules")
		wantChanged(t, b, alice.AOR, "pres-rules")
		wantNoDocument(t, a, alice.AOR, "pres-rules")
	}},
	{"of concurrent puts at two agents with one condition one wins", func(t *testing.T, h Harness) {
		agents := []Engine{h.Open(t, "agent-a"), h.Open(t, "agent-b")}
		won := concurrently(t, 16, store.ErrNoMatch, func(i int) error {
			return agents[i%2].PutDocument(t.Context(), rulesOf(alice.AOR, fmt.Sprint(i)), store.MatchMissing)
		})
		if won != 1 {
			t.Fatalf("%d writers won", won)
		}
	}},
	{"the secrets of one agent are the other's", func(t *testing.T, h Harness) {
		a, b := h.Open(t, "agent-a"), h.Open(t, "agent-b")
		addSecret(t, a, 1, 3, 0)
		addSecret(t, b, 2, 3, 0)
		wantSecrets(t, b, 1)
	}},
	{"an update that another agent was faster than is made again on what that one wrote", func(t *testing.T, h Harness) {
		a, b := h.Open(t, "agent-a"), h.Open(t, "agent-b")
		calls := 0
		_, err := a.UpdateBindings(t.Context(), alice.AOR, nil, func(live []store.Binding) ([]store.Binding, error) {
			if calls++; calls == 1 {
				saveBindings(t, b, alice.AOR, contact("sip:a@192.0.2.1", time.Hour))
			}
			return append(live, contact("sip:a@192.0.2.2", time.Hour)), nil
		})
		must(t, err)
		if got := bindings(t, b, alice.AOR).Bindings; calls != 2 || len(got) != 2 {
			t.Errorf("after %d calls: %+v", calls, got)
		}
		always := 0
		_, err = a.UpdateBindings(t.Context(), alice.AOR, nil, func(live []store.Binding) ([]store.Binding, error) {
			always++
			saveBindings(t, b, alice.AOR, contact(fmt.Sprint("sip:b@192.0.2.", always), time.Hour))
			return live, nil
		})
		wantError(t, err, store.ErrConflict)
	}},
	{"two engines on one state read each other's writes", func(t *testing.T, h Harness) {
		a, b := h.Open(t, "agent-a"), h.Open(t, "agent-b")
		publish(t, a, alice, initial("a"))
		publish(t, b, alice, modify("a-1", "a-2"))
		wantTags(t, a, alice, "a-2")
		saveBindings(t, a, alice.AOR, contact("sip:a@192.0.2.1", time.Hour))
		saveBindings(t, b, alice.AOR)
		if got := bindings(t, a, alice.AOR).Bindings; len(got) != 0 {
			t.Errorf("bindings %+v", got)
		}
		must(t, a.PutPrincipal(t.Context(), principal(alice.AOR)))
		wantPrincipal(t, b, principal(alice.AOR))
	}},
}
