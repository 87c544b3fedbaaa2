// Package policy holds the rules of presentities, watchers and domains: who
// sees presence, how much of it, and who sees that somebody watches. It knows
// no SIP and no store.
//
// One reader of common policy (RFC 4745) serves three kinds of documents:
//
//   - Rules, access rules by RFC 5025: ParseRules, then Evaluate for each
//     watcher, which gives Permissions. AccessRules are the domain's defaults
//     while a presentity has no document.
//   - Visibility, RFC 2778's visibility rules, in a vocabulary of our own.
//   - Delegation, who may act for a principal (RFC 2779 s.2.3), likewise.
//
// SetHandling edits access rules for one watcher; AccessRules.Document writes
// the document that such an edit begins with. Permissions have a Key, which
// names the view of all who have the same, and Transform a presence document
// into that view.
//
// All of RFC 4745 is evaluated: identity, sphere, validity, extensions that
// are not known (a condition is false, a permission is ignored), and the
// combining rules. So are all conditions, actions and transformations of RFC
// 5025. Identities are compared as addresses-of-record, so that sip:, sips:,
// pres: and im: forms of one address are equal; RFC 3966 compares tel: URIs.
//
// Of OMA's conditions, anonymous-request matches requests without an identity;
// other-identity matches identities that no rule names by address, by domain
// or by list; external-list matches only where Context.Lists can read lists,
// and as long as it cannot, a document that has one has no other identities
// either.
//
// Documents are read strictly: what the schemas refuse is refused, and hostile
// XML (DOCTYPE, processing instructions, excess of size, depth, elements or
// attributes), and conditions that could not be compared, since an exception
// that never matches opens a door: ids that are no URIs, exceptions of nobody,
// domains beyond ASCII (RFC 4745 s.7.1.3 would convert them by RFC 3490; they
// must be written in their xn-- form), dates beyond the year 9999.
//
// Left out: several URIs asserted for one watcher (RFC 5025 s.3.1.1.2), UTF-16
// documents, delivery rules, RFC 6772's location rules.
package policy

import "fmt"

// SubHandling is what becomes of a subscription (RFC 5025 s.3.2.1). The order
// is the RFC's: where several rules match, the largest value counts.
type SubHandling uint8

const (
	Block       SubHandling = iota // rejected
	Confirm                        // pending, until the presentity decides
	PoliteBlock                    // accepted; sees a presentity that is offline
	Allow
)

var names = [...]string{"block", "confirm", "polite-block", "allow"}

func (h SubHandling) String() string {
	if int(h) < len(names) {
		return names[h]
	}
	return fmt.Sprintf("SubHandling(%d)", uint8(h))
}

// ParseSubHandling reads a value as RFC 5025 s.6 writes it.
func ParseSubHandling(s string) (SubHandling, error) {
	for h, name := range names {
		if s == name {
			return SubHandling(h), nil
		}
	}
	return Block, fmt.Errorf("policy: unknown sub-handling %q", s)
}
