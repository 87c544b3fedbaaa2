package store

import "time"

// Publication is one entity's event state (RFC 3903 s.2) for a Key.
type Publication struct {
	ID          string // chosen by the caller, stable for the publication's life
	Tag         string // entity-tag, a new one with each accepted PUBLISH
	ContentType string
	Body        []byte // immutable: shared, never written to
	Source      string // host it came from, and its own address behind a NAT: tells one device from another
	UserAgent   string
	// Order is set by the engine at each change of Body: larger is newer. A
	// refresh leaves it.
	Order uint64
	TTL   time.Duration // granted when written, remaining when read
}

// Publications is all live event state of a Key at one version. The version
// changes when a publication is added, modified, removed or lapses.
type Publications struct {
	Version Version
	List    []Publication // oldest first, by Order
}

// Publish is one PUBLISH as the store sees it (RFC 3903 s.6).
//
//	IfMatch "" and Body       initial: Publication is added
//	IfMatch and Body          modify: ID kept, everything else replaced
//	IfMatch, Body nil         refresh: tag and lifetime replaced; Version and Order stay
//	IfMatch, TTL 0            remove (Body is ignored)
//
// An IfMatch that names no live publication of the key is ErrNoMatch. A call
// whose new Tag is already the stored one was made before: it succeeds and
// changes nothing. That goes before the Limit and before IfMatch. An initial
// one with a TTL of 0 succeeds and stores nothing.
type Publish struct {
	IfMatch     string
	Publication Publication // ID and Order are the engine's to keep unless initial
	Limit       int         // live publications per key at most; 0: no limit. ErrLimit, initial ones only
}
