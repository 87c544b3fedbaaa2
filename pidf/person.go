package pidf

import (
	"slices"
	"strings"
)

// persons writes the person. Where several are published, each kind of
// information is the newest one's.
func (c *composer) persons(sources []Source) {
	for s := len(c.docs) - 1; s >= 0; s-- {
		start := len(c.layers)
		c.within(s, KindPerson, func(_ *Document, i int32) { c.layers = append(c.layers, place{s, i}) })
		slices.Reverse(c.layers[start:])
	}
	if len(c.layers) == 0 {
		return
	}
	eldest := len(c.layers) - 1 // by its first publication
	for i, l := range c.layers {
		if k := sources[l.source].Key; k < sources[c.layers[eldest].source].Key {
			eldest = i
		}
	}
	c.open("person", c.layers[eldest], "p")
	timestamp, noted := "", -1
	for i, l := range c.layers {
		at, notes := c.layer(i, c.docs[l.source], l.element)
		if timestamp == "" {
			timestamp = at
		}
		if notes && noted < 0 {
			noted = i
		}
	}
	for _, p := range c.blanks {
		c.layerElement(p.source, c.docs[c.layers[p.source].source], p.element)
	}
	if noted >= 0 {
		c.dataNotes(c.layers[noted])
	}
	c.close("person", timestamp)
}

// layer writes the information of a person that no newer layer has. It returns
// its timestamp, and whether it has notes.
func (c *composer) layer(layer int, d *Document, person int32) (timestamp string, notes bool) {
	for i := d.firstChild(person); i >= 0; i = d.sibling(i) {
		switch e := &d.elements[i]; {
		case e.namespace == nsDataModel:
			if local := d.localName(i); local == "note" {
				notes = true
			} else if local == "timestamp" && timestamp == "" {
				timestamp = normalTimestamp(d.text(i))
			}
		case e.namespace == nsRPID && len(c.layers) > 1 && d.blank(i):
			c.blanks = append(c.blanks, place{layer, i})
		default:
			c.layerElement(layer, d, i)
		}
	}
	return timestamp, notes
}

func (c *composer) layerElement(layer int, d *Document, i int32) {
	if d.elements[i].namespace != nsNone && c.holds(d, i) && c.news(d, i, layer) && c.extension(d, i) {
		c.said(d, i, layer)
	}
}

// blank tells whether an element says nothing: an enumeration has one or more
// elements (RFC 4480 s.3.2), anything else has text.
func (d *Document) blank(i int32) bool {
	return d.firstChild(i) < 0 && strings.TrimSpace(d.text(i)) == ""
}

// news tells whether no newer layer has the kind of information of an element.
func (c *composer) news(d *Document, i int32, layer int) bool {
	if len(c.layers) == 1 {
		return true
	}
	newer, said := c.kinds[c.kindOf(d, i)]
	return !said || newer == layer
}

// said remembers that a layer has the kind of information of an element.
func (c *composer) said(d *Document, i int32, layer int) {
	if len(c.layers) > 1 {
		c.kinds[c.kindOf(d, i)] = layer
	}
}

func (c *composer) kindOf(d *Document, i int32) kind {
	return kind{d.namespace(d.elements[i].namespace), d.localName(i), c.later(d, i)}
}

// devicesOf writes the newest device of each deviceID, in the order of the
// publications that have them.
func (c *composer) devicesOf() {
	for s := len(c.docs) - 1; s >= 0; s-- {
		c.within(s, KindDevice, func(d *Document, i int32) {
			if id := d.deviceIDOf(i); id != "" {
				if _, known := c.devices[id]; !known {
					c.devices[id] = place{s, i}
				}
			}
		})
	}
	if len(c.devices) == 0 {
		return
	}
	for _, s := range c.ages {
		c.within(s, KindDevice, func(d *Document, i int32) {
			if p := (place{s, i}); c.devices[d.deviceIDOf(i)] == p {
				c.device(p)
			}
		})
	}
}

// device writes a device as data-model.xsd orders it, RFC 4479 s.5.1.2:
// extensions, deviceID, notes, timestamp.
func (c *composer) device(p place) {
	d := c.docs[p.source]
	c.open("device", p, "d")
	id := int32(-1)
	for i := d.firstChild(p.element); i >= 0; i = d.sibling(i) {
		switch {
		case d.isExtension(i, nsDataModel) && c.holds(d, i):
			c.extension(d, i)
		case id < 0 && d.is(i, nsDataModel, "deviceID"):
			id = i
		}
	}
	c.deviceID(d, id)
	c.dataNotes(p)
	c.close("device", c.timestampOf(p))
}

// open writes the start tag of a person or a device. The elements of the data
// model get the prefix dm, whatever they had.
func (c *composer) open(name string, p place, missing string) {
	c.dataModel()
	c.literal("<dm:")
	c.literal(name)
	c.literal(` id="`)
	c.id(strings.TrimSpace(c.docs[p.source].attribute(p.element, "id")), missing)
	c.literal(`">`)
}

func (c *composer) close(name, timestamp string) {
	if timestamp != "" {
		c.element("dm:timestamp", timestamp)
	}
	c.literal("</dm:")
	c.literal(name)
	c.literal(">\n")
}

// dataNotes writes the notes of a person or a device.
func (c *composer) dataNotes(p place) {
	d := c.docs[p.source]
	for i := d.firstChild(p.element); i >= 0; i = d.sibling(i) {
		if d.is(i, nsDataModel, "note") {
			c.note(d, i, "dm:note")
		}
	}
}

// timestampOf is the first timestamp of a device that is one.
func (c *composer) timestampOf(p place) string {
	d := c.docs[p.source]
	for i := d.firstChild(p.element); i >= 0; i = d.sibling(i) {
		if d.is(i, nsDataModel, "timestamp") {
			if at := normalTimestamp(d.text(i)); at != "" {
				return at
			}
		}
	}
	return ""
}

func (c *composer) deviceID(d *Document, i int32) {
	c.dataModel()
	c.literal("<dm:deviceID>")
	c.out = AppendURI(c.out, d.text(i))
	c.literal("</dm:deviceID>")
}

// deviceIDOf returns the deviceID of a device element, "" if it has none.
func (d *Document) deviceIDOf(i int32) string {
	for child := d.firstChild(i); child >= 0; child = d.sibling(child) {
		if d.is(child, nsDataModel, "deviceID") {
			return strings.TrimSpace(d.text(child))
		}
	}
	return ""
}
