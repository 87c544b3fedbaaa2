package notifier

import (
	"context"
	"time"

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

// Partial is a State of which a NOTIFY can tell only what is new. Every NOTIFY
// of one has a document or is not counted: versions of a subscription's
// documents count without gaps, but for what may have been lost.
type Partial interface {
	State
	// Hash is the Hash of Body(view). It is asked for often, bodies seldom.
	Hash(view string) uint64
	// Document is the body number count, from 1, of a subscription. since is
	// what the watcher has by the same view, the state of the last NOTIFY that
	// it answered with 2xx; nil: nothing, it needs full state.
	Document(view string, since State, count uint32) Body
}

// Composite is a State that its key's version does not tell all about.
type Composite interface {
	State
	// Also is another key that it was made of, of a package that its Package
	// follows, with the version that it had there; false for none.
	Also() (key store.Key, version store.Version, ok bool)
	// Until is the time, by this agent's clock, from which on it is another one
	// although no version is; zero: never.
	Until() time.Time
}

// Follower is a Package whose states are Composite ones.
type Follower interface {
	Package
	// Follows are the packages of the keys that its states may name. No other
	// package follows them, nor is any of them served.
	Follows() []string
}

// Parametric is a Package whose decision depends on the parameters of the
// Event header field.
type Parametric interface {
	Package
	// DecideWith is Decide with the parameters but id, as they were written:
	// "a=b;c", or "".
	DecideWith(ctx context.Context, key store.Key, watcher sip.Identity, params string) (Decision, error)
}

// served is a package as it is registered.
type served struct {
	Package
	pace
	offers Offers
}

func serve(p Package, pace pace) *served {
	s := &served{Package: p, pace: pace}
	if o, ok := p.(Offering); ok {
		s.offers = o.Offers()
	}
	return s
}

// pace is how often a change may be told to one subscription.
type pace struct {
	interval time.Duration // 0: always
	burst    int           // how many NOTIFYs may go at once before interval binds; at least 1
	// strict counts every NOTIFY, not only those of changes, and has the state
	// loaded no more often than it can be told.
	strict bool
}

// ask is the package's decision on a watcher. params are asked for only where
// they count.
func (p *served) ask(ctx context.Context, key store.Key, watcher sip.Identity, params func() string) (Decision, error) {
	if parametric, ok := p.Package.(Parametric); ok {
		return parametric.DecideWith(ctx, key, watcher, params())
	}
	return p.Decide(ctx, key, watcher)
}

// Body is the body of a NOTIFY.
type Body struct {
	Type  string // "" with no Bytes
	Bytes []byte // immutable
	// Hash is that of what Bytes say; equal bodies have equal hashes, at every
	// agent and after a restart: it is their entity-tag. 0: the view was
	// decided on in other circumstances than the state's. Nothing of it is
	// told until the package has had the watcher reconsidered.
	Hash uint64
}
