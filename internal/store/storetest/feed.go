package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"presenced/internal/store"
)

var feedSentences = []sentence{
	{"a change of a watched key is told", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		e.Watch(alice, 0)
		wantQuiet(t, e)
		for _, p := range []store.Publish{initial("a"), modify("a-1", "a-2"), remove("a-2")} {
			publish(t, e, alice, p)
			wantNext(t, e, alice)
			e.Seen(alice, version(t, e, alice))
		}
		wantQuiet(t, e)
	}},
	{"a key that is not watched is not told", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		e.Watch(alice, 0)
		publish(t, e, bob, initial("b"))
		publish(t, e, store.Key{AOR: alice.AOR, Package: "dialog"}, initial("d"))
		wantQuiet(t, e)
	}},
	{"Watch with a stale version is told at once", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		publish(t, e, alice, initial("a"))
		e.Watch(alice, 0)
		wantNext(t, e, alice)
	}},
	{"Watch with the stored version is quiet", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		publish(t, e, alice, initial("a"))
		e.Watch(alice, version(t, e, alice))
		wantQuiet(t, e)
	}},
	{"Watch of nothing with a version is told: the state is gone", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		e.Watch(alice, 42)
		wantNext(t, e, alice)
		e.Seen(alice, version(t, e, alice))
		wantQuiet(t, e)
	}},
	{"Seen with the stored version quiets a change that was not told yet", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		e.Watch(alice, 0)
		publish(t, e, alice, initial("a"))
		wantNext(t, e, alice)
		publish(t, e, alice, modify("a-1", "a-2"))
		drain(e)
		e.Seen(alice, version(t, e, alice))
		wantQuiet(t, e)
	}},
	{"Seen with a stale version brings the key again", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		e.Watch(alice, 0)
		publish(t, e, alice, initial("a"))
		wantNext(t, e, alice)
		stale := version(t, e, alice)
		publish(t, e, alice, modify("a-1", "a-2"))
		drain(e)
		e.Seen(alice, stale)
		wantNext(t, e, alice)
	}},
	{"a key that Next returned does not come again by itself", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		e.Watch(alice, 0)
		publish(t, e, alice, initial("a"))
		drain(e)
		wantQuiet(t, e)
		publish(t, e, alice, modify("a-1", "a-2"))
		wantNext(t, e, alice)
	}},
	{"a refresh is not told", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		publish(t, e, alice, initial("a"))
		e.Watch(alice, version(t, e, alice))
		publish(t, e, alice, refresh("a-1", "a-2", time.Hour))
		wantQuiet(t, e)
	}},
	{"many changes are coalesced", coalesced},
	{"no change of many keys is lost", nothingLost},
	{"Unwatch ends it", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		e.Watch(alice, 0)
		e.Watch(bob, 0)
		e.Unwatch(alice)
		e.Unwatch(store.Key{AOR: "sip:never@example.com", Package: "presence"})
		publish(t, e, alice, initial("a"))
		wantQuiet(t, e)
		publish(t, e, bob, initial("b"))
		wantNext(t, e, bob)
	}},
	{"Unwatch forgets a change that was not told yet", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		e.Watch(alice, 0)
		publish(t, e, alice, initial("a"))
		drain(e)
		publish(t, e, alice, modify("a-1", "a-2"))
		e.Unwatch(alice)
		drain(e) // one that was on its way may come
		wantQuiet(t, e)
	}},
	{"Watch after Unwatch works anew", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		e.Watch(alice, 0)
		e.Unwatch(alice)
		publish(t, e, alice, initial("a"))
		e.Watch(alice, 0)
		wantNext(t, e, alice)
	}},
	{"bindings are told under the package registration", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		key := store.Key{AOR: alice.AOR, Package: store.RegistrationPackage}
		e.Watch(key, 0)
		wantQuiet(t, e)
		v := saveBindings(t, e, alice.AOR, contact("sip:a@192.0.2.1", time.Hour))
		wantNext(t, e, key)
		e.Seen(key, v)
		wantQuiet(t, e)
		saveBindings(t, e, alice.AOR)
		wantNext(t, e, key)
	}},
	{"Next ends with its context", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		ctx, cancel := context.WithTimeout(t.Context(), quiet)
		defer cancel()
		if _, err := e.Next(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("error %v", err)
		}
	}},
}

// drain takes what the feed has to tell by now.
func drain(e Engine) {
	for {
		ctx, cancel := context.WithTimeout(context.Background(), quiet)
		_, err := e.Next(ctx)
		cancel()
		if err != nil {
			return
		}
	}
}

func coalesced(t *testing.T, h Harness) {
	e := h.Open(t, "agent-a")
	e.Watch(alice, 0)
	publish(t, e, alice, initial("a"))
	const changes = 50
	for i := 1; i <= changes; i++ {
		publish(t, e, alice, modify(fmt.Sprint("a-", i), fmt.Sprint("a-", i+1)))
	}
	time.Sleep(quiet) // an engine that tells by hints has them all by now
	returns := 0
	for {
		ctx, cancel := context.WithTimeout(t.Context(), quiet)
		_, err := e.Next(ctx)
		cancel()
		if err != nil {
			break
		}
		returns++
	}
	if returns == 0 || returns > changes/2 {
		t.Fatalf("%d returns for %d changes", returns, changes+1)
	}
}

func nothingLost(t *testing.T, h Harness) {
	e := h.Open(t, "agent-a")
	const n = 300
	missing := make(map[store.Key]bool)
	for i := range n {
		key := store.Key{AOR: fmt.Sprintf("sip:p%d@example.com", i), Package: "presence"}
		missing[key] = true
		e.Watch(key, 0)
		publish(t, e, key, initial("a"))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	for len(missing) > 0 {
		key, err := e.Next(ctx)
		if err != nil {
			t.Fatalf("%v, with %d keys not told", err, len(missing))
		}
		delete(missing, key)
		e.Seen(key, version(t, e, key))
	}
}
