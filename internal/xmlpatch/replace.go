package xmlpatch

import "github.com/beevik/etree"

// replace follows RFC 5261 s.4.4: one node, by one of the same type.
func (a *application) replace(op *etree.Element) *Error {
	given, err := directives(op, "sel")
	if err != nil {
		return err
	}
	n, err := a.target(op, given["sel"], false)
	if err != nil {
		return err
	}
	switch n.kind {
	case attributeStep:
		value, err := plainText(op, InvalidNodeTypes)
		if err != nil {
			return err
		}
		n.parent.Attr[n.attr].Value = value
		return nil
	case namespaceStep:
		return a.replaceNamespace(op, n)
	case textStep:
		return replaceText(op, n)
	}
	return a.replaceNode(op, n)
}

// replaceNode replaces an element, a comment or a processing instruction.
func (a *application) replaceNode(op *etree.Element, n node) *Error {
	if err := inProlog(n); err != nil {
		return err
	}
	if len(op.Child) != 1 {
		return failure(InvalidNodeTypes, "the content is not one node")
	}
	same := false
	switch op.Child[0].(type) {
	case *etree.Element:
		same = n.kind == elementStep
	case *etree.Comment:
		same = n.kind == commentStep
	case *etree.ProcInst:
		same = n.kind == instructionStep
	}
	if !same {
		return failure(InvalidNodeTypes, "the content is of another type than what it replaces")
	}
	copied, err := a.content(op.Child[0], n.parent)
	if err != nil {
		return err
	}
	n.parent.RemoveChildAt(n.start)
	n.parent.InsertChildAt(n.start, copied)
	return nil
}

// inProlog refuses to touch the XML declaration, which is no processing
// instruction (s.3).
func inProlog(n node) *Error {
	if pi, ok := n.parent.Child[n.start].(*etree.ProcInst); ok && pi.Target == "xml" {
		return failure(InvalidXMLPrologOperation, "the XML declaration cannot be patched")
	}
	return nil
}

// replaceText replaces a text node; by nothing, it is removed (s.4.4.6).
func replaceText(op *etree.Element, n node) *Error {
	for _, t := range op.Child {
		if _, ok := t.(*etree.CharData); !ok {
			return failure(InvalidNodeTypes, "the content is not text")
		}
	}
	n.cut()
	for i, t := range op.Child {
		n.parent.InsertChildAt(n.start+i, copyOf(t))
	}
	return nil
}

// cut removes the tokens of a node.
func (n node) cut() {
	for range n.end - n.start {
		n.parent.RemoveChildAt(n.start)
	}
}

// replaceNamespace changes the URI of a declaration, which must be the located
// element's own (s.4.4.3).
func (a *application) replaceNamespace(op *etree.Element, n node) *Error {
	if n.attr < 0 {
		return failure(InvalidNamespaceURI, "the prefix is not declared on that element")
	}
	namespace, err := plainText(op, InvalidNodeTypes)
	if err != nil {
		return err
	}
	if !isNamespace(namespace) {
		return failure(InvalidNamespaceURI, "not a namespace")
	}
	n.parent.Attr[n.attr].Value = namespace
	return nil
}
