package pidf

import (
	"bytes"
	"iter"
	"strings"
	"unicode/utf8"
)

// Name is the expanded name of an element or an attribute.
type Name struct{ Namespace, Local string }

// Element is one element of a document, for programs that copy or read parts
// that this package has no type for. Its offsets are into [Document.Bytes].
type Element struct {
	doc   *Document
	index int32
}

// Root returns the root element of a document, which must not be an empty one.
func (d *Document) Root() Element { return Element{d, 0} }

// Name returns the expanded name.
func (e Element) Name() Name {
	return Name{e.doc.namespace(e.doc.elements[e.index].namespace), e.doc.localName(e.index)}
}

// QualifiedName returns the name as it stands in the text, with its prefix.
func (e Element) QualifiedName() string {
	at := &e.doc.elements[e.index]
	length := qname{prefix: at.prefix, local: at.name}.length()
	return e.doc.body[at.start+1 : at.start+1+length]
}

// Children goes through the child elements in document order.
func (e Element) Children() iter.Seq[Element] {
	return func(yield func(Element) bool) {
		for i := e.doc.firstChild(e.index); i >= 0; i = e.doc.sibling(i) {
			if !yield(Element{e.doc, i}) {
				return
			}
		}
	}
}

// Text returns the character data of the element and of its descendants, with
// references resolved, tags and comments left out.
func (e Element) Text() string { return e.doc.text(e.index) }

// Attribute returns the value of an attribute without a prefix, "" if missing.
func (e Element) Attribute(local string) string { return e.doc.attribute(e.index, local) }

// Lookup returns the value of an attribute without a prefix, and whether it is
// there.
func (e Element) Lookup(local string) (value string, found bool) {
	for a := range e.Attributes() {
		if a.Name == (Name{Local: local}) {
			return e.Value(a), true
		}
	}
	return "", false
}

// HasText tells whether text stands beside the children, other than white space
// and comments. Of an element without children it is all its text.
func (e Element) HasText() bool { return !e.doc.hasElementsOnly(e.index) }

// IsEmpty tells whether nothing stands between the tags but comments.
func (e Element) IsEmpty() bool {
	content := e.doc.content(e.index)
	return e.doc.firstChild(e.index) < 0 && !strings.Contains(content, cdataOpen) && decodeText(content) == ""
}

// Language returns the xml:lang that holds for the element, its own or
// inherited, "" if there is none.
func (e Element) Language() string { return e.doc.language(e.index) }

// Line returns the line of the document in which the element begins, from 1.
func (e Element) Line() int { return e.doc.line(int(e.doc.elements[e.index].start)) }

// Start is the offset of the "<" of the start tag.
func (e Element) Start() int { return int(e.doc.elements[e.index].start) }

// Open is the offset behind the start tag.
func (e Element) Open() int { return int(e.doc.elements[e.index].open) }

// Close is the offset of the "<" of the end tag; of an element without one
// ("<a/>") it is the same as Open and End.
func (e Element) Close() int { return int(e.doc.elements[e.index].close) }

// End is the offset behind the end tag.
func (e Element) End() int { return int(e.doc.elements[e.index].end) }

// Attribute is one attribute of an element; namespace declarations are none.
type Attribute struct {
	Name
	Start int // offset of the name in Bytes
	End   int // offset behind the closing quote
}

// Attributes goes through the attributes in document order.
func (e Element) Attributes() iter.Seq[Attribute] {
	return func(yield func(Attribute) bool) {
		at := &e.doc.elements[e.index]
		for i := range e.doc.attrs[at.attrs : at.attrs+int32(at.attrCount)] {
			a := &e.doc.attrs[int(at.attrs)+i]
			name := Name{e.doc.namespace(a.namespace), e.doc.attrName(a)}
			if !yield(Attribute{Name: name, Start: int(a.start), End: int(a.valueEnd) + 1}) {
				return
			}
		}
	}
}

// Value returns the value of one of the element's attributes, with references
// resolved and white space made blanks.
func (e Element) Value(a Attribute) string {
	raw := e.doc.body[a.Start : a.End-1]
	quote := e.doc.body[a.End-1]
	return decodeAttribute(raw[strings.IndexByte(raw, quote)+1:])
}

// MentionsPrefix tells whether "prefix:" stands in a piece of a document where a
// name may begin: in a tag, or in a text that holds qualified names.
func MentionsPrefix(content []byte, prefix string) bool {
	name := append(append(make([]byte, 0, 32), prefix...), ':')
	for i := 0; ; i += len(name) {
		n := bytes.Index(content[i:], name)
		if n < 0 {
			return false
		}
		if i += n; i == 0 || content[i-1] != ':' && class[content[i-1]]&className == 0 && content[i-1] < utf8.RuneSelf {
			return true
		}
	}
}

// Declarations goes through the namespaces that the element itself binds:
// prefix ("" for the default) and namespace, in document order.
func (e Element) Declarations() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		at := &e.doc.elements[e.index]
		for i := at.bindings; int(i) < len(e.doc.bindings) && e.doc.bindings[i].start < at.open; i++ {
			if !yield(e.doc.prefixOf(i), e.doc.namespace(e.doc.bindings[i].namespace)) {
				return
			}
		}
	}
}
