package xmlpatch

import (
	"slices"
	"strconv"
)

// grafting copies content of the diff so that its names mean the same at a place
// in the document ("namespace mangling", s.4.2.3).
type grafting struct {
	*application
	context int32   // the evaluation context node in the document
	local   []local // declared around the present element, in the content and for it
	taken   []string
}

// local is a declaration in what is added: the content's own, or one that was
// made for it.
type local struct {
	binding
	made bool
}

// role is what a name is the name of: an attribute without a prefix has no
// namespace.
type role uint8

const (
	elementName role = iota
	attributeName
)

// graft copies a node of the diff to a place in the document: below parent,
// behind a child of it or first for 0.
func (a *application) graft(source, parent, behind int32) (int32, *Error) {
	depth := 0
	for up := parent; up != 0; up = a.Document.nodes[up].parent {
		depth++
	}
	if depth >= maxDepth {
		return 0, failure(InvalidPatchDirective, "elements nested too deep")
	}
	g := grafting{application: a, context: parent}
	if a.diff.nodes[source].kind == elementNode {
		a.around(parent)
	}
	return g.node(source, parent, behind)
}

// node copies a node with what is in it.
func (g *grafting) node(source, parent, behind int32) (int32, *Error) {
	if err := g.exhausted(); err != nil {
		return 0, err
	}
	of := &g.diff.nodes[source]
	i := g.make(node{kind: of.kind, name: of.name}, g.diff)
	g.insert(i, parent, behind)
	g.work += 2 * workNode
	if of.kind != elementNode {
		g.write(i, g.diff.raw(source))
		return i, nil
	}
	outer := len(g.local)
	if err := g.element(source, i); err != nil {
		return 0, err
	}
	last := int32(0)
	for c := of.first; c != 0; c = g.diff.nodes[c].next {
		var err *Error
		if last, err = g.node(c, i, last); err != nil {
			return 0, err
		}
	}
	g.local = g.local[:outer]
	return i, nil
}

// element writes the tag of an element of the diff as that of a new node.
func (g *grafting) element(source, i int32) *Error {
	tag, of := g.diff.raw(source), g.diff.nodes[source]
	g.taken = g.taken[:0]
	outer := len(g.local)
	if of.declares {
		for a := range g.diff.attributes(source) {
			if a.declares() {
				g.local = append(g.local, local{binding: binding{a.bound(), decode(a.value)}})
			}
		}
	}
	own := len(g.local)
	namespace := g.diff.namespace(source)
	prefix, err := g.name(g.diff.prefix(source), namespace, namespace != "", elementName)
	if err != nil {
		return err
	}
	g.tag = append(g.tag[:0], '<')
	g.tag = appendName(g.tag, prefix, g.diff.local(source))
	name, at := len(g.tag)-1, 1+int(of.name)
	for a := range g.diff.attributes(source) {
		if g.work += workAttribute / 2; a.prefix == "" || a.declares() {
			continue
		}
		namespace, bound := g.inDiff(a.prefix)
		prefix, err := g.name(a.prefix, namespace, bound, attributeName)
		if err != nil {
			return err
		}
		g.tag = append(g.tag, tag[at:a.start]...)
		g.tag = appendName(g.tag, prefix, a.local)
		at = a.start + len(a.prefix) + 1 + len(a.local)
	}
	end := len(tag) - 1
	if tag[end-1] == '/' {
		end--
	}
	g.tag = append(g.tag, tag[at:end]...)
	for _, made := range g.local[own:] {
		g.tag = append(append(append(g.tag, ' '), declared(made.prefix)...), `="`...)
		g.tag = append(append(g.tag, escape(made.namespace)...), '"')
	}
	g.tag = append(g.tag, tag[end:]...)
	g.writeTag(i)
	number := g.numbered(namespace)
	if number < 0 || name > maxName+maxDeclared/2 {
		return failure(InvalidNamespaceURI, "too many namespaces, or too long a prefix")
	}
	n := &g.Document.nodes[i]
	n.name, n.prefix, n.declares, n.space = uint16(name), uint16(len(prefix)), len(g.local) > outer, uint16(number)
	return nil
}

// writeTag sets the tag of a new element.
func (g *grafting) writeTag(i int32) {
	n := &g.Document.nodes[i]
	n.start = int32(len(g.text) + g.made.Len())
	g.made.Write(g.tag)
	n.end = int32(len(g.text) + g.made.Len())
}

func appendName(dst []byte, prefix, local string) []byte {
	if prefix != "" {
		dst = append(append(dst, prefix...), ':')
	}
	return append(dst, local...)
}

// innermost is the declaration of a prefix in the content around an element.
func innermost(content []local, prefix string) (local, bool) {
	for n := len(content) - 1; n >= 0; n-- {
		if content[n].prefix == prefix {
			return content[n], true
		}
	}
	return local{}, false
}

// name translates the prefix of an element or of one of its attributes, which
// has a namespace in the diff if it is bound there.
func (g *grafting) name(prefix, namespace string, bound bool, role role) (string, *Error) {
	g.work += len(g.local)
	known, here := innermost(g.local, prefix)
	switch {
	case prefix == "xml" || here && (!known.made || known.namespace == namespace):
		return prefix, nil // declared in the content itself: copied unaltered
	case !bound && prefix != "":
		return "", failure(InvalidNamespacePrefix, "prefix "+strconv.Quote(clip(prefix))+" is not bound in the diff")
	case !bound:
		if _, other := g.lookup(g.context, ""); other || here {
			return "", g.declare("", "")
		}
		return "", nil
	}
	own := ""
	if g.context != 0 {
		own = g.prefix(g.context)
	}
	chosen, ok := g.choose(own, prefix, namespace, g.local, role)
	if ok {
		g.taken = append(g.taken, chosen)
		return chosen, nil
	}
	made := fresh(prefix, func(prefix string) bool {
		_, shadowed := innermost(g.local, prefix)
		return shadowed || slices.Contains(g.taken, prefix)
	})
	return made, g.declare(made, namespace)
}

// declare binds a prefix on the element of the content that is being written.
func (g *grafting) declare(prefix, namespace string) *Error {
	g.local = append(g.local, local{binding{prefix, namespace}, true})
	return g.declares(prefix, namespace)
}
