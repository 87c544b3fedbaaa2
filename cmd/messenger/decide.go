package main

import (
	"context"
	"net/http"

	"github.com/emiago/sipgo/sip"

	"presenced/policy"
)

// decide is the command that gives a watcher one of RFC 5025 s.3.2.1's
// handlings.
func decide(h policy.SubHandling) func(context.Context, *agent, []string) error {
	return func(ctx context.Context, a *agent, operands []string) error {
		watcher, err := parseAddress(operands[0])
		if err != nil {
			return err
		}
		d, err := a.document(presRules)
		if err != nil {
			return err
		}
		return d.decide(ctx, watcher, h)
	}
}

// decide edits the access rules such that a watcher gets a handling, and tells
// what it sees from now on.
func (d *ruleDocument) decide(ctx context.Context, watcher sip.Uri, h policy.SubHandling) error {
	var whole bool
	changed, err := d.edit(ctx, func(doc []byte) (edited []byte, err error) {
		if doc == nil {
			if doc, err = d.defaults(ctx); err != nil {
				return nil, err
			}
		}
		if edited, err = policy.SetHandling(doc, watcher.Addr(), h); err != nil {
			return nil, unreadable(d, err)
		}
		rules, err := policy.ParseRules(edited)
		if err != nil {
			return nil, unreadable(d, err)
		}
		permits := rules.Evaluate(policy.Watcher{URI: watcher.Addr()}, policy.Context{Now: d.api.agent.terminal.now()})
		whole = permits.Key() == policy.Everything.Key()
		return edited, nil
	})
	if err != nil {
		return err
	}
	so := "now"
	if !changed {
		so = "already"
	}
	d.api.agent.out.tell(event{
		Event: "decided", Presentity: d.owner.String(), Watcher: watcher.String(), Handling: h.String(),
	}, "%s: %s %s: %s", name(watcher), h, so, outlook(h, whole))
	return nil
}

// outlook is what a watcher sees under a handling.
func outlook(h policy.SubHandling, whole bool) string {
	switch {
	case h == policy.Allow && whole:
		return "it sees your presence"
	case h == policy.Allow:
		return "it sees the part of your presence that your rules provide"
	case h == policy.PoliteBlock:
		return "it sees you offline, whatever you publish, and cannot tell"
	case h == policy.Confirm:
		return "it sees nothing until you decide"
	}
	return "its subscription ends, and a new one is refused"
}

// defaults is what counts while the principal has no access rules, as the agent
// tells it. A first document begins with it, since from then on who matches no
// rule is blocked.
func (d *ruleDocument) defaults(ctx context.Context) ([]byte, error) {
	res, err := d.api.do(ctx, http.MethodGet, d.folder()+"defaults", nil, nil)
	if err != nil {
		return nil, err
	}
	if res.code != http.StatusOK {
		return nil, failed("%s has no access rules, and the agent does not say what its defaults are (%d); "+
			"a first document can be stored by: messenger rules URI --put FILE", name(d.owner), res.code)
	}
	return res.body, nil
}
