package xmlpatch

import "strings"

// add follows RFC 5261 s.4.3.
func (a *application) add() *Error {
	given, err := a.directives("sel", "type", "pos")
	if err != nil {
		return err
	}
	s, err := a.parseSelector(given.sel)
	if err != nil {
		return err
	}
	// s.8, xpath-add: an add has a type attribute instead.
	if last := s.last(); last == attributeStep || last == namespaceStep {
		return failure(InvalidAttributeValue, "sel of add selects an attribute or a namespace")
	}
	n, err := a.follow(s)
	if err != nil {
		return err
	}
	if given.hasKind {
		return a.addNamed(n, given.kind)
	}
	parent := a.Document.nodes[n.node].parent
	switch {
	case !given.hasPos || given.pos == "prepend":
		if n.kind != elementStep {
			return failure(InvalidPatchDirective, "what is added to is not an element")
		}
		if given.hasPos {
			return a.addContent(n.node, 0)
		}
		return a.addContent(n.node, a.Document.nodes[n.node].last)
	case given.pos == "before":
		return a.addContent(parent, a.Document.nodes[n.node].previous)
	case given.pos == "after" && n.kind == textStep:
		return a.addContent(parent, a.textEnd(n.node))
	case given.pos == "after":
		return a.addContent(parent, n.node)
	}
	return failure(InvalidAttributeValue, "pos is not prepend, before or after")
}

// addContent copies the content of the operation to a place in the document.
func (a *application) addContent(parent, behind int32) *Error {
	if parent == 0 {
		if err := a.besideRoot(); err != nil {
			return err
		}
	}
	for c := a.diff.nodes[a.op].first; c != 0; c = a.diff.nodes[c].next {
		var err *Error
		if behind, err = a.graft(c, parent, behind); err != nil {
			return err
		}
	}
	return nil
}

// besideRoot checks what may stand beside the root element: comments and
// processing instructions (s.3).
func (a *application) besideRoot() *Error {
	for c := a.diff.nodes[a.op].first; c != 0; c = a.diff.nodes[c].next {
		switch {
		case a.diff.nodes[c].kind == elementNode:
			return failure(InvalidRootElementOperation, "a second root element")
		case a.diff.isText(c) && strings.Trim(a.diff.raw(c), space) != "":
			return failure(InvalidRootElementOperation, "text beside the root element")
		}
	}
	return nil
}

// addNamed adds an attribute or a namespace declaration to an element (s.4.3.2
// and 4.3.3).
func (a *application) addNamed(n located, what string) *Error {
	if n.kind != elementStep {
		return failure(InvalidPatchDirective, "only an element has attributes and namespaces")
	}
	value, err := a.plainText(InvalidAttributeValue)
	if err != nil {
		return err
	}
	p := selectorParser{application: a, rest: what}
	if p.take("namespace::") {
		prefix, ok := p.ncName()
		if !ok || p.rest != "" {
			return failure(InvalidAttributeValue, "type is not namespace:: and a prefix")
		}
		return a.addNamespace(n.node, prefix, value)
	}
	prefix, _, _ := strings.Cut(strings.TrimPrefix(what, "@"), ":")
	if !p.take("@") {
		return failure(InvalidAttributeValue, "type is neither an attribute nor a namespace")
	}
	name, err := p.name(false)
	if err == nil && p.rest != "" {
		err = failure(InvalidAttributeValue, "type is not @ and a name")
	}
	if err != nil {
		return err
	}
	return a.addAttribute(n.node, name, prefix, value)
}

func (a *application) addAttribute(e int32, name xname, prefix, value string) *Error {
	if name.space == 0 && name.local == "xmlns" {
		return failure(InvalidAttributeValue, "a default namespace cannot be added") // s.4.2.3
	}
	if _, found := a.attribute(e, name); found {
		return failure(InvalidPatchDirective, "the attribute is there already")
	}
	if name.space == 0 {
		a.addToTag(e, name.local, value)
		return nil
	}
	namespace, _ := a.inDiff(prefix)
	if namespace == namespaceXML {
		a.addToTag(e, "xml:"+name.local, value)
		return nil
	}
	a.around(e)
	chosen, ok := a.choose(a.prefix(e), prefix, namespace, nil, attributeName)
	if !ok {
		chosen = fresh(prefix, func(prefix string) bool {
			_, taken := a.lookup(e, prefix)
			a.work += len(a.scope) * workAttribute
			return taken
		})
		if err := a.declare(e, chosen, namespace); err != nil {
			return err
		}
	}
	a.addToTag(e, chosen+":"+name.local, value)
	return nil
}

func (a *application) addNamespace(e int32, prefix, namespace string) *Error {
	_, declared := a.declaration(e, prefix)
	switch {
	case !isNamespace(namespace):
		return failure(InvalidNamespaceURI, "not a namespace")
	case prefix == "xml" || prefix == "xmlns":
		return failure(InvalidNamespacePrefix, "the prefix is reserved")
	case declared:
		return failure(InvalidNamespacePrefix, "the prefix is declared already")
	case a.uses(e, prefix):
		return failure(InvalidNamespacePrefix, "the prefix has another meaning there")
	}
	return a.declare(e, prefix, namespace)
}

// plainText is the content of the operation, which must be text alone, and no
// CDATA section (s.5.1). Without content it is "".
func (a *application) plainText(otherwise string) (string, *Error) {
	var text strings.Builder
	for c := a.diff.nodes[a.op].first; c != 0; c = a.diff.nodes[c].next {
		switch a.diff.nodes[c].kind {
		case textNode:
			text.WriteString(decodeText(a.diff.raw(c)))
		case cdataNode:
			return "", failure(InvalidAttributeValue, "the content is a CDATA section")
		default:
			return "", failure(otherwise, "the content is not text")
		}
	}
	return text.String(), nil
}
