package xmlpatch

import (
	"fmt"
	"strings"

	"github.com/beevik/etree"
)

// node is a node of XPath's data model (XPath 1.0 s.5): an element, a comment, a
// processing instruction, or a text node, which may be several tokens of the
// tree; an attribute or a namespace, which are found by name.
type node struct {
	kind       stepKind
	parent     *etree.Element // of an attribute or a namespace: its element
	start, end int            // the tokens in parent.Child
	attr       int            // index in parent.Attr, of an attribute or a declaration; -1 if declared elsewhere
}

// element is the element that a node is, nil if it is another kind of node.
func (n node) element() *etree.Element {
	if n.kind != elementStep {
		return nil
	}
	return n.parent.Child[n.start].(*etree.Element)
}

// locate finds the one node that a selector selects (s.4.1).
func (a *application) locate(s *selector) (node, *Error) {
	contexts := []*etree.Element{&a.doc.Element}
	var found []node
	if s.byID {
		var err *Error
		if found, err = a.byID(s.id); err != nil {
			return node{}, err
		}
	}
	for i := range s.steps {
		if i > 0 || s.byID {
			contexts = contexts[:0]
			for _, n := range found {
				contexts = append(contexts, n.element())
			}
		}
		found = nil
		for _, e := range contexts {
			found = append(found, a.step(e, &s.steps[i])...)
			if a.work > maxWork {
				return node{}, failure(UnlocatedNode, "the selectors ask for too much work")
			}
		}
	}
	if len(found) != 1 {
		return node{}, failure(UnlocatedNode, fmt.Sprintf("sel selects %d nodes", len(found)))
	}
	return found[0], nil
}

// byID finds the elements with an attribute of type ID and a value.
func (a *application) byID(id string) ([]node, *Error) {
	var found []node
	known := a.isID != nil
	var walk func(parent *etree.Element)
	walk = func(parent *etree.Element) {
		for i, t := range parent.Child {
			a.work++
			e, ok := t.(*etree.Element)
			if !ok {
				continue
			}
			for _, attr := range e.Attr {
				isXMLID := attr.Space == "xml" && attr.Key == "id"
				known = known || isXMLID
				if attr.Value == id && (isXMLID || a.isID != nil && a.isID(attr)) {
					found = append(found, node{kind: elementStep, parent: parent, start: i, end: i + 1})
				}
			}
			walk(e)
		}
	}
	walk(&a.doc.Element)
	if !known {
		return nil, failure(UnsupportedIDFunction, "attributes of type ID are not known")
	}
	return found, nil
}

// step takes one location step from an element, or from the document.
func (a *application) step(e *etree.Element, s *step) []node {
	switch s.kind {
	case attributeStep:
		a.work += 1 + len(e.Attr)
		for i, attr := range e.Attr {
			if isAttribute(e, attr, s.name) {
				return []node{{kind: attributeStep, parent: e, attr: i}}
			}
		}
		return nil
	case namespaceStep:
		a.work += 1 + len(e.Attr)
		if _, bound := lookup(e, s.label); !bound {
			return nil
		}
		return []node{{kind: namespaceStep, parent: e, attr: declaration(e, s.label)}}
	}
	found := a.children(e, s)
	for i := range s.conditions {
		found = a.filter(found, &s.conditions[i])
	}
	return found
}

// children are the child nodes that pass a node test.
func (a *application) children(e *etree.Element, s *step) []node {
	var found []node
	for i := 0; i < len(e.Child); i++ {
		a.work++
		n := node{kind: s.kind, parent: e, start: i, end: i + 1}
		passes := false
		switch t := e.Child[i].(type) {
		case *etree.Element:
			passes = s.kind == elementStep && (s.any || t.Tag == s.name.local && namespaceOf(t) == s.name.namespace)
		case *etree.CharData:
			n.end = textEnd(e, i)
			// The root node has no text: XPath 1.0 s.5.1.
			passes = s.kind == textStep && e != &a.doc.Element && textLength(e, i, n.end) > 0
			i = n.end - 1
		case *etree.Comment:
			passes = s.kind == commentStep
		case *etree.ProcInst:
			passes = s.kind == instructionStep && (s.label == "" && t.Target != "xml" || s.label == t.Target && s.label != "")
		}
		if passes {
			found = append(found, n)
		}
	}
	return found
}

// textEnd is the index behind the text that begins at a token: adjacent tokens
// are one text node (s.4.3.5).
func textEnd(e *etree.Element, i int) int {
	for i < len(e.Child) {
		if _, ok := e.Child[i].(*etree.CharData); !ok {
			break
		}
		i++
	}
	return i
}

func textLength(e *etree.Element, start, end int) (n int) {
	for _, t := range e.Child[start:end] {
		n += len(t.(*etree.CharData).Data)
	}
	return n
}

// filter keeps the nodes for which a predicate holds; positions count in what
// the predicates before it have left (XPath 1.0 s.2.4).
func (a *application) filter(nodes []node, c *condition) []node {
	a.work += len(nodes)
	if c.kind == position {
		if c.index < 1 || c.index > len(nodes) {
			return nil
		}
		return nodes[c.index-1 : c.index]
	}
	kept := nodes[:0]
	for _, n := range nodes {
		if a.holds(n.element(), c) {
			kept = append(kept, n)
		}
	}
	return kept
}

func (a *application) holds(e *etree.Element, c *condition) bool {
	switch c.kind {
	case attributeValue:
		a.work += len(e.Attr)
		for _, attr := range e.Attr {
			if attr.Value == c.value && isAttribute(e, attr, c.name) {
				return true
			}
		}
	case ownValue:
		return a.hasValue(e, c.value)
	case childValue:
		for _, t := range e.Child {
			a.work++
			child, ok := t.(*etree.Element)
			if ok && child.Tag == c.name.local && namespaceOf(child) == c.name.namespace && a.hasValue(child, c.value) {
				return true
			}
		}
	}
	return false
}

// hasValue compares an element's string value, the text of all its descendants
// (XPath 1.0 s.5.2), without making it.
func (a *application) hasValue(e *etree.Element, want string) bool {
	rest, ok := a.consume(e, want)
	return ok && rest == ""
}

func (a *application) consume(e *etree.Element, rest string) (string, bool) {
	for _, t := range e.Child {
		a.work++
		ok := true
		switch t := t.(type) {
		case *etree.CharData:
			rest, ok = strings.CutPrefix(rest, t.Data)
		case *etree.Element:
			rest, ok = a.consume(t, rest)
		}
		if !ok {
			return rest, false
		}
	}
	return rest, true
}
