package filter

import (
	"slices"

	"presenced/pidf"
)

// Namespaces of formats of which is known here what is mandatory.
const (
	watcherinfo  = "urn:ietf:params:xml:ns:watcherinfo"       // RFC 3858
	timedStatus  = "urn:ietf:params:xml:ns:pidf:timed-status" // RFC 4481
	capabilities = "urn:ietf:params:xml:ns:pidf:caps"         // RFC 5196
)

// frame is what an element must have left to be valid by its schema.
type frame struct {
	attributes []string // without a namespace
	children   []string // of its own namespace
	namespace  string   // that namespace
	choice     bool     // one child at least that is no note
	whole      bool     // everything: the schema is not known
}

func (f frame) requires(name pidf.Name) bool {
	return name.Namespace == f.namespace && slices.Contains(f.children, name.Local)
}

func (f frame) requiresAttribute(name pidf.Name) bool {
	return f.whole || name.Namespace == "" && slices.Contains(f.attributes, name.Local)
}

// frameOf returns what an element must have left. RFC 4480's elements need
// nothing but one of their values: activities, privacy, relationship and sphere
// not even that.
func frameOf(name pidf.Name) frame {
	f := frame{namespace: name.Namespace}
	switch name.Namespace {
	case pidf.Namespace:
		f.presence(name.Local)
	case pidf.NamespaceDataModel:
		f.dataModel(name.Local)
	case pidf.NamespaceRPID:
		switch name.Local {
		case "activities", "privacy", "relationship", "sphere", "place-is":
		default:
			f.choice = true
		}
	case timedStatus:
		f.attributes = timedAttributes
		f.whole = name.Local != "timed-status"
	case capabilities:
		f.whole = name.Local != "servcaps" && name.Local != "devcaps"
	case watcherinfo:
		f.watcherinfo(name.Local)
	default:
		f.whole = true
	}
	return f
}

// Not made anew for each element.
var (
	idAttribute       = []string{"id"}
	entityAttribute   = []string{"entity"}
	timedAttributes   = []string{"from"}
	infoAttributes    = []string{"version", "state"}
	listAttributes    = []string{"resource", "package"}
	watcherAttributes = []string{"status", "event", "id"}
	tupleChildren     = []string{"status"}
	deviceChildren    = []string{"deviceID"}
)

func (f *frame) presence(local string) {
	switch local {
	case "presence":
		f.attributes = entityAttribute
	case "tuple":
		f.attributes, f.children = idAttribute, tupleChildren
	case "status":
		f.choice = true // RFC 3863 s.4.1.3
	}
}

func (f *frame) dataModel(local string) {
	switch local {
	case "person":
		f.attributes = idAttribute
	case "device":
		f.attributes, f.children = idAttribute, deviceChildren
	}
}

func (f *frame) watcherinfo(local string) {
	switch local {
	case "watcherinfo":
		f.attributes = infoAttributes
	case "watcher-list":
		f.attributes = listAttributes
	case "watcher":
		f.attributes = watcherAttributes
	}
}
