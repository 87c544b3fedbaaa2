package filter

import (
	"slices"
	"sort"
	"strings"

	"github.com/beevik/etree"

	"presenced/pidf"
)

// The oracle does what the RFCs say with sets of nodes of a document tree, one
// step after the other.

// item is an element (attr nil) or one of its attributes.
type item struct {
	e    *etree.Element
	attr *etree.Attr
}

type items map[item]bool

func parseTree(document string) *etree.Element {
	doc := etree.NewDocument()
	if err := doc.ReadFromString(document); err != nil {
		panic(err)
	}
	return doc.Root()
}

func nameOf(e *etree.Element) pidf.Name { return pidf.Name{Namespace: e.NamespaceURI(), Local: e.Tag} }

func attrName(a *etree.Attr) pidf.Name {
	switch a.Space {
	case "":
		return pidf.Name{Local: a.Key}
	case "xml":
		return pidf.Name{Namespace: xmlNamespace, Local: a.Key}
	}
	return pidf.Name{Namespace: a.NamespaceURI(), Local: a.Key}
}

func attributesOf(e *etree.Element) (all []*etree.Attr) {
	for i := range e.Attr {
		if a := &e.Attr[i]; a.Space != "xmlns" && (a.Space != "" || a.Key != "xmlns") {
			all = append(all, a)
		}
	}
	return all
}

// subtree is an element and its descendants in document order.
func subtree(e *etree.Element) []*etree.Element {
	all := []*etree.Element{e}
	for _, child := range e.ChildElements() {
		all = append(all, subtree(child)...)
	}
	return all
}

// stringValue is XPath's.
func stringValue(n item) string {
	if n.attr != nil {
		return n.attr.Value
	}
	var text strings.Builder
	for _, child := range n.e.Child {
		switch child := child.(type) {
		case *etree.CharData:
			text.WriteString(child.Data)
		case *etree.Element:
			text.WriteString(stringValue(item{e: child}))
		}
	}
	return text.String()
}

// evaluate returns the nodes that the steps lead to from a context, nil for the
// document node. The root is its only child.
func evaluate(root *etree.Element, context []*etree.Element, steps []step) items {
	found := make(items)
	if len(steps) == 0 {
		for _, e := range context {
			found[item{e: e}] = true
		}
		return found
	}
	s := steps[0]
	var from []*etree.Element
	for _, e := range context {
		from = append(from, e)
		if s.descend && e != nil {
			from = append(from, subtree(e)[1:]...)
		} else if s.descend {
			from = append(from, subtree(root)...)
		}
	}
	next := make(map[*etree.Element]bool)
	for _, e := range from {
		switch {
		case s.attribute && e != nil:
			for _, a := range attributesOf(e) {
				if n := (item{e, a}); attrName(a) == s.name && accepted(root, s.where, n) {
					found[n] = true
				}
			}
		case s.attribute:
		default:
			children := []*etree.Element{root}
			if e != nil {
				children = e.ChildElements()
			}
			for _, child := range children {
				if (s.any || nameOf(child) == s.name) && accepted(root, s.where, item{e: child}) {
					next[child] = true
				}
			}
		}
	}
	if s.attribute {
		return found
	}
	var all []*etree.Element
	for e := range next {
		all = append(all, e)
	}
	return evaluate(root, all, steps[1:])
}

// accepted evaluates a condition, a disjunction of conjunctions.
func accepted(root *etree.Element, where []conjunction, n item) bool {
	return len(where) == 0 || slices.ContainsFunc(where, func(every conjunction) bool {
		return !slices.ContainsFunc(every, func(c comparison) bool { return !holdsFor(root, c, n) })
	})
}

func holdsFor(root *etree.Element, c comparison, n item) bool {
	operands := make(items)
	switch {
	case c.parent && n.attr != nil:
		operands[item{e: n.e}] = true
	case c.parent && n.e == root:
		operands[item{e: root}] = true // the document node has the same text
	case c.parent:
		operands[item{e: n.e.Parent()}] = true
	case len(c.steps) == 0:
		operands[n] = true
	case n.attr == nil:
		operands = evaluate(root, []*etree.Element{n.e}, c.steps)
	}
	for operand := range operands {
		value := strings.Join(strings.Fields(stringValue(operand)), " ")
		number, isNumber := decimal(value)
		switch {
		case !c.numeric && value == c.value,
			c.numeric && isNumber && c.operator == '=' && number == c.number,
			c.numeric && isNumber && c.operator == '<' && number < c.number,
			c.numeric && isNumber && c.operator == '>' && number > c.number:
			return true
		}
	}
	return false
}

// contentOracle is what Apply must make of a document, in the form of
// canonicalTree; "" for nothing.
func contentOracle(f *Filter, document string) string {
	root := parseTree(document)
	wanted := make(items)
	if len(f.include) == 0 {
		addSubtree(wanted, root)
	}
	for _, s := range f.include {
		if len(s.steps) == 0 {
			for _, e := range subtree(root) {
				if nameOf(e).Namespace == s.namespace {
					addOwn(wanted, e)
				}
			}
			continue
		}
		for n := range evaluate(root, []*etree.Element{nil}, s.steps) {
			if n.attr != nil {
				wanted[n] = true
			} else {
				addSubtree(wanted, n.e)
			}
		}
	}
	for n := range excludedBy(f, root) {
		delete(wanted, n)
	}
	if len(wanted) == 0 {
		return ""
	}
	closeOver(wanted, root, excludedBy(f, root))
	return canonicalTree(root, func(n item) bool { return wanted[n] })
}

func addSubtree(set items, e *etree.Element) {
	for _, e := range subtree(e) {
		set[item{e: e}] = true
		for _, a := range attributesOf(e) {
			set[item{e, a}] = true
		}
	}
}

// addOwn adds an element with the attributes that are of its namespace.
func addOwn(set items, e *etree.Element) {
	set[item{e: e}] = true
	for _, a := range attributesOf(e) {
		if space := attrName(a).Namespace; space == "" || space == nameOf(e).Namespace {
			set[item{e, a}] = true
		}
	}
}

func excludedBy(f *Filter, root *etree.Element) items {
	out := make(items)
	drop := func(e *etree.Element) {
		if e != root {
			addSubtree(out, e)
		}
	}
	for _, s := range f.exclude {
		for _, e := range subtree(root) {
			if len(s.steps) > 0 {
				break
			}
			if nameOf(e).Namespace == s.namespace {
				drop(e)
			}
			for _, a := range attributesOf(e) {
				if attrName(a).Namespace == s.namespace {
					out[item{e, a}] = true
				}
			}
		}
		for n := range evaluate(root, []*etree.Element{nil}, s.steps) {
			if n.e != nil && n.attr == nil && len(s.steps) > 0 {
				drop(n.e)
			} else if n.attr != nil {
				out[n] = true
			}
		}
	}
	return out
}

// closeOver adds parents and what is mandatory until nothing is missing.
func closeOver(set items, root *etree.Element, dropped items) {
	all := subtree(root)
	for before := -1; before < len(set); {
		before = len(set)
		for _, e := range all {
			inside := set[item{e: e}]
			for _, a := range attributesOf(e) {
				inside = inside || set[item{e, a}]
			}
			for _, child := range e.ChildElements() {
				inside = inside || set[item{e: child}]
			}
			if inside {
				set[item{e: e}] = true
			}
		}
	}
	for _, e := range all {
		if set[item{e: e}] {
			addMandatory(set, e, dropped)
		}
	}
}

func addMandatory(set items, e *etree.Element, dropped items) {
	f := frameOf(nameOf(e))
	if f.whole {
		addSubtree(set, e)
		return
	}
	for _, a := range attributesOf(e) {
		stays := attrName(a).Namespace == xmlNamespace && !dropped[item{e, a}] && !dropped[item{e: e}]
		if f.requiresAttribute(attrName(a)) || stays {
			set[item{e, a}] = true
		}
	}
	var values []*etree.Element
	for _, child := range e.ChildElements() {
		if f.requires(nameOf(child)) {
			set[item{e: child}] = true
		}
		if child.Tag != "note" {
			values = append(values, child)
		}
	}
	none := !slices.ContainsFunc(values, func(child *etree.Element) bool { return set[item{e: child}] })
	if f.choice && none && len(values) > 0 {
		set[item{e: values[0]}] = true
	}
}

// canonicalTree writes an element with expanded names, sorted attributes, and
// without the white space and comments between elements.
func canonicalTree(e *etree.Element, keep func(item) bool) string {
	var attributes []string
	for _, a := range attributesOf(e) {
		if keep(item{e, a}) {
			name := attrName(a)
			attributes = append(attributes, " {"+name.Namespace+"}"+name.Local+"="+a.Value)
		}
	}
	sort.Strings(attributes)
	out := "<{" + nameOf(e).Namespace + "}" + e.Tag + strings.Join(attributes, "") + ">"
	if len(e.ChildElements()) == 0 {
		return out + strings.TrimSpace(stringValue(item{e: e})) + "</>"
	}
	for _, child := range e.ChildElements() {
		if keep(item{e: child}) {
			out += canonicalTree(child, keep)
		}
	}
	return out + "</>"
}

func everything(item) bool { return true }

// canonical is the form of a document in which equal content is equal.
func canonical(document string) string {
	if document == "" {
		return ""
	}
	return canonicalTree(parseTree(document), everything)
}
