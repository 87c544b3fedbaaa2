package pidf

import "strings"

// tuple is where the parts of a tuple element stand in a document; -1 stands
// for a missing one. Of parts that may occur only once, the first counts.
type tuple struct {
	doc                                                  *Document
	element, status, basic, contact, timestamp, deviceID int32
	source                                               int // index of the source in the composition
	state                                                Status
	id                                                   string // that it has in the composition
}

// identity is what makes two tuples the same service on the same device.
// origin is only set where neither contact nor deviceID is given.
type identity struct {
	id, contact, deviceID, origin string
}

// tuple finds the parts of a tuple element, in whatever order they stand.
//
// COMPAT: elements out of order and a missing status or timestamp are accepted;
// append writes them as RFC 3863 s.4.1.2 wants them.
func (d *Document) tuple(i int32) tuple {
	t := tuple{doc: d, element: i, status: -1, basic: -1, contact: -1, timestamp: -1, deviceID: -1}
	for c := d.firstChild(i); c >= 0; c = d.sibling(c) {
		switch {
		case t.status < 0 && d.is(c, nsPIDF, "status"):
			t.status = c
		case t.contact < 0 && d.is(c, nsPIDF, "contact"):
			t.contact = c
		case t.timestamp < 0 && d.is(c, nsPIDF, "timestamp"):
			t.timestamp = c
		case t.deviceID < 0 && d.is(c, nsDataModel, "deviceID"):
			t.deviceID = c
		}
	}
	if t.status >= 0 {
		for c := d.firstChild(t.status); c >= 0 && t.basic < 0; c = d.sibling(c) {
			if d.is(c, nsPIDF, "basic") {
				t.basic = c
			}
		}
	}
	if t.basic >= 0 {
		t.state = d.basic(t.basic)
	}
	return t
}

// textOf returns the trimmed text of a part, "" if it is missing.
func (t *tuple) textOf(part int32) string {
	if part < 0 {
		return ""
	}
	return strings.TrimSpace(t.doc.text(part))
}

// basic reads a basic status; anything but the two words is Unknown.
func (d *Document) basic(i int32) Status {
	switch basic := strings.TrimSpace(d.text(i)); {
	case basic == string(Open) || strings.EqualFold(basic, string(Open)):
		return Open
	case basic == string(Closed) || strings.EqualFold(basic, string(Closed)):
		return Closed
	}
	return Unknown
}

// published is the tuple's id as it was published.
func (t *tuple) published() string { return strings.TrimSpace(t.doc.attribute(t.element, "id")) }

// identity leaves out a contact that is the presentity's own address: every
// device of it may have that one.
//
// COMPAT: baresip's tuples have the same id and this contact on every host
// (TestTwoOfOneProgram).
func (t *tuple) identity(device string) (id identity, known bool) {
	id = identity{
		id:       t.published(),
		contact:  t.textOf(t.contact),
		deviceID: t.textOf(t.deviceID),
	}
	if id.contact != "" && strings.EqualFold(address(id.contact), address(t.doc.Entity())) {
		id.contact = ""
	}
	if id.contact == "" && id.deviceID == "" {
		id.origin = device
		return id, device != ""
	}
	return id, true
}

// address is what a URI of SIP or a pres URI (RFC 3859 s.3) says of whom it
// names: without scheme and parameters.
func address(uri string) string {
	if scheme, rest, ok := strings.Cut(uri, ":"); ok && (strings.EqualFold(scheme, "sip") || strings.EqualFold(scheme, "sips") || strings.EqualFold(scheme, "pres")) {
		uri = rest
	}
	if end := strings.IndexAny(uri, ";?"); end >= 0 {
		uri = uri[:end]
	}
	return uri
}

// tuple writes a tuple element in the order of RFC 3863 s.4.1.2: status,
// extensions, contact, notes, timestamp.
func (c *composer) tuple(t *tuple) {
	d := t.doc
	c.literal(`<tuple id="`)
	c.literal(t.id)
	c.literal(`">`)
	c.status(t)
	for i := d.firstChild(t.element); i >= 0; i = d.sibling(i) {
		if i == t.deviceID {
			c.deviceID(d, i)
		} else if d.isExtension(i, nsPIDF) && c.holds(d, i) {
			c.extension(d, i)
		}
	}
	c.contact(t)
	for i := d.firstChild(t.element); i >= 0; i = d.sibling(i) {
		if d.is(i, nsPIDF, "note") {
			c.note(d, i, "note")
		}
	}
	if at := normalTimestamp(t.textOf(t.timestamp)); at != "" {
		c.element("timestamp", at)
	}
	c.literal("</tuple>\n")
}

// status writes the status element. RFC 3863 s.4.1.3 wants at least one child:
// a tuple that says nothing is closed, because nobody said it is open.
func (c *composer) status(t *tuple) {
	d := t.doc
	c.literal("<status>")
	start := len(c.out)
	if t.state != Unknown {
		c.element("basic", string(t.state))
	}
	if t.status >= 0 {
		for i := d.firstChild(t.status); i >= 0; i = d.sibling(i) {
			if d.isExtension(i, nsPIDF) {
				c.extension(d, i)
			}
		}
	}
	if len(c.out) == start {
		c.element("basic", string(Closed))
	}
	c.literal("</status>")
}

func (c *composer) contact(t *tuple) {
	uri := t.textOf(t.contact)
	if uri == "" {
		return
	}
	c.literal("<contact")
	if priority := strings.TrimSpace(t.doc.attribute(t.contact, "priority")); isPriority(priority) {
		c.literal(` priority="`)
		c.literal(priority)
		c.literal(`"`)
	}
	c.literal(">")
	c.out = AppendURI(c.out, uri)
	c.literal("</contact>")
}

// isPriority checks a contact's priority: 0 to 1 with at most three digits.
// RFC 3863 s.4.1.5: any other is ignored.
func isPriority(s string) bool {
	if s == "0" || s == "1" {
		return true
	}
	if len(s) < 3 || len(s) > 5 || s[1] != '.' {
		return false
	}
	switch s[0] {
	case '0':
		return strings.Trim(s[2:], "0123456789") == ""
	case '1':
		return strings.Trim(s[2:], "0") == ""
	}
	return false
}
