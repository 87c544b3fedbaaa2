package storetest

import (
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
	{"the secrets of one agent are the other's", func(t *testing.T, h Harness) {
		a, b := h.Open(t, "agent-a"), h.Open(t, "agent-b")
		addSecret(t, a, 1, 3, 0)
		addSecret(t, b, 2, 3, 0)
		wantSecrets(t, b, 1)
	}},
	{"two engines on one state read each other's writes", func(t *testing.T, h Harness) {
		a, b := h.Open(t, "agent-a"), h.Open(t, "agent-b")
		publish(t, a, alice, initial("a"))
		publish(t, b, alice, modify("a-1", "a-2"))
		wantTags(t, a, alice, "a-2")
		v := saveBindings(t, a, alice.AOR, 0, contact("sip:a@192.0.2.1", time.Hour))
		saveBindings(t, b, alice.AOR, v)
		must(t, a.PutPrincipal(t.Context(), principal(alice.AOR)))
		wantPrincipal(t, b, principal(alice.AOR))
	}},
}
