package pidf

import "strings"

// person writes a person or a device element as data-model.xsd orders it,
// RFC 4479 s.5.1.2: extensions, the device's deviceID, notes, timestamp. Its
// own elements get the prefix dm, whatever they had.
func (c *composer) person(d *Document, i int32, name, missing string) {
	c.dataModel()
	c.literal("<dm:")
	c.literal(name)
	c.literal(` id="`)
	c.id(strings.TrimSpace(d.attribute(i, "id")), missing)
	c.literal(`">`)
	device, timestamp := int32(-1), ""
	for child := d.firstChild(i); child >= 0; child = d.sibling(child) {
		switch {
		case d.isExtension(child, nsDataModel):
			c.extension(d, child)
		case device < 0 && d.is(child, nsDataModel, "deviceID"):
			device = child
		case timestamp == "" && d.is(child, nsDataModel, "timestamp"):
			timestamp = normalTimestamp(d.text(child))
		}
	}
	if device >= 0 && name == "device" {
		c.deviceID(d, device)
	}
	for child := d.firstChild(i); child >= 0; child = d.sibling(child) {
		if d.is(child, nsDataModel, "note") {
			c.note(d, child, "dm:note")
		}
	}
	if timestamp != "" {
		c.element("dm:timestamp", timestamp)
	}
	c.literal("</dm:")
	c.literal(name)
	c.literal(">\n")
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
