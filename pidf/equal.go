package pidf

import (
	"bytes"
	"slices"
	"strings"
)

// Equal tells whether two say the same, although they may be written in other
// ways: with other prefixes, in another order where order means nothing (RFC
// 3863 gives it none), with times in other zones, with other ids of parts that
// nobody names. What [Presence.Append] leaves out does not count; extensions are
// compared element by element, their order and their texts counting.
func (p *Presence) Equal(q *Presence) bool { return bytes.Equal(p.canonical(), q.canonical()) }

func (p *Presence) canonical() []byte {
	d := new(Document)
	r := unbounded
	if err := r.Read(d, p.Append(nil)); err != nil {
		return nil
	}
	return d.canonical(nil, 0)
}

// canonical appends an element with expanded names, sorted attributes, and no
// white space around elements. Children of the elements with types are sorted.
func (d *Document) canonical(dst []byte, i int32) []byte {
	e := &d.elements[i]
	dst = appendName(append(dst, '<'), d.name(i))
	var attributes []string
	for k := e.attrs; k < e.attrs+int32(e.attrCount); k++ {
		a := &d.attrs[k]
		name := appendName(append([]byte(nil), ' '), Name{d.namespace(a.namespace), d.attrName(a)})
		value := AppendValue(append(name, `="`...), decodeAttribute(d.body[a.value:a.valueEnd]))
		attributes = append(attributes, string(append(value, '"')))
	}
	slices.Sort(attributes)
	for _, a := range attributes {
		dst = append(dst, a...)
	}
	dst = append(dst, '>')
	dst = d.canonicalContent(dst, i)
	return append(dst, "</>"...)
}

// canonicalContent appends the children and the text around them.
func (d *Document) canonicalContent(dst []byte, i int32) []byte {
	e := &d.elements[i]
	typed := int(e.namespace) < len(wellKnown)
	var children []string
	at := e.open
	text := func(end int32) {
		s := decodeText(d.body[at:end])
		if d.firstChild(i) >= 0 && strings.TrimSpace(s) == "" {
			return
		}
		children = append(children, string(AppendText(nil, s)))
	}
	for c := d.firstChild(i); c >= 0; c = d.sibling(c) {
		text(d.elements[c].start)
		children = append(children, string(d.canonical(nil, c)))
		at = d.elements[c].end
	}
	text(e.close)
	if typed {
		slices.Sort(children)
	}
	for _, c := range children {
		dst = append(dst, c...)
	}
	return dst
}

func appendName(dst []byte, n Name) []byte {
	dst = append(append(dst, '{'), n.Namespace...)
	return append(append(dst, '}'), n.Local...)
}
