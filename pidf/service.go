package pidf

import "strings"

func (d *Document) typedTuple(i int32) Tuple {
	t := d.tuple(i)
	typed := Tuple{
		ID:        d.attribute(i, "id"),
		Status:    t.state,
		Contact:   t.textOf(t.contact),
		Timestamp: parseTimestamp(t.textOf(t.timestamp)),
	}
	if t.contact >= 0 {
		if priority := strings.TrimSpace(d.attribute(t.contact, "priority")); isPriority(priority) {
			typed.Priority = priority
		}
	}
	if t.status >= 0 {
		for c := d.firstChild(t.status); c >= 0; c = d.sibling(c) {
			typed.StatusExtensions = d.keep(typed.StatusExtensions, c, nsPIDF)
		}
	}
	for c := d.firstChild(i); c >= 0; c = d.sibling(c) {
		switch {
		case d.is(c, nsPIDF, "note"):
			typed.Notes = append(typed.Notes, d.typedNote(c))
		case d.is(c, nsDataModel, "deviceID"):
			typed.DeviceIDs = append(typed.DeviceIDs, strings.TrimSpace(d.text(c)))
		case !typed.understands(d, c):
			typed.Extensions = d.keep(typed.Extensions, c, nsPIDF)
		}
	}
	return typed
}

// understands reads a child element that has a type. It is false for any other
// and for a second one of a kind that a service has once.
func (t *Tuple) understands(d *Document, c int32) bool {
	if d.demanding(c) {
		return false
	}
	switch d.name(c) {
	case Name{NamespaceRPID, "class"}:
		return d.once(&t.Class, c)
	case Name{NamespaceRPID, "privacy"}:
		t.Privacy = append(t.Privacy, d.enumeration(c, &privacyWords))
	case Name{NamespaceRPID, "relationship"}:
		return first(&t.Relationship, d.enumeration(c, &relationshipWords))
	case Name{NamespaceRPID, "service-class"}:
		return first(&t.ServiceClass, d.enumeration(c, &serviceWords))
	case Name{NamespaceRPID, "status-icon"}:
		t.StatusIcons = append(t.StatusIcons, d.icon(c))
	case Name{NamespaceRPID, "user-input"}:
		return d.userInput(&t.UserInput, c)
	case Name{NamespaceTimedStatus, "timed-status"}:
		t.TimedStatus = append(t.TimedStatus, d.timedStatus(c))
	case Name{NamespaceCapabilities, "servcaps"}:
		return d.capabilities(&t.Capabilities, c, serviceCapabilities)
	default:
		return d.card(&t.Card, c)
	}
	return true
}

// typedTuple writes a tuple in the order of RFC 3863 s.4.1.2.
func (c *composer) typedTuple(t *Tuple) {
	c.literal(`<tuple id="`)
	c.id(strings.TrimSpace(t.ID), "t")
	c.literal(`">`)
	c.typedStatus(t)
	for _, id := range t.DeviceIDs {
		c.urn(id)
	}
	c.class(t.Class)
	c.enumerations(t.Privacy, &privacyWords)
	c.enumerations(one(t.Relationship), &relationshipWords)
	c.enumerations(one(t.ServiceClass), &serviceWords)
	c.icons(t.StatusIcons)
	c.userInput(t.UserInput)
	c.card(t.Card)
	for i := range t.TimedStatus {
		c.timedStatus(&t.TimedStatus[i])
	}
	c.capabilities(t.Capabilities, serviceCapabilities)
	c.wholes(t.Extensions, Namespace)
	if t.Contact != "" {
		c.literal("<contact")
		if isPriority(t.Priority) {
			c.literal(` priority="` + t.Priority + `"`)
		}
		c.out = append(AppendURI(append(c.out, '>'), t.Contact), "</contact>"...)
	}
	for _, n := range t.Notes {
		c.out = appendNote(c.out, "note", n)
	}
	c.out = appendTimestamp(c.out, "timestamp", t.Timestamp)
	c.literal("</tuple>\n")
}

// typedStatus writes the status, which has at least one child (RFC 3863
// s.4.1.3): a tuple that says nothing is closed.
func (c *composer) typedStatus(t *Tuple) {
	c.literal("<status>")
	start := len(c.out)
	if t.Status == Open || t.Status == Closed {
		c.element("basic", string(t.Status))
	}
	c.wholes(t.StatusExtensions, Namespace)
	if len(c.out) == start {
		c.element("basic", string(Closed))
	}
	c.literal("</status>")
}
