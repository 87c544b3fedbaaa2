// Package message is the instant message service: MESSAGE (RFC 3428) delivered
// to every place where an inbox is registered.
//
// It is a stateful proxy for that one method: validation, targets, forwarding
// and the choice of the response are RFC 3261 s.16.3-16.7, with RFC 4320 (never
// a 408), RFC 5393 (loops, Max-Breadth) and RFC 3325 (what untrusted senders
// assert is not passed on). Body and Content-* fields are never touched, so any
// type passes: CPIM, IMDN, S/MIME.
//
// Of several agents with one store, the one that holds a binding's flow sends
// on it; the others reach it through that agent, by a Route with a token that
// both can verify (relay.go).
//
// Left out: storing messages for later, delivery rules, recursion on 3xx,
// serial forking by q (every device gets the message), and other domains.
package message

import (
	"context"
	"log/slog"

	"presenced/internal/store"
	"presenced/sip"
	"presenced/sip/transaction"
)

// Registrations tells where inboxes can be reached.
type Registrations interface {
	Bindings(ctx context.Context, aor string) (store.Registration, error)
}

// Sender is the transaction layer's client side.
type Sender interface {
	Send(o *transaction.Outgoing, u transaction.User) transaction.ID
}

// Config is what a Service needs. Each function may be nil where it says so.
type Config struct {
	Store  Registrations
	Sender Sender
	Agent  string // our name, as bindings have it
	// Known says whether there is an inbox of this address, for one without
	// bindings; nil: of every address.
	Known func(ctx context.Context, aor string) (bool, error)
	// Local says whether a domain is ours; nil: every one is.
	Local func(host string) bool
	// Ours says whether a URI's host and port are this agent's; nil: none is.
	Ours    func(u *sip.URI) bool
	MaxBody int // bytes: more is 413; 0: no limit
	// Branches is how many contacts may be tried at once, and the largest
	// Max-Breadth that is passed on; 0: 60 (RFC 5393 s.5.3.3).
	Branches int
	// MaxRelays is how many forwarded requests may be unanswered and younger
	// than T1 before new MESSAGEs are dropped; 0: 2,048.
	MaxRelays int
	// AgentHop gives the SIP URI of another agent, where it lives; nil: no
	// other does.
	AgentHop func(ctx context.Context, agent string) (uri string, ok bool)
	// FlowKeys are the keys that all agents share, newest first; nil: nothing
	// is sent through other agents.
	FlowKeys func() [][]byte
	// Reroute finds a flow of ours to the peer of one whose agent has gone;
	// nil: there is none.
	Reroute func(flow sip.Flow) (sip.Flow, bool)
	// Unreachable is told of a binding whose connection is gone; nil: nobody.
	Unreachable func(ctx context.Context, aor, contact, flow string) error
	Log         *slog.Logger // nil: slog.Default
}

// Service serves MESSAGE. Its methods may be called by many goroutines.
type Service struct {
	Config
	loops *loops
	limit limit
}

// New makes a Service.
func New(c Config) *Service {
	if c.Known == nil {
		c.Known = func(context.Context, string) (bool, error) { return true, nil }
	}
	if c.Local == nil {
		c.Local = func(string) bool { return true }
	}
	if c.Ours == nil {
		c.Ours = func(*sip.URI) bool { return false }
	}
	if c.Branches <= 0 {
		c.Branches = defaultBreadth
	}
	if c.MaxRelays <= 0 {
		c.MaxRelays = defaultRelays
	}
	if c.FlowKeys == nil {
		c.FlowKeys = func() [][]byte { return nil }
	}
	if c.AgentHop == nil {
		c.AgentHop = func(context.Context, string) (string, bool) { return "", false }
	}
	if c.Reroute == nil {
		c.Reroute = func(sip.Flow) (sip.Flow, bool) { return sip.Flow{}, false }
	}
	if c.Unreachable == nil {
		c.Unreachable = func(context.Context, string, string, string) error { return nil }
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return &Service{Config: c, loops: newLoops()}
}
