// Package registrar is the registrar of RFC 3261 s.10: it keeps where an inbox
// can be reached now, with the Path of RFC 3327.
//
// A binding holds the flow that its REGISTER came on; requests to the inbox
// leave by the binding's Path or, without one, on that flow. So a binding that
// can be reached on one connection alone ends with that connection.
//
// Left out: third-party registration (a principal registers for itself),
// GRUU and outbound (RFC 5626, RFC 5627: their parameters are kept and echoed,
// but mean nothing), redirection, and forwarding REGISTER to other domains.
package registrar

import (
	"context"
	"log/slog"
	"sync"

	"presenced/internal/store"
	"presenced/sip"
)

// Registrations are the bindings of all inboxes.
type Registrations interface {
	// Bindings is all live bindings of an inbox and their version. The list is
	// the caller's.
	Bindings(ctx context.Context, aor string) (store.Registration, error)
	// UpdateBindings replaces them by what change makes of them, in one step, and
	// returns what change returned. The list is in into's memory if that
	// suffices, and the caller's. Where others are faster again and again it is
	// store.ErrConflict.
	UpdateBindings(ctx context.Context, aor string, into []store.Binding, change store.BindingsChange) ([]store.Binding, error)
}

// Expires bounds the lifetime of a binding, in seconds. Min must be less than
// an hour (RFC 3261 s.10.3, step 7).
type Expires struct{ Min, Max, Default uint32 }

// Config is what a Registrar needs.
type Config struct {
	Store   Registrations
	Expires Expires
	Agent   string // our name: who holds the flows of the bindings made here
	// Limit is how many bindings an inbox may have, and how many contacts one
	// REGISTER; more is 403. 0: 32.
	Limit int
	// Local says whether a domain is ours; nil takes every domain for ours.
	Local func(host string) bool
	// Ours says whether a URI leads back to this agent; nil: none does.
	Ours func(u *sip.URI) bool
	// Serves says whether a connection is open still; nil: until Closed.
	Serves func(flow sip.Flow) bool
	Log    *slog.Logger // nil: slog.Default
}

const defaultLimit = 32

// Registrar serves REGISTER. Its methods may be called by many goroutines; the
// order of one inbox's requests is the transaction layer's.
type Registrar struct {
	Config
	date    date
	updates sync.Pool // of *update

	mu    sync.Mutex
	conns map[uint64]map[string]bool // connection -> addresses-of-record bound to it
}

// New makes a Registrar.
func New(c Config) *Registrar {
	if c.Limit <= 0 {
		c.Limit = defaultLimit
	}
	if c.Local == nil {
		c.Local = func(string) bool { return true }
	}
	if c.Ours == nil {
		c.Ours = func(*sip.URI) bool { return false }
	}
	if c.Serves == nil {
		c.Serves = func(sip.Flow) bool { return true }
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return &Registrar{Config: c, updates: sync.Pool{New: newUpdate}, conns: map[uint64]map[string]bool{}}
}
