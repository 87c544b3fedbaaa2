package presence

import (
	"strings"

	"presenced/internal/composition"
	"presenced/internal/filter"
	"presenced/internal/notifier"
	"presenced/pidf/partial"
)

var (
	_ notifier.Partial  = state{}
	_ notifier.Filtered = state{}
)

// Hash is notifier.Partial's.
func (s state) Hash(view string) uint64 {
	if view == full {
		return s.doc.Hash
	}
	v := s.view(view)
	if v == nil {
		return 0
	}
	return v.Hash
}

// Document is notifier.Partial's, in the form of RFC 5262: versions count from 1
// (RFC 5263 s.4.4).
func (s state) Document(view string, since notifier.State, version uint32) notifier.Body {
	v := s.view(view)
	switch {
	case v == nil:
		return notifier.Body{}
	case len(v.Bytes) == 0:
		return notifier.Body{Hash: v.Hash}
	}
	return notifier.Body{Type: partial.ContentType, Bytes: v.Partial(viewIn(since, view), version), Hash: v.Hash}
}

// Triggers is notifier.Filtered's. Triggers look at what the watcher is allowed
// to see, before its filter (RFC 4660 s.5.3.2).
func (s state) Triggers(view string, f *filter.Filter, since notifier.State) bool {
	view, _, _ = strings.Cut(view, notifier.ViewFilter)
	was, is := viewIn(since, view), s.view(view)
	if was == nil || is == nil || len(is.Bytes) == 0 {
		return true
	}
	return f.Triggers(was.Document(), is.Document())
}

// viewIn is what a view shows in another state; nil where it shows nothing.
func viewIn(s notifier.State, view string) *composition.View {
	old, ok := s.(state)
	if !ok {
		return nil
	}
	v := old.seen(view)
	if v == nil || len(v.Bytes) == 0 {
		return nil
	}
	return v
}
