package filter

import (
	"strings"
	"testing"

	"github.com/beevik/etree"

	"presenced/pidf"
)

// document is presence with the usual prefixes.
func document(content string) string {
	return `<p:presence xmlns:p="urn:ietf:params:xml:ns:pidf" xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" xmlns:r="urn:ietf:params:xml:ns:pidf:rpid" xmlns:x="urn:x" entity="sip:bob@example.com">` + content + `</p:presence>`
}

func tuple(id, basic, rest string) string {
	return `<p:tuple id="` + id + `"><p:status><p:basic>` + basic + `</p:basic></p:status>` + rest + `</p:tuple>`
}

func TestTriggers(t *testing.T) {
	const basic = `//p:basic</changed>`
	person := func(content string) string { return `<dm:person id="p">` + content + `</dm:person>` }
	for _, test := range []struct {
		name, triggers, old, current string
		want                         bool
	}{
		{"any change of a value", `<changed>` + basic, tuple("a", "open", ""), tuple("a", "closed", ""), true},
		{"the same value", `<changed>` + basic, tuple("a", "open", ""), tuple("a", "open", "<p:note>x</p:note>"), false},
		{"white space", `<changed>` + basic, tuple("a", "open", ""), tuple("a", " open\n", ""), false},
		{"from", `<changed from="open">` + basic, tuple("a", "open", ""), tuple("a", "closed", ""), true},
		{"from another", `<changed from="open">` + basic, tuple("a", "closed", ""), tuple("a", "open", ""), false},
		{"to", `<changed to="open">` + basic, tuple("a", "closed", ""), tuple("a", "open", ""), true},
		{"to, as it was", `<changed to="open">` + basic, tuple("a", "open", ""), tuple("a", "open", "<p:note>x</p:note>"), false},
		{"to in capitals", `<changed to="OPEN">` + basic, tuple("a", "closed", ""), tuple("a", "open", ""), true},
		{"a class in capitals", `<changed to="IM">//r:class</changed>`, tuple("a", "open", "<r:class>sms</r:class>"), tuple("a", "open", "<r:class>im</r:class>"), false},
		{"from and to", `<changed from="closed" to="open">` + basic, tuple("a", "closed", ""), tuple("a", "open", ""), true},
		{"from and to, reversed", `<changed from="closed" to="open">` + basic, tuple("a", "open", ""), tuple("a", "closed", ""), false},
		{"another order", `<changed>` + basic, tuple("a", "closed", "") + tuple("b", "open", ""), tuple("b", "open", "") + tuple("a", "closed", ""), false},
		{"one more", `<changed>` + basic, tuple("a", "closed", ""), tuple("b", "open", "") + tuple("a", "closed", ""), false},
		{"one more that is", `<changed to="open">` + basic, tuple("a", "closed", ""), tuple("b", "open", "") + tuple("a", "closed", ""), true},
		{"one more that is, from", `<changed from="closed" to="open">` + basic, tuple("a", "closed", ""), tuple("b", "open", "") + tuple("a", "closed", ""), false},
		{"one less", `<changed>` + basic, tuple("a", "closed", "") + tuple("b", "open", ""), tuple("b", "open", ""), false},
		{"no longer offline", `<changed from="closed" to="open">` + basic, tuple("offline", "closed", ""), tuple("b", "open", ""), true},
		{"offline", `<changed from="closed" to="open">` + basic, tuple("b", "open", ""), tuple("offline", "closed", ""), false},
		{"an attribute", `<changed>//@priority</changed>`, tuple("a", "open", `<p:contact priority="0.5">sip:b@c.d</p:contact>`), tuple("a", "open", `<p:contact priority="0.6">sip:b@c.d</p:contact>`), true},
		{"the element of an attribute", `<changed>//p:contact</changed>`, tuple("a", "open", `<p:contact priority="0.5">sip:b@c.d</p:contact>`), tuple("a", "open", `<p:contact priority="0.6">sip:b@c.d</p:contact>`), false},
		{"an element's children", `<changed>//r:activities</changed>`, person("<r:activities><r:busy/></r:activities>"), person("<r:activities> <r:away/></r:activities>"), true},
		{"an element's children's attributes", `<changed>//p:tuple</changed>`, tuple("a", "open", `<p:contact priority="0.5">sip:b@c.d</p:contact>`), tuple("a", "open", `<p:contact>sip:b@c.d</p:contact>`), true},
		{"the same children", `<changed>//r:activities</changed>`, person("<r:activities><r:busy/></r:activities>"), person(`<r:activities xmlns:q="urn:ietf:params:xml:ns:pidf:rpid"><!-- --><q:busy></q:busy> </r:activities>`), false},
		{"by", `<changed by="2">//x:n</changed>`, `<x:n>6</x:n>`, `<x:n> 8.0</x:n>`, true},
		{"by, down", `<changed by="2">//x:n</changed>`, `<x:n>6</x:n>`, `<x:n>4</x:n>`, true},
		{"by more", `<changed by="2">//x:n</changed>`, `<x:n>6</x:n>`, `<x:n>-100</x:n>`, true},
		{"by less", `<changed by="2">//x:n</changed>`, `<x:n>6</x:n>`, `<x:n>7.99</x:n>`, false},
		{"by tenths", `<changed by="0.1">//x:n</changed>`, `<x:n>0.6</x:n>`, `<x:n>0.5</x:n>`, true},
		{"by nothing", `<changed by="0">//x:n</changed>`, `<x:n>6</x:n>`, `<x:n>6.0</x:n>`, false},
		{"by what is no number", `<changed by="2">//x:n</changed>`, `<x:n>6</x:n>`, `<x:n>many</x:n>`, false},
		{"by and to", `<changed by="2" to="8">//x:n</changed>`, `<x:n>6</x:n>`, `<x:n>8.0</x:n>`, true},
		{"by and to another", `<changed by="2" to="8">//x:n</changed>`, `<x:n>6</x:n>`, `<x:n>9</x:n>`, false},
		{"by and from", `<changed by="2" from="06">//x:n</changed>`, `<x:n>6</x:n>`, `<x:n>9</x:n>`, true},
		{"by and from another", `<changed by="2" from="5">//x:n</changed>`, `<x:n>6</x:n>`, `<x:n>9</x:n>`, false},
		{"added", `<added>//p:tuple</added>`, tuple("a", "open", ""), tuple("b", "open", "") + tuple("a", "open", ""), true},
		{"exchanged", `<added>//p:tuple</added>`, tuple("a", "open", ""), tuple("b", "open", ""), true},
		{"not added", `<added>//p:tuple</added>`, tuple("a", "open", "") + tuple("b", "open", ""), tuple("b", "closed", ""), false},
		{"a second note", `<added>/*/p:note</added>`, `<p:note>x</p:note>`, `<p:note>x</p:note><p:note>y</p:note>`, true},
		{"another note", `<added>/*/p:note</added>`, `<p:note>x</p:note>`, `<p:note>y</p:note>`, false},
		{"an added attribute", `<added>//@priority</added>`, tuple("a", "open", `<p:contact>sip:b@c.d</p:contact>`), tuple("a", "open", `<p:contact priority="0.6">sip:b@c.d</p:contact>`), true},
		{"inside what is added", `<added>//r:busy</added>`, ``, person("<r:activities><r:busy/></r:activities>"), true},
		{"removed", `<removed>//p:tuple</removed>`, tuple("a", "open", "") + tuple("b", "open", ""), tuple("b", "open", ""), true},
		{"not removed", `<removed>//p:tuple</removed>`, tuple("b", "open", ""), tuple("a", "open", "") + tuple("b", "closed", ""), false},
		{"a removed attribute", `<removed>//p:contact/@priority</removed>`, tuple("a", "open", `<p:contact priority="1">sip:b@c.d</p:contact>`), tuple("a", "open", `<p:contact>sip:b@c.d</p:contact>`), true},
		{"both of two", `<changed>` + basic + `<added>//p:note</added>`, tuple("a", "open", ""), tuple("a", "closed", "<p:note/>"), true},
		{"one of two", `<changed>` + basic + `<added>//p:note</added>`, tuple("a", "open", ""), tuple("a", "closed", ""), false},
		{"the second trigger", `<added>//p:note</added></trigger><trigger><changed>` + basic, tuple("a", "open", ""), tuple("a", "closed", ""), true},
		{"none of the triggers", `<added>//p:note</added></trigger><trigger><removed>//p:note</removed>`, tuple("a", "open", ""), tuple("a", "closed", ""), false},
		{"an empty trigger", ``, tuple("a", "open", ""), tuple("a", "open", ""), true},
	} {
		f := filterOf(t, "<trigger>"+test.triggers+"</trigger>")
		old, current := document(test.old), document(test.current)
		if got := f.Triggers(parseDocument(t, old), parseDocument(t, current)); got != test.want {
			t.Errorf("%s: %v", test.name, got)
		}
		if got := triggersOracle(f, old, current); got != test.want {
			t.Errorf("%s: the oracle says %v", test.name, got)
		}
		if !f.Triggers(nil, parseDocument(t, current)) || f.Key() != "" {
			t.Errorf("%s: the first, %q", test.name, f.Key())
		}
	}
	if !(*Filter)(nil).Triggers(parseDocument(t, typical), parseDocument(t, typical)) {
		t.Error("no filter")
	}
}

// identity names an element by where it stands: for itself and each element
// around it the name, the id and the place among those that have the same.
func identity(e item) string {
	name, id := nameOf(e.e), ""
	for _, a := range attributesOf(e.e) {
		if attrName(a).Namespace == "" && a.Key == "id" {
			id = a.Value
		}
	}
	place := 0
	path := ""
	if parent := e.e.Parent(); parent != nil && parent.Tag != "" {
		for _, brother := range parent.ChildElements() {
			if brother == e.e {
				break
			}
			other := ""
			for _, a := range attributesOf(brother) {
				if attrName(a).Namespace == "" && a.Key == "id" {
					other = a.Value
				}
			}
			if nameOf(brother) == name && other == id {
				place++
			}
		}
		path = identity(item{e: parent})
	} else {
		id = ""
	}
	path += "/{" + name.Namespace + "}" + name.Local + "#" + id + "#" + strings.Repeat("i", place)
	if e.attr != nil {
		path += "/@{" + attrName(e.attr).Namespace + "}" + e.attr.Key
	}
	return path
}

// inOrder evaluates a path, and puts what it selects in document order.
func inOrder(document string, steps []step) (found []item) {
	root := parseTree(document)
	selected := evaluate(root, []*etree.Element{nil}, steps)
	for _, e := range subtree(root) {
		if selected[item{e: e}] {
			found = append(found, item{e: e})
		}
		for _, a := range attributesOf(e) {
			if selected[item{e, a}] {
				found = append(found, item{e, a})
			}
		}
	}
	return found
}

func triggersOracle(f *Filter, old, current string) bool {
	met := len(f.triggers) == 0
	for _, t := range f.triggers {
		all := true
		for _, c := range t {
			all = all && criterionOracle(c, inOrder(old, c.steps), inOrder(current, c.steps))
		}
		met = met || all
	}
	return met
}

func criterionOracle(c criterion, old, current []item) bool {
	before, after := make(map[string]item), make(map[string]item)
	for _, n := range old {
		before[identity(n)] = n
	}
	for _, n := range current {
		after[identity(n)] = n
	}
	var gone, fresh []item
	for _, n := range old {
		if _, stays := after[identity(n)]; !stays {
			gone = append(gone, n)
		}
	}
	met := false
	for _, n := range current {
		if was, known := before[identity(n)]; known {
			met = met || changedOracle(c, was, n)
		} else {
			fresh = append(fresh, n)
		}
	}
	switch c.kind {
	case added:
		return len(fresh) > 0
	case removed:
		return len(gone) > 0
	}
	for i, n := range fresh {
		if i < len(gone) {
			met = met || changedOracle(c, gone[i], n)
		} else if c.to.given && !c.from.given && !c.by.given {
			met = met || same(itemName(n), valueOf(n), c.to.value)
		}
	}
	return met
}

func itemName(n item) (name pidf.Name) {
	if n.attr != nil {
		return attrName(n.attr)
	}
	return nameOf(n.e)
}

func valueOf(n item) string { return collapse(stringValue(n)) }

// contents is what is in an element, or an attribute's value.
func contents(n item) string {
	if n.attr != nil || len(n.e.ChildElements()) == 0 {
		return valueOf(n)
	}
	out := "<>"
	for _, child := range n.e.ChildElements() {
		out += canonicalTree(child, everything)
	}
	return out
}

func changedOracle(c criterion, was, is item) bool {
	return contents(was) != contents(is) && c.met(itemName(is), valueOf(was), valueOf(is))
}
