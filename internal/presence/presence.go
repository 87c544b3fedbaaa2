// Package presence is the presence service: PUBLISH for the event package
// "presence" (RFC 3903, RFC 3856), and the package itself for the notifier:
// who may watch a presentity, and what each watcher sees.
//
// Composition of several publications is internal/composition's, the life of
// subscriptions internal/notifier's.
package presence

import (
	"context"
	"sync"
	"sync/atomic"

	"presenced/internal/composition"
	"presenced/internal/notifier"
	"presenced/internal/store"
	"presenced/pidf"
	"presenced/policy"
	"presenced/sip"
	"presenced/sip/event"
)

// Name is the event package's (RFC 3856 s.6.1).
const Name = "presence"

// mediaType is PIDF's (RFC 3863 s.3), the package's default (RFC 3856 s.6.4).
const mediaType = "application/pidf+xml"

// Publications is the event state of presentities. Of what it is given it
// keeps the body as it is, and clones of the strings.
type Publications interface {
	Publish(ctx context.Context, key store.Key, p store.Publish) error
	Publications(ctx context.Context, key store.Key) (store.Publications, error)
}

// Documents gives composed documents.
type Documents interface {
	Document(ctx context.Context, key store.Key) (*composition.Document, error)
}

// Expires bounds the lifetime of a publication, in seconds (RFC 3903 s.6).
type Expires struct{ Min, Max, Default uint32 }

// Config is what an Agent needs.
type Config struct {
	Store         Publications
	Documents     Documents
	Expires       Expires
	MaxBody       int // bytes: more is 413
	PerPresentity int // publications of one presentity: more is 403; 0: no limit
}

// Agent is the presence agent of RFC 3856.
type Agent struct {
	Config
	reader pidf.Reader
	rules  atomic.Pointer[policy.AccessRules]
}

// New makes an agent with the domain's rules.
func New(c Config, rules *policy.AccessRules) *Agent {
	a := &Agent{Config: c, reader: pidf.Reader{MaxSize: c.MaxBody}}
	a.SetRules(rules)
	return a
}

// SetRules changes the domain's rules; the notifier has to reconsider then.
func (a *Agent) SetRules(rules *policy.AccessRules) { a.rules.Store(rules) }

// Name is notifier.Package's.
func (a *Agent) Name() string { return Name }

// Types is notifier.Package's.
func (a *Agent) Types() []string { return types }

var types = []string{mediaType}

// The views of a presentity's state.
const (
	full    = "full"
	offline = "offline" // what a politely blocked watcher sees
	pending = "pending" // reveals nothing
)

// Decide is notifier.Package's: the access rules' word as a state and a view
// (RFC 5025 s.3.2.1, RFC 3856 s.6.6.2).
func (a *Agent) Decide(_ context.Context, key store.Key, w sip.Identity) (notifier.Decision, error) {
	switch a.rules.Load().Handling(key.AOR, policy.Watcher{URI: w.AOR, Anonymous: w.Anonymous}) {
	case policy.Allow:
		return notifier.Decision{State: event.Active, View: full}, nil
	case policy.PoliteBlock:
		return notifier.Decision{State: event.Active, View: offline}, nil
	case policy.Confirm:
		return notifier.Decision{State: event.Pending, View: pending}, nil
	}
	return notifier.Decision{State: event.Terminated}, nil
}

// State is notifier.Package's. A presentity that never published is offline,
// not an error.
func (a *Agent) State(ctx context.Context, key store.Key) (notifier.State, error) {
	doc, err := a.Documents.Document(ctx, key)
	if err != nil {
		return nil, err
	}
	return &state{Document: doc}, nil
}

// state is a composed document as the notifier sees it. The views other than
// full are made once, when one is asked for.
type state struct {
	*composition.Document
	once   sync.Once
	hidden *hidden
}

// hidden is what those see who may not see the document.
type hidden struct{ offline, pending notifier.Body }

// Version is notifier.State's.
func (s *state) Version() store.Version { return s.Document.Version }

// Body is notifier.State's. The same generator makes the document of a
// presentity that is offline and of one that blocks politely.
func (s *state) Body(view string) notifier.Body {
	if view == full {
		return notifier.Body{Type: mediaType, Bytes: s.Bytes, Hash: s.Hash}
	}
	s.once.Do(func() { s.hidden = &hidden{made(pidf.Offline(s.Entity)), made(pidf.Pending(s.Entity, ""))} })
	if view == pending {
		return s.hidden.pending
	}
	return s.hidden.offline
}

func made(document []byte) notifier.Body {
	return notifier.Body{Type: mediaType, Bytes: document, Hash: composition.Hash(document)}
}
