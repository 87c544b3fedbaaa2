package composition

import (
	"bytes"
	"context"
	"math"
	"slices"
	"strings"
	"time"

	"presenced/internal/store"
	"presenced/pidf"
)

// facts are what a document is composed of.
type facts struct {
	composer *Composer
	aor      string
	pubs     store.Publications
	hard     *pidf.Document
	// registration is asked for only where it counts.
	registration *store.Registration
}

func (c *Composer) gather(ctx context.Context, key store.Key, have *Document) (f facts, err error) {
	f = facts{composer: c, aor: key.AOR}
	if f.pubs, err = c.Publications.Publications(ctx, key); err != nil {
		return f, err
	}
	if c.HardState != nil {
		if f.hard, err = c.HardState.Presence(ctx, key.AOR); err != nil {
			return f, err
		}
	}
	if have != nil && have.Registered != nil {
		err = f.register(ctx)
	}
	return f, err
}

// register asks for the registration, once.
func (f *facts) register(ctx context.Context) error {
	if f.registration != nil || f.composer.Registrations == nil {
		return nil
	}
	r, err := f.composer.Registrations.Bindings(ctx, f.aor)
	if err != nil {
		return err
	}
	f.registration = &r
	return nil
}

// are says whether a document was composed of the same, and still holds.
func (f *facts) are(d *Document) bool {
	if d.Version != f.pubs.Version || d.hard != f.hard || !d.Until.IsZero() && !time.Now().Before(d.Until) {
		return false
	}
	return d.Registered == nil || f.registration != nil && *d.Registered == f.registration.Version
}

// stored reads what was accepted: its size was judged then.
var stored = pidf.Reader{MaxSize: math.MaxInt32 / 2}

// compose makes the document. A publication that cannot be read any more
// counts as absent: it was read when it was accepted.
func (f *facts) compose(ctx context.Context) (*Document, error) {
	m := materials.Get().(*material)
	defer m.release()
	sources := m.sources
	if f.hard != nil {
		sources = append(sources, pidf.Source{Doc: f.hard, Hard: true})
	}
	published, open := false, true // whether there are services, and all of them are open
	for i := range f.pubs.List {
		p := &f.pubs.List[i]
		doc := m.document(i)
		if err := stored.ReadShared(doc, p.Body); err != nil {
			continue
		}
		for s := range doc.Services() {
			published, open = true, open && s == pidf.Open
		}
		sources = append(sources, pidf.Source{Doc: doc, Device: p.Source + " " + p.UserAgent, Key: p.ID})
	}
	m.sources = sources
	composed := pidf.Composition{Entity: f.aor, Sources: sources, Now: time.Now()}
	d := &Document{Version: f.pubs.Version, Entity: f.aor, Sphere: f.sphere(composed.Now, sources), hard: f.hard}
	if (!published || !open) && f.composer.Registrations != nil {
		if err := f.register(ctx); err != nil {
			return nil, err
		}
		version := f.registration.Version // the document is kept, the facts are not
		d.Registered = &version
		composed.Reachable = slices.ContainsFunc(f.registration.Bindings, func(b store.Binding) bool {
			return says(b) && (!published || f.silent(b.UserAgent))
		})
	}
	m.text, d.Until = composed.Append(m.text[:0])
	d.Bytes = bytes.Clone(m.text) // it is kept: no room for more
	d.Hash = Hash(d.Bytes)
	return d, nil
}

// sphere is that of the publications, else that of hard state. It is kept, the
// sources are not.
func (f *facts) sphere(now time.Time, sources []pidf.Source) string {
	if f.hard == nil {
		return strings.Clone(sphereOf(now, sources))
	}
	if s := sphereOf(now, sources[1:]); s != "" {
		return strings.Clone(s)
	}
	return strings.Clone(sphereOf(now, sources[:1]))
}

// silent tells whether a program publishes nothing. A publication that does not
// say whose it is may be any program's.
func (f *facts) silent(program string) bool {
	return program != "" && !slices.ContainsFunc(f.pubs.List, func(p store.Publication) bool {
		return p.UserAgent == "" || p.UserAgent == program
	})
}

// says whether a binding makes its inbox reachable for whoever looks.
func says(b store.Binding) bool { return !b.Withdrawn }
