package policy

import (
	"strings"

	"presenced/pidf"
)

// NamespacePresRules is that of presence authorization (RFC 5025 s.7).
const NamespacePresRules = "urn:ietf:params:xml:ns:pres-rules"

// NamespaceSilence is that of our own action <silent>, true or false, which a
// rule may have beside sub-handling confirm: a watcher that waits for the
// decision is told nothing, not even that it waits (RFC 3856 s.6.6.2 leaves
// both open). Where several rules match, true counts (RFC 4745 s.10.2).
const NamespaceSilence = "urn:presenced:pres-rules"

var silence = pidf.Name{Namespace: NamespaceSilence, Local: "silent"}

// Rules are a presentity's access rules (RFC 5025), compiled. They may be used
// by several goroutines.
type Rules struct{ ruleset[Permissions] }

// ParseRules reads a presence authorization document of up to 1 MiB. What the
// schemas of RFC 4745 and RFC 5025 refuse is refused, and so are hostile XML
// and conditions that could not be compared. Any error is an *Error.
func ParseRules(doc []byte) (*Rules, error) {
	s, err := parseRuleset(doc, permitPresence)
	if err != nil {
		return nil, err
	}
	shared := make(map[string]*Permissions)
	for i := range s.rules {
		p := s.rules[i].permits
		*p = p.normal()
		key := p.Key()
		if shared[key] == nil {
			shared[key] = p
		}
		s.rules[i].permits = shared[key]
	}
	return &Rules{*s}, nil
}

// Evaluate returns what all rules together permit that match a watcher (RFC
// 4745 s.10). A watcher without a URI is not authenticated. One with a URI is
// known by it, anonymous or not (RFC 5025 s.3.1.1.2). That a presentity sees
// itself is no rule's business, but the caller's.
func (r *Rules) Evaluate(w Watcher, c Context) Permissions {
	var p Permissions
	for permits := range r.matching(w.URI, c) {
		p.merge(permits)
	}
	p.Silent = p.Silent && p.Handling == Confirm
	return p.normal()
}

// permitPresence reads an action or a transformation of RFC 5025. One that
// stands in the wrong part grants nothing, one that is not known is ignored
// (s.8).
func permitPresence(p *Permissions, where part, e element) error {
	if e.Name() == silence && where == actions { // ours is an extension there (RFC 4745 s.13)
		silent, err := e.boolean()
		p.Silent = p.Silent || silent
		return err
	}
	if action := e.Name() == presRules("sub-handling"); action != (where == actions) {
		p = new(Permissions)
	}
	return p.read(e)
}

// read adds one permission, or checks an extension. A permission that stands
// twice is combined like those of two rules.
func (p *Permissions) read(e element) error {
	if e.Name().Namespace != NamespacePresRules {
		return checkExtension(e)
	}
	if attribute := p.provide(e.Name().Local); attribute != nil {
		provided, err := e.boolean()
		*attribute = *attribute || provided
		return err
	}
	switch e.Name().Local {
	case "sub-handling":
		return p.readHandling(e)
	case "provide-devices":
		return p.Devices.read(e, "all-devices", "deviceID", "occurrence-id", "class")
	case "provide-persons":
		return p.Persons.read(e, "all-persons", "occurrence-id", "class")
	case "provide-services":
		return p.Services.read(e, "all-services", "service-uri", "service-uri-scheme", "occurrence-id", "class")
	case "provide-user-input":
		return p.readUserInput(e)
	case "provide-unknown-attribute":
		return p.readUnknown(e)
	case "provide-all-attributes":
		p.AllAttributes = true
		return e.empty()
	case "class", "occurrence-id", "deviceID", "service-uri", "service-uri-scheme":
		_, err := e.token() // grants nothing by itself
		return err
	}
	return checkExtensions(e)
}

// provide is the Boolean permission of an element; nil for other elements.
func (p *Permissions) provide(local string) *bool {
	local, ok := strings.CutPrefix(local, "provide-")
	if !ok {
		return nil
	}
	for i, known := range [...]string{
		"activities", "class", "deviceID", "mood", "place-is", "place-type",
		"privacy", "relationship", "sphere", "status-icon", "time-offset", "note",
	} {
		if local == known {
			return p.attributes()[i]
		}
	}
	return nil
}

func (p *Permissions) readHandling(e element) error {
	value, err := e.token()
	if err != nil {
		return err
	}
	h, err := ParseSubHandling(value)
	if err != nil {
		return e.fail("%.40q is not block, confirm, polite-block or allow", value)
	}
	p.Handling = max(p.Handling, h)
	return nil
}

func (p *Permissions) readUserInput(e element) error {
	value, err := e.value()
	if err != nil {
		return err
	}
	for input, name := range userInputs {
		if value == name {
			p.UserInput = max(p.UserInput, UserInput(input))
			return nil
		}
	}
	return e.fail("%.40q is not false, bare, thresholds or full", value)
}

// readUnknown reads RFC 5025 s.3.3.2.14. Elements for which permissions are
// defined are not unknown.
func (p *Permissions) readUnknown(e element) error {
	provided, err := e.boolean("name", "ns")
	if err != nil {
		return err
	}
	local, _ := e.Lookup("name")
	space, _ := e.Lookup("ns")
	if !isNCName(local) || space == "" {
		return e.fail("needs name, without a prefix, and ns")
	}
	switch space {
	case pidf.Namespace, pidf.NamespaceDataModel, pidf.NamespaceRPID:
		return nil
	}
	if provided {
		p.Unknown = append(p.Unknown, Attribute{strings.Clone(space), strings.Clone(local)})
	}
	return nil
}

// read reads the members of a set (RFC 5025 s.3.3.1), or the one that stands
// for all.
func (s *Selection) read(e element, all string, members ...string) error {
	if err := e.structure(); err != nil {
		return err
	}
	children := e.children()
	for _, child := range children {
		switch {
		case child.Name() == presRules(all):
			if s.All = true; len(children) > 1 {
				return child.fail("must stand alone in %s", e.Name().Local)
			}
			return child.empty()
		case child.Name().Namespace == NamespacePresRules:
			if err := s.readMember(e, child, members); err != nil {
				return err
			}
		case child.Name().Namespace == "":
			return child.fail("is not allowed in %s", e.Name().Local)
		default:
			if err := checkExtension(child); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Selection) readMember(parent, e element, members []string) error {
	list := map[string]*[]string{
		"class": &s.Classes, "deviceID": &s.DeviceIDs, "occurrence-id": &s.OccurrenceIDs,
		"service-uri": &s.ServiceURIs, "service-uri-scheme": &s.ServiceURISchemes,
	}[e.Name().Local]
	for _, member := range members {
		if member == e.Name().Local {
			return appendRead(list, e, (element).token)
		}
	}
	return e.fail("is not allowed in %s", parent.Name().Local)
}
