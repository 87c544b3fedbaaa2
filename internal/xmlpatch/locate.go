package xmlpatch

import (
	"fmt"
	"strings"
)

// follow finds the one node that a selector selects (s.4.1).
func (a *application) follow(s selector) (located, *Error) {
	a.nodes = append(a.nodes[:0], 0)
	if s.byID {
		if err := a.byID(s.id); err != nil {
			return located{}, err
		}
	}
	for i := range s.steps {
		step := &s.steps[i]
		if step.kind == attributeStep || step.kind == namespaceStep {
			return a.named(step)
		}
		a.next = a.next[:0]
		for _, e := range a.nodes {
			a.step(e, step)
			if a.work > a.MaxWork {
				return located{}, failure(UnlocatedNode, "the selectors ask for too much work")
			}
		}
		a.nodes, a.next = a.next, a.nodes
	}
	if len(a.nodes) != 1 {
		return located{}, failure(UnlocatedNode, fmt.Sprintf("sel selects %d nodes", len(a.nodes)))
	}
	return located{kind: s.last(), node: a.nodes[0]}, nil
}

// byID finds the elements with an attribute of type ID and a value.
func (a *application) byID(id string) *Error {
	a.nodes = a.nodes[:0]
	known := a.ID != ""
	for i := a.Document.nodes[0].first; i != 0; i = a.following(i) {
		if a.work += workNode; a.Document.nodes[i].kind != elementNode {
			continue
		}
		for attr := range a.attributes(i) {
			a.work += workAttribute
			isXMLID := attr.prefix == "xml" && attr.local == "id"
			known = known || isXMLID
			if (isXMLID || a.ID != "" && attr.prefix == "" && attr.local == a.ID) && decode(attr.value) == id {
				a.nodes = append(a.nodes, i)
			}
		}
		if a.work > a.MaxWork {
			return failure(UnlocatedNode, "the selectors ask for too much work")
		}
	}
	if !known {
		return failure(UnsupportedIDFunction, "attributes of type ID are not known")
	}
	return nil
}

// named takes the last step to an attribute or a namespace.
func (a *application) named(s *step) (located, *Error) {
	count, last := 0, located{kind: s.kind}
	for _, e := range a.nodes {
		if a.Document.nodes[e].kind != elementNode {
			continue
		}
		attr, own, found := attribute{}, false, false
		if s.kind == attributeStep {
			attr, found = a.attribute(e, s.name)
		} else {
			attr, own = a.declaration(e, s.label)
			_, found = a.lookup(e, s.label)
		}
		if a.work += workAttribute; found {
			count++
			last = located{s.kind, e, attr, own}
		}
		if a.work > a.MaxWork {
			break
		}
	}
	if count != 1 {
		return located{}, failure(UnlocatedNode, fmt.Sprintf("sel selects %d nodes", count))
	}
	return last, nil
}

// attribute finds an attribute of an element by its expanded name.
func (a *application) attribute(e int32, name xname) (attribute, bool) {
	for attr := range a.attributes(e) {
		if a.work += workAttribute; a.isAttribute(e, &attr, name) {
			return attr, true
		}
	}
	return attribute{}, false
}

// step takes one location step from an element, or from the document, to
// children of it.
func (a *application) step(e int32, s *step) {
	base := len(a.next)
	for c := a.Document.nodes[e].first; c != 0; c = a.Document.nodes[c].next {
		if a.work += workNode; a.passes(c, s) {
			a.next = append(a.next, c)
		}
	}
	for i := range s.conditions {
		a.next = a.next[:base+a.filter(a.next[base:], &s.conditions[i])]
	}
}

// passes is the node test of a step.
func (a *application) passes(i int32, s *step) bool {
	n := &a.Document.nodes[i]
	switch s.kind {
	case elementStep:
		return n.kind == elementNode && (s.any || int(n.space) == s.name.space && a.local(i) == s.name.local)
	case textStep: // the root node has no text: XPath 1.0 s.5.1
		return a.isText(i) && n.parent != 0 && (n.previous == 0 || !a.isText(n.previous)) && !a.isEmptyText(i)
	case commentStep:
		return n.kind == commentNode
	case instructionStep:
		return n.kind == instructionNode && (s.label == "" && a.target(i) != "xml" || s.label != "" && s.label == a.target(i))
	}
	return false
}

// textEnd is the last piece of the text that begins at a node (s.4.3.5).
func (d *Document) textEnd(i int32) int32 {
	for next := d.nodes[i].next; next != 0 && d.isText(next); next = d.nodes[i].next {
		i = next
	}
	return i
}

// isEmptyText tells whether the text from a node on is empty CDATA sections.
func (d *Document) isEmptyText(i int32) bool {
	for ; i != 0 && d.isText(i); i = d.nodes[i].next {
		if d.nodes[i].kind == textNode || d.raw(i) != "<![CDATA[]]>" {
			return false
		}
	}
	return true
}

// filter moves the nodes for which a predicate holds to the front, and counts
// them; positions count in what the predicates before it have left (XPath 1.0
// s.2.4).
func (a *application) filter(nodes []int32, c *condition) int {
	a.work += len(nodes)
	if c.kind == position {
		if c.index < 1 || c.index > len(nodes) {
			return 0
		}
		nodes[0] = nodes[c.index-1]
		return 1
	}
	kept := 0
	for _, n := range nodes {
		if a.work <= a.MaxWork && a.holds(n, c) {
			nodes[kept] = n
			kept++
		}
	}
	return kept
}

func (a *application) holds(e int32, c *condition) bool {
	switch c.kind {
	case attributeValue:
		tag := a.raw(e)
		a.work += workNode + len(tag)/8
		if !strings.ContainsAny(tag, "&\t\r\n") && !strings.Contains(tag, c.value) {
			return false // nearly always
		}
		attr, found := a.attribute(e, c.name)
		return found && decode(attr.value) == c.value
	case ownValue:
		return a.hasValue(e, c.value)
	case childValue:
		for i := a.Document.nodes[e].first; i != 0; i = a.Document.nodes[i].next {
			n := &a.Document.nodes[i]
			a.work += workNode
			if n.kind == elementNode && int(n.space) == c.name.space && a.local(i) == c.name.local && a.hasValue(i, c.value) {
				return true
			}
		}
	}
	return false
}

// hasValue compares an element's string value, the text of all its descendants
// (XPath 1.0 s.5.2), without making it.
func (a *application) hasValue(e int32, want string) bool {
	rest, ok := a.consume(e, want)
	return ok && rest == ""
}

func (a *application) consume(e int32, rest string) (string, bool) {
	for i := a.Document.nodes[e].first; i != 0; i = a.Document.nodes[i].next {
		a.work += workNode
		ok := true
		switch a.Document.nodes[i].kind {
		case textNode:
			text := a.raw(i)
			a.work += workNode + min(len(text), len(rest))/4
			if strings.Contains(text, "&") {
				a.work += 4 * min(len(text), maxReference*len(rest))
			}
			rest, ok = cutText(rest, text)
		case cdataNode:
			text := a.raw(i)
			a.work += min(len(text), len(rest)) / 4
			rest, ok = cutLines(rest, text[len("<![CDATA["):len(text)-len("]]>")])
		case elementNode:
			rest, ok = a.consume(i, rest)
		}
		if !ok {
			return rest, false
		}
	}
	return rest, true
}

// cutText cuts character data, with references in it, from the front of rest.
func cutText(rest, text string) (string, bool) {
	for {
		plain, _, found := strings.Cut(text, "&")
		var ok bool
		if rest, ok = cutLines(rest, plain); !ok || !found {
			return rest, ok
		}
		text = text[len(plain):]
		r, n := reference(text)
		if rest, ok = strings.CutPrefix(rest, string(r)); !ok {
			return rest, false
		}
		text = text[n:]
	}
}

// cutLines cuts character data without references, whose line ends are LF (XML
// 1.0 s.2.11).
func cutLines(rest, text string) (string, bool) {
	for {
		plain, behind, found := strings.Cut(text, "\r")
		var ok bool
		if rest, ok = strings.CutPrefix(rest, plain); !ok || !found {
			return rest, ok
		}
		text = strings.TrimPrefix(behind, "\n")
		if rest, ok = strings.CutPrefix(rest, "\n"); !ok {
			return rest, false
		}
	}
}
