package policy

import (
	"strings"
	"unicode"
)

// checkExtension checks an element at an extension point as the schemas do
// (processContents="lax"): what a schema is known for must be valid wherever
// it stands, anything else may be there and means nothing.
func checkExtension(e element) error {
	switch e.Name() {
	case common("ruleset"):
		_, err := compile(e, permitPresence)
		return err
	case oma("anonymous-request"), oma("other-identity"):
		return e.empty()
	case oma("external-list"):
		_, err := readExternalList(e)
		return err
	}
	if e.Name().Namespace == NamespacePresRules {
		return new(Permissions).read(e)
	}
	return checkExtensions(e)
}

func checkExtensions(e element) error {
	for _, child := range e.children() {
		if err := checkExtension(child); err != nil {
			return err
		}
	}
	return nil
}

// uniqueID checks an id of type xs:ID.
func uniqueID(e element, ids map[string]bool) error {
	id, ok := e.Lookup("id")
	id = strings.Trim(id, spaces)
	switch {
	case !ok:
		return e.fail("id is missing")
	case !isNCName(id):
		return e.fail("id %.40q is no XML name", id)
	case ids[id]:
		return e.fail("id %.40q stands twice", id)
	}
	ids[id] = true
	return nil
}

// isNCName says whether s may be an xs:NCName.
func isNCName(s string) bool {
	for i, c := range s {
		switch {
		case unicode.IsLetter(c) || c == '_':
		case i > 0 && (c == '-' || c == '.' || unicode.IsDigit(c) || unicode.IsMark(c)):
		default:
			return false
		}
	}
	return s != ""
}
