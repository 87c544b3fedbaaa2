package xmlpatch

import (
	"slices"
	"strconv"
	"strings"

	"github.com/beevik/etree"
)

const namespaceXML = "http://www.w3.org/XML/1998/namespace"
const namespaceXMLNS = "http://www.w3.org/2000/xmlns/"

// binding is a prefix, "" for the default, and its namespace.
type binding struct{ prefix, namespace string }

func isDeclaration(a etree.Attr) bool {
	return a.Space == "xmlns" || a.Space == "" && a.Key == "xmlns"
}

// declaration is the index of an element's own declaration of a prefix, -1 if
// it has none.
func declaration(e *etree.Element, prefix string) int {
	return slices.IndexFunc(e.Attr, func(a etree.Attr) bool {
		return isDeclaration(a) && declaredPrefix(a) == prefix
	})
}

func declaredPrefix(a etree.Attr) string {
	if a.Space == "" {
		return ""
	}
	return a.Key
}

func declare(e *etree.Element, prefix, namespace string) {
	key := "xmlns"
	if prefix != "" {
		key = "xmlns:" + prefix
	}
	e.CreateAttr(key, namespace)
}

// lookup finds the namespace of a prefix at an element, false if it has none.
func lookup(e *etree.Element, prefix string) (string, bool) {
	if prefix == "xml" {
		return namespaceXML, true
	}
	for ; e != nil; e = e.Parent() {
		if i := declaration(e, prefix); i >= 0 {
			return e.Attr[i].Value, e.Attr[i].Value != ""
		}
	}
	return "", false
}

func namespaceOf(e *etree.Element) string {
	namespace, _ := lookup(e, e.Space)
	return namespace
}

func isAttribute(e *etree.Element, a etree.Attr, name xname) bool {
	if a.Key != name.local || isDeclaration(a) {
		return false
	}
	if a.Space == "" {
		return name.namespace == ""
	}
	namespace, _ := lookup(e, a.Space)
	return namespace == name.namespace
}

// scope lists the namespaces in scope at an element, by prefix in ascending
// order, the default first.
func scope(e *etree.Element) []binding {
	var all []binding
	for ; e != nil; e = e.Parent() {
		for _, a := range e.Attr {
			if isDeclaration(a) && !slices.ContainsFunc(all, func(b binding) bool { return b.prefix == declaredPrefix(a) }) {
				all = append(all, binding{declaredPrefix(a), a.Value})
			}
		}
	}
	all = slices.DeleteFunc(all, func(b binding) bool { return b.namespace == "" })
	slices.SortFunc(all, func(a, b binding) int { return strings.Compare(a.prefix, b.prefix) })
	return all
}

// choose picks the document's prefix for a name of the diff by the rules of
// s.4.2.3. context is the evaluation context node, prefix the diff's, shadowed
// what the added content itself binds differently. It is false if the document
// does not bind the namespace there.
func (a *application) choose(context *etree.Element, prefix, namespace string, shadowed func(string) bool, element bool) (string, bool) {
	var candidates []string // ascending
	for up := context; up != nil; up = up.Parent() {
		a.work += 1 + len(up.Attr)
	}
	for _, b := range scope(context) {
		if b.namespace == namespace && !shadowed(b.prefix) && (element || b.prefix != "") {
			candidates = append(candidates, b.prefix)
		}
	}
	switch {
	case len(candidates) == 0:
		return "", false
	case slices.Contains(candidates, prefix): // first: the same prefix
		return prefix, true
	case slices.Contains(candidates, context.Space): // secondly: the context node's
		return context.Space, true
	}
	// Lastly: the closest before it in alphabetical order, or else the first.
	at, _ := slices.BinarySearch(candidates, prefix)
	return candidates[max(at-1, 0)], true
}

// graft copies an element of the diff so that its names mean the same below an
// element of the document ("namespace mangling", s.4.2.3).
func (a *application) graft(content, context *etree.Element) (*etree.Element, *Error) {
	g := grafting{application: a, diff: content.Parent(), context: context}
	copied := content.Copy()
	return copied, g.element(copied)
}

type grafting struct {
	*application
	diff, context *etree.Element
	local         []binding // declared in the content around the present element
	taken         []string  // prefixes of the document that the present element uses already
}

func (g *grafting) element(e *etree.Element) *Error {
	outer := len(g.local)
	g.taken = g.taken[:0]
	for _, a := range e.Attr {
		if isDeclaration(a) {
			g.local = append(g.local, binding{declaredPrefix(a), a.Value})
		}
	}
	prefix, err := g.name(e, e.Space, true)
	if err != nil {
		return err
	}
	e.Space = prefix
	for i := range e.Attr {
		if attr := e.Attr[i]; attr.Space != "" && !isDeclaration(attr) {
			prefix, err := g.name(e, attr.Space, false)
			if err != nil {
				return err
			}
			e.Attr[i].Space = prefix
		}
	}
	for _, t := range e.Child {
		switch t := t.(type) {
		case *etree.Element:
			if err := g.element(t); err != nil {
				return err
			}
		case *etree.Directive:
			return failure(InvalidEntityDeclaration, "a declaration in the content")
		}
	}
	g.local = g.local[:outer]
	return nil
}

func (g *grafting) shadowed(prefix string) bool {
	return slices.ContainsFunc(g.local, func(b binding) bool { return b.prefix == prefix })
}

// name translates the prefix of an element or of one of its attributes.
func (g *grafting) name(e *etree.Element, prefix string, element bool) (string, *Error) {
	if prefix == "xml" || g.shadowed(prefix) {
		return prefix, nil // declared in the content itself: copied unaltered
	}
	namespace, bound := lookup(g.diff, prefix)
	if !bound && prefix != "" {
		return "", failure(InvalidNamespacePrefix, "prefix "+strconv.Quote(clip(prefix))+" is not bound in the diff")
	}
	if !bound {
		if _, other := lookup(g.context, ""); other {
			return "", g.declare(e, "", "")
		}
		return "", nil
	}
	chosen, ok := g.choose(g.context, prefix, namespace, g.shadowed, element)
	if g.work > maxWork {
		return "", failure(InvalidPatchDirective, "too many namespaces to look through")
	}
	if ok {
		g.taken = append(g.taken, chosen)
		return chosen, nil
	}
	fresh := prefix
	for n := 1; g.shadowed(fresh) || slices.Contains(g.taken, fresh); n++ {
		fresh = "n" + strconv.Itoa(n)
	}
	return fresh, g.declare(e, fresh, namespace)
}

// declare binds a prefix on an element of the content.
func (g *grafting) declare(e *etree.Element, prefix, namespace string) *Error {
	g.local = append(g.local, binding{prefix, namespace})
	return g.application.declare(e, prefix, namespace)
}

func (a *application) declare(e *etree.Element, prefix, namespace string) *Error {
	if a.declared += len(prefix) + len(namespace); a.declared > maxDeclared {
		return failure(InvalidNamespaceURI, "too many namespaces to declare")
	}
	declare(e, prefix, namespace)
	return nil
}

// uses tells whether an element or what is in it takes the meaning of a prefix
// from outside.
func uses(e *etree.Element, prefix string) bool {
	return e.Space == prefix || slices.ContainsFunc(e.Attr, func(a etree.Attr) bool {
		return a.Space == prefix && !isDeclaration(a)
	}) || slices.ContainsFunc(e.Child, func(t etree.Token) bool {
		child, ok := t.(*etree.Element)
		return ok && declaration(child, prefix) < 0 && uses(child, prefix)
	})
}

// isNamespace checks for what a prefix may be bound to (Namespaces in XML 1.0 s.3).
func isNamespace(namespace string) bool {
	return namespace != "" && namespace != namespaceXML && namespace != namespaceXMLNS
}
