package policy

import (
	"slices"

	"presenced/pidf"
)

const xmlNamespace = "http://www.w3.org/XML/1998/namespace"

var (
	statusName     = pidf.Name{Namespace: pidf.Namespace, Local: "status"}
	noteName       = pidf.Name{Namespace: pidf.Namespace, Local: "note"}
	personNoteName = pidf.Name{Namespace: pidf.NamespaceDataModel, Local: "note"}
	userInputName  = pidf.Name{Namespace: pidf.NamespaceRPID, Local: "user-input"}
)

// component is a kind of data component (RFC 4479 s.3), as a bit.
type component uint8

const (
	none   component = 0
	person component = 1 << iota
	device
	service
)

func componentOf(name pidf.Name) component {
	switch name {
	case pidf.Name{Namespace: pidf.Namespace, Local: "tuple"}:
		return service
	case pidf.Name{Namespace: pidf.NamespaceDataModel, Local: "person"}:
		return person
	case pidf.Name{Namespace: pidf.NamespaceDataModel, Local: "device"}:
		return device
	}
	return none
}

// shows tells whether a presence attribute is shown in a component that is.
// An attribute in a component for which RFC 5025 does not provide it is not.
func (p *Permissions) shows(kind component, name pidf.Name) bool {
	switch name.Namespace {
	case pidf.Namespace:
		return kind == service && p.showsPIDF(name.Local)
	case pidf.NamespaceDataModel:
		return p.showsDataModel(kind, name.Local)
	case pidf.NamespaceRPID:
		if permitted, in := p.rich(name.Local); in != none {
			return permitted && in&kind != 0
		}
	}
	// RFC 5025 s.3.3.2.14: names that no other permission speaks of.
	return slices.Contains(p.Unknown, Attribute{Namespace: name.Namespace, Name: name.Local})
}

func (p *Permissions) showsPIDF(local string) bool {
	switch local {
	case "basic", "contact", "timestamp": // RFC 5025 s.3.3.2: always
		return true
	case "note": // s.3.3.2.13
		return p.Note
	}
	return false
}

func (p *Permissions) showsDataModel(kind component, local string) bool {
	switch local {
	case "deviceID": // RFC 5025 s.3.3.2 for a device, s.3.3.2.3 for a service
		return kind == device || kind == service && p.DeviceID
	case "timestamp": // s.3.3.2: always
		return kind != service
	case "note": // s.3.3.2.13
		return kind != service && p.Note
	}
	return false
}

// rich returns whether an element of RPID (RFC 4480) is permitted, and in which
// components: in none if there is no permission of its own for it.
func (p *Permissions) rich(local string) (permitted bool, in component) {
	switch local {
	case "service-class": // RFC 5025 s.3.3.2: always
		return true, service
	case "activities": // s.3.3.2.1
		return p.Activities, person
	case "class": // s.3.3.2.2
		return p.Class, person | service | device
	case "mood": // s.3.3.2.4
		return p.Mood, person
	case "place-is": // s.3.3.2.5
		return p.PlaceIs, person
	case "place-type": // s.3.3.2.6
		return p.PlaceType, person
	case "privacy": // s.3.3.2.7
		return p.Privacy, person | service
	case "relationship": // s.3.3.2.8
		return p.Relationship, service
	case "sphere": // s.3.3.2.9
		return p.Sphere, person
	case "status-icon": // s.3.3.2.10
		return p.StatusIcon, person | service
	case "time-offset": // s.3.3.2.11
		return p.TimeOffset, person
	case "user-input": // s.3.3.2.12
		return p.UserInput != UserInputFalse, person | service | device
	}
	return false, none
}

// keeps returns which XML attributes of user-input are shown (RFC 5025
// s.3.3.2.12). What the RFC calls since became last-input in RFC 4480 s.3.14.
func (u UserInput) keeps() func(pidf.Attribute) bool {
	switch u {
	case UserInputFull:
		return func(pidf.Attribute) bool { return true }
	case UserInputThresholds:
		return func(a pidf.Attribute) bool { return a.Namespace == "" && a.Local == "idle-threshold" }
	}
	return func(a pidf.Attribute) bool {
		return a.Namespace != "" || a.Local != "idle-threshold" && a.Local != "since" && a.Local != "last-input"
	}
}
