package xmlpatch

import (
	"slices"

	"github.com/beevik/etree"
)

// remove follows RFC 5261 s.4.5.
func (a *application) remove(op *etree.Element) *Error {
	given, err := directives(op, "sel", "ws")
	if err != nil {
		return err
	}
	for _, t := range op.Child {
		if c, ok := t.(*etree.CharData); !ok || !c.IsWhitespace() {
			return failure(InvalidPatchDirective, "a remove has no content")
		}
	}
	n, err := a.target(op, given["sel"], false)
	if err != nil {
		return err
	}
	ws, spaced := given["ws"]
	if spaced && ws != "before" && ws != "after" && ws != "both" {
		return failure(InvalidAttributeValue, "ws is not before, after or both")
	}
	switch n.kind {
	case textStep, attributeStep, namespaceStep:
		if spaced {
			return failure(InvalidAttributeValue, "ws is for elements, comments and processing instructions")
		}
	}
	switch n.kind {
	case attributeStep:
		n.parent.Attr = slices.Delete(n.parent.Attr, n.attr, n.attr+1)
		return nil
	case namespaceStep:
		return removeNamespace(n)
	case textStep:
		n.cut()
		return nil
	}
	return a.removeNode(n, ws)
}

// removeNode removes an element, a comment or a processing instruction, with
// white space beside it if ws says so. Text on both sides becomes one text node,
// because adjacent tokens are.
func (a *application) removeNode(n node, ws string) *Error {
	top := n.parent == &a.doc.Element
	if top && n.kind == elementStep {
		return failure(InvalidRootElementOperation, "the root element cannot be removed")
	}
	if err := inProlog(n); err != nil {
		return err
	}
	wide := n
	if ws == "before" || ws == "both" {
		for wide.start > 0 && isText(n.parent.Child[wide.start-1]) {
			wide.start--
		}
		if top || !isSpace(n.parent, wide.start, n.start) {
			return failure(InvalidWhitespaceDirective, "no white space before it")
		}
	}
	if ws == "after" || ws == "both" {
		wide.end = textEnd(n.parent, n.end)
		if top || !isSpace(n.parent, n.end, wide.end) {
			return failure(InvalidWhitespaceDirective, "no white space behind it")
		}
	}
	wide.cut()
	return nil
}

func isText(t etree.Token) bool {
	_, ok := t.(*etree.CharData)
	return ok
}

// isSpace tells whether tokens are a text node of white space alone.
func isSpace(parent *etree.Element, start, end int) bool {
	for _, t := range parent.Child[start:end] {
		for _, c := range t.(*etree.CharData).Data {
			if c != ' ' && c != '\t' && c != '\n' && c != '\r' {
				return false
			}
		}
	}
	return textLength(parent, start, end) > 0
}

// removeNamespace removes a declaration of the located element's own that
// nothing uses (s.4.5.3).
func removeNamespace(n node) *Error {
	if n.attr < 0 {
		return failure(InvalidNamespaceURI, "the prefix is not declared on that element")
	}
	if uses(n.parent, declaredPrefix(n.parent.Attr[n.attr])) {
		return failure(InvalidNamespacePrefix, "the prefix is in use")
	}
	n.parent.Attr = slices.Delete(n.parent.Attr, n.attr, n.attr+1)
	return nil
}
