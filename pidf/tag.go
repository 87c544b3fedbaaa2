package pidf

import "unicode/utf8"

// maxName bounds the prefix and the local part of a name, in bytes.
const maxName = 1024

// qname is a name in the text: a prefix, if any, a colon and a local part.
type qname struct {
	start         int32
	prefix, local uint16 // lengths
}

// length counts the bytes of the name as written.
func (n qname) length() int32 {
	if n.prefix > 0 {
		return int32(n.prefix) + 1 + int32(n.local)
	}
	return int32(n.local)
}

// name reads a qualified name (Namespaces in XML 1.0, production 7).
func (s *scanner) name() (qname, string) {
	n := qname{start: int32(s.i)}
	length, reason := s.ncName()
	if reason != "" {
		return n, reason
	}
	if s.i < len(s.s) && s.s[s.i] == ':' {
		s.i++
		n.prefix = length
		if length, reason = s.ncName(); reason != "" {
			return n, reason
		}
		if s.i < len(s.s) && s.s[s.i] == ':' {
			return n, "two colons in a name"
		}
	}
	n.local = length
	return n, ""
}

func (s *scanner) ncName() (uint16, string) {
	start := s.i
	if i := s.i; i < len(s.s) && class[s.s[i]]&classNameStart != 0 {
		for i++; i < len(s.s) && class[s.s[i]]&className != 0; i++ {
		}
		s.i = i
	} else if r, n := utf8.DecodeRuneInString(s.s[s.i:]); r >= utf8.RuneSelf && n > 1 && isNameStart(r) {
		s.i += n
	} else {
		return 0, "not a name"
	}
	for s.i < len(s.s) {
		if c := s.s[s.i]; c < utf8.RuneSelf && class[c]&className == 0 {
			break
		}
		r, n := utf8.DecodeRuneInString(s.s[s.i:])
		if r == utf8.RuneError && n == 1 || !isName(r) {
			break
		}
		s.i += n
	}
	if s.i-start > maxName {
		return 0, "name too long"
	}
	return uint16(s.i - start), ""
}

// startTag reads a start tag or an empty-element tag with its attributes.
func (s *scanner) startTag() string {
	d := s.doc
	start := s.i
	if s.current < 0 && len(d.elements) > 0 {
		return "a second root element"
	}
	if len(d.elements) >= s.limits.MaxElements {
		return "too many elements"
	}
	s.i++
	name, reason := s.name()
	if reason != "" {
		return reason
	}
	e := element{
		start: int32(start), parent: s.current, scope: s.scope, prefix: name.prefix, name: name.local, depth: 1,
		attrs: int32(len(d.attrs)), bindings: int32(len(d.bindings)),
	}
	if s.current >= 0 {
		e.depth = d.elements[s.current].depth + 1
	}
	s.current = int32(len(d.elements))
	d.elements = append(d.elements, e)
	if int(e.depth) > s.limits.MaxDepth {
		return "elements nested too deep"
	}
	empty, reason := s.attributes()
	if reason != "" {
		return reason
	}
	if reason := s.resolve(); reason != "" {
		return reason
	}
	opened := &d.elements[s.current]
	opened.open = int32(s.i)
	if want := s.limits.Root; s.current == 0 && (d.localName(0) != want.Local || d.namespace(opened.namespace) != want.Namespace) {
		s.cause = ErrRoot
		return "root is not " + want.Local + " in the namespace " + want.Namespace
	}
	if empty {
		s.closeElement(s.i)
	}
	return ""
}

// closeElement ends the open element; its end tag began at close.
func (s *scanner) closeElement(close int) {
	e := &s.doc.elements[s.current]
	e.close, e.end, e.next = int32(close), int32(s.i), int32(len(s.doc.elements))
	s.current = e.parent
	s.scope = -1
	if e.parent >= 0 {
		s.scope = s.doc.elements[e.parent].scope
	}
}

// endTag reads an end tag and closes the open element.
func (s *scanner) endTag() string {
	if s.current < 0 {
		return "end tag without a start tag"
	}
	start := s.i
	e := &s.doc.elements[s.current]
	length := int(qname{prefix: e.prefix, local: e.name}.length())
	at := s.i + 2
	name := int(e.start) + 1
	if at+length > len(s.s) || s.s[at:at+length] != s.s[name:name+length] {
		return "end tag does not match"
	}
	s.i = at + length
	s.space()
	if s.i >= len(s.s) || s.s[s.i] != '>' {
		return "end tag does not match"
	}
	s.i++
	s.closeElement(start)
	return ""
}

// attributes reads the rest of a start tag, and tells whether the element is
// empty.
func (s *scanner) attributes() (empty bool, reason string) {
	count := 0
	for {
		spaced := s.space()
		if s.i >= len(s.s) {
			return false, "unfinished tag"
		}
		switch s.s[s.i] {
		case '>':
			s.i++
			return false, ""
		case '/':
			s.i++
			if s.i >= len(s.s) || s.s[s.i] != '>' {
				return false, "malformed tag"
			}
			s.i++
			return true, ""
		}
		if !spaced {
			return false, "malformed tag"
		}
		if count++; count > s.limits.MaxAttributes {
			return false, "too many attributes"
		}
		if reason := s.attribute(); reason != "" {
			return false, reason
		}
	}
}

func (s *scanner) attribute() string {
	name, reason := s.name()
	if reason != "" {
		return reason
	}
	if !s.equals() {
		return "attribute without a quoted value"
	}
	quote := s.s[s.i]
	s.i++
	value := s.i
	for {
		i := s.i
		for i < len(s.s) && class[s.s[i]]&classValue != 0 {
			i++
		}
		s.i = i
		if s.i >= len(s.s) {
			return "unfinished attribute"
		}
		switch c := s.s[s.i]; {
		case c == quote:
			s.i++
			return s.add(name, value, s.i-1)
		case c == '"' || c == '\'':
			s.i++
		case c == '<':
			return "< in an attribute"
		default:
			if reason := s.special(); reason != "" {
				return reason
			}
		}
	}
}

// add keeps an attribute, or the namespace that it declares.
func (s *scanner) add(name qname, value, end int) string {
	const xmlns = "xmlns"
	prefix := s.s[name.start : name.start+int32(name.prefix)]
	local := s.s[name.start+name.length()-int32(name.local) : name.start+name.length()]
	switch {
	case prefix == xmlns:
		return s.declare(name.start+name.length()-int32(name.local), name.local, s.s[value:end])
	case prefix == "" && local == xmlns:
		return s.declare(name.start, 0, s.s[value:end])
	}
	e := &s.doc.elements[s.current]
	e.attrCount++
	s.doc.attrs = append(s.doc.attrs, attribute{
		start: name.start, value: int32(value), valueEnd: int32(end), prefix: name.prefix, name: name.local,
	})
	return ""
}

// declare keeps a namespace declaration of the open element (Namespaces in XML
// 1.0, s.3).
func (s *scanner) declare(start int32, length uint16, value string) string {
	d := s.doc
	e := &d.elements[s.current]
	prefix := s.s[start : start+int32(length)]
	number, ok := d.number(decodeAttribute(value), s.limits.MaxNamespaces)
	count := int32(1)
	if e.scope >= 0 {
		count += d.bindings[e.scope].count
	}
	switch {
	case !ok || int(count) > s.limits.MaxNamespaces:
		return "too many namespaces"
	case number == nsXMLNS || prefix == "xmlns" || (number == nsXML) != (prefix == "xml"):
		return "reserved namespace or prefix"
	case number == nsNone && length > 0:
		return "prefix bound to nothing"
	case d.lookup(e.scope, prefix) >= e.bindings:
		return "duplicate attribute"
	}
	d.bindings = append(d.bindings, binding{start: start, prefix: length, namespace: number, outer: e.scope, count: count})
	e.scope = int32(len(d.bindings) - 1)
	return ""
}

// resolve binds the names of the open element and its attributes, and finds
// attributes that are the same by expanded name.
func (s *scanner) resolve() string {
	d := s.doc
	e := &d.elements[s.current]
	s.scope = e.scope
	var ok bool
	if e.binding, e.namespace, ok = d.bound(e.scope, e.start+1, e.prefix); !ok {
		return "unbound prefix"
	}
	attrs := d.attrs[e.attrs:]
	for i := range attrs {
		a := &attrs[i]
		if a.prefix > 0 {
			if _, a.namespace, ok = d.bound(e.scope, a.start, a.prefix); !ok {
				return "unbound prefix"
			}
		}
		for j := range attrs[:i] {
			b := &attrs[j]
			if b.name == a.name && b.namespace == a.namespace && d.attrName(b) == d.attrName(a) {
				return "duplicate attribute"
			}
		}
	}
	return ""
}

// bound finds the binding and the namespace of the prefix at an offset, false
// if it has none. The binding is -1 for the prefix xml, which needs none, and
// where there is no default namespace.
func (d *Document) bound(scope, start int32, length uint16) (int32, uint16, bool) {
	prefix := d.body[start : start+int32(length)]
	for i := scope; i >= 0; i = d.bindings[i].outer {
		b := &d.bindings[i]
		if b.prefix == length && d.body[b.start:b.start+int32(length)] == prefix {
			return i, b.namespace, true
		}
	}
	if prefix == "xml" {
		return -1, nsXML, true
	}
	return -1, nsNone, prefix == ""
}
