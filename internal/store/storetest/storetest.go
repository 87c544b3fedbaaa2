// Package storetest is one suite for every storage engine: a subtest for each
// sentence of the contract that the records in internal/store state, and for
// the feed. It knows no engine. An engine that passes it can stand behind every
// service; what an engine promises beyond it (files, fail-over) it tests itself.
package storetest

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"presenced/internal/store"
)

// Publications is presence's and composition's part of an engine.
type Publications interface {
	Publish(ctx context.Context, key store.Key, p store.Publish) error
	Publications(ctx context.Context, key store.Key) (store.Publications, error)
}

// Feed is the notifier's part that tells which keys changed.
//
// It is level-triggered: Next returns a watched key whose stored version
// differs from the last one that Watch or Seen told. It is coalesced: many
// changes may give one return. It is at least once: a key may be returned
// though nothing changed. A key that Next returned does not come again before
// it changes again or Seen tells a version that is not the stored one; so who
// could not load a key calls Seen with the version it has.
type Feed interface {
	Watch(key store.Key, have store.Version)
	Seen(key store.Key, have store.Version)
	Unwatch(key store.Key)
	Next(ctx context.Context) (store.Key, error)
}

// Subscriptions is the notifier's part that outlives the agent.
type Subscriptions interface {
	PutSubscription(ctx context.Context, s store.Subscription) error
	DeleteSubscription(ctx context.Context, key store.Key, id string, fence uint64) error
	ClaimSubscription(ctx context.Context, id string) (store.Subscription, error)
	Watchers(ctx context.Context, key store.Key) (store.Watchers, error)
	OwnSubscriptions(ctx context.Context, yield func(store.Subscription) error) error
	Orphans(ctx context.Context) ([]store.Subscription, error)
}

// Visits is the notifier's part of the recent past.
type Visits interface {
	Visit(ctx context.Context, key store.Key, v store.Visit, limit int) error
}

// Documents is the part of who keeps rules. DocumentChanged blocks until a
// document was put or deleted by any agent and returns which one, at least
// once and coalesced; "", "" where every document may have changed. Its error is
// the context's, or ErrUnavailable once the engine is closed.
type Documents interface {
	Document(ctx context.Context, aor, name string) (store.Document, error)
	PutDocument(ctx context.Context, d store.Document, ifMatch string) error
	DeleteDocument(ctx context.Context, aor, name, ifMatch string) error
	DocumentChanged(ctx context.Context) (aor, name string, err error)
}

// Registrations is the registrar's part.
type Registrations interface {
	Bindings(ctx context.Context, aor string) (store.Registration, error)
	UpdateBindings(ctx context.Context, aor string, into []store.Binding, change store.BindingsChange) ([]store.Binding, error)
}

// Principals is identity's part.
type Principals interface {
	Principal(ctx context.Context, aor string) (store.Principal, error)
	PutPrincipal(ctx context.Context, p store.Principal) error
	DeletePrincipal(ctx context.Context, aor string) error
	Principals(ctx context.Context, yield func(store.Principal) error) error
}

// Secrets is identity's part for nonces.
type Secrets interface {
	Secrets(ctx context.Context, name string) ([]store.Secret, error)
	AddSecret(ctx context.Context, name string, s store.Secret, keep int, ifNewest uint32) error
}

// Engine is all that the services ask of an engine, and the server's part.
type Engine interface {
	Publications
	Feed
	Subscriptions
	Visits
	Registrations
	Principals
	Documents
	Secrets
	Ready(ctx context.Context) error
	Stats(ctx context.Context) (store.Stats, error)
	Run(ctx context.Context) error
	Close() error
}

// Harness is one empty state and the ways to it.
type Harness struct {
	// Open opens an engine on the state as the named agent, with Run going,
	// and closes it when the test ends. The suite opens one agent; RunShared
	// a second one on the same state too.
	Open func(t *testing.T, agent string) Engine
	// Advance lets the engines' clock pass by d. Lapses that fall due need not
	// have reached the feed when it returns, but no read shows them any more.
	Advance func(d time.Duration)
}

// RunShared runs the suite for an engine that several agents share. fresh
// makes an empty state; it is called at the start of each subtest.
func RunShared(t *testing.T, fresh func(t *testing.T) Harness) {
	within := func(t *testing.T, test func(t *testing.T)) { test(t) }
	run(t, append(groups, group{"several agents", agentsSentences}), fresh, within)
}

// RunInBubble runs the suite for an engine that one agent has alone and that
// takes its time from package time: each subtest in a testing/synctest bubble
// of its own.
func RunInBubble(t *testing.T, fresh func(t *testing.T) Harness) {
	run(t, groups, fresh, synctest.Test)
}

type sentence struct {
	says string
	test func(t *testing.T, h Harness)
}

type group struct {
	noun      string
	sentences []sentence
}

var groups = []group{
	{"publication", publicationSentences},
	{"expiry", expirySentences},
	{"feed", feedSentences},
	{"registration", registrationSentences},
	{"subscription", subscriptionSentences},
	{"watchers", watchersSentences},
	{"visit", visitSentences},
	{"document", documentSentences},
	{"principal", principalSentences},
	{"secret", secretSentences},
	{"engine", engineSentences},
}

func run(t *testing.T, groups []group, fresh func(t *testing.T) Harness, within func(*testing.T, func(*testing.T))) {
	for _, group := range groups {
		t.Run(group.noun, func(t *testing.T) {
			for _, s := range group.sentences {
				t.Run(s.says, func(t *testing.T) {
					within(t, func(t *testing.T) { s.test(t, fresh(t)) })
				})
			}
		})
	}
}

const (
	patience = 5 * time.Second        // how long the feed may take to tell a change
	quiet    = 300 * time.Millisecond // how long nothing must come
)

// wantNext waits until the feed returns key, and passes over other keys, which
// at-least-once allows.
func wantNext(t *testing.T, e Engine, key store.Key) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		got, err := e.Next(ctx)
		if err != nil {
			t.Fatalf("Next: %v, want %v", err, key)
		}
		if got == key {
			return
		}
	}
}

// wantQuiet fails if the feed returns anything soon.
func wantQuiet(t *testing.T, e Engine) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), quiet)
	defer cancel()
	if got, err := e.Next(ctx); err == nil {
		t.Fatalf("Next: %v, want nothing", got)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
