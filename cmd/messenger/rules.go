package main

import (
	"context"
	"slices"
	"strings"

	"presenced/policy"
)

// rules shows the access rules, or does what --document, --put and --delete
// say.
func rules(ctx context.Context, a *agent, _ []string) error {
	d, err := a.document(presRules)
	if err != nil {
		return err
	}
	return d.manage(ctx, func(doc []byte) error {
		if doc == nil {
			if doc, err = d.defaults(ctx); err != nil {
				return err
			}
			a.out.notice("%s has no %s: %s", name(d.owner), d.usage.what, d.usage.none)
		}
		return d.describeRules(doc)
	})
}

// describeRules prints a line for each access rule.
func (d *ruleDocument) describeRules(doc []byte) error {
	out := d.api.agent.out
	err := eachRule(d, doc, policy.ParseRules, func(r *rule) {
		handling := r.action("sub-handling")
		if handling == "" {
			handling = policy.Block.String() // RFC 5025 s.3.2.1: the lowest value
		}
		words := handling
		if handling == policy.Allow.String() {
			words += ", " + provided(r.Transformations.All)
		}
		out.line(event{
			Event: "rule", Presentity: d.owner.String(), ID: r.ID, Handling: handling, Text: new(r.whom() + ": " + words),
		}, "%s: %s", r.whom(), words)
	})
	if err == nil {
		out.notice("where several rules match a watcher, what gives most counts; who matches none is blocked")
	}
	return err
}

// provided is what transformations let a watcher see, in words (RFC 5025
// s.3.3).
func provided(all []elementText) string {
	var parts, attributes []string
	for _, e := range all {
		what, ok := strings.CutPrefix(e.XMLName.Local, "provide-")
		switch {
		case !ok:
		case what == "devices" || what == "persons" || what == "services":
			parts = append(parts, printable(selected(what, e.Inner)))
		case what == "all-attributes":
			attributes = []string{"all that they say"}
		case slices.Contains([]string{"false", "0", ""}, strings.TrimSpace(e.Text)):
		default:
			attributes = append(attributes, printable(what))
		}
	}
	whole := []string{"all devices", "all persons", "all services"}
	slices.Sort(parts)
	switch {
	case slices.Equal(parts, whole) && slices.Contains(attributes, "all that they say"):
		return "sees everything"
	case len(parts) == 0:
		return "sees that there is presence, and nothing of it"
	}
	return "sees " + strings.Join(append(parts, attributes...), ", ")
}

func selected(what string, inner []elementName) string {
	if len(inner) > 0 && inner[0].XMLName.Local == "all-"+what {
		return "all " + what
	}
	var by []string
	for _, e := range inner {
		if !slices.Contains(by, e.XMLName.Local) {
			by = append(by, e.XMLName.Local)
		}
	}
	return what + " by " + strings.Join(by, ", ")
}
