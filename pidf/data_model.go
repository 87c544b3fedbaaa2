package pidf

import "strings"

func (d *Document) typedPerson(i int32) Person {
	p := Person{ID: d.attribute(i, "id")}
	for c := d.firstChild(i); c >= 0; c = d.sibling(c) {
		switch {
		case d.is(c, nsDataModel, "note"):
			p.Notes = append(p.Notes, d.typedNote(c))
		case d.is(c, nsDataModel, "timestamp"):
			p.Timestamp = parseTimestamp(d.text(c))
		case !p.understands(d, c):
			p.Extensions = d.keep(p.Extensions, c, nsDataModel)
		}
	}
	return p
}

// understands reads a child element that has a type, as Tuple.understands does.
func (p *Person) understands(d *Document, c int32) bool {
	if d.demanding(c) {
		return false
	}
	switch d.name(c) {
	case Name{NamespaceRPID, "activities"}:
		p.Activities = append(p.Activities, d.enumeration(c, &activityWords))
	case Name{NamespaceRPID, "mood"}:
		p.Moods = append(p.Moods, d.enumeration(c, &moodWords))
	case Name{NamespaceRPID, "place-is"}:
		p.PlaceIs = append(p.PlaceIs, d.placeIs(c))
	case Name{NamespaceRPID, "place-type"}:
		p.PlaceTypes = append(p.PlaceTypes, d.enumeration(c, &placeWords))
	case Name{NamespaceRPID, "privacy"}:
		p.Privacy = append(p.Privacy, d.enumeration(c, &privacyWords))
	case Name{NamespaceRPID, "sphere"}:
		p.Spheres = append(p.Spheres, d.sphere(c))
	case Name{NamespaceRPID, "status-icon"}:
		p.StatusIcons = append(p.StatusIcons, d.icon(c))
	case Name{NamespaceRPID, "time-offset"}:
		return d.timeOffset(&p.TimeOffsets, c)
	case Name{NamespaceRPID, "class"}:
		return d.once(&p.Class, c)
	case Name{NamespaceRPID, "user-input"}:
		return d.userInput(&p.UserInput, c)
	default:
		return d.card(&p.Card, c)
	}
	return true
}

func (d *Document) typedDevice(i int32) Device {
	v := Device{ID: d.attribute(i, "id"), DeviceID: d.deviceIDOf(i)}
	for c := d.firstChild(i); c >= 0; c = d.sibling(c) {
		switch {
		case d.is(c, nsDataModel, "note"):
			v.Notes = append(v.Notes, d.typedNote(c))
		case d.is(c, nsDataModel, "timestamp"):
			v.Timestamp = parseTimestamp(d.text(c))
		case !v.understands(d, c):
			v.Extensions = d.keep(v.Extensions, c, nsDataModel)
		}
	}
	return v
}

func (v *Device) understands(d *Document, c int32) bool {
	if d.demanding(c) {
		return false
	}
	switch d.name(c) {
	case Name{NamespaceRPID, "class"}:
		return d.once(&v.Class, c)
	case Name{NamespaceRPID, "user-input"}:
		return d.userInput(&v.UserInput, c)
	case Name{NamespaceCapabilities, "devcaps"}:
		return d.capabilities(&v.Capabilities, c, deviceCapabilities)
	}
	return false
}

// typedPerson writes a person in the order of RFC 4479 s.5.1.2.
func (c *composer) typedPerson(p *Person) {
	c.dataModel()
	c.literal(`<dm:person id="`)
	c.id(strings.TrimSpace(p.ID), "p")
	c.literal(`">`)
	c.enumerations(p.Activities, &activityWords)
	c.class(p.Class)
	c.enumerations(p.Moods, &moodWords)
	for i := range p.PlaceIs {
		c.placeIs(&p.PlaceIs[i])
	}
	c.enumerations(p.PlaceTypes, &placeWords)
	c.enumerations(p.Privacy, &privacyWords)
	c.enumerations(p.Spheres, &sphereWords)
	c.icons(p.StatusIcons)
	for i := range p.TimeOffsets {
		c.timeOffset(&p.TimeOffsets[i])
	}
	c.userInput(p.UserInput)
	c.card(p.Card)
	c.wholes(p.Extensions, NamespaceDataModel)
	for _, n := range p.Notes {
		c.out = appendNote(c.out, "dm:note", n)
	}
	c.out = appendTimestamp(c.out, "dm:timestamp", p.Timestamp)
	c.literal("</dm:person>\n")
}

// typedDevice writes a device in the order of RFC 4479 s.5.1.2.
func (c *composer) typedDevice(v *Device) {
	if strings.TrimSpace(v.DeviceID) == "" {
		return
	}
	c.dataModel()
	c.literal(`<dm:device id="`)
	c.id(strings.TrimSpace(v.ID), "d")
	c.literal(`">`)
	c.class(v.Class)
	c.userInput(v.UserInput)
	c.capabilities(v.Capabilities, deviceCapabilities)
	c.wholes(v.Extensions, NamespaceDataModel)
	c.urn(v.DeviceID)
	for _, n := range v.Notes {
		c.out = appendNote(c.out, "dm:note", n)
	}
	c.out = appendTimestamp(c.out, "dm:timestamp", v.Timestamp)
	c.literal("</dm:device>\n")
}

func (c *composer) urn(id string) {
	c.dataModel()
	c.literal("<dm:deviceID>")
	c.out = append(AppendURI(c.out, id), "</dm:deviceID>"...)
}
