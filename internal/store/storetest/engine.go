package storetest

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"presenced/internal/store"
)

var engineSentences = []sentence{
	{"an open engine is ready", func(t *testing.T, h Harness) {
		must(t, h.Open(t, "agent-a").Ready(t.Context()))
	}},
	{"a closed engine is not ready and refuses writes", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		must(t, e.Close())
		wantError(t, e.Ready(t.Context()), store.ErrUnavailable)
		wantError(t, e.Publish(t.Context(), alice, initial("a")), store.ErrUnavailable)
		_, err := e.Next(t.Context())
		wantError(t, err, store.ErrUnavailable)
		must(t, e.Close())
	}},
	{"stats count what is live", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		publish(t, e, alice, initial("a"))
		publish(t, e, alice, initial("b"))
		publish(t, e, bob, initial("c"))
		publish(t, e, alice, remove("b-1"))
		putSubscription(t, e, subscriptionTo(alice, "s", "agent-a"))
		saveBindings(t, e, bob.AOR, contact("sip:a@192.0.2.1", time.Hour), contact("sip:a@192.0.2.2", 2*time.Hour))
		must(t, e.PutPrincipal(t.Context(), principal(alice.AOR)))
		for i, tag := range []string{"1", "2"} { // the second in place of the first
			must(t, e.PutDocument(t.Context(), store.Document{AOR: alice.AOR, Name: "rules", Tag: tag, Body: []byte{byte(i)}}, store.MatchAny))
		}
		must(t, e.PutDocument(t.Context(), store.Document{AOR: alice.AOR, Name: "list", Tag: "1", Body: []byte("list")}, store.MatchAny))
		wantStats(t, e, store.Stats{Publications: 2, Subscriptions: 1, Bindings: 2, Principals: 1, Documents: 2})
		must(t, e.DeleteDocument(t.Context(), alice.AOR, "list", store.MatchAny))
		h.Advance(61 * time.Minute)
		wantStats(t, e, store.Stats{Bindings: 1, Principals: 1, Documents: 1})
	}},
	{"of concurrent publishers with one tag one wins", concurrentModify},
	{"of concurrent updates of bindings none undoes another", concurrentBindings},
	{"of concurrent claims each raises the fence", concurrentClaims},
	{"concurrent use of all methods is safe", concurrentUse},
}

// wantStats waits a while: an engine may count what has lapsed a little longer.
func wantStats(t *testing.T, e Engine, want store.Stats) {
	t.Helper()
	var got store.Stats
	for range 50 {
		var err error
		got, err = e.Stats(t.Context())
		must(t, err)
		if got == want {
			return
		}
		time.Sleep(patience / 50)
	}
	t.Fatalf("got %+v, want %+v", got, want)
}

// concurrently runs n calls at once and counts those that succeed; the others
// must fail with want.
func concurrently(t *testing.T, n int, want error, call func(i int) error) (succeeded int) {
	t.Helper()
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { errs[i] = call(i) })
	}
	wg.Wait()
	for _, err := range errs {
		switch {
		case err == nil:
			succeeded++
		case !errors.Is(err, want):
			t.Errorf("error %v, want %v", err, want)
		}
	}
	return succeeded
}

func concurrentModify(t *testing.T, h Harness) {
	e := h.Open(t, "agent-a")
	publish(t, e, alice, initial("a"))
	won := concurrently(t, 16, store.ErrNoMatch, func(i int) error {
		return e.Publish(t.Context(), alice, modify("a-1", fmt.Sprint("won-", i)))
	})
	if won != 1 {
		t.Fatalf("%d publishers won", won)
	}
}

// concurrentBindings: an engine may give up with ErrConflict where others were
// faster again and again.
func concurrentBindings(t *testing.T, h Harness) {
	e := h.Open(t, "agent-a")
	done := concurrently(t, 16, store.ErrConflict, func(i int) error {
		_, err := e.UpdateBindings(t.Context(), alice.AOR, nil, func(live []store.Binding) ([]store.Binding, error) {
			return append(live, contact(fmt.Sprint("sip:a@192.0.2.", i), time.Hour)), nil
		})
		return err
	})
	if got := len(bindings(t, e, alice.AOR).Bindings); done == 0 || got != done {
		t.Fatalf("%d bindings after %d updates", got, done)
	}
}

func concurrentClaims(t *testing.T, h Harness) {
	e := h.Open(t, "agent-a")
	s := putSubscription(t, e, subscriptionTo(alice, "s", "agent-b"))
	var mu sync.Mutex
	fences := make(map[uint64]bool)
	concurrently(t, 16, nil, func(int) error {
		claimed, err := e.ClaimSubscription(t.Context(), s.ID)
		mu.Lock()
		defer mu.Unlock()
		fences[claimed.Fence] = true
		return err
	})
	if len(fences) != 16 {
		t.Fatalf("%d different fences of 16 claims", len(fences))
	}
}

// concurrentUse is for the race detector; it also counts what is left.
func concurrentUse(t *testing.T, h Harness) {
	e := h.Open(t, "agent-a")
	const workers, rounds = 8, 10
	concurrently(t, workers, nil, func(i int) error {
		key := store.Key{AOR: fmt.Sprintf("sip:p%d@example.com", i%3), Package: "presence"}
		e.Watch(key, 0)
		for j := range rounds {
			name := fmt.Sprint("w", i, "r", j)
			s := subscriptionTo(key, name, "agent-a")
			steps := []func() error{
				func() error { return e.Publish(t.Context(), key, initial(name)) },
				func() error { return e.PutSubscription(t.Context(), s) },
				func() error { return e.Publish(t.Context(), key, modify(name+"-1", name+"-2")) },
				func() error { _, err := e.Publications(t.Context(), key); return err },
				func() error { _, err := e.Watchers(t.Context(), key); return err },
				func() error { _, err := e.Bindings(t.Context(), key.AOR); return err },
				func() error { e.Seen(key, 0); return nil },
				func() error { return e.DeleteSubscription(t.Context(), key, s.ID, 1) },
				func() error { return e.Publish(t.Context(), key, remove(name+"-2")) },
			}
			for _, step := range steps {
				if err := step(); err != nil {
					return err
				}
			}
		}
		return nil
	})
	wantStats(t, e, store.Stats{})
}
