package pidf

import (
	"slices"
	"strings"
	"sync"
)

// Source is one publication in a composition.
type Source struct {
	Doc *Document
	// Device identifies the publishing device where the document does not:
	// its host and User-Agent, say. It is only compared, never written. With ""
	// the device is not known, and is taken for another than any other.
	Device string
}

// Compose appends the presence document of a presentity to dst: the union of
// what its devices have published. Sources stand in the order of their
// publication, oldest first. Without any presence information it is the
// document that [Offline] returns. Equal inputs give equal bytes, and the
// document is valid by pidf.xsd and data-model.xsd.
//
//   - A tuple replaces the elder one of the same device: same tuple id and same
//     contact and same deviceID where given; with neither, same tuple id and
//     same Source.Device. Other tuples with the same id are renamed.
//   - A publication all of whose tuples are replaced is left out altogether.
//   - Open tuples come first, otherwise oldest first. COMPAT: baresip takes the
//     first basic status in the body (TestComposeOpenFirst).
//   - The person is that of the newest publication which has one, with all its
//     occurrences (RFC 4479 s.3.2, s.3.5); a device is the newest one of its
//     deviceID; equal notes and equal extensions are written once.
//   - Elements that the schemas have no place for are left out: those without a
//     namespace, and unknown ones in PIDF's own, which RFC 3863 s.4.2.3 has
//     every reader ignore; a device without deviceID too.
func Compose(dst []byte, entity string, sources []Source) []byte {
	c := composers.Get().(*composer)
	defer c.release()
	c.choose(sources)
	for i := range c.tuples {
		if c.tuples[i].state == Open {
			c.tuple(&c.tuples[i])
		}
	}
	for i := range c.tuples {
		if c.tuples[i].state != Open {
			c.tuple(&c.tuples[i])
		}
	}
	c.notes()
	c.persons()
	c.others()
	if len(c.out) == 0 {
		return appendOffline(dst, entity)
	}
	return c.document(dst, entity)
}

// Replaces tells whether [Compose] leaves the elder publication out altogether
// because of the newer one.
func Replaces(newer, elder Source) bool {
	c := composers.Get().(*composer)
	defer c.release()
	c.choose([]Source{elder, newer})
	return c.docs[0] == nil
}

var composers = sync.Pool{New: func() any {
	return &composer{
		ids:     identifiers{next: make(map[string]int)},
		newest:  make(map[identity]int),
		devices: make(map[string]struct{}),
		written: make(map[string]struct{}),
	}
}}

// composer writes the children of the presence element into out, and gathers
// meanwhile the namespaces that the root has to bind.
type composer struct {
	out     []byte
	scope   []declared
	ids     identifiers
	docs    []*Document // the sources that are not replaced, nil for the others
	tuples  []tuple     // of docs, without the replaced ones
	newest  map[identity]int
	devices map[string]struct{}
	written map[string]struct{} // the notes and extensions in out
	looked  int                 // bytes searched for prefixes
	alone   bool                // what is written stands by itself: namespaces are bound in it, ids are kept
}

// maxKept bounds the memory that the pool keeps for one composer.
const maxKept = 64 << 10

func (c *composer) release() {
	if cap(c.out) > maxKept || cap(c.tuples) > 256 || len(c.ids.next) > 256 || len(c.written) > 256 {
		return
	}
	clear(c.scope)
	clear(c.docs)
	clear(c.tuples)
	clear(c.written)
	clear(c.ids.next)
	clear(c.newest)
	clear(c.devices)
	c.alone, c.looked = false, 0
	c.out, c.scope, c.docs, c.tuples = c.out[:0], c.scope[:0], c.docs[:0], c.tuples[:0]
	composers.Put(c)
}

// choose finds the documents and tuples that no newer publication replaces.
func (c *composer) choose(sources []Source) {
	size := 0
	for _, s := range sources {
		if s.Doc != nil {
			size += len(s.Doc.body)
		}
	}
	c.out = slices.Grow(c.out, size)
	for i, s := range sources {
		c.docs = append(c.docs, s.Doc)
		if s.Doc == nil {
			continue
		}
		for e := s.Doc.firstChild(0); e >= 0; e = s.Doc.sibling(e) {
			if s.Doc.kind(e) == KindTuple {
				t := s.Doc.tuple(e)
				t.source = i
				c.tuples = append(c.tuples, t)
			}
		}
	}
	if len(sources) < 2 {
		return
	}
	total, kept := len(c.tuples), len(c.tuples)
	for i := len(sources) - 1; i >= 0; i-- {
		first := total
		for first > 0 && c.tuples[first-1].source == i {
			first--
		}
		left := c.keep(first, total, kept, sources[i].Device)
		if c.replaced(total-first, kept-left, i, sources[i].Device) {
			c.docs[i] = nil
		}
		total, kept = first, left
	}
	c.tuples = append(c.tuples[:0], c.tuples[kept:]...)
}

// keep moves those of the tuples from first to end that are not replaced to
// the places before to, and returns where they begin.
func (c *composer) keep(first, end, to int, device string) int {
	for j := end - 1; j >= first; j-- {
		t := c.tuples[j]
		id, known := t.identity(device)
		if known {
			if newer, ok := c.newest[id]; ok && newer != t.source {
				continue
			}
			c.newest[id] = t.source
		}
		to--
		c.tuples[to] = t
	}
	return to
}

// replaced tells whether nothing is left of a publication: it had tuples and
// has none any more, or it never had any and neither has a newer one of the
// same device.
func (c *composer) replaced(had, has, source int, device string) bool {
	if had > 0 || device == "" {
		return had > 0 && has == 0
	}
	id := identity{id: "\x00", origin: device} // no tuple has such an id
	if _, ok := c.newest[id]; ok {
		return true
	}
	c.newest[id] = source
	return false
}

func (c *composer) notes() {
	c.each(KindNote, func(d *Document, i int32) {
		c.once(func() {
			c.note(d, i, "note")
			c.literal("\n")
		})
	})
}

func (c *composer) others() {
	c.each(KindOther, func(d *Document, i int32) {
		if d.isExtension(i, nsPIDF) {
			c.once(func() {
				c.extension(d, i)
				c.literal("\n")
			})
		}
	})
}

// persons writes the newest person and the newest of each device.
func (c *composer) persons() {
	for s := len(c.docs) - 1; s >= 0; s-- {
		start := len(c.out)
		c.within(s, KindPerson, func(d *Document, i int32) { c.person(d, i, "person", "p") })
		if len(c.out) > start {
			break
		}
	}
	for s := len(c.docs) - 1; s >= 0; s-- {
		c.within(s, KindDevice, func(d *Document, i int32) {
			id := d.deviceIDOf(i)
			if _, known := c.devices[id]; known || id == "" {
				return
			}
			c.devices[id] = struct{}{}
			c.person(d, i, "device", "d")
		})
	}
}

func (c *composer) each(kind Kind, write func(*Document, int32)) {
	for s := range c.docs {
		c.within(s, kind, write)
	}
}

func (c *composer) within(source int, kind Kind, write func(*Document, int32)) {
	d := c.docs[source]
	if d == nil {
		return
	}
	for i := d.firstChild(0); i >= 0; i = d.sibling(i) {
		if d.kind(i) == kind {
			write(d, i)
		}
	}
}

// once takes back what write has written if the same was written before.
func (c *composer) once(write func()) {
	start := len(c.out)
	write()
	if _, known := c.written[string(c.out[start:])]; known {
		c.out = c.out[:start]
		return
	}
	c.written[string(c.out[start:])] = struct{}{}
}

// note writes a note with its language (RFC 3863 s.4.1.6).
func (c *composer) note(d *Document, i int32, name string) {
	c.out = appendNote(c.out, name, Note{Text: d.text(i), Lang: d.language(i)})
}

func (c *composer) id(published, missing string) {
	c.out = c.ids.append(c.out, published, missing)
}

func (c *composer) literal(s string) { c.out = append(c.out, s...) }

func (c *composer) element(name, text string) { c.out = appendElement(c.out, name, text) }

// document appends the whole: the root with its bindings around what was
// written.
func (c *composer) document(dst []byte, entity string) []byte {
	slices.SortFunc(c.scope, func(a, b declared) int { return strings.Compare(a.prefix, b.prefix) })
	dst = slices.Grow(dst, len(c.out)+256)
	dst = appendRoot(dst, entity, c.scope)
	dst = append(dst, c.out...)
	return append(dst, rootClose...)
}
