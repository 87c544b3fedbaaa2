package xmlpatch

import (
	"slices"
	"strconv"
	"strings"
)

const namespaceXML = "http://www.w3.org/XML/1998/namespace"
const namespaceXMLNS = "http://www.w3.org/2000/xmlns/"

// binding is a prefix, "" for the default, and its namespace, "" for none.
type binding struct{ prefix, namespace string }

// declaration is an element's own declaration of a prefix.
func (d *Document) declaration(i int32, prefix string) (attribute, bool) {
	if !d.nodes[i].declares {
		return attribute{}, false
	}
	for a := range d.attributes(i) {
		if a.declares() && a.bound() == prefix {
			return a, true
		}
	}
	return attribute{}, false
}

// lookup finds the namespace of a prefix at an element, false if it has none.
func (d *Document) lookup(i int32, prefix string) (string, bool) {
	if prefix == "xml" {
		return namespaceXML, true
	}
	for ; i != 0; i = d.nodes[i].parent {
		if a, found := d.declaration(i, prefix); found {
			namespace := decode(a.value)
			return namespace, namespace != ""
		}
	}
	return "", false
}

// inDiff is lookup at the operation.
func (a *application) inDiff(prefix string) (string, bool) {
	for _, b := range a.known {
		if b.prefix == prefix {
			return b.namespace, b.namespace != ""
		}
	}
	namespace, bound := a.diff.lookup(a.op, prefix)
	a.work += workAttribute + (len(a.diff.raw(a.op))+len(a.diff.raw(a.diff.root())))/8
	a.known = append(a.known, binding{prefix, namespace})
	return namespace, bound
}

// isAttribute tells whether an attribute of an element has an expanded name.
func (d *Document) isAttribute(e int32, a *attribute, name xname) bool {
	if a.local != name.local || a.declares() || name.space < 0 {
		return false
	}
	if a.prefix == "" {
		return name.space == 0
	}
	namespace, _ := d.lookup(e, a.prefix)
	return namespace == d.spaces[name.space]
}

// inScope lists the namespaces in scope at an element, by prefix in ascending
// order, the default first.
func (d *Document) inScope(all []binding, i int32) []binding {
	for ; i != 0; i = d.nodes[i].parent {
		if !d.nodes[i].declares {
			continue
		}
		for a := range d.attributes(i) {
			if a.declares() && !slices.ContainsFunc(all, func(b binding) bool { return b.prefix == a.bound() }) {
				all = append(all, binding{a.bound(), decode(a.value)})
			}
		}
	}
	all = slices.DeleteFunc(all, func(b binding) bool { return b.namespace == "" })
	slices.SortFunc(all, func(a, b binding) int { return strings.Compare(a.prefix, b.prefix) })
	return all
}

// around gathers what is in scope at an element of the document.
func (a *application) around(e int32) {
	a.scope = a.inScope(a.scope[:0], e)
	for up := e; up != 0; up = a.Document.nodes[up].parent {
		if a.Document.nodes[up].declares {
			a.work += len(a.raw(up))
		}
	}
	a.work += len(a.scope) * len(a.scope)
}

// choose picks the document's prefix for a name of the diff by the rules of
// s.4.2.3, of those that are in scope: own is the evaluation context node's
// prefix, prefix the diff's; what is declared in the content is not to be taken.
// It is false if the document does not bind the namespace there.
func (a *application) choose(own, prefix, namespace string, content []local, role role) (string, bool) {
	first, before, found, same, owned := "", "", false, false, false
	a.work += len(a.scope)
	for _, b := range a.scope { // in ascending order
		if b.namespace != namespace || b.prefix == "" && role == attributeName {
			continue
		}
		a.work += len(content)
		if _, shadowed := innermost(content, b.prefix); shadowed {
			continue
		}
		if !found {
			first, before, found = b.prefix, b.prefix, true
		}
		if b.prefix < prefix {
			before = b.prefix
		}
		same = same || b.prefix == prefix
		owned = owned || b.prefix == own
	}
	switch {
	case !found:
		return "", false
	case same: // first: the same prefix
		return prefix, true
	case owned: // secondly: the context node's
		return own, true
	case before < prefix: // lastly: the closest before it in alphabetical order
		return before, true
	}
	return first, true
}

func (a *application) declares(prefix, namespace string) *Error {
	if a.declared += len(prefix) + len(namespace); a.declared > maxDeclared {
		return failure(InvalidNamespaceURI, "too many namespaces to declare")
	}
	if a.numbered(namespace) < 0 {
		return failure(InvalidNamespaceURI, "too many namespaces")
	}
	return nil
}

// declare writes a declaration into the tag of an element of the document.
func (a *application) declare(e int32, prefix, namespace string) *Error {
	if err := a.declares(prefix, namespace); err != nil {
		return err
	}
	a.addToTag(e, declared(prefix), namespace)
	a.Document.nodes[e].declares = true
	return nil
}

// declared is the name of a declaration.
func declared(prefix string) string {
	if prefix == "" {
		return "xmlns"
	}
	return "xmlns:" + prefix
}

// uses tells whether an element or what is in it takes the meaning of a prefix
// from outside.
func (a *application) uses(e int32, prefix string) bool {
	a.work += workNode + len(a.raw(e))/2
	if a.prefix(e) == prefix {
		return true
	}
	for attr := range a.attributes(e) {
		if attr.prefix == prefix && prefix != "" && !attr.declares() {
			return true
		}
	}
	for c := a.Document.nodes[e].first; c != 0; c = a.Document.nodes[c].next {
		if a.work += workNode; a.Document.nodes[c].kind != elementNode {
			continue
		}
		if _, own := a.declaration(c, prefix); !own && a.uses(c, prefix) {
			return true
		}
	}
	return false
}

// rebind gives the elements that have a prefix from an element their namespace
// anew.
func (a *application) rebind(e int32, prefix string, space uint16) {
	a.work += workNode
	if a.prefix(e) == prefix {
		a.Document.nodes[e].space = space
	}
	for c := a.Document.nodes[e].first; c != 0; c = a.Document.nodes[c].next {
		if a.work += workNode; a.Document.nodes[c].kind != elementNode {
			continue
		}
		if _, own := a.declaration(c, prefix); !own {
			a.rebind(c, prefix, space)
		}
	}
}

// isNamespace checks for what a prefix may be bound to (Namespaces in XML 1.0 s.3).
func isNamespace(namespace string) bool {
	return namespace != "" && namespace != namespaceXML && namespace != namespaceXMLNS
}

// fresh is a prefix like the given one that is not taken.
func fresh(prefix string, taken func(string) bool) string {
	for n := 1; taken(prefix); n++ {
		prefix = "n" + strconv.Itoa(n)
	}
	return prefix
}
