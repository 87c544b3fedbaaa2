package filter

import "presenced/pidf"

// mark is what is known of an element.
type mark uint8

const (
	included mark = 1 << iota // with all that is in it
	named                     // by its namespace: without what other namespaces have in it
	excluded                  // with all that is in it
	wanted                    // asked for: included or named, and not excluded
	kept                      // delivered: wanted, around what is, or mandatory
	whole                     // delivered with all that is in it, because its schema is not known
	complete                  // nothing of it is left out
)

// Apply appends to dst what the filter leaves of a document (RFC 4661 s.3.5,
// RFC 4660 s.5.3.1): what is included and not excluded, what stands around it,
// and what is mandatory there. Without include elements everything is included.
// Of a valid document it makes a valid one. It appends nothing if nothing that
// was asked for is there: the NOTIFY is then sent without a body. If nothing is
// left out, it is the document byte for byte.
//
// The root cannot be excluded: without it there is no valid document, so that
// step is reversed (RFC 4661 s.3.5.2). As in XPath, an element is selected with
// all that is in it; by a namespace, it is included with what is of that
// namespace in it, and excluded with all.
func (f *Filter) Apply(dst []byte, d *pidf.Document) []byte {
	if f == nil || len(f.include)+len(f.exclude) == 0 {
		return append(dst, d.Bytes()...)
	}
	p := newTree(d)
	defer p.free()
	t := p.nodes
	t.mark(f)
	if !t.settle() {
		return dst
	}
	t.require()
	t.measure()
	if t[0].marks&complete != 0 {
		return append(dst, d.Bytes()...)
	}
	w := writer{tree: t, body: d.Bytes(), out: dst}
	return w.document()
}

// mark marks what the filter selects.
func (t tree) mark(f *Filter) {
	if len(f.include) == 0 {
		t[0].marks |= included
	}
	for i := range f.include {
		t.include(&f.include[i])
	}
	for i := range f.exclude {
		t.exclude(&f.exclude[i])
	}
	t[0].marks &^= excluded
}

func (t tree) include(s *selection) {
	if len(s.steps) == 0 {
		for i := range t {
			if t[i].name.Namespace == s.namespace {
				t[i].marks |= named
			}
		}
		return
	}
	t.find(&s.path, func(f finding) {
		if f.isAttribute() {
			t[f.node].picked |= 1 << f.number
		} else {
			t[f.node].marks |= included
		}
	})
}

func (t tree) exclude(s *selection) {
	if len(s.steps) == 0 {
		t.excludeNamespace(s.namespace)
		return
	}
	t.find(&s.path, func(f finding) {
		if f.isAttribute() {
			t[f.node].dropped |= 1 << f.number
		} else {
			t[f.node].marks |= excluded
		}
	})
}

func (t tree) excludeNamespace(namespace string) {
	for i := range t {
		if t[i].name.Namespace == namespace {
			t[i].marks |= excluded
		}
		number := 0
		for a := range t[i].Attributes() {
			if a.Namespace == namespace {
				t[i].dropped |= 1 << number
			}
			number++
		}
	}
}

// settle finds what is wanted, and what stands around it. It is false if
// nothing is.
func (t tree) settle() bool {
	found := false
	for i := range t {
		n := &t[i]
		if n.parent >= 0 {
			n.marks |= t[n.parent].marks & (included | excluded)
		}
		if n.marks&excluded != 0 {
			n.picked = 0
			continue
		}
		if n.marks&(included|named) != 0 {
			n.marks |= wanted | kept
		}
		if n.picked &^= n.dropped; n.picked != 0 {
			n.marks |= kept
		}
		found = found || n.marks&kept != 0
	}
	for i := len(t) - 1; i > 0; i-- {
		if t[i].marks&kept != 0 {
			t[t[i].parent].marks |= kept
		}
	}
	return found
}

// require keeps what is mandatory in what is kept.
func (t tree) require() {
	for i := range t {
		if t[i].marks&kept == 0 || t[i].marks&whole != 0 {
			continue
		}
		f := frameOf(t[i].name)
		if f.whole {
			for j := int32(i); j < t[i].next; j++ {
				t[j].marks |= kept | whole
			}
			continue
		}
		t.requireChildren(int32(i), f)
	}
}

func (t tree) requireChildren(i int32, f frame) {
	instead, chosen := int32(-1), false
	for child := t.firstChild(i); child >= 0; child = t.sibling(child) {
		n := &t[child]
		if f.requires(n.name) {
			n.marks |= kept
		}
		if f.choice && n.name.Local != "note" {
			chosen = chosen || n.marks&kept != 0
			if instead < 0 {
				instead = child
			}
		}
	}
	if instead >= 0 && !chosen {
		t[instead].marks |= kept
	}
}

// measure finds which attributes are kept, and what is complete.
func (t tree) measure() {
	for i := len(t) - 1; i >= 0; i-- {
		n := &t[i]
		if n.marks&kept == 0 {
			continue
		}
		full := true
		f := frameOf(t[i].name)
		number := 0
		for a := range n.Attributes() {
			if n.keeps(a, number, f) {
				n.kept |= 1 << number
			} else {
				full = false
			}
			number++
		}
		for child := t.firstChild(int32(i)); child >= 0; child = t.sibling(child) {
			full = full && t[child].marks&complete != 0
		}
		if full {
			n.marks |= complete
		}
	}
}

// keeps tells whether an attribute of a kept element is kept. Those of the
// namespace xml hold for what is inside, and stay where they may.
func (n *node) keeps(a pidf.Attribute, number int, f frame) bool {
	bit := uint64(1) << number
	switch {
	case n.marks&whole != 0 || f.requiresAttribute(a.Name):
		return true
	case n.dropped&bit != 0 || n.marks&excluded != 0:
		return false
	case n.picked&bit != 0 || n.marks&included != 0 || a.Namespace == xmlNamespace:
		return true
	}
	return n.marks&named != 0 && (a.Namespace == "" || a.Namespace == n.name.Namespace)
}
