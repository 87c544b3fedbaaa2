package store

// Document is a document that an address-of-record keeps at the agent: its
// access rules, for instance. Durable: a put or a delete is answered when it
// is on disk, else ErrRisk.
type Document struct {
	AOR  string
	Name string // of the application usage: "pres-rules"
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
