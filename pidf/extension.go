package pidf

import "strings"

// maxHoisted is how many prefixes are bound on the root; more are bound on the
// elements that use them. It leaves room below DefaultMaxNamespaces.
const maxHoisted = 32

// declared is a prefix bound on the root of the composed document.
type declared struct{ prefix, namespace string }

// extension writes an element as it was published, with the bindings that it
// inherited: on the root where the prefix is free, else on the element itself.
// A strict composer mends what does not keep to the schemas that this package
// knows. It is false where nothing was left to write.
func (c *composer) extension(d *Document, i int32) bool {
	if c.strict && !d.conforms(i) {
		if d, i = c.mended(d, i), 0; d == nil {
			return false
		}
	}
	e := &d.elements[i]
	at := e.start + 1 + qname{prefix: e.prefix, local: e.name}.length()
	c.literal(d.body[e.start:at])
	c.inheritDefault(d, i)
	c.inheritPrefixes(d, i)
	for j := i; j < e.next && !c.alone; j++ {
		sub := &d.elements[j]
		for k := sub.attrs; k < sub.attrs+int32(sub.attrCount); k++ {
			a := &d.attrs[k]
			if !d.isIdentifier(sub, a) {
				continue
			}
			c.literal(d.body[at:a.value])
			c.id(strings.TrimSpace(decodeAttribute(d.body[a.value:a.valueEnd])), "x")
			at = a.valueEnd
		}
	}
	c.literal(d.body[at:e.end])
	return true
}

// isIdentifier tells whether an attribute is of type xs:ID, and so must be
// unique in the whole document: xml:id, and the id of person, device and
// everything of RFC 4480.
func (d *Document) isIdentifier(e *element, a *attribute) bool {
	if d.attrName(a) != "id" {
		return false
	}
	return a.namespace == nsXML || a.namespace == nsNone && (e.namespace == nsRPID || e.namespace == nsDataModel)
}

// inheritDefault declares the default namespace on an element that, itself or
// in a descendant, uses another default than PIDF's from outside.
func (c *composer) inheritDefault(d *Document, i int32) {
	e := &d.elements[i]
	for j := i; j < e.next; j++ {
		sub := &d.elements[j]
		if sub.prefix > 0 || sub.binding >= e.bindings {
			continue
		}
		if c.alone && sub.namespace != nsNone || !c.alone && sub.namespace != nsPIDF {
			c.declare("", d.namespace(sub.namespace))
		}
		return
	}
}

// inheritPrefixes binds the prefixes that an element takes from outside. A
// prefix counts as used also where it stands in text or in a value: there may
// be qualified names in content (xsi:type, XPath).
func (c *composer) inheritPrefixes(d *Document, i int32) {
	e := &d.elements[i]
	outside := int32(-1)
	if e.parent >= 0 {
		outside = d.elements[e.parent].scope
	}
	for b := outside; b >= 0; b = d.bindings[b].outer {
		prefix, namespace := d.prefixOf(b), d.namespace(d.bindings[b].namespace)
		if prefix == "" || prefix == "xml" || !c.uses(d, i, b) || d.lookup(e.scope, prefix) != b {
			continue
		}
		if !c.hoist(prefix, namespace) {
			c.declare(prefix, namespace)
		}
	}
}

// hoist binds a prefix on the root. It is false if the prefix means something
// else there. The prefix dm is kept for the data model.
func (c *composer) hoist(prefix, namespace string) bool {
	if c.alone {
		return false
	}
	for _, known := range c.scope {
		if known.prefix == prefix {
			return known.namespace == namespace
		}
	}
	if prefix == "dm" && namespace != NamespaceDataModel || len(c.scope) >= maxHoisted {
		return false
	}
	c.scope = append(c.scope, declared{prefix, namespace})
	return true
}

// dataModel binds the prefix dm on the root.
func (c *composer) dataModel() { c.bind("dm", NamespaceDataModel) }

// bind binds a prefix on the root that nothing else can be hoisted to.
func (c *composer) bind(prefix, namespace string) {
	for _, known := range c.scope {
		if known.prefix == prefix {
			return
		}
	}
	c.scope = append(c.scope, declared{prefix, namespace})
}

// declare writes a namespace declaration into the start tag being written.
func (c *composer) declare(prefix, namespace string) {
	c.out = appendDeclaration(c.out, prefix, namespace)
}

func appendDeclaration(dst []byte, prefix, namespace string) []byte {
	dst = append(dst, " xmlns"...)
	if prefix != "" {
		dst = append(dst, ':')
		dst = append(dst, prefix...)
	}
	dst = append(dst, `="`...)
	dst = AppendValue(dst, namespace)
	return append(dst, '"')
}

// maxLooked bounds how much text is searched for prefixes in one composition;
// from then on only those count that names of elements and attributes have.
const maxLooked = 64 << 10

// uses tells whether a binding from outside an element counts as used in it.
func (c *composer) uses(d *Document, i, binding int32) bool {
	e := &d.elements[i]
	prefix := d.prefixOf(binding)
	if c.looked += int(e.end - e.start); c.looked <= maxLooked {
		return mentions(d.body[e.start:e.end], prefix)
	}
	for j := i; j < e.next; j++ {
		sub := &d.elements[j]
		if sub.binding == binding {
			return true
		}
		for k := sub.attrs; k < sub.attrs+int32(sub.attrCount); k++ {
			if a := &d.attrs[k]; d.body[a.start:a.start+int32(a.prefix)] == prefix {
				return true
			}
		}
	}
	return false
}

// mentions tells whether "prefix:" stands anywhere in a text as the start of a
// name.
func mentions(s, prefix string) bool {
	for i := 0; ; {
		n := strings.Index(s[i:], prefix)
		if n < 0 {
			return false
		}
		i += n
		end := i + len(prefix)
		begins := i == 0 || s[i-1] < 0x80 && s[i-1] != ':' && class[s[i-1]]&className == 0
		if begins && end < len(s) && s[end] == ':' {
			return true
		}
		i = end
	}
}
