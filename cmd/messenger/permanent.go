package main

import (
	"context"

	"presenced/pidf"
)

// permanentPresence counts when no device says otherwise, until it is taken
// away (RFC 4827).
var permanentPresence = application{"pidf-manipulation", pidfType, "permanent publications", "what devices publish counts alone"}

// publishPermanently stores presence at the agent, or does what --document,
// --put and --delete say; alone it shows what is stored.
func (a *agent) publishPermanently(ctx context.Context, operands []string) error {
	says := len(operands) > 0 || a.options.said.anything()
	switch {
	case a.options.once:
		return usageError("--permanent presence does not lapse, as it would with --once")
	case says && a.options.wholes() > 0:
		return usageError("--document, --put and --delete stand alone")
	}
	d, err := a.document(permanentPresence)
	if err != nil {
		return err
	}
	if !says {
		return d.manage(ctx, d.describePresence)
	}
	_, document, err := a.said(operands)
	if err != nil {
		return err
	}
	res, err := d.put(ctx, document.Append(nil), nil)
	switch {
	case err != nil:
		return err
	case res.code < 200 || res.code > 299:
		return res.refused("PUT")
	}
	s := summarise(&document)
	e := event{Event: "stored", Presentity: d.owner.String(), Type: d.usage.auid}
	s.fill(&e)
	a.out.tell(e, "stored: %s %s, whenever no device says otherwise", name(d.owner), s.describe(""))
	return nil
}

// describePresence says in words what is stored.
func (d *ruleDocument) describePresence(doc []byte) error {
	out := d.api.agent.out
	if doc == nil {
		out.notice("%s has no %s: %s", name(d.owner), d.usage.what, d.usage.none)
		return nil
	}
	document, err := pidf.Parse(doc)
	if err != nil {
		return unreadable(d, err)
	}
	s := summarise(document.Presence())
	e := event{Event: "presence", Presentity: d.owner.String(), Type: d.usage.auid}
	s.fill(&e)
	out.line(e, "%s %s", name(d.owner), s.describe(""))
	return nil
}
