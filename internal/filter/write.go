package filter

import (
	"bytes"
	"slices"
	"strings"

	"presenced/pidf"
)

// writer copies what is kept of a document.
type writer struct {
	tree
	body string
	out  []byte
}

// document writes the children of the root, each in a line, and puts the root
// around them.
func (w *writer) document() []byte {
	start := len(w.out)
	for child := w.firstChild(0); child >= 0; child = w.sibling(child) {
		if w.tree[child].marks&kept != 0 {
			w.element(child)
			w.out = append(w.out, '\n')
		}
	}
	root := &w.tree[0]
	w.out = append(w.out, "</"+root.QualifiedName()+">\n"...)
	var space [512]byte
	return slices.Insert(w.out, start, w.head(space[:0], w.out[start:])...)
}

func (w *writer) copy(start, end int) { w.out = append(w.out, w.body[start:end]...) }

func (w *writer) element(i int32) {
	n := &w.tree[i]
	if n.marks&complete != 0 {
		w.copy(n.Start(), n.End())
		return
	}
	w.startTag(n)
	if w.firstChild(i) < 0 {
		w.copy(n.Open(), n.End())
		return
	}
	for child := w.firstChild(i); child >= 0; child = w.sibling(child) {
		if w.tree[child].marks&kept != 0 {
			w.element(child)
		}
	}
	w.copy(n.Close(), n.End())
}

// startTag writes a start tag with its namespaces and the attributes that are
// kept.
func (w *writer) startTag(n *node) {
	at, number := n.Start(), 0
	for a := range n.Attributes() {
		if n.kept&(1<<number) == 0 {
			w.copy(at, a.Start)
			w.out = bytes.TrimRight(w.out, " \t\r\n")
			at = a.End
		}
		number++
	}
	w.copy(at, n.Open())
}

// head appends the XML declaration and the start tag of the root, with the
// namespaces that are used (RFC 4660 s.5.3.1).
func (w *writer) head(dst, content []byte) []byte {
	root := &w.tree[0]
	own, _, _ := strings.Cut(root.QualifiedName(), ":")
	var attributes []byte
	number := 0
	for a := range root.Attributes() {
		if root.kept&(1<<number) != 0 {
			attributes = append(append(attributes, ' '), w.body[a.Start:a.End]...)
		}
		number++
	}
	dst = append(dst, `<?xml version="1.0" encoding="UTF-8"?>`+"\n<"...)
	dst = append(dst, root.QualifiedName()...)
	for prefix, namespace := range root.Declarations() {
		switch {
		case prefix == "":
			dst = append(dst, ` xmlns="`...)
		case prefix == own || pidf.MentionsPrefix(content, prefix) || pidf.MentionsPrefix(attributes, prefix):
			dst = append(dst, " xmlns:"...)
			dst = append(dst, prefix...)
			dst = append(dst, `="`...)
		default:
			continue
		}
		dst = append(pidf.AppendValue(dst, namespace), '"')
	}
	return append(append(dst, attributes...), ">\n"...)
}
