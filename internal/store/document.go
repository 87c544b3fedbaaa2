package store

import (
	"fmt"
	"strings"
)

// Document is a document that an address-of-record keeps at the agent: its
// access rules, for instance. Durable: a put or a delete is answered when it
// is on disk, else ErrRisk.
type Document struct {
	AOR  string // not empty, without a zero byte
	Name string // of the application usage: "pres-rules"; not empty, without a zero byte or a colon
	Tag  string // entity-tag, chosen by who puts; not empty, nor "*" or "-"
	Body []byte // immutable: shared, never written to
}

// What an ifMatch can be besides an entity-tag, as HTTP has it. Where it does
// not hold, nothing changes and the error is ErrNoMatch; but the delete of what
// is not there is ErrNotFound whatever it was to match.
//
// A put whose Tag is already the stored one was made before: it succeeds and
// changes nothing, whatever it was to match.
const (
	MatchAny     = ""  // unconditional
	MatchStored  = "*" // there must be one (If-Match: *)
	MatchMissing = "-" // there must be none (If-None-Match: *)
)

// Check says whether a document can be stored at all.
func (d Document) Check() error {
	switch {
	case d.AOR == "" || d.Name == "" || strings.Contains(d.AOR, "\x00") || strings.ContainsAny(d.Name, "\x00:"):
		return fmt.Errorf("store: no document has the name %q of %q", d.Name, d.AOR)
	case d.Tag == MatchAny || d.Tag == MatchStored || d.Tag == MatchMissing:
		return fmt.Errorf("store: %q is no entity-tag of a document", d.Tag)
	}
	return nil
}

// Holds says whether a condition on a stored entity-tag ("" for none) holds.
func Holds(ifMatch, stored string) bool {
	switch ifMatch {
	case MatchAny:
		return true
	case MatchStored:
		return stored != ""
	case MatchMissing:
		return stored == ""
	}
	return stored == ifMatch
}
