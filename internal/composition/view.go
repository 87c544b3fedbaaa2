package composition

import (
	"sync"
	"sync/atomic"

	"presenced/pidf"
)

// View is a document as some watchers see it. It is immutable.
type View struct {
	name  string
	Bytes []byte
	Hash  uint64 // equal views have equal hashes; never 0
}

// views are made when one is asked for: the document is parsed once, and each
// view made once.
type views struct {
	latest atomic.Pointer[View] // the one asked for last: often all watchers have the same
	mu     sync.Mutex
	parsed *pidf.Document
	byName map[string]*View
}

// maxViews is how many are kept of one document. A presentity that gives still
// more watchers each their own view has them made at every NOTIFY.
const maxViews = 256

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
	bytes := transform(nil, d.parse())
	v := &View{name: name, Bytes: bytes, Hash: Hash(bytes)}
	if len(d.views.byName) < maxViews {
		if d.views.byName == nil {
			d.views.byName = map[string]*View{}
		}
		d.views.byName[name] = v
	}
	return v
}

// parse reads the document. Should what Compose wrote be unreadable, a view of
// it shows somebody who is offline. The views are locked.
func (d *Document) parse() *pidf.Document {
	if d.views.parsed != nil {
		return d.views.parsed
	}
	parsed := new(pidf.Document)
	if err := stored.Read(parsed, d.Bytes); err != nil {
		parsed = new(pidf.Document)
		if err := stored.Read(parsed, pidf.Offline(d.Entity)); err != nil {
			panic(err) // it is ours
		}
	}
	d.views.parsed = parsed
	return parsed
}
