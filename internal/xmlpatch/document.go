package xmlpatch

import (
	"slices"
	"strings"
)

// Document is a document that operations are applied to or stand in: its text,
// and a node for each piece of it. It takes 36 bytes a node beside the text.
type Document struct {
	text   string
	made   strings.Builder // what was made since: tags that changed, and added content
	nodes  []node          // the first is the document itself
	spaces []string        // namespaces by number; 0 is none
}

type kind uint8

const (
	documentNode kind = iota
	elementNode
	textNode
	cdataNode // a CDATA section, which is text too
	commentNode
	instructionNode
)

// node is a piece of a document. Adjacent pieces of text are one text node of
// XPath (s.4.3.5).
type node struct {
	kind     kind
	declares bool   // the tag of an element declares namespaces
	space    uint16 // number of an element's namespace
	prefix   uint16 // length of an element's prefix
	name     uint16 // length of an element's qualified name, or of an instruction's target

	parent, previous, next, first, last int32 // 0 for none

	start, end int32 // the start tag of an element, the whole of any other: in text, or behind it in made
}

// raw is what stands in the document: the start tag of an element, the whole of
// any other node.
func (d *Document) raw(i int32) string {
	n, base := &d.nodes[i], int32(len(d.text))
	if n.start < base {
		return d.text[n.start:n.end]
	}
	return d.made.String()[n.start-base : n.end-base]
}

// make is room for a node, for what is added from a diff.
func (d *Document) make(n node, diff *Document) int32 {
	if len(d.nodes) == cap(d.nodes) {
		d.nodes = slices.Grow(d.nodes, len(diff.nodes)) // each of them is added at most once
	}
	if d.made.Cap() == 0 {
		d.made.Grow(len(diff.text))
	}
	d.nodes = append(d.nodes, n)
	return int32(len(d.nodes) - 1)
}

// write sets what stands in the document for a node.
func (d *Document) write(i int32, pieces ...string) {
	n := &d.nodes[i]
	n.start = int32(len(d.text) + d.made.Len())
	for _, piece := range pieces {
		d.made.WriteString(piece)
	}
	n.end = int32(len(d.text) + d.made.Len())
}

// qualified is the name of an element as it is written.
func (d *Document) qualified(i int32) string { return d.raw(i)[1 : 1+d.nodes[i].name] }

func (d *Document) prefix(i int32) string { return d.raw(i)[1 : 1+d.nodes[i].prefix] }

func (d *Document) local(i int32) string {
	n := &d.nodes[i]
	if n.prefix == 0 {
		return d.raw(i)[1 : 1+n.name]
	}
	return d.raw(i)[2+n.prefix : 1+n.name]
}

func (d *Document) namespace(i int32) string { return d.spaces[d.nodes[i].space] }

func (d *Document) isText(i int32) bool {
	return d.nodes[i].kind == textNode || d.nodes[i].kind == cdataNode
}

// root is the root element.
func (d *Document) root() int32 {
	for i := d.nodes[0].first; i != 0; i = d.nodes[i].next {
		if d.nodes[i].kind == elementNode {
			return i
		}
	}
	return 0
}

// maxSpaces bounds the namespaces of a document, with those that operations add.
const maxSpaces = 256

// number is a namespace's number, -1 if the document has none such.
func (d *Document) number(namespace string) int {
	for i := len(d.spaces) - 1; i >= 0; i-- {
		if d.spaces[i] == namespace {
			return i
		}
	}
	return -1
}

// numbered is number, of a namespace that may be new. It is -1 where there are
// too many.
func (d *Document) numbered(namespace string) int {
	n := d.number(namespace)
	if n >= 0 || len(d.spaces) == maxSpaces {
		return n
	}
	d.spaces = append(d.spaces, namespace)
	return len(d.spaces) - 1
}

// insert links a node that stands nowhere below a parent, behind a child of it,
// or first for 0.
func (d *Document) insert(i, parent, behind int32) {
	n, p := &d.nodes[i], &d.nodes[parent]
	n.parent, n.previous, n.next = parent, behind, p.first
	if behind != 0 {
		n.next = d.nodes[behind].next
		d.nodes[behind].next = i
	} else {
		p.first = i
	}
	if n.next != 0 {
		d.nodes[n.next].previous = i
	} else {
		p.last = i
	}
}

// unlink takes a node out of the document.
func (d *Document) unlink(i int32) {
	n := &d.nodes[i]
	p := &d.nodes[n.parent]
	if n.previous != 0 {
		d.nodes[n.previous].next = n.next
	} else {
		p.first = n.next
	}
	if n.next != 0 {
		d.nodes[n.next].previous = n.previous
	} else {
		p.last = n.previous
	}
	n.parent, n.previous, n.next = 0, 0, 0
}

// declaration is the XML declaration of what is written.
const declaration = `<?xml version="1.0" encoding="UTF-8"?>`

// Append appends the document to dst, with an XML declaration: what no operation
// has touched as it was read.
func (d *Document) Append(dst []byte) []byte {
	dst = append(dst, declaration...)
	for i := d.nodes[0].first; i != 0; i = d.nodes[i].next {
		if d.isDeclaration(i) {
			continue
		}
		dst = d.append(dst, i)
	}
	return dst
}

// Size is at least the length of what Append appends.
func (d *Document) Size() int {
	n := len(declaration)
	for i := d.nodes[0].first; i != 0; {
		n += int(d.nodes[i].end - d.nodes[i].start)
		if d.nodes[i].kind == elementNode {
			n += int(d.nodes[i].name) + len("</>")
		}
		i = d.following(i)
	}
	return n
}

// following is the node behind another in document order, 0 behind the last.
func (d *Document) following(i int32) int32 {
	if first := d.nodes[i].first; first != 0 {
		return first
	}
	for ; i != 0; i = d.nodes[i].parent {
		if next := d.nodes[i].next; next != 0 {
			return next
		}
	}
	return 0
}

func (d *Document) append(dst []byte, i int32) []byte {
	raw, n := d.raw(i), &d.nodes[i]
	if n.kind != elementNode {
		return append(dst, raw...)
	}
	if strings.HasSuffix(raw, "/>") {
		if n.first == 0 {
			return append(dst, raw...)
		}
		raw = raw[:len(raw)-len("/>")]
		dst = append(append(dst, raw...), '>')
	} else {
		dst = append(dst, raw...)
	}
	for c := n.first; c != 0; c = d.nodes[c].next {
		dst = d.append(dst, c)
	}
	dst = append(append(dst, "</"...), d.qualified(i)...)
	return append(dst, '>')
}

// isDeclaration tells whether a node is the XML declaration, which is no
// processing instruction (s.3).
func (d *Document) isDeclaration(i int32) bool {
	return d.nodes[i].kind == instructionNode && d.target(i) == "xml"
}

// target is that of a processing instruction.
func (d *Document) target(i int32) string { return d.raw(i)[2 : 2+d.nodes[i].name] }
