package composition

import (
	"sync"
	"sync/atomic"

	"presenced/pidf"
)

// View is a document as some watchers see it. What it says does not change.
type View struct {
	name   string
	entity string
	Bytes  []byte // none where a filter leaves nothing
	Hash   uint64 // equal views have equal hashes, in every process; never 0

	mu     sync.Mutex
	parsed *pidf.Document
	forms  []*form
}

// Document is the view, parsed. Should what was written be unreadable, it is
// that of somebody who is offline.
func (v *View) Document() *pidf.Document {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.parsed == nil {
		parsed := new(pidf.Document)
		if err := stored.ReadShared(parsed, v.Bytes); err != nil {
			parsed = new(pidf.Document)
			if err := stored.Read(parsed, pidf.Offline(v.entity)); err != nil {
				panic(err) // it is ours
			}
		}
		v.parsed = parsed
	}
	return v.parsed
}

// views are made when one is asked for: the document is parsed once, and each
// view made once.
type views struct {
	latest atomic.Pointer[View] // the one asked for last: often all watchers have the same
	mu     sync.Mutex
	whole  *View
	byName map[string]*View
}

// maxViews is how many are kept of one document. A presentity that gives still
// more watchers each their own view has them made at every NOTIFY.
const maxViews = 256

// Whole is the view of who sees everything.
func (d *Document) Whole() *View {
	d.views.mu.Lock()
	defer d.views.mu.Unlock()
	return d.whole()
}

func (d *Document) whole() *View {
	if d.views.whole == nil {
		d.views.whole = &View{entity: d.Entity, Bytes: d.Bytes, Hash: d.Hash}
	}
	return d.views.whole
}

// View returns the view of a name. transform makes it, appending to dst; it
// must make the same of every document for one name.
func (d *Document) View(name string, transform func(dst []byte, doc *pidf.Document) []byte) *View {
	v := d.views.latest.Load()
	if v == nil || v.name != name {
		v = d.view(name, transform)
		d.views.latest.Store(v)
	}
	return v
}

func (d *Document) view(name string, transform func([]byte, *pidf.Document) []byte) *View {
	d.views.mu.Lock()
	defer d.views.mu.Unlock()
	if v := d.views.byName[name]; v != nil {
		return v
	}
	bytes := transform(nil, d.whole().Document())
	v := &View{name: name, entity: d.Entity, Bytes: bytes, Hash: Hash(bytes)}
	if len(d.views.byName) < maxViews {
		if d.views.byName == nil {
			d.views.byName = map[string]*View{}
		}
		d.views.byName[name] = v
	}
	return v
}
