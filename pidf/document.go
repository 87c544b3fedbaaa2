// Package pidf reads, composes and writes presence information: what a
// presentity's devices publish and what its watchers are told.
//
// It implements the Presence Information Data Format (RFC 3863), the data model
// (RFC 4479), rich presence (RFC 4480), timed status (RFC 4481), contact
// information (RFC 4482) and capabilities (RFC 5196) as types: [Presence] is
// read from a document and written as one. Everything else is kept and passed on
// with its namespaces bound, and not interpreted: a location (RFC 4119) whole if
// it keeps to its schema, else what of it does; extensions that no schema is
// known of as they are, but for types that they claim to have (xsi:type); no
// elements of other formats that have schemas, such as watcher information.
// It makes partial documents (RFC 5262): [AppendFull], [AppendDiff]; package
// partial receives them. It knows no SIP and no network.
//
// [Parse] is a streaming reader of its own: one pass over the bytes into a flat
// index of elements, no tree. It is as strict about well-formed XML as it is
// lax about PIDF itself, because real clients get the latter wrong. No document
// of up to [DefaultMaxSize] costs more than a millisecond or a megabyte to read
// and compose (TestHostileCost).
// [Compose] and [Presence.Append] write only what the schemas accept.
//
// Left out: filters, and attributes of other namespaces on the elements that
// have types. How several publications become one document is said at
// [Composition].
package pidf

import (
	"iter"
	"strings"
)

// Kind says what a child of the presence element is.
type Kind string

const (
	KindTuple  Kind = "tuple"  // a service, RFC 3863 s.4.1.2
	KindNote   Kind = "note"   // a comment about the presentity, RFC 3863 s.4.1.6
	KindPerson Kind = "person" // the human, RFC 4479 s.3.2
	KindDevice Kind = "device" // a device, RFC 4479 s.3.4
	KindOther  Kind = "other"  // anything else: an extension, kept as it is
)

// Document is a parsed presence document: its text and an index of its
// elements and attributes in document order. It is never changed after the
// reader returned, so it may be shared. The zero value is an empty document,
// to be filled by [Reader.Read].
type Document struct {
	body     string
	elements []element
	attrs    []attribute
	bindings []binding
	foreign  []string // namespace names that are not in wellKnown
}

// element is one element's place in the text. Offsets are into Document.body.
type element struct {
	start, open int32 // the "<" of the start tag, and the first byte after it
	close, end  int32 // the "<" of the end tag, and the first byte after it
	parent      int32 // index of the parent, -1 for the root
	next        int32 // index of the first element after this one's descendants
	attrs       int32 // index of the first attribute
	bindings    int32 // index of the first binding that it or a descendant declares
	scope       int32 // innermost binding in scope, -1 for none
	binding     int32 // the binding of its own name, -1 for no namespace
	prefix      uint16
	name        uint16 // length of the local name
	namespace   uint16
	attrCount   uint16
	depth       uint16
}

// attribute is one attribute that is not a namespace declaration.
type attribute struct {
	start           int32 // offset of the name
	value, valueEnd int32
	prefix, name    uint16 // lengths
	namespace       uint16
}

// Part is one child of the presence element.
type Part struct {
	Kind      Kind
	Namespace string
	Name      string // local name
	ID        string // the id attribute as published, "" if there is none
	Start     int    // offset of its first byte in Bytes
	End       int    // offset behind its last byte
}

// Bytes returns the document as it was read, without a byte order mark.
func (d *Document) Bytes() string { return d.body }

// Entity returns the presentity's URI as it stands in the document, "" if the
// attribute is missing. Whether it is the right presentity is for the caller to
// judge: clients write pres:, sip: and sips: URIs (RFC 3863 s.4.1.1).
func (d *Document) Entity() string {
	if len(d.elements) == 0 {
		return ""
	}
	return strings.TrimSpace(d.attribute(0, "entity"))
}

// Services goes through the basic status of each tuple in document order.
func (d *Document) Services() iter.Seq[Status] {
	return func(yield func(Status) bool) {
		for i := d.firstChild(0); i >= 0; i = d.sibling(i) {
			if d.kind(i) == KindTuple && !yield(d.tuple(i).state) {
				return
			}
		}
	}
}

// Parts goes through the children of the presence element in document order.
func (d *Document) Parts() iter.Seq[Part] {
	return func(yield func(Part) bool) {
		for i := d.firstChild(0); i >= 0; i = d.sibling(i) {
			e := &d.elements[i]
			part := Part{
				Kind:      d.kind(i),
				Namespace: d.namespace(e.namespace),
				Name:      d.localName(i),
				ID:        d.attribute(i, "id"),
				Start:     int(e.start),
				End:       int(e.end),
			}
			if !yield(part) {
				return
			}
		}
	}
}

func (d *Document) kind(i int32) Kind {
	switch {
	case d.is(i, nsPIDF, "tuple"):
		return KindTuple
	case d.is(i, nsPIDF, "note"):
		return KindNote
	case d.is(i, nsDataModel, "person"):
		return KindPerson
	case d.is(i, nsDataModel, "device"):
		return KindDevice
	}
	return KindOther
}

// firstChild returns the index of the first child element, or -1.
func (d *Document) firstChild(i int32) int32 {
	if int(i) >= len(d.elements) || d.elements[i].next == i+1 {
		return -1
	}
	return i + 1
}

// sibling returns the index of the next element with the same parent, or -1.
func (d *Document) sibling(i int32) int32 {
	next := d.elements[i].next
	if parent := d.elements[i].parent; parent < 0 || next == d.elements[parent].next {
		return -1
	}
	return next
}

func (d *Document) is(i int32, namespace uint16, name string) bool {
	return d.elements[i].namespace == namespace && d.localName(i) == name
}

// isExtension tells whether an element may stand where the schemas say
// namespace="##other" for the given target namespace: elements without any
// namespace may not.
func (d *Document) isExtension(i int32, target uint16) bool {
	namespace := d.elements[i].namespace
	return namespace != target && namespace != nsNone
}

func (d *Document) localName(i int32) string {
	e := &d.elements[i]
	start := e.start + 1 + int32(e.prefix)
	if e.prefix > 0 {
		start++
	}
	return d.body[start : start+int32(e.name)]
}

// attribute returns the value of an attribute without a prefix, "" if missing.
func (d *Document) attribute(i int32, name string) string {
	return d.qualifiedAttribute(i, nsNone, name)
}

func (d *Document) qualifiedAttribute(i int32, namespace uint16, name string) string {
	e := &d.elements[i]
	for _, a := range d.attrs[e.attrs : e.attrs+int32(e.attrCount)] {
		if a.namespace == namespace && d.attrName(&a) == name {
			return decodeAttribute(d.body[a.value:a.valueEnd])
		}
	}
	return ""
}

func (d *Document) attrName(a *attribute) string {
	start := a.start + int32(a.prefix)
	if a.prefix > 0 {
		start++
	}
	return d.body[start : start+int32(a.name)]
}

// line returns the line of an offset, from 1.
func (d *Document) line(offset int) int {
	return 1 + strings.Count(d.body[:min(offset, len(d.body))], "\n")
}

// text returns the character data of an element and of its descendants.
func (d *Document) text(i int32) string {
	e := &d.elements[i]
	return decodeText(d.body[e.open:e.close])
}

// language returns the xml:lang that holds for an element, its own or
// inherited (RFC 3863 s.4.1.6), "" if there is none.
func (d *Document) language(i int32) string {
	for ; i >= 0; i = d.elements[i].parent {
		if lang := d.qualifiedAttribute(i, nsXML, "lang"); lang != "" {
			return lang
		}
	}
	return ""
}
