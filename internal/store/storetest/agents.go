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
