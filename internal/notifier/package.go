package notifier

import (
	"context"

	"presenced/internal/store"
	"presenced/sip"
	"presenced/sip/event"
)

// Package is an event package (RFC 6665 s.5): who may watch, and what they
// see. Its methods may block on the store; no lock is held while they do.
type Package interface {
	// Name is the package's token: "presence".
	Name() string
	// Types are the body types it can send, the default first.
	Types() []string
	// Decide is the presentity's decision on a watcher. An error is a
	// refusal of the request, not of the watcher.
	Decide(ctx context.Context, key store.Key, watcher sip.Identity) (Decision, error)
	// State is the present state of what is watched.
	State(ctx context.Context, key store.Key) (State, error)
}

// Decision is what the rules make of a watcher.
type Decision struct {
	// State is Active, Pending, or Terminated: the watcher is refused.
	State event.State
	// View names what the watcher sees: watchers with one view of one state
	// get the same bytes.
	View string
}

// State is a resource's state at one version. It is immutable.
type State interface {
	Version() store.Version
	// Body is the body that a view of the state has. Called often: the
	// state keeps what it has made.
	Body(view string) Body
}

// Body is the body of a NOTIFY.
type Body struct {
	Type  string // "" with no Bytes
	Bytes []byte // immutable
	Hash  uint64 // of Bytes; equal bodies have equal hashes. Never 0
}
