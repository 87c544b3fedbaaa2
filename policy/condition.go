package policy

import (
	"slices"
	"strings"
)

// NamespaceOMA is that of OMA's extension conditions (OMA XDM Core 1.1).
const NamespaceOMA = "urn:oma:xml:xdm:common-policy"

// conditions of a rule (RFC 4745 s.7). All must be true; without any the rule
// matches everybody, authenticated or not.
type conditions struct {
	identities []identity
	spheres    [][]string // each: tokens, any of which matches
	validities [][]period // each: periods, any of which matches
	lists      [][]string // each: external lists, any of which matches
	nobody     bool       // OMA's anonymous-request: the watcher has no identity
	other      bool       // OMA's other-identity: no rule names the watcher
	unknown    bool       // RFC 4745 s.7: a condition that is not known is false
}

// request is what conditions are compared with.
type request struct {
	uri, domain string // canonical; "" where the watcher is not known
	other       bool
	Context
}

func newRequest(uri string, c Context) *request {
	q := &request{Context: c}
	if id, ok := canonical(uri); ok {
		q.uri, q.domain = id, domain(id)
	}
	q.Sphere = strings.Trim(q.Sphere, spaces)
	return q
}

func (c *conditions) match(q *request) bool {
	if c.unknown || c.nobody && q.uri != "" || c.other && !q.other {
		return false
	}
	for i := range c.identities {
		if !c.identities[i].match(q) {
			return false
		}
	}
	for _, tokens := range c.spheres {
		if !matchSphere(tokens, q.Sphere) {
			return false
		}
	}
	for _, periods := range c.validities {
		if !slices.ContainsFunc(periods, func(p period) bool { return p.contains(q.Now) }) {
			return false
		}
	}
	for _, lists := range c.lists {
		if !q.listed(lists) {
			return false
		}
	}
	return true
}

// matchSphere compares by RFC 4745 s.7.3. A sphere that is undefined matches
// nothing (RFC 5025 s.3.1.2).
func matchSphere(tokens []string, sphere string) bool {
	return sphere != "" && slices.ContainsFunc(tokens, func(token string) bool { return strings.EqualFold(token, sphere) })
}

func (q *request) listed(lists []string) bool {
	return q.Lists != nil && q.uri != "" && slices.ContainsFunc(lists, func(list string) bool { return q.Lists(list, q.uri) })
}

// names says whether the rule is for the identity by name, by domain or by a
// list. A <many/> without a domain names nobody.
func (c *conditions) names(q *request) bool {
	return slices.ContainsFunc(c.identities, func(i identity) bool { return i.names(q) }) ||
		slices.ContainsFunc(c.lists, q.listed)
}

func readConditions(e element) (conditions, error) {
	var c conditions
	if err := e.structure(); err != nil {
		return c, err
	}
	for _, child := range e.children() {
		var err error
		switch child.Name() {
		case common("identity"):
			err = appendRead(&c.identities, child, readIdentity)
		case common("sphere"):
			err = appendRead(&c.spheres, child, readSphere)
		case common("validity"):
			err = appendRead(&c.validities, child, readValidity)
		case oma("external-list"):
			err = appendRead(&c.lists, child, readExternalList)
		case oma("anonymous-request"):
			c.nobody, err = true, child.empty()
		case oma("other-identity"):
			c.other, err = true, child.empty()
		default:
			c.unknown, err = true, child.extends(e)
			if err == nil {
				err = checkExtension(child)
			}
		}
		if err != nil {
			return c, err
		}
	}
	return c, nil
}

func appendRead[T any](list *[]T, e element, read func(element) (T, error)) error {
	value, err := read(e)
	*list = append(*list, value)
	return err
}

// readSphere reads tokens separated by blanks (RFC 4745 s.7.3).
func readSphere(e element) ([]string, error) {
	value, ok := e.Lookup("value")
	if !ok {
		return nil, e.fail("value is missing")
	}
	return strings.FieldsFunc(strings.Clone(value), isSpace), e.empty("value")
}

// readExternalList reads the URIs of resource lists.
func readExternalList(e element) ([]string, error) {
	if err := e.structure(); err != nil {
		return nil, err
	}
	var lists []string
	for _, entry := range e.children() {
		if entry.Name() != oma("entry") {
			return nil, entry.fail("is not allowed in external-list")
		}
		if !entry.IsEmpty() {
			return nil, entry.fail("must be empty")
		}
		if list, ok := entry.Lookup("anc"); ok {
			lists = append(lists, strings.Clone(strings.Trim(list, spaces)))
		}
	}
	return lists, nil
}
