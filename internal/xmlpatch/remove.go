package xmlpatch

import "strings"

// remove follows RFC 5261 s.4.5.
func (a *application) remove() *Error {
	given, err := a.directives("sel", "ws")
	if err != nil {
		return err
	}
	for c := a.diff.nodes[a.op].first; c != 0; c = a.diff.nodes[c].next {
		if a.diff.nodes[c].kind != textNode || strings.Trim(a.diff.raw(c), space) != "" {
			return failure(InvalidPatchDirective, "a remove has no content")
		}
	}
	n, err := a.locate(given.sel)
	if err != nil {
		return err
	}
	if given.hasWS && given.ws != "before" && given.ws != "after" && given.ws != "both" {
		return failure(InvalidAttributeValue, "ws is not before, after or both")
	}
	switch n.kind {
	case textStep, attributeStep, namespaceStep:
		if given.hasWS {
			return failure(InvalidAttributeValue, "ws is for elements, comments and processing instructions")
		}
	}
	switch n.kind {
	case attributeStep:
		a.cutFromTag(n.node, n.attribute)
		return nil
	case namespaceStep:
		return a.removeNamespace(n)
	case textStep:
		a.cut(n.node, a.textEnd(n.node))
		return nil
	}
	return a.removeNode(n, given.ws)
}

// cut removes siblings from first to last.
func (d *Document) cut(first, last int32) {
	for {
		next := d.nodes[first].next
		d.unlink(first)
		if first == last {
			return
		}
		first = next
	}
}

// removeNode removes an element, a comment or a processing instruction, with
// white space beside it if ws says so. Text on both sides becomes one text node,
// because adjacent pieces are.
func (a *application) removeNode(n located, ws string) *Error {
	at := &a.Document.nodes[n.node]
	top := at.parent == 0
	if top && n.kind == elementStep {
		return failure(InvalidRootElementOperation, "the root element cannot be removed")
	}
	if err := a.inProlog(n); err != nil {
		return err
	}
	first, last := n.node, n.node
	if ws == "before" || ws == "both" {
		for previous := at.previous; previous != 0 && a.isText(previous); previous = a.Document.nodes[previous].previous {
			first = previous
		}
		if top || !a.isSpace(first, n.node) {
			return failure(InvalidWhitespaceDirective, "no white space before it")
		}
	}
	if ws == "after" || ws == "both" {
		last = a.textEnd(n.node)
		if top || !a.isSpace(at.next, a.Document.nodes[last].next) {
			return failure(InvalidWhitespaceDirective, "no white space behind it")
		}
	}
	a.cut(first, last)
	return nil
}

// isSpace tells whether the siblings from first up to another are a text node of
// white space alone.
func (a *application) isSpace(first, to int32) bool {
	some := false
	for ; first != to; first = a.Document.nodes[first].next {
		raw := a.raw(first)
		if a.work += workNode + len(raw)/2; a.Document.nodes[first].kind == cdataNode {
			raw = raw[len("<![CDATA[") : len(raw)-len("]]>")]
		} else if strings.Contains(raw, "&") {
			raw = decodeText(raw)
		}
		if strings.Trim(raw, space) != "" {
			return false
		}
		some = some || raw != ""
	}
	return some
}

// removeNamespace removes a declaration of the located element's own that
// nothing uses (s.4.5.3).
func (a *application) removeNamespace(n located) *Error {
	if !n.own {
		return failure(InvalidNamespaceURI, "the prefix is not declared on that element")
	}
	if a.uses(n.node, n.attribute.bound()) {
		return failure(InvalidNamespacePrefix, "the prefix is in use")
	}
	a.cutFromTag(n.node, n.attribute)
	return nil
}
