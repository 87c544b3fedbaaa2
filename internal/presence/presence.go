// Package presence is the presence service: PUBLISH for the event package
// "presence" (RFC 3903, RFC 3856), and the package itself for the notifier:
// who may watch a presentity, and what each watcher sees.
//
// Composition of several publications is internal/composition's, the life of
// subscriptions internal/notifier's.
package presence

import (
	"context"
	"sync/atomic"

	"presenced/internal/composition"
	"presenced/internal/notifier"
	"presenced/internal/store"
	"presenced/pidf"
	"presenced/pidf/partial"
	"presenced/policy"
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

// Rules are what presentities themselves have laid down.
type Rules interface {
	// Access returns a presentity's access rules; nil where it has none.
	Access(ctx context.Context, presentity string) (*policy.Rules, error)
	// MayPublish says whether a principal may publish for a presentity.
	MayPublish(ctx context.Context, principal, presentity string) (bool, error)
}

// Expires bounds the lifetime of a publication, in seconds (RFC 3903 s.6).
type Expires struct{ Min, Max, Default uint32 }

// Config is what an Agent needs.
type Config struct {
	Store         Publications
	Documents     Documents
	Registrations Registrations // nil: being registered is no presence
	Rules         Rules         // nil: no presentity has any
	Expires       Expires
	MaxBody       int // bytes: more is 413
	PerPresentity int // publications of one presentity: more is 403; 0: no limit
	// Reconsider has the notifier decide anew on who watches key. It may
	// block. Nil: nobody watches.
	Reconsider func(ctx context.Context, key store.Key)
}

// Agent is the presence agent of RFC 3856.
type Agent struct {
	Config
	reader   pidf.Reader
	defaults atomic.Pointer[policy.AccessRules]
	reviews  reviews
	counts   [policy.Allow + 1]atomic.Uint64 // decisions by handling
}

// New makes an agent with the domain's defaults, for presentities without
// rules of their own.
func New(c Config, defaults *policy.AccessRules) *Agent {
	a := &Agent{Config: c, reader: pidf.Reader{MaxSize: c.MaxBody}}
	a.reviews.init()
	a.SetDefaults(defaults)
	return a
}

// SetDefaults changes the domain's defaults; the notifier has to reconsider
// then.
func (a *Agent) SetDefaults(defaults *policy.AccessRules) { a.defaults.Store(defaults) }

// Run reviews decisions whose time or circumstances have passed, until ctx
// ends.
func (a *Agent) Run(ctx context.Context) error {
	a.reviews.run(ctx, func(aor string) {
		if a.Reconsider != nil {
			a.Reconsider(ctx, store.Key{AOR: aor, Package: Name})
		}
	})
	return nil
}

// Decisions counts what has been decided since the start, by handling.
func (a *Agent) Decisions(h policy.SubHandling) uint64 { return a.counts[h].Load() }

// Sphere is a presentity's, "" where it is undefined (RFC 5025 s.3.1.2).
func (a *Agent) Sphere(ctx context.Context, aor string) (string, error) {
	doc, err := a.Documents.Document(ctx, store.Key{AOR: aor, Package: Name})
	if err != nil {
		return "", err
	}
	return doc.Sphere, nil
}

// Name is notifier.Package's.
func (a *Agent) Name() string { return Name }

// Types is notifier.Package's.
func (a *Agent) Types() []string { return types }

var types = []string{mediaType, partial.ContentType}

// Offers is notifier.Offering's.
func (a *Agent) Offers() notifier.Offers {
	return notifier.Offers{Partial: partial.ContentType, Filters: true}
}

// Follows is notifier.Follower's.
func (a *Agent) Follows() []string { return []string{store.RegistrationPackage} }
