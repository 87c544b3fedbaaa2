package xmlpatch

// replace follows RFC 5261 s.4.4: one node, by one of the same type.
func (a *application) replace() *Error {
	given, err := a.directives("sel")
	if err != nil {
		return err
	}
	n, err := a.locate(given.sel)
	if err != nil {
		return err
	}
	switch n.kind {
	case attributeStep:
		value, err := a.plainText(InvalidNodeTypes)
		if err != nil {
			return err
		}
		a.setInTag(n.node, n.attribute, value)
		return nil
	case namespaceStep:
		return a.replaceNamespace(n)
	case textStep:
		return a.replaceText(n)
	}
	return a.replaceNode(n)
}

// replaceNode replaces an element, a comment or a processing instruction.
func (a *application) replaceNode(n located) *Error {
	if err := a.inProlog(n); err != nil {
		return err
	}
	content := a.diff.nodes[a.op].first
	if content == 0 || a.diff.nodes[content].next != 0 {
		return failure(InvalidNodeTypes, "the content is not one node")
	}
	if a.diff.nodes[content].kind != a.Document.nodes[n.node].kind {
		return failure(InvalidNodeTypes, "the content is of another type than what it replaces")
	}
	if _, err := a.graft(content, a.Document.nodes[n.node].parent, n.node); err != nil {
		return err
	}
	a.unlink(n.node)
	return nil
}

// inProlog refuses to touch the XML declaration, which is no processing
// instruction (s.3).
func (a *application) inProlog(n located) *Error {
	if a.isDeclaration(n.node) {
		return failure(InvalidXMLPrologOperation, "the XML declaration cannot be patched")
	}
	return nil
}

// replaceText replaces a text node; by nothing, it is removed (s.4.4.6).
func (a *application) replaceText(n located) *Error {
	for c := a.diff.nodes[a.op].first; c != 0; c = a.diff.nodes[c].next {
		if !a.diff.isText(c) {
			return failure(InvalidNodeTypes, "the content is not text")
		}
	}
	parent, behind := a.Document.nodes[n.node].parent, a.Document.nodes[n.node].previous
	a.cut(n.node, a.textEnd(n.node))
	return a.addContent(parent, behind)
}

// replaceNamespace changes the URI of a declaration, which must be the located
// element's own (s.4.4.3).
func (a *application) replaceNamespace(n located) *Error {
	if !n.own {
		return failure(InvalidNamespaceURI, "the prefix is not declared on that element")
	}
	namespace, err := a.plainText(InvalidNodeTypes)
	if err != nil {
		return err
	}
	number := a.numbered(namespace)
	switch {
	case !isNamespace(namespace):
		return failure(InvalidNamespaceURI, "not a namespace")
	case number < 0:
		return failure(InvalidNamespaceURI, "too many namespaces")
	}
	a.setInTag(n.node, n.attribute, namespace)
	a.rebind(n.node, n.attribute.bound(), uint16(number))
	return nil
}
