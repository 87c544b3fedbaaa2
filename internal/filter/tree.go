package filter

import (
	"sync"

	"presenced/pidf"
)

// tree is the elements of a document in document order.
type tree []node

// node is an element and what a filter has found out about it.
type node struct {
	pidf.Element
	name         pidf.Name
	parent, next int32 // next: index of the first element behind its descendants
	marks        mark
	picked       uint64 // attributes that are included by themselves, by number: pidf's reader allows 64
	dropped      uint64 // attributes that are excluded by themselves
	kept         uint64 // attributes that are delivered
	text         string // its text with white space collapsed, once it was asked for
	read         bool   // it was asked for
}

// pooled is a tree whose memory is used again.
type pooled struct{ nodes tree }

var trees = sync.Pool{New: func() any { return new(pooled) }}

func newTree(d *pidf.Document) *pooled {
	p := trees.Get().(*pooled)
	p.nodes = p.nodes[:0].add(d.Root(), -1)
	return p
}

func (p *pooled) free() {
	clear(p.nodes)
	trees.Put(p)
}

func (t tree) add(e pidf.Element, parent int32) tree {
	i := int32(len(t))
	t = append(t, node{Element: e, name: e.Name(), parent: parent})
	for child := range e.Children() {
		t = t.add(child, i)
	}
	t[i].next = int32(len(t))
	return t
}

// firstChild returns the index of the first child, or -1.
func (t tree) firstChild(i int32) int32 {
	if t[i].next == i+1 {
		return -1
	}
	return i + 1
}

// sibling returns the index of the next element with the same parent, or -1.
func (t tree) sibling(i int32) int32 {
	next := t[i].next
	if parent := t[i].parent; parent < 0 || next == t[parent].next {
		return -1
	}
	return next
}

// has tells whether an element has an attribute.
func (t tree) has(i int32, name pidf.Name) bool {
	for a := range t[i].Attributes() {
		if a.Name == name {
			return true
		}
	}
	return false
}

// finding is an element, or one of its attributes.
type finding struct {
	node      int32
	number    int            // of the attribute, from 0
	attribute pidf.Attribute // empty for the element
}

func (f finding) isAttribute() bool { return f.attribute.End > 0 }

// place is a finding that can be compared.
func (f finding) place() finding {
	return finding{node: f.node, attribute: pidf.Attribute{Start: f.attribute.Start}}
}

func (f finding) name(t tree) pidf.Name {
	if f.isAttribute() {
		return f.attribute.Name
	}
	return t[f.node].name
}

// value is the string-value (XPath 1.0 s.5) with its white space collapsed.
func (t tree) value(f finding) string {
	if f.isAttribute() {
		return collapse(t[f.node].Value(f.attribute))
	}
	return t.text(f.node)
}

// text is read once: the text of an element is a part of that of all around
// it, and a filter may ask for all of them many times.
func (t tree) text(i int32) string {
	n := &t[i]
	if !n.read {
		n.text, n.read = collapse(n.Text()), true
	}
	return n.text
}
