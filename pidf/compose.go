package pidf

import (
	"slices"
	"strings"
	"sync"
	"time"
)

// Source is one publication in a composition.
type Source struct {
	Doc *Document
	// Device identifies the publishing device where the document does not:
	// its host and User-Agent, say. It is only compared, never written. With ""
	// the device is not known, and is taken for another than any other.
	Device string
	// Key is the publication's name among the others as long as it lives. They
	// sort by their first publication; whatever the key, with "" for all of them
	// the order of the sources counts. A hash of it may be written.
	Key string
	// Hard has it stand back behind every publication: the presentity's hard
	// state (RFC 4827 s.3). There is at most one, and it is the first source.
	Hard bool
}

// Composition is what a presence document is composed of.
type Composition struct {
	Entity string
	// Sources stand in the order of their last change, newest last. A device's
	// timestamps do not count: its clock may be wrong.
	Sources []Source
	// Reachable says that the presentity can be reached at its entity although
	// no publication says so: a device is registered that publishes nothing.
	Reachable bool
	// Now is the time of the composition. What has expired by then is left out;
	// with the zero time nothing has.
	Now time.Time
}

// Append appends the presence document of a presentity to dst: the union of
// what its devices have published. Without any presence information it is the
// document that [Offline] returns. Equal inputs give equal bytes. It also
// returns the time from which on another document would be composed of the
// same, zero for none.
//
// Tuples:
//
//   - A tuple replaces the elder one of the same device: same tuple id and same
//     contact and same deviceID where given; with neither, same tuple id and
//     same Source.Device. The presentity's own address is no contact here: it is
//     that of all its devices. Other tuples with the same id are renamed, all but the
//     one of the first publication; a name stays as long as that one does.
//   - A publication all of whose tuples are replaced is left out altogether.
//   - Open tuples come first, then closed ones, then those without a basic
//     status, otherwise in the order of Source.Key. COMPAT: baresip takes the
//     first basic status in the body, twinkle and libpurple look at the first
//     tuple alone, and libpurple answers no NOTIFY where that one has none
//     (TestComposeOpenFirst, TestDevicesShown).
//   - Where no publication has an open tuple and the presentity is Reachable, an
//     open tuple says so, with the entity as its contact and never another
//     address (RFC 2779 s.5.1.17).
//   - A tuple of hard state stands back behind one with the same id or contact.
//
// The person is one element (RFC 4479 s.3.2), made of all that there are: for
// each kind of information, an element's expanded name, it has the elements of
// the newest person that says it, whatever the others say. An element of RPID
// without content says nothing: it stands only where nobody says more. COMPAT:
// baresip publishes empty activities always (TestDevicesShown). What begins
// later is a kind of its own until then. Its notes are those of the newest person with
// notes, and so is its timestamp; its id is that of the first publication. Of
// several persons in one document a later one is newer.
//
// A device is the newest one of its deviceID (RFC 4479 s.3.4). Notes and
// extensions of the presentity are those of all sources, equal ones once; the
// notes of hard state stand back behind any.
//
// What has expired is left out: elements of RFC 4480 whose until has passed, and
// each timed status whose from has passed: it must not be about the present
// (RFC 4481 s.3).
//
// Elements that the schemas have no place for are left out: those without a
// namespace, and unknown ones in PIDF's own, which RFC 3863 s.4.2.3 has every
// reader ignore; a device without deviceID too.
//
// Elements of RFC 4479 to 4482, 5196, 4589 and 4119 that do not keep to their
// schema are written as the types of this package read them, and left out where
// they hold nothing; a text in a sphere is nothing, although RFC 4480's example
// has one. The elements of other IETF formats, which have their own documents,
// are left out too. Whatever has no such schema is kept as it was published,
// without the attributes of XML Schema instances.
func (n *Composition) Append(dst []byte) (document []byte, until time.Time) {
	c := composers.Get().(*composer)
	defer c.release()
	c.now, c.strict = n.Now, true
	c.choose(n.Sources)
	c.name(n.Sources)
	if n.Reachable {
		c.reach(n.Entity, n.Sources)
	}
	for _, state := range [...]Status{Open, Closed, Unknown} {
		for i := range c.tuples {
			if c.tuples[i].state == state {
				c.tuple(&c.tuples[i])
			}
		}
	}
	c.notes(n.Sources)
	c.persons(n.Sources)
	c.devicesOf()
	c.others()
	if len(c.out) == 0 {
		return appendOffline(dst, n.Entity), c.until
	}
	return c.document(dst, n.Entity), c.until
}

// Compose is [Composition.Append] without a time.
func Compose(dst []byte, entity string, sources []Source) []byte {
	document, _ := (&Composition{Entity: entity, Sources: sources}).Append(dst)
	return document
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
		devices: make(map[string]place),
		kinds:   make(map[kind]int),
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
	devices map[string]place    // the newest device of each deviceID
	ages    []int               // indices of docs, by Source.Key
	layers  []place             // the persons, newest first
	blanks  []place             // elements of a layer that say nothing
	kinds   map[kind]int        // by kind of information, the layer that says it
	now     time.Time           // zero: nothing expires
	until   time.Time           // when something that was written expires or begins; zero: never
	written map[string]struct{} // the notes and extensions in out
	looked  int                 // bytes searched for prefixes
	strict  bool                // what does not keep to the schemas is mended
	mending int                 // bytes that were mended
	alone   bool                // what is written stands by itself: namespaces are bound in it, ids are kept
}

// place is an element of one of the documents.
type place struct {
	source  int
	element int32
}

// kind is what one element of a person tells about.
type kind struct {
	namespace, name string
	later           bool // it begins in the future
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
	clear(c.kinds)
	c.alone, c.strict, c.looked, c.mending, c.now, c.until = false, false, 0, 0, time.Time{}, time.Time{}
	c.ages, c.layers, c.blanks = c.ages[:0], c.layers[:0], c.blanks[:0]
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
		c.ages = append(c.ages, i)
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
		if sources[i].Hard {
			kept = c.standBack(first, total, kept)
			break
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

// standBack is keep for hard state.
func (c *composer) standBack(first, end, to int) int {
	soft := c.tuples[to:]
	for j := end - 1; j >= first; j-- {
		t := c.tuples[j]
		id, contact := t.published(), t.textOf(t.contact)
		if !slices.ContainsFunc(soft, func(s tuple) bool {
			return s.published() == id && id != "" || contact != "" && s.textOf(s.contact) == contact
		}) {
			to--
			c.tuples[to] = t
		}
	}
	return to
}

// name puts the tuples in the order of their first publication, and gives them
// their ids.
func (c *composer) name(sources []Source) {
	if len(sources) > 1 {
		byKey := func(a, b int) int { return strings.Compare(sources[a].Key, sources[b].Key) }
		if !slices.IsSortedFunc(c.ages, byKey) {
			slices.SortStableFunc(c.ages, byKey)
			slices.SortStableFunc(c.tuples, func(a, b tuple) int { return byKey(a.source, b.source) })
		}
	}
	for i := range c.tuples {
		t := &c.tuples[i]
		t.id = c.ids.of(t.published(), "t", sources[t.source].Key)
	}
}

// reach writes the tuple of a presentity that can be reached, unless a
// publication has an open one.
func (c *composer) reach(entity string, sources []Source) {
	if slices.ContainsFunc(c.tuples, func(t tuple) bool { return t.state == Open && !sources[t.source].Hard }) {
		return
	}
	c.tuples = slices.DeleteFunc(c.tuples, func(t tuple) bool { return sources[t.source].Hard && t.textOf(t.contact) == entity })
	c.literal(`<tuple id="`)
	c.id("registered", "")
	c.literal(`"><status><basic>open</basic></status><contact>`)
	c.out = append(AppendURI(c.out, entity), "</contact></tuple>\n"...)
}

func (c *composer) notes(sources []Source) {
	start := len(c.out)
	for _, s := range c.ages {
		if !sources[s].Hard {
			c.within(s, KindNote, c.presentityNote)
		}
	}
	if len(c.out) == start && len(sources) > 0 && sources[0].Hard {
		c.within(0, KindNote, c.presentityNote)
	}
}

func (c *composer) presentityNote(d *Document, i int32) {
	c.once(func() {
		c.note(d, i, "note")
		c.literal("\n")
	})
}

func (c *composer) others() {
	for _, s := range c.ages {
		c.within(s, KindOther, func(d *Document, i int32) {
			if d.isExtension(i, nsPIDF) {
				c.once(func() {
					if c.extension(d, i) {
						c.literal("\n")
					}
				})
			}
		})
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
