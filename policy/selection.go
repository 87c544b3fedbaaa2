package policy

import (
	"slices"
	"strings"

	"presenced/pidf"
)

func (p *Permissions) selection(kind component) *Selection {
	switch kind {
	case device:
		return &p.Devices
	case person:
		return &p.Persons
	}
	return &p.Services
}

// selects tells whether an occurrence of a device, person or service is shown
// (RFC 5025 s.3.3.1): whether one of the members identifies it.
func (s *Selection) selects(e pidf.Element) bool {
	if s.All {
		return true
	}
	if len(s.OccurrenceIDs) > 0 && s.selectsID(token(e.Attribute("id"))) {
		return true
	}
	if len(s.Classes)+len(s.DeviceIDs)+len(s.ServiceURIs)+len(s.ServiceURISchemes) == 0 {
		return false
	}
	for child := range e.Children() {
		switch child.Name() {
		case pidf.Name{Namespace: pidf.NamespaceRPID, Local: "class"}:
			if slices.Contains(s.Classes, token(child.Text())) {
				return true
			}
		case pidf.Name{Namespace: pidf.NamespaceDataModel, Local: "deviceID"}:
			if s.selectsURI(s.DeviceIDs, child.Text()) {
				return true
			}
		case pidf.Name{Namespace: pidf.Namespace, Local: "contact"}:
			// s.3.3.1.3: the scheme by case-sensitive equality.
			scheme, _, found := strings.Cut(strings.TrimSpace(child.Text()), ":")
			if found && slices.Contains(s.ServiceURISchemes, scheme) || s.selectsURI(s.ServiceURIs, child.Text()) {
				return true
			}
		}
	}
	return false
}

// selectsID compares occurrence identifiers, which are ids (RFC 4479 s.5). Rules
// name the one that was published; in the composed document it may have become
// one that the schema allows.
func (s *Selection) selectsID(id string) bool {
	return slices.ContainsFunc(s.OccurrenceIDs, func(m string) bool { return m == id || pidf.Identifier(m) == id })
}

func (s *Selection) selectsURI(members []string, uri string) bool {
	return len(members) > 0 && slices.ContainsFunc(members, func(m string) bool { return equivalent(m, uri) })
}

// token is a value of type xs:token, the type of class and occurrence-id.
func token(s string) string { return strings.Join(strings.Fields(s), " ") }
