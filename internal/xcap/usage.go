package xcap

import (
	"slices"

	"presenced/policy"
)

// policyType is the media type of common policy documents (RFC 4745 s.16.1), which presence rules inherit (RFC 5025
// s.9.4), and which visibility rules and delegations have too.
const policyType = "application/auth-policy+xml"

// usage is an application usage (RFC 4825 s.5).
type usage struct {
	name      string   // of the document in the store: the AUID of its own conventions
	media     string   // the documents' media type
	documents []string // the document's names in URLs: its own conventions', and "index" (s.6.2)
	// validate judges a document of an owner. Its error is a *policy.Error, a *pidf.SyntaxError, or the answer.
	validate func(doc []byte, owner string) error
	initial  bool                        // there is a document of what counts while a principal has none
	editors  func(policy.Delegated) bool // whom, besides itself, the owner lets edit the document
}

// usages are those served, by their AUIDs (RFC 4825 s.5.1; those that begin with presenced are in no registered tree).
var usages = map[string]*usage{
	"pres-rules":                        {"pres-rules", policyType, []string{"index"}, parsed(policy.ParseRules), true, editsRules}, // RFC 5025 s.9
	"org.openmobilealliance.pres-rules": {"pres-rules", policyType, []string{"pres-rules", "index"}, parsed(policy.ParseRules), true, editsRules},
	"presenced.visibility-rules":        {"presenced.visibility-rules", policyType, []string{"index"}, parsed(policy.ParseVisibility), false, editsRules},
	"presenced.delegation":              {"presenced.delegation", policyType, []string{"index"}, parsed(policy.ParseDelegation), false, nobody},
	"pidf-manipulation":                 {"pidf-manipulation", presenceType, []string{"index"}, presence, false, publishes}, // RFC 4827
}

func editsRules(d policy.Delegated) bool { return d.Rules }
func publishes(d policy.Delegated) bool  { return d.Publish }
func nobody(policy.Delegated) bool       { return false }

func parsed[T any](parse func([]byte) (T, error)) func([]byte, string) error {
	return func(doc []byte, _ string) error {
		_, err := parse(doc)
		return err
	}
}

func (u *usage) has(document string) bool { return slices.Contains(u.documents, document) }
