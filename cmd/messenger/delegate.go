package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"presenced/policy"
)

// delegate shows or edits the delegations (RFC 2779 s.2.3): who may act in the
// principal's place.
func delegate(ctx context.Context, a *agent, operands []string) error {
	d, err := a.document(delegations)
	if err != nil {
		return err
	}
	if done, err := d.edited(ctx, operands, d.describeDelegations); done {
		return err
	}
	if len(operands) == 1 {
		return usageError("what may %s do? publish,watchers,rules or none", operands[0])
	}
	to, err := parseAddress(operands[0])
	if err != nil {
		return err
	}
	granted, err := parseDelegated(operands[1])
	if err != nil {
		return err
	}
	err = revise(ctx, d, func() delegates { return delegates{} }, func(all delegates) {
		if all[to.Addr()] = granted; len(granted) == 0 {
			delete(all, to.Addr())
		}
	})
	if err != nil {
		return err
	}
	a.out.tell(event{Event: "delegated", URI: d.owner.String(), To: to.String(), Delegated: granted},
		"%s %s", name(to), may(granted))
	return nil
}

// powers are what can be delegated, in the order in which they are written.
var powers = []string{"publish", "watchers", "rules"}

// may says what a delegate may do.
func may(granted []string) string {
	words := map[string]string{"publish": "publish for you", "watchers": "see your watchers", "rules": "edit your rules"}
	var parts []string
	for _, g := range granted {
		parts = append(parts, words[g])
	}
	if len(parts) == 0 {
		return "may do nothing in your place"
	}
	return "may " + strings.Join(parts, ", ")
}

func parseDelegated(typed string) ([]string, error) {
	if typed == "none" {
		return nil, nil
	}
	words := strings.Split(typed, ",")
	for _, w := range words {
		if !slices.Contains(powers, w) {
			return nil, usageError("what is delegated is publish, watchers, rules or none, not %q", w)
		}
	}
	return slices.DeleteFunc(slices.Clone(powers), func(p string) bool { return !slices.Contains(words, p) }), nil
}

// delegates are delegations as this messenger writes them: powers by address.
type delegates map[string][]string

func (all delegates) document() ([]byte, error) {
	b := openRuleset(policy.NamespaceDelegation)
	for i, to := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(b, ` <cp:rule id="d%d">`+"\n", i+1)
		fmt.Fprintf(b, `  <cp:conditions><cp:identity><cp:one id="%s"/></cp:identity></cp:conditions>`+"\n", escaped(to))
		b.WriteString("  <cp:actions>")
		for _, power := range all[to] {
			fmt.Fprintf(b, "<%s>true</%s>", power, power)
		}
		b.WriteString("</cp:actions>\n </cp:rule>\n")
	}
	return closeRuleset(b, delegations.what, policy.ParseDelegation)
}

func (all delegates) learn(r *rule) {
	if to, ok := r.target(); ok {
		all[to] = r.powers()
	}
}

// powers are those that a rule gives.
func (r *rule) powers() []string {
	return slices.DeleteFunc(slices.Clone(powers), func(p string) bool {
		value := r.action(p)
		return value != "true" && value != "1"
	})
}

// describeDelegations prints a line for each delegation.
func (d *ruleDocument) describeDelegations(doc []byte) error {
	return eachRule(d, doc, policy.ParseDelegation, func(r *rule) {
		to, _ := r.target()
		d.api.agent.out.line(event{Event: "delegated", URI: d.owner.String(), To: to, Delegated: r.powers()},
			"%s %s", r.whom(), may(r.powers()))
	})
}
