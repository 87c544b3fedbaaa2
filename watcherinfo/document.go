// Package watcherinfo says who watches: the states of a subscription as others
// see it, and the document that tells of them.
//
// It implements the state machine of RFC 3857 s.4.7.1 as a pure function,
// [Next], and the application/watcherinfo+xml document of RFC 3858, full and
// partial: [Append] writes it, [Parse] reads it, and a [View] puts the documents
// of a subscription together. It leaves out who may see whom and when a
// document is sent: that is the notifier's. It knows no SIP and no network.
package watcherinfo

import "time"

// ContentType is the document's media type (RFC 3858 s.8.1).
const ContentType = "application/watcherinfo+xml"

// Namespace is the namespace name of the document's elements (RFC 3858 s.3).
const Namespace = "urn:ietf:params:xml:ns:watcherinfo"

// Document is a watcher information document (RFC 3858 s.3).
type Document struct {
	Version uint32 // from 0, one higher with each document of a subscription
	Full    bool   // all watchers, not only those that have changed
	Lists   []List
}

// List holds watchers of one resource within one event package.
type List struct {
	Resource string // URI of what is watched
	Package  string // event package, "presence" say
	Watchers []Watcher
}

// Watcher is one subscription of a watcher.
type Watcher struct {
	ID     string // an RFC 3261 token, the same for the subscription's life
	URI    string // the watcher's, authenticated where possible
	Status Status
	Event  Event // what led to Status

	DisplayName string // "" for none
	Lang        string // language tag of DisplayName, "" for none
	// Expiration is the time left until the subscription expires, Absent where
	// it is not told; written in whole seconds.
	Expiration time.Duration
	// Subscribed is the time since the SUBSCRIBE that created the subscription,
	// Absent where it is not told; written in whole seconds.
	Subscribed time.Duration
}

// Absent is the duration of a watcher for what is not told. Any other negative
// duration is taken for it too.
const Absent time.Duration = -1
