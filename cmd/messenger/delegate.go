package main

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
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
	if len(operands) > 0 && a.options.wholes() > 0 {
		return usageError("--document, --put and --delete stand alone")
	}
	if len(operands) == 0 {
		return d.manage(ctx, d.describeDelegations)
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
	_, err = d.edit(ctx, func(doc []byte) ([]byte, error) {
		all, err := readDelegates(doc)
		if err != nil {
			return nil, d.foreign(err)
		}
		if all[to.Addr()] = granted; len(granted) == 0 {
			delete(all, to.Addr())
		}
		return all.document()
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
	var b bytes.Buffer
	b.WriteString(xml.Header + `<cp:ruleset xmlns:cp="` + policy.NamespaceCommonPolicy + `" xmlns="` + policy.NamespaceDelegation + `">` + "\n")
	for i, to := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(&b, ` <cp:rule id="d%d">`+"\n", i+1)
		fmt.Fprintf(&b, `  <cp:conditions><cp:identity><cp:one id="%s"/></cp:identity></cp:conditions>`+"\n", escaped(to))
		b.WriteString("  <cp:actions>")
		for _, power := range all[to] {
			fmt.Fprintf(&b, "<%s>true</%s>", power, power)
		}
		b.WriteString("</cp:actions>\n </cp:rule>\n")
	}
	b.WriteString("</cp:ruleset>\n")
	if _, err := policy.ParseDelegation(b.Bytes()); err != nil {
		return nil, failed("the delegations would not be valid: %s", printable(err.Error()))
	}
	return b.Bytes(), nil
}

// errForeign is a document that this messenger did not write.
var errForeign = errors.New("they were not written by messenger")

// foreign is the failure to edit such a document.
func (d *ruleDocument) foreign(err error) error {
	return failed("the %s of %s are not edited: %s; see --document, --put and --delete", d.usage.what, name(d.owner), printable(err.Error()))
}

// readDelegates reads a document that this messenger wrote.
func readDelegates(doc []byte) (delegates, error) {
	all := delegates{}
	if doc == nil {
		return all, nil
	}
	s, err := readRuleset(doc)
	if err != nil {
		return nil, err
	}
	for i := range s.Rules {
		if to, ok := s.Rules[i].target(); ok {
			all[to] = s.Rules[i].powers()
		}
	}
	if again, err := all.document(); err != nil || !bytes.Equal(again, doc) {
		return nil, errForeign
	}
	return all, nil
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
	if doc == nil {
		d.api.agent.out.notice("%s has no %s: %s", name(d.owner), d.usage.what, d.usage.none)
		return nil
	}
	if _, err := policy.ParseDelegation(doc); err != nil {
		return unreadable(d, err)
	}
	s, err := readRuleset(doc)
	if err != nil {
		return unreadable(d, err)
	}
	for i := range s.Rules {
		r := &s.Rules[i]
		to, _ := r.target()
		d.api.agent.out.line(event{Event: "delegated", URI: d.owner.String(), To: to, Delegated: r.powers()},
			"%s %s", r.whom(), may(r.powers()))
	}
	return nil
}
