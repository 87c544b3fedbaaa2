package policy

import (
	"slices"
	"strings"
)

// identity is the condition of RFC 4745 s.7.1: true if one of its children is.
type identity struct {
	ones  []string // canonical URIs
	manys []many
}

// many is RFC 4745 s.7.1.3: everybody, or everybody of a domain, that is not
// excepted.
type many struct {
	domain        string // "" for everybody
	exceptIDs     []string
	exceptDomains []string
	unknown       bool // has a child that is not known: matches nobody
}

func (i *identity) match(q *request) bool {
	if q.uri == "" {
		return false // RFC 4745 s.7.1.1: only authenticated entities can be matched
	}
	return slices.Contains(i.ones, q.uri) || slices.ContainsFunc(i.manys, func(m many) bool { return m.match(q) })
}

func (m *many) match(q *request) bool {
	return !m.unknown && (m.domain == "" || m.domain == q.domain) &&
		!slices.Contains(m.exceptIDs, q.uri) && !slices.Contains(m.exceptDomains, q.domain)
}

func (i *identity) names(q *request) bool {
	return slices.Contains(i.ones, q.uri) ||
		slices.ContainsFunc(i.manys, func(m many) bool { return m.domain != "" && m.match(q) })
}

// readIdentity reads at least one child (RFC 4745 s.13: an empty identity is
// not valid; RFC 5025 s.3.1.1.2 means the absent one).
func readIdentity(e element) (identity, error) {
	var i identity
	if err := e.structure(); err != nil {
		return i, err
	}
	children := e.children()
	if len(children) == 0 {
		return i, e.fail("needs one, many or an extension inside; leave it out to match everybody")
	}
	for _, child := range children {
		var err error
		switch child.Name() {
		case common("one"):
			err = i.readOne(child)
		case common("many"):
			err = appendRead(&i.manys, child, readMany)
		default: // RFC 4745 s.7.1.1: not known, so it is false
			err = child.extends(e)
			if err == nil {
				err = checkExtension(child)
			}
		}
		if err != nil {
			return i, err
		}
	}
	return i, nil
}

// readOne reads RFC 4745 s.7.1.2. An extension inside may narrow whom it
// means; as nobody can tell, it then matches nobody (s.4, "Upgradeable": less
// may be revealed, never more).
func (i *identity) readOne(e element) error {
	if err := e.structure("id"); err != nil {
		return err
	}
	id, err := readID(e)
	if err != nil {
		return err
	}
	extensions := e.children()
	switch len(extensions) {
	case 0:
		i.ones = append(i.ones, id)
		return nil
	case 1:
		if err := extensions[0].extends(e); err != nil {
			return err
		}
		return checkExtension(extensions[0])
	}
	return e.fail("more than one extension inside")
}

// readMany reads RFC 4745 s.7.1.3. An extension inside may be one more kind
// of exception.
func readMany(e element) (many, error) {
	var m many
	if err := e.structure("domain"); err != nil {
		return m, err
	}
	if _, ok := e.Lookup("domain"); ok {
		var err error
		if m.domain, err = readDomain(e); err != nil {
			return m, err
		}
	}
	for _, child := range e.children() {
		if child.Name() == common("except") {
			if err := m.readExcept(child); err != nil {
				return m, err
			}
			continue
		}
		m.unknown = true
		if err := child.extends(e); err != nil {
			return m, err
		}
		if err := checkExtension(child); err != nil {
			return m, err
		}
	}
	return m, nil
}

// readExcept reads an id or a domain. The schema lets both and none pass; an
// exception that excepts nobody is refused, as its writer meant somebody.
func (m *many) readExcept(e element) error {
	if err := e.empty("id", "domain"); err != nil {
		return err
	}
	_, hasID := e.Lookup("id")
	_, hasDomain := e.Lookup("domain")
	if hasID == hasDomain {
		return e.fail("needs either id or domain") // RFC 4745 s.7.2
	}
	if hasID {
		return appendRead(&m.exceptIDs, e, readID)
	}
	return appendRead(&m.exceptDomains, e, readDomain)
}

// readID reads an identity, which must be a URI (RFC 4745 s.7.2).
func readID(e element) (string, error) {
	value, ok := e.Lookup("id")
	if !ok {
		return "", e.fail("id is missing")
	}
	id, ok := canonical(value)
	if !ok {
		return "", e.fail("id %.80q is no URI of an identity", value)
	}
	return id, nil
}

// readDomain refuses what could not be compared: an exception that never
// matches opens a door.
func readDomain(e element) (string, error) {
	value, _ := e.Lookup("domain")
	host, ok := canonicalDomain(strings.Trim(value, spaces))
	if !ok {
		return "", e.fail("domain %.80q is no domain name in ASCII", value)
	}
	return host, nil
}
