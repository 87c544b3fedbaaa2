package pidf

import "strings"

// edit makes an old element the new one that has the same name. The selector
// stands at it.
func (x *differ) edit(o, n int32) bool {
	raw := x.new.raw(n)
	start, outer := len(x.out), x.limit
	whole := start + len(`<:replace sel=""></:replace>`) + 2*len(x.prefix) + len(x.sel) + 1 + len(raw)
	x.limit = min(outer, whole)
	edited := x.inPlace(o, n) && len(x.out) < x.limit
	x.limit = outer
	if edited {
		return true
	}
	x.out = x.out[:start]
	if whole >= outer {
		return false
	}
	x.begin("replace", "")
	x.out = append(append(x.out, '>'), raw...)
	x.end("replace")
	return true
}

// inPlace edits what is in an element, if names in it mean the same in both
// documents and in the diff: if it declares no namespaces of its own.
func (x *differ) inPlace(o, n int32) bool {
	if x.old.declares(o) || x.new.declares(n) ||
		(Element{x.old, o}).QualifiedName() != (Element{x.new, n}).QualifiedName() || !x.attributes(o, n) {
		return false
	}
	if x.old.firstChild(o) < 0 && x.new.firstChild(n) < 0 {
		return x.text(x.old.content(o), x.new.content(n))
	}
	return x.children(o, n) == same
}

func (d *Document) declares(i int32) bool {
	e := &d.elements[i]
	return int(e.bindings) < len(d.bindings) && d.bindings[e.bindings].start < e.open
}

// text edits an element that has no child element. With a comment or a CDATA
// section in it there may be several text nodes, or one of several pieces.
func (x *differ) text(old, new string) bool {
	switch {
	case old == new:
		return true
	case strings.IndexByte(old, '<') >= 0 || strings.IndexByte(new, '<') >= 0:
		return false
	case new == "":
		x.begin("remove", "/text()")
		x.empty()
	case old == "":
		x.begin("add", "")
		x.out = append(append(x.out, '>'), new...)
		x.end("add")
	default:
		x.begin("replace", "/text()")
		x.out = append(append(x.out, '>'), new...)
		x.end("replace")
	}
	return true
}

// attributes edits an element's attributes.
func (x *differ) attributes(o, n int32) bool {
	e := &x.new.elements[n]
	for i := e.attrs; i < e.attrs+int32(e.attrCount); i++ {
		a := &x.new.attrs[i]
		name, value := x.new.qualifiedName(a), x.new.value(a)
		b := x.old.attribution(o, x.new.namespace(a.namespace), x.new.attrName(a))
		switch {
		case b != nil && x.old.qualifiedName(b) != name:
			return false
		case b != nil && x.old.value(b) == value:
			continue
		case !x.nameable(a.prefix, name, x.new.namespace(a.namespace)) || b == nil && value == "":
			return false // RFC 5261 s.4.3: added with a text node, which is not empty
		case b != nil:
			x.begin("replace", "/@"+name)
			x.out = append(x.out, '>')
			x.out = AppendText(x.out, value)
			x.end("replace")
		default:
			x.begin("add", "")
			x.out = append(append(append(x.out, ` type="@`...), name...), `">`...)
			x.out = AppendText(x.out, value)
			x.end("add")
		}
	}
	return x.lostAttributes(o, n)
}

func (x *differ) lostAttributes(o, n int32) bool {
	e := &x.old.elements[o]
	for i := e.attrs; i < e.attrs+int32(e.attrCount); i++ {
		a := &x.old.attrs[i]
		if x.new.attribution(n, x.old.namespace(a.namespace), x.old.attrName(a)) != nil {
			continue
		}
		name := x.old.qualifiedName(a)
		if !x.nameable(a.prefix, name, x.old.namespace(a.namespace)) {
			return false
		}
		x.begin("remove", "/@"+name)
		x.empty()
	}
	return true
}

// nameable tells whether a name as written means the same in the diff.
func (x *differ) nameable(prefix uint16, name, namespace string) bool {
	if prefix == 0 || namespace == namespaceXML {
		return true
	}
	known, ok := x.bound(name[:prefix])
	return ok && known == namespace
}

// attribution finds an attribute of an element by its expanded name.
func (d *Document) attribution(i int32, namespace, name string) *attribute {
	e := &d.elements[i]
	for k := e.attrs; k < e.attrs+int32(e.attrCount); k++ {
		if a := &d.attrs[k]; d.attrName(a) == name && d.namespace(a.namespace) == namespace {
			return a
		}
	}
	return nil
}

func (d *Document) value(a *attribute) string { return decodeAttribute(d.body[a.value:a.valueEnd]) }

func (d *Document) raw(i int32) string { return d.body[d.elements[i].start:d.elements[i].end] }

func (d *Document) content(i int32) string { return d.body[d.elements[i].open:d.elements[i].close] }
