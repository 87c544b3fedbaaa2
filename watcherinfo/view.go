package watcherinfo

import (
	"errors"
	"slices"
	"strings"
)

// Errors of [View.Apply].
var (
	ErrOld     = errors.New("watcherinfo: the document is no newer than the last one")
	ErrTooMany = errors.New("watcherinfo: more watchers than a view holds")
)

// View is what the subscriber knows of all watchers: the documents of one
// subscription put together (RFC 3858 s.4). The zero value knows nothing and
// is ready. It must not be used by several goroutines at once.
type View struct {
	version uint32
	begun   bool // there was a document
	whole   bool // nothing is known to be missing
	over    bool // there are terminated watchers in lists
	lists   []List
	tables  map[key]table
}

// key names a list.
//
// RFC 3858 s.4 tells tables by their resource. A document may hold lists of
// several packages for one resource, so the package counts here too.
type key struct{ resource, pkg string }

// table finds the watchers of a list.
type table struct {
	index int            // of the list in View.lists
	rows  map[string]int // by id: index in the list
}

// Lists returns the watchers as of the last document, in the order in which
// they first appeared. Terminated ones are in it until the next document. The
// slices belong to the view, and are valid until then.
func (v *View) Lists() []List { return v.lists }

// Version returns the version of the last document that was applied.
func (v *View) Version() uint32 { return v.version }

// Complete tells whether the view has had full state and, since, no gap: if
// not, watchers may be missing from it.
func (v *View) Complete() bool { return v.whole }

// Apply takes a new document into the view. With refresh, partial state went
// before this document that has not arrived: the subscriber should refresh its
// subscription, which brings full state. It is said once, at the gap.
//
// After ErrOld and ErrTooMany the view is as before.
func (v *View) Apply(d *Document) (refresh bool, err error) {
	// RFC 3858 s.4: a lower version is discarded. Of an equal one it says
	// nothing; it is the same document once more.
	if v.begun && d.Version <= v.version {
		return false, ErrOld
	}
	if v.count(d) > MaxWatchers {
		return false, ErrTooMany
	}
	gap := !v.begun || d.Version-v.version > 1
	v.begun, v.version = true, d.Version
	if d.Full {
		v.lists, v.tables, v.over = nil, nil, false
	} else {
		v.forget()
	}
	for i := range d.Lists {
		v.merge(&d.Lists[i])
	}
	// RFC 3858 s.4 asks for a refresh after any gap. Full state has just come
	// where the document is full.
	if d.Full {
		v.whole = true
		return false, nil
	}
	if gap {
		v.whole = false
	}
	return gap, nil
}

// count bounds the number of watchers that applying d may lead to.
func (v *View) count(d *Document) int {
	n := 0
	for i := range d.Lists {
		n += 1 + len(d.Lists[i].Watchers)
	}
	if d.Full {
		return n
	}
	for i := range v.lists {
		n += 1 + len(v.lists[i].Watchers)
	}
	return n
}

// merge updates the table of a list, or begins one.
func (v *View) merge(l *List) {
	t := v.table(l)
	list := &v.lists[t.index]
	for _, w := range l.Watchers {
		v.over = v.over || w.Status == Terminated
		w = w.clone()
		if i, known := t.rows[w.ID]; known {
			list.Watchers[i] = w
			continue
		}
		t.rows[w.ID] = len(list.Watchers)
		list.Watchers = append(list.Watchers, w)
	}
}

func (v *View) table(l *List) table {
	t, known := v.tables[key{l.Resource, l.Package}]
	if known {
		return t
	}
	name := key{strings.Clone(l.Resource), strings.Clone(l.Package)}
	t = table{index: len(v.lists), rows: make(map[string]int, len(l.Watchers))}
	if v.tables == nil {
		v.tables = make(map[key]table)
	}
	v.tables[name] = t
	v.lists = append(v.lists, List{Resource: name.resource, Package: name.pkg, Watchers: make([]Watcher, 0, len(l.Watchers))})
	return t
}

// clone lets go of the document that the watcher was read from.
func (w Watcher) clone() Watcher {
	w.ID, w.URI = strings.Clone(w.ID), strings.Clone(w.URI)
	w.Status = StatusOf(w.Status.Code())
	if known := EventOf(w.Event.Code()); known != "" {
		w.Event = known
	} else {
		w.Event = Event(strings.Clone(string(w.Event)))
	}
	w.DisplayName, w.Lang = strings.Clone(w.DisplayName), strings.Clone(w.Lang)
	return w
}

// forget removes the watchers that were told to be terminated.
func (v *View) forget() {
	if !v.over {
		return
	}
	v.over = false
	for _, t := range v.tables {
		list := &v.lists[t.index]
		list.Watchers = slices.DeleteFunc(list.Watchers, func(w Watcher) bool { return w.Status == Terminated })
		clear(t.rows)
		for i := range list.Watchers {
			t.rows[list.Watchers[i].ID] = i
		}
	}
}
