package storetest

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"presenced/internal/store"
)

// subscriptionTo is a subscription of an hour, with fence 1.
func subscriptionTo(key store.Key, name, agent string) store.Subscription {
	return store.Subscription{
		ID: fmt.Sprintf("%02x%s", store.Shard(key.AOR), name), Key: key, Watcher: "sip:watcher@example.com",
		Fence: 1, Agent: agent, TTL: time.Hour, Data: "packed\x00" + name,
	}
}

func putSubscription(t *testing.T, e Engine, s store.Subscription) store.Subscription {
	t.Helper()
	must(t, e.PutSubscription(t.Context(), s))
	return s
}

func subscriptionsOf(t *testing.T, e Engine, key store.Key) []store.Subscription {
	t.Helper()
	return watchers(t, e, key).Subscriptions
}

func own(t *testing.T, e Engine) []string {
	t.Helper()
	var ids []string
	must(t, e.OwnSubscriptions(t.Context(), func(s store.Subscription) error {
		ids = append(ids, s.ID)
		return nil
	}))
	slices.Sort(ids)
	return ids
}

func wantSubscription(t *testing.T, got, want store.Subscription) {
	t.Helper()
	wantTTL(t, got.TTL, want.TTL)
	if got.ID != want.ID || got.Key != want.Key || got.Watcher != want.Watcher || got.Fence != want.Fence ||
		got.Agent != want.Agent || got.Data != want.Data {
		t.Fatalf("got %+v, want %+v", got, want)
	}
}

// wantStored expects s to be the only subscription to its key.
func wantStored(t *testing.T, e Engine, s store.Subscription) {
	t.Helper()
	got := subscriptionsOf(t, e, s.Key)
	if len(got) != 1 {
		t.Fatalf("%d subscriptions, want 1: %+v", len(got), got)
	}
	wantSubscription(t, got[0], s)
}

var subscriptionSentences = []sentence{
	{"a subscription is read as it was put", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		s := putSubscription(t, e, subscriptionTo(alice, "s", "agent-a"))
		wantStored(t, e, s)
		anonymous := subscriptionTo(bob, "s", "agent-a")
		anonymous.Watcher, anonymous.Data = "", "\xff\x00\n"
		putSubscription(t, e, anonymous)
		wantStored(t, e, anonymous)
	}},
	{"a put of the same agent and fence replaces", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		s := putSubscription(t, e, subscriptionTo(alice, "s", "agent-a"))
		s.Data, s.TTL = "other", 2*time.Hour
		putSubscription(t, e, s)
		wantStored(t, e, s)
		h.Advance(90 * time.Minute)
		s.TTL = 30 * time.Minute
		wantStored(t, e, s)
	}},
	{"a put with a greater fence replaces, whoever the agent is", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		s := putSubscription(t, e, subscriptionTo(alice, "s", "agent-a"))
		s.Agent, s.Fence = "agent-b", 2
		putSubscription(t, e, s)
		wantStored(t, e, s)
	}},
	{"a put with a lower fence, or of another agent with an equal one, is ErrFenced and changes nothing", fenced},
	{"a put with an ID of another shard is refused", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		for _, id := range []string{fmt.Sprintf("%02xs", store.Shard(alice.AOR)+1), "zz", "", "0"} {
			s := subscriptionTo(alice, "s", "agent-a")
			s.ID = id
			if err := e.PutSubscription(t.Context(), s); err == nil || errors.Is(err, store.ErrUnavailable) {
				t.Errorf("ID %q: error %v", id, err)
			}
		}
		if got := subscriptionsOf(t, e, alice); len(got) != 0 {
			t.Fatalf("got %+v", got)
		}
	}},
	{"delete removes, and of an unknown id is nil", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		s := putSubscription(t, e, subscriptionTo(alice, "s", "agent-a"))
		other := putSubscription(t, e, subscriptionTo(alice, "o", "agent-a"))
		must(t, e.DeleteSubscription(t.Context(), alice, s.ID, 1))
		must(t, e.DeleteSubscription(t.Context(), alice, s.ID, 1))
		wantStored(t, e, other)
	}},
	{"delete with a lower fence is ErrFenced", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		s := subscriptionTo(alice, "s", "agent-a")
		s.Fence = 5
		putSubscription(t, e, s)
		wantError(t, e.DeleteSubscription(t.Context(), alice, s.ID, 4), store.ErrFenced)
		wantStored(t, e, s)
	}},
	{"claim makes this agent the owner with the next fence", claim},
	{"claim of an unknown id is ErrNotFound", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		for _, id := range []string{subscriptionTo(alice, "s", "").ID, "zzz", "a", ""} {
			_, err := e.ClaimSubscription(t.Context(), id)
			wantError(t, err, store.ErrNotFound)
		}
	}},
	{"subscriptions to a key are its own, all of them", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		const n = 50
		for i := range n {
			putSubscription(t, e, subscriptionTo(alice, fmt.Sprint("s", i), "agent-a"))
		}
		putSubscription(t, e, subscriptionTo(bob, "b", "agent-a"))
		putSubscription(t, e, subscriptionTo(store.Key{AOR: alice.AOR, Package: "dialog"}, "d", "agent-a"))
		got := make(map[string]bool)
		for _, s := range subscriptionsOf(t, e, alice) {
			got[s.ID] = s.Key == alice
		}
		for i := range n {
			if id := subscriptionTo(alice, fmt.Sprint("s", i), "").ID; !got[id] {
				t.Errorf("%s is missing", id)
			}
		}
		if len(got) != n {
			t.Errorf("%d subscriptions, want %d", len(got), n)
		}
	}},
	{"own subscriptions are those of this agent's name", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		var want []string
		for i := range 20 {
			key := store.Key{AOR: fmt.Sprintf("sip:p%d@example.com", i), Package: "presence"}
			want = append(want, putSubscription(t, e, subscriptionTo(key, fmt.Sprint("mine", i), "agent-a")).ID)
			putSubscription(t, e, subscriptionTo(key, fmt.Sprint("other", i), "agent-b"))
		}
		slices.Sort(want)
		if got := own(t, e); !slices.Equal(got, want) {
			t.Fatalf("got %q, want %q", got, want)
		}
	}},
	{"an error of yield ends the walk and is returned; yield may call the engine", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		putSubscription(t, e, subscriptionTo(alice, "1", "agent-a"))
		putSubscription(t, e, subscriptionTo(alice, "2", "agent-a"))
		stop := errors.New("stop")
		calls := 0
		err := e.OwnSubscriptions(t.Context(), func(s store.Subscription) error {
			calls++
			must(t, e.DeleteSubscription(t.Context(), s.Key, s.ID, s.Fence))
			return stop
		})
		if !errors.Is(err, stop) || calls != 1 {
			t.Fatalf("error %v after %d calls", err, calls)
		}
	}},
	{"a subscription changes no version", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		e.Watch(alice, 0)
		s := putSubscription(t, e, subscriptionTo(alice, "s", "agent-a"))
		_, err := e.ClaimSubscription(t.Context(), s.ID)
		must(t, err)
		must(t, e.DeleteSubscription(t.Context(), alice, s.ID, 2))
		wantQuiet(t, e)
		if v := version(t, e, alice); v != 0 {
			t.Fatalf("version %d, want 0", v)
		}
	}},
	{"there are no orphans while every agent lives", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		putSubscription(t, e, subscriptionTo(alice, "s", "agent-a"))
		orphans, err := e.Orphans(t.Context())
		must(t, err)
		if len(orphans) != 0 {
			t.Fatalf("got %+v", orphans)
		}
	}},
}

func fenced(t *testing.T, h Harness) {
	e := h.Open(t, "agent-a")
	s := subscriptionTo(alice, "s", "agent-a")
	s.Fence = 5
	putSubscription(t, e, s)
	for _, refused := range []struct {
		agent string
		fence uint64
	}{{"agent-a", 4}, {"agent-b", 4}, {"agent-b", 5}} {
		changed := s
		changed.Agent, changed.Fence, changed.Data = refused.agent, refused.fence, "refused"
		wantError(t, e.PutSubscription(t.Context(), changed), store.ErrFenced)
	}
	wantStored(t, e, s)
}

func claim(t *testing.T, h Harness) {
	e := h.Open(t, "agent-a")
	s := putSubscription(t, e, subscriptionTo(alice, "s", "agent-b"))
	if got := own(t, e); len(got) != 0 {
		t.Fatalf("owns %q before the claim", got)
	}
	got, err := e.ClaimSubscription(t.Context(), s.ID)
	must(t, err)
	before := s
	s.Agent, s.Fence = "agent-a", 2
	wantSubscription(t, got, s)
	wantStored(t, e, s)
	if got := own(t, e); !slices.Equal(got, []string{s.ID}) {
		t.Fatalf("owns %q after the claim", got)
	}
	wantError(t, e.PutSubscription(t.Context(), before), store.ErrFenced)
}
