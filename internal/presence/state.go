package presence

import (
	"context"
	"strings"
	"time"

	"presenced/internal/composition"
	"presenced/internal/filter"
	"presenced/internal/notifier"
	"presenced/internal/store"
	"presenced/pidf"
	"presenced/policy"
)

// The views of a presentity's state, beside those that are the key of
// permissions. Where the rules depend on the sphere, a view is followed by a
// space and the sphere in which it was decided on.
const (
	full    = "full"
	offline = "offline" // what a politely blocked watcher sees
	pending = "pending" // reveals nothing, and says that the decision is awaited
	silent  = "silent"  // not even that
)

var everything = policy.Everything.Key()

// viewOf is the view of a watcher that is allowed to see.
func viewOf(p policy.Permissions) string {
	if p.Handling != policy.Allow {
		return ""
	}
	if key := p.Key(); key != everything {
		return key
	}
	return full
}

func inSphere(view, sphere string) string { return view + " " + sphere }

// State is notifier.Package's. A presentity that never published is offline,
// not an error.
func (a *Agent) State(ctx context.Context, key store.Key) (notifier.State, error) {
	doc, err := a.Documents.Document(ctx, key)
	if err != nil {
		return nil, err
	}
	return state{doc, a}, nil
}

// DocumentOf is the document behind a State of this package; nil for another.
func DocumentOf(s notifier.State) *composition.Document {
	own, _ := s.(state)
	return own.doc
}

// state is a composed document as the notifier sees it.
type state struct {
	doc   *composition.Document
	agent *Agent
}

// Version is notifier.State's.
func (s state) Version() store.Version { return s.doc.Version }

// Also is notifier.Composite's: the registration, where it bears on the state.
func (s state) Also() (store.Key, store.Version, bool) {
	if s.doc.Registered == nil {
		return store.Key{}, 0, false
	}
	return store.Key{AOR: s.doc.Entity, Package: store.RegistrationPackage}, *s.doc.Registered, true
}

// Until is notifier.Composite's.
func (s state) Until() time.Time { return s.doc.Until }

// Body is notifier.State's.
func (s state) Body(view string) notifier.Body {
	if view == full { // nearly always
		return notifier.Body{Type: mediaType, Bytes: s.doc.Bytes, Hash: s.doc.Hash}
	}
	v := s.view(view)
	switch {
	case v == nil:
		return notifier.Body{}
	case len(v.Bytes) == 0:
		return notifier.Body{Hash: v.Hash}
	}
	return notifier.Body{Type: mediaType, Bytes: v.Bytes, Hash: v.Hash}
}

// view is what is shown of the present state. Where that is nothing, the
// watchers are reviewed at once: what is published at work is not shown to those
// who may look at home.
func (s state) view(view string) *composition.View {
	v := s.seen(view)
	if v == nil {
		s.agent.reviews.shift(s.doc.Entity, s.doc.Sphere)
	}
	return v
}

// seen is the document as a view shows it: by the permissions, and then what
// the filter leaves of that (RFC 4660 s.5.3.1). A view that was decided on in
// another sphere than this state's is nil.
func (s state) seen(view string) *composition.View {
	permitted, key, filtered := strings.Cut(view, notifier.ViewFilter)
	name, sphere, depends := strings.Cut(permitted, " ")
	if depends && sphere != s.doc.Sphere {
		return nil
	}
	shown := s.permitted(name)
	if !filtered || len(shown.Bytes) == 0 {
		return shown
	}
	return s.doc.View(name+notifier.ViewFilter+key, func(dst []byte, _ *pidf.Document) []byte {
		f, err := filter.Of(key)
		if err != nil {
			return append(dst, shown.Bytes...) // we do not write such names
		}
		return f.Apply(dst, shown.Document())
	})
}

// permitted is the document without a filter.
func (s state) permitted(name string) *composition.View {
	switch name {
	case full:
		return s.doc.Whole()
	case silent:
		return &nothing
	}
	return s.doc.View(name, views{name, s.doc.Entity}.transform)
}

var nothing = composition.View{Hash: composition.Hash(nil)}

// views makes a document's view of a name.
type views struct{ name, entity string }

// transform appends the view. The same generator makes the document of a
// presentity that is offline and of one that blocks politely; a view that is
// none shows it too.
func (v views) transform(dst []byte, doc *pidf.Document) []byte {
	if v.name == pending {
		return append(dst, pidf.Pending(v.entity, "")...)
	}
	p, err := policy.PermissionsOf(v.name)
	if err != nil || v.name == offline {
		return append(dst, pidf.Offline(v.entity)...)
	}
	return p.Transform(dst, doc)
}
