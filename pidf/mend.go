package pidf

import (
	"slices"
	"strings"
)

// maxMended bounds how much of the published text is made valid in one
// composition, counted anew for what stands inside and with mendingCost for
// each element: what goes beyond is left out.
const (
	maxMended   = 8 << 10
	mendingCost = 32
)

// mended returns a document of one element: an extension that does not keep to
// the schemas, as it is valid. What has a type is what the type holds of it,
// and is left out where that is nothing; what has none is kept around it. It is
// nil where nothing is left.
func (c *composer) mended(d *Document, i int32) *Document {
	if c.mending += mendingCost + int(d.elements[i].end-d.elements[i].start); c.mending > maxMended {
		return nil
	}
	w := composers.Get().(*composer)
	defer w.release()
	w.alone, w.strict, w.mending = true, true, c.mending
	w.mend(d, i)
	c.mending = w.mending
	whole, r := new(Document), unbounded
	if len(w.out) == 0 {
		return nil
	}
	r.Root = d.name(i)
	if r.ReadString(whole, string(w.out)) != nil || !whole.conforms(0) {
		return nil
	}
	return whole
}

// mend writes one element such that it keeps to the schemas and binds all its
// namespaces itself.
func (c *composer) mend(d *Document, i int32) {
	if d.judge(i) != free {
		c.retyped(d, i)
		return
	}
	e := &d.elements[i]
	at := e.start + 1 + qname{prefix: e.prefix, local: e.name}.length()
	c.literal(d.body[e.start:at])
	c.inheritDefault(d, i)
	c.inheritPrefixes(d, i)
	for j := i; j < e.next; {
		sub := &d.elements[j]
		if found := d.judge(j); found != free {
			if found == invalid {
				c.literal(d.body[at:sub.start])
				c.retyped(d, j)
				at = sub.end
			}
			j = sub.next
			continue
		}
		for k := sub.attrs; k < sub.attrs+int32(sub.attrCount); k++ {
			if a := &d.attrs[k]; !d.conformsAttribute(a) {
				c.literal(strings.TrimRight(d.body[at:a.start], " \t\r\n"))
				at = a.valueEnd + 1
			}
		}
		j++
	}
	c.literal(d.body[at:e.end])
}

// retyped writes what a type holds of an element, with the bindings in its tag.
func (c *composer) retyped(d *Document, i int32) {
	if d.demanding(i) {
		return
	}
	start, outer := len(c.out), c.scope
	c.scope = nil
	c.typed(d, i)
	inner := c.scope
	c.scope = outer
	if len(c.out) == start {
		return
	}
	var bindings []byte
	for _, b := range inner {
		bindings = appendDeclaration(bindings, b.prefix, b.namespace)
	}
	tag := start + tagName(c.out[start:])
	c.out = slices.Insert(c.out, tag, bindings...)
}

// tagName is the length of the start tag's "<" and name.
func tagName(tag []byte) int {
	return slices.IndexFunc(tag, func(b byte) bool { return b == ' ' || b == '>' || b == '/' })
}

func (c *composer) typed(d *Document, i int32) {
	local := d.localName(i)
	switch d.elements[i].namespace {
	case nsDataModel:
		if id := strings.TrimSpace(d.text(i)); local == "deviceID" && id != "" {
			c.urn(id)
		}
	case nsRPID:
		c.typedRPID(d, i, local)
	case nsTimedStatus:
		t := d.timedStatus(i)
		c.timedStatus(&t)
	case nsCIPID:
		var card *Card
		d.card(&card, i)
		c.card(card)
	case nsCapabilities:
		c.typedCapabilities(d, i, local)
	case nsPlace:
		c.bind("lt", NamespacePlace)
		c.literal("<lt:" + local + "/>")
	default:
		if local == "geopriv" && d.namespace(d.elements[i].namespace) == NamespaceLocation {
			c.typedLocation(d, i)
		}
	}
}

func (c *composer) typedRPID(d *Document, i int32, local string) {
	if v := vocabularyOf(local); v != nil {
		c.typedEnumeration(d, i, v)
		return
	}
	switch local {
	case "class":
		c.class(strings.TrimSpace(d.text(i)))
	case "place-is":
		p := d.placeIs(i)
		if len(p.Notes) > 0 || slices.Contains(placeAudio, p.Audio) || slices.Contains(placeVideo, p.Video) || slices.Contains(placeText, p.Text) {
			c.placeIs(&p)
		}
	case "status-icon":
		if icon := d.icon(i); icon.URI != "" {
			c.icons([]Icon{icon})
		}
	case "time-offset":
		var offsets []TimeOffset
		if d.timeOffset(&offsets, i) {
			c.timeOffset(&offsets[0])
		}
	case "user-input":
		var input *UserInput
		if d.userInput(&input, i) {
			c.userInput(input)
		}
	}
}

// typedEnumeration writes an enumeration that says something.
//
// COMPAT: RFC 4480's and RFC 5264's own examples have a text where an element
// is wanted: a word counts as its element, any other as a text of one's own.
func (c *composer) typedEnumeration(d *Document, i int32, v *vocabulary) {
	e := d.enumeration(i, v)
	if text := strings.TrimSpace(d.text(i)); d.firstChild(i) < 0 && text != "" {
		e.Values = []string{text}
	}
	e.Values = slices.DeleteFunc(e.Values, func(word string) bool { return !v.other && !v.has(word) })
	if v.other || len(e.Values)+len(e.Extensions)+len(e.Notes) > 0 {
		e.Others = slices.DeleteFunc(e.Others, func(n Note) bool { return n.Text == "" })
	} else {
		return
	}
	if len(e.Values)+len(e.Others)+len(e.Extensions)+len(e.Notes) > 0 {
		c.enumeration(&e, v)
	}
}

// typedCapabilities writes those capabilities that are what the schema wants.
func (c *composer) typedCapabilities(d *Document, i int32, local string) {
	abilities := serviceCapabilities
	if local == "devcaps" {
		abilities = deviceCapabilities
	}
	k := &Capabilities{}
	for child := d.firstChild(i); child >= 0; child = d.sibling(child) {
		if d.isExtension(child, nsCapabilities) {
			k.Extensions = d.keep(k.Extensions, child, nsCapabilities)
			continue
		}
		at := slices.IndexFunc(abilities, func(a ability) bool { return d.is(child, nsCapabilities, a.name) })
		if at >= 0 {
			d.ability(k, child, &abilities[at])
		}
	}
	if len(k.Descriptions)+len(k.Flags)+len(k.Sets)+len(k.Types)+len(k.Extensions) > 0 {
		c.capabilities(k, abilities)
	}
}
