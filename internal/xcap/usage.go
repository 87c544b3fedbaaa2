package xcap

import (
	"slices"

	"presenced/policy"
)

// mediaType is that of common policy documents (RFC 4745 s.16.1), which presence rules inherit (RFC 5025 s.9.4), and
// which visibility rules and delegations are too.
const mediaType = "application/auth-policy+xml"

// usage is an application usage (RFC 4825 s.5).
type usage struct {
	name      string                 // of the document in the store: the AUID of its own conventions
	documents []string               // the document's names in URLs: its own conventions', and "index" (s.6.2)
	validate  func(doc []byte) error // the error is a *policy.Error
	initial   bool                   // there is a document of what counts while a principal has none
	delegable bool                   // one whom the owner lets edit rules may edit it
}

// usages are those served, by their AUIDs (RFC 4825 s.5.1; ours are in no registered tree).
var usages = map[string]*usage{
	"pres-rules":                        {"pres-rules", []string{"index"}, parsed(policy.ParseRules), true, true}, // RFC 5025 s.9
	"org.openmobilealliance.pres-rules": {"pres-rules", []string{"pres-rules", "index"}, parsed(policy.ParseRules), true, true},
	"presenced.visibility-rules":        {"presenced.visibility-rules", []string{"index"}, parsed(policy.ParseVisibility), false, true},
	"presenced.delegation":              {"presenced.delegation", []string{"index"}, parsed(policy.ParseDelegation), false, false},
}

func parsed[T any](parse func([]byte) (T, error)) func([]byte) error {
	return func(doc []byte) error {
		_, err := parse(doc)
		return err
	}
}

func (u *usage) has(document string) bool { return slices.Contains(u.documents, document) }
