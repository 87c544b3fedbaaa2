package main

import (
	"cmp"
	"context"
	"encoding/xml"
	"fmt"
	"maps"
	"slices"
	"strings"

	"presenced/policy"
)

// visibility shows or edits the visibility rules (RFC 2778 s.2.2): how much of
// it is shown that the principal watches a presentity.
func visibility(ctx context.Context, a *agent, operands []string) error {
	d, err := a.document(visibilityRules)
	if err != nil {
		return err
	}
	if done, err := d.edited(ctx, operands, d.describeVisibility); done {
		return err
	}
	watching := operands[0]
	if outlooks[watching] == "" {
		return usageError("watching is shown, brief or hidden, not %q", watching)
	}
	of := ""
	if len(operands) > 1 {
		if of, err = parseTarget(operands[1]); err != nil {
			return err
		}
	}
	err = revise(ctx, d, func() watchings { return watchings{} }, func(v watchings) { v[of] = watching })
	if err != nil {
		return err
	}
	a.out.tell(event{Event: "visibility", URI: d.owner.String(), Presentity: of, Handling: watching},
		"%s: %s", targetName(of), outlooks[watching])
	return nil
}

// outlooks say what others see of a principal's watching.
var outlooks = map[string]string{
	"shown":  "they see that you watch",
	"brief":  "they see that you watch, without your name and your times",
	"hidden": "they do not see that you watch, unless you have to be approved or the agent forbids hiding",
}

// watchings are visibility rules as this messenger writes them: shown, brief or
// hidden by presentity, by @domain, and for everybody ("").
type watchings map[string]string

// parseTarget reads PRESENTITY or @DOMAIN.
func parseTarget(typed string) (string, error) {
	domain, found := strings.CutPrefix(typed, "@")
	if !found {
		u, err := parseAddress(typed)
		return u.Addr(), err
	}
	if domain == "" || strings.ContainsAny(domain, "@<>\"' \t\r\n/;?") {
		return "", usageError("%q is no domain like @example.com", typed)
	}
	return "@" + strings.ToLower(domain), nil
}

func targetName(of string) string {
	if of == "" {
		return "everybody"
	}
	if domain, found := strings.CutPrefix(of, "@"); found {
		return "everybody of " + printable(domain)
	}
	return nameOf(of)
}

// order has narrower targets behind wider ones.
func (v watchings) order() []string {
	rank := func(of string) int {
		switch {
		case of == "":
			return 0
		case of[0] == '@':
			return 1
		}
		return 2
	}
	return slices.SortedFunc(maps.Keys(v), func(a, b string) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a, b))
	})
}

// document writes the rules. Values combine by maximum (RFC 4745 s.10.2), so
// that a wide rule excepts whom a narrower one names.
func (v watchings) document() ([]byte, error) {
	b := openRuleset(policy.NamespaceVisibility)
	for i, of := range v.order() {
		fmt.Fprintf(b, ` <cp:rule id="v%d">`+"\n", i+1)
		fmt.Fprintf(b, "  <cp:conditions><cp:identity>%s</cp:identity></cp:conditions>\n", v.identity(of))
		fmt.Fprintf(b, "  <cp:actions><watching>%s</watching></cp:actions>\n </cp:rule>\n", v[of])
	}
	return closeRuleset(b, visibilityRules.what, policy.ParseVisibility)
}

func (v watchings) learn(r *rule) {
	if of, ok := r.target(); ok {
		v[of] = r.action("watching")
	}
}

func (v watchings) identity(of string) string {
	domain, wide := strings.CutPrefix(of, "@")
	if of != "" && !wide {
		return `<cp:one id="` + escaped(of) + `"/>`
	}
	open := "<cp:many>"
	if wide {
		open = `<cp:many domain="` + escaped(domain) + `">`
	}
	for _, narrower := range v.order() {
		except, isDomain := strings.CutPrefix(narrower, "@")
		switch {
		case narrower == "" || narrower == of || wide && (isDomain || !strings.HasSuffix(narrower, of)):
		case isDomain:
			open += `<cp:except domain="` + escaped(except) + `"/>`
		default:
			open += `<cp:except id="` + escaped(narrower) + `"/>`
		}
	}
	return open + "</cp:many>"
}

func escaped(s string) string {
	var b strings.Builder
	if err := xml.EscapeText(&b, []byte(s)); err != nil {
		return "" // a Builder takes everything
	}
	return b.String()
}

// target is whom a rule of one target is for.
func (r *rule) target() (string, bool) {
	if len(r.Conditions.Identities) != 1 {
		return "", false
	}
	switch i := r.Conditions.Identities[0]; {
	case len(i.Ones) == 1:
		return i.Ones[0].ID, true
	case len(i.Manys) == 1 && i.Manys[0].Domain != "":
		return "@" + i.Manys[0].Domain, true
	default:
		return "", len(i.Manys) == 1
	}
}

// describeVisibility prints a line for each visibility rule.
func (d *ruleDocument) describeVisibility(doc []byte) error {
	return eachRule(d, doc, policy.ParseVisibility, func(r *rule) {
		watching := cmp.Or(r.action("watching"), policy.Hidden.String())
		of, _ := r.target()
		d.api.agent.out.line(event{Event: "visibility", URI: d.owner.String(), Presentity: of, Handling: watching},
			"%s: %s", r.whom(), watching)
	})
}
