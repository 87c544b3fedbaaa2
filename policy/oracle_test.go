package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/beevik/etree"

	"presenced/pidf"
)

// oracle is Transform for readers: on a tree, by a table of RFC 5025 s.3.3.2.
// It removes from the document what the watcher may not see.
func oracle(p Permissions, root *etree.Element) {
	persons := slices.DeleteFunc(root.ChildElements(), func(e *etree.Element) bool { return kindOf(e) != "person" })
	visible := slices.DeleteFunc(slices.Clone(persons), func(e *etree.Element) bool { return !chosen(p.Persons, e) })
	noteless := slices.ContainsFunc(visible, func(e *etree.Element) bool {
		return !slices.ContainsFunc(e.ChildElements(), func(c *etree.Element) bool { return name(c) == dm+"note" })
	})
	for _, e := range root.ChildElements() {
		switch kindOf(e) {
		case "person":
			keep(root, e, chosen(p.Persons, e))
		case "device":
			keep(root, e, chosen(p.Devices, e))
		case "tuple":
			keep(root, e, chosen(p.Services, e))
		case "note":
			keep(root, e, (p.Note || p.AllAttributes) && (p.Persons.All || noteless))
		default:
			keep(root, e, p.AllAttributes)
		}
		if kindOf(e) != "note" && !p.AllAttributes && e.Parent() != nil {
			reduce(p, e)
		}
	}
}

const (
	pi   = "{urn:ietf:params:xml:ns:pidf}"
	dm   = "{urn:ietf:params:xml:ns:pidf:data-model}"
	rpid = "{urn:ietf:params:xml:ns:pidf:rpid}"
)

func name(e *etree.Element) string { return "{" + e.NamespaceURI() + "}" + e.Tag }

func kindOf(e *etree.Element) string {
	switch name(e) {
	case dm + "person", dm + "device", pi + "tuple", pi + "note":
		return e.Tag
	}
	return ""
}

func keep(parent, e *etree.Element, kept bool) {
	if !kept {
		parent.RemoveChild(e)
	}
}

// chosen is RFC 5025 s.3.3.1.
func chosen(s Selection, e *etree.Element) bool {
	has := func(values []string, value string) bool { return slices.Contains(values, value) }
	same := func(values []string, value string) bool {
		return slices.ContainsFunc(values, func(v string) bool { return equivalent(v, value) })
	}
	if s.All {
		return true
	}
	for _, id := range s.OccurrenceIDs {
		if is := token(attributeOf(e, "id")); is == id || is == pidf.Identifier(id) {
			return true
		}
	}
	for _, c := range e.ChildElements() {
		value := textOf(c)
		scheme, _, hierarchical := strings.Cut(strings.TrimSpace(value), ":")
		switch name(c) {
		case rpid + "class":
			if has(s.Classes, token(value)) {
				return true
			}
		case dm + "deviceID":
			if same(s.DeviceIDs, value) {
				return true
			}
		case pi + "contact":
			if same(s.ServiceURIs, value) || hierarchical && has(s.ServiceURISchemes, scheme) {
				return true
			}
		}
	}
	return false
}

func attributeOf(e *etree.Element, local string) string {
	for _, a := range e.Attr {
		if a.Space == "" && a.Key == local {
			return a.Value
		}
	}
	return ""
}

func textOf(e *etree.Element) string {
	var s string
	for _, child := range e.Child {
		switch c := child.(type) {
		case *etree.CharData:
			s += c.Data
		case *etree.Element:
			s += textOf(c)
		}
	}
	return s
}

// reduce is RFC 5025 s.3.3.2 on one person, device or tuple.
func reduce(p Permissions, e *etree.Element) {
	reduceFrame(e)
	for _, c := range e.ChildElements() {
		if e.Tag == "tuple" && name(c) == pi+"status" {
			reduceFrame(c)
			for _, s := range c.ChildElements() {
				reduceAttribute(p, c, s, "tuple")
			}
			if len(c.ChildElements()) == 0 {
				basic := c.CreateElement("basic")
				basic.Space = c.Space
				basic.SetText("closed")
			}
			continue
		}
		reduceAttribute(p, e, c, e.Tag)
	}
}

// reduceFrame leaves of what is no child element only the frame.
func reduceFrame(e *etree.Element) {
	e.Attr = slices.DeleteFunc(e.Attr, func(a etree.Attr) bool { return !frame(a) })
	for _, child := range slices.Clone(e.Child) {
		if _, isText := child.(*etree.CharData); isText {
			e.RemoveChild(child)
		}
	}
}

// frame says which XML attributes of a component are no information.
func frame(a etree.Attr) bool {
	return declares(a) || a.Space == "xml" || a.Space == "" && (a.Key == "id" || a.Key == "entity")
}

func declares(a etree.Attr) bool { return a.Space == "xmlns" || a.Space == "" && a.Key == "xmlns" }

func reduceAttribute(p Permissions, parent, e *etree.Element, kind string) {
	table := map[string]struct {
		permitted bool
		kinds     string
	}{
		pi + "basic":           {true, "tuple"},
		pi + "contact":         {true, "tuple"},
		pi + "timestamp":       {true, "tuple"},
		pi + "note":            {p.Note, "tuple"},
		dm + "timestamp":       {true, "person device"},
		dm + "note":            {p.Note, "person device"},
		rpid + "service-class": {true, "tuple"},
		rpid + "activities":    {p.Activities, "person"},
		rpid + "class":         {p.Class, "person tuple device"},
		rpid + "mood":          {p.Mood, "person"},
		rpid + "place-is":      {p.PlaceIs, "person"},
		rpid + "place-type":    {p.PlaceType, "person"},
		rpid + "privacy":       {p.Privacy, "person tuple"},
		rpid + "relationship":  {p.Relationship, "tuple"},
		rpid + "sphere":        {p.Sphere, "person"},
		rpid + "status-icon":   {p.StatusIcon, "person tuple"},
		rpid + "time-offset":   {p.TimeOffset, "person"},
		rpid + "user-input":    {p.UserInput > UserInputFalse, "person tuple device"},
	}
	row, known := table[name(e)]
	switch {
	case name(e) == dm+"deviceID":
		keep(parent, e, kind == "device" || kind == "tuple" && p.DeviceID)
	case known:
		keep(parent, e, row.permitted && strings.Contains(row.kinds, kind))
	case e.NamespaceURI() == pidf.Namespace || e.NamespaceURI() == pidf.NamespaceDataModel:
		parent.RemoveChild(e)
	default:
		keep(parent, e, slices.Contains(p.Unknown, Attribute{e.NamespaceURI(), e.Tag}))
	}
	if name(e) == rpid+"user-input" {
		e.Attr = slices.DeleteFunc(e.Attr, func(a etree.Attr) bool { return !declares(a) && hidesInput(p.UserInput, a) })
	}
}

func hidesInput(u UserInput, a etree.Attr) bool {
	plain := a.Space == ""
	switch u {
	case UserInputBare:
		return plain && slices.Contains([]string{"idle-threshold", "since", "last-input"}, a.Key)
	case UserInputThresholds:
		return !plain || a.Key != "idle-threshold"
	}
	return false
}

// expand writes an element with expanded names, so that two documents can be
// compared whatever their prefixes. Of the root only what reduces it is left.
func expand(e *etree.Element, depth int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%*s%s", depth, "", name(e))
	var attrs []string
	for _, a := range e.Attr {
		if !declares(a) && (depth > 0 || frame(a)) {
			attrs = append(attrs, fmt.Sprintf(" {%s}%s=%q", a.NamespaceURI(), a.Key, a.Value))
		}
	}
	slices.Sort(attrs)
	b.WriteString(strings.Join(attrs, ""))
	children := e.ChildElements()
	if len(children) == 0 {
		fmt.Fprintf(&b, " %q", strings.TrimSpace(textOf(e)))
	}
	b.WriteByte('\n')
	for _, c := range children {
		b.WriteString(expand(c, depth+1))
	}
	return b.String()
}
