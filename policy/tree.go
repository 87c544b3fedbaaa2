package policy

import "github.com/beevik/etree"

// identities are a rule's <identity> conditions.
func identities(r *etree.Element) []*etree.Element {
	var found []*etree.Element
	for _, child := range section(r, "conditions").ChildElements() {
		if isNamed(child, NamespaceCommonPolicy, "identity") {
			found = append(found, child)
		}
	}
	return found
}

// section returns a rule's conditions, actions or transformations, and puts
// them where the schema wants them if they are not there yet.
func section(r *etree.Element, local string) *etree.Element {
	index := 0
	for _, before := range []string{"conditions", string(actions), string(transformations)} {
		for _, child := range r.ChildElements() {
			if !isNamed(child, NamespaceCommonPolicy, before) {
				continue
			}
			if before == local {
				return child
			}
			index = child.Index() + 1
		}
		if before == local {
			break
		}
	}
	created := etree.NewElement(local)
	created.Space = r.Space
	r.InsertChildAt(index, created)
	return created
}

// create adds an element under a prefix that is bound to its namespace, or
// binds the default namespace to it.
func create(parent *etree.Element, space, local string) *etree.Element {
	child := parent.CreateElement(local)
	prefix, bound := prefixOf(parent, space)
	if child.Space = prefix; !bound {
		child.CreateAttr("xmlns", space)
	}
	return child
}

// prefixOf finds a prefix that is bound to a namespace at an element.
func prefixOf(e *etree.Element, space string) (prefix string, bound bool) {
	inner := make(map[string]bool)
	for ; e != nil; e = e.Parent() {
		for _, a := range e.Attr {
			prefix := a.Key
			switch {
			case a.Space == "xmlns":
			case a.Space == "" && a.Key == "xmlns":
				prefix = ""
			default:
				continue
			}
			if a.Value == space && !inner[prefix] {
				return prefix, true
			}
			inner[prefix] = true
		}
	}
	return "", false
}

func isNamed(e *etree.Element, space, local string) bool {
	return e.Tag == local && e.NamespaceURI() == space
}

// plainAttr is an attribute without a namespace.
func plainAttr(e *etree.Element, key string) string {
	for _, a := range e.Attr {
		if a.Space == "" && a.Key == key {
			return a.Value
		}
	}
	return ""
}

// setText replaces whatever is inside.
func setText(e *etree.Element, text string) {
	for len(e.Child) > 0 {
		e.RemoveChildAt(0)
	}
	e.SetText(text)
}
