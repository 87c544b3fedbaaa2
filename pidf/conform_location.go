package pidf

import "strings"

const (
	namespaceBasicPolicy = NamespaceLocation + ":basicPolicy" // RFC 4119 s.2.2.5
	schemaNamespaces     = "urn:ietf:params:xml:ns:"
)

// judgeOther judges elements of the namespaces that have a schema but no types
// here. A location (RFC 4119) is held against its schema; the elements of other
// formats are not for presence documents, and taken for invalid.
func (d *Document) judgeOther(i int32) verdict {
	namespace := d.namespace(d.elements[i].namespace)
	name, found := strings.CutPrefix(namespace, schemaNamespaces)
	if !found {
		return free
	}
	switch name {
	case "pidf:geopriv10":
		if d.localName(i) == "geopriv" {
			return asVerdict(d.conformsLocation(i))
		}
	case "basic-location-profiles", "common-policy", "conference-info", "dialog-info", "geolocation-policy", "gruuinfo",
		"im-iscomposing", "patch-ops-error", "pidf-diff", "pidf:geopriv10:dataProvider", "pres-rules", "reginfo",
		"resource-lists", "rlmi", "rls-services", "simple-filter", "watcherinfo", "xcap-caps", "xcap-diff", "xcap-error":
		return invalid
	}
	return free
}

// conformsLocation: location-info, usage-rules, method, provided-by, extensions
// (RFC 4119 s.2.2.5).
func (d *Document) conformsLocation(i int32) bool {
	own := d.elements[i].namespace
	s := sequence{d: d, next: d.firstChild(i)}
	if !d.hasOnly(i) || !d.hasElementsOnly(i) || !s.optional(own, "location-info", (*Document).conformsLocationInfo) ||
		!s.optional(own, "usage-rules", (*Document).conformsUsageRules) {
		return false
	}
	s.optional(own, "method", (*Document).isNote)
	s.optional(own, "provided-by", (*Document).conformsProvider)
	s.others(own)
	return s.ended()
}

func (d *Document) conformsLocationInfo(i int32) bool {
	s := sequence{d: d, next: d.firstChild(i)}
	s.others(d.elements[i].namespace)
	return s.ended() && d.hasOnly(i) && d.hasElementsOnly(i)
}

// conformsUsageRules follows the schema of the basic policy (RFC 4119 s.2.2.5).
func (d *Document) conformsUsageRules(i int32) bool {
	s := sequence{d: d, next: d.firstChild(i)}
	if s.next >= 0 {
		if policy := d.elements[s.next].namespace; d.namespace(policy) == namespaceBasicPolicy {
			s.optional(policy, "retransmission-allowed", func(d *Document, i int32) bool { return d.isString(i) && isBoolean(d.content(i)) })
			s.optional(policy, "retention-expiry", func(d *Document, i int32) bool { return d.isString(i) && isDateTime(d.content(i)) })
			s.optional(policy, "external-ruleset", (*Document).isURI)
			s.optional(policy, "note-well", (*Document).isNote)
		}
	}
	for s.next >= 0 && d.namespace(d.elements[s.next].namespace) != namespaceBasicPolicy && d.isExtension(s.next, nsNone) && d.conforms(s.next) {
		s.next = d.sibling(s.next)
	}
	return s.ended() && d.hasOnly(i) && d.hasElementsOnly(i)
}

// conformsProvider: elements of other namespaces, whatever is in them.
func (d *Document) conformsProvider(i int32) bool {
	own := d.elements[i].namespace
	if !d.hasOnly(i) || !d.hasElementsOnly(i) || d.isText(i) {
		return false
	}
	for c := d.firstChild(i); c >= 0; c = d.sibling(c) {
		if !d.isExtension(c, own) {
			return false
		}
	}
	return true
}

// typedLocation writes the location of one that breaks its schema elsewhere, in
// the usage rules mostly, with those rules that keep to it. A rule that is left
// out has its default, by which a location may be neither passed on nor kept for
// longer than a day (RFC 4119 s.2.2.2).
func (c *composer) typedLocation(d *Document, i int32) {
	own := d.elements[i].namespace
	for child := d.firstChild(i); child >= 0; child = d.sibling(child) {
		if !d.is(child, own, "location-info") || d.isText(child) || !d.hasOnly(child) || !d.hasElementsOnly(child) {
			continue
		}
		for place := d.firstChild(child); place >= 0; place = d.sibling(place) {
			if !d.isExtension(place, own) {
				return
			}
		}
		start := len(c.out)
		c.bind("gp", NamespaceLocation)
		c.literal("<gp:geopriv>")
		if !c.extension(d, child) {
			c.out = c.out[:start]
			return
		}
		c.usageRules(d, i)
		if method := d.childOf(i, own, "method"); method >= 0 && d.isNote(method) {
			c.note(d, method, "gp:method")
		}
		c.literal("</gp:geopriv>")
		return
	}
}

// usageRules writes the rules of a location that keep to the schema.
//
// COMPAT: examples of later RFCs say no where the schema wants false.
func (c *composer) usageRules(d *Document, location int32) {
	rules := d.childOf(location, d.elements[location].namespace, "usage-rules")
	c.literal("<gp:usage-rules>")
	if rules >= 0 {
		c.bind("gbp", namespaceBasicPolicy)
		policy := func(name string) string {
			for i := d.firstChild(rules); i >= 0; i = d.sibling(i) {
				if d.localName(i) == name && d.namespace(d.elements[i].namespace) == namespaceBasicPolicy {
					return strings.TrimSpace(d.text(i))
				}
			}
			return ""
		}
		switch policy("retransmission-allowed") {
		case "yes", "true", "1":
			c.element("gbp:retransmission-allowed", "true")
		case "no", "false", "0":
			c.element("gbp:retransmission-allowed", "false")
		}
		if expiry := policy("retention-expiry"); isDateTime(expiry) {
			c.element("gbp:retention-expiry", expiry)
		}
		if set := policy("external-ruleset"); set != "" {
			c.literal("<gbp:external-ruleset>")
			c.out = append(AppendURI(c.out, set), "</gbp:external-ruleset>"...)
		}
	}
	c.literal("</gp:usage-rules>")
}

// childOf is the first child with a name, -1 if there is none.
func (d *Document) childOf(i int32, namespace uint16, name string) int32 {
	for c := d.firstChild(i); c >= 0; c = d.sibling(c) {
		if d.is(c, namespace, name) {
			return c
		}
	}
	return -1
}
