package policy

import "testing"

// Our own action counts while the decision is confirm, beside whichever rule
// it stands.
func TestSilence(t *testing.T) {
	const silent = `<silent xmlns="urn:presenced:pres-rules">true</silent>`
	rule := func(id, actions string) string {
		return `<cp:rule id="` + id + `"><cp:actions>` + actions + `</cp:actions></cp:rule>`
	}
	handling := func(h string) string {
		return `<sub-handling xmlns="` + NamespacePresRules + `">` + h + `</sub-handling>`
	}
	for _, c := range []struct {
		name, rules string
		want        bool
	}{
		{"asked for", rule("a", handling("confirm")+silent), true},
		{"in another rule", rule("a", handling("confirm")) + rule("b", silent), true},
		{"not asked for", rule("a", handling("confirm")), false},
		{"not a word of RFC 5025", rule("a", handling("confirm")+`<silent xmlns="urn:x">true</silent>`), false},
		{"false", rule("a", handling("confirm")+`<silent xmlns="urn:presenced:pres-rules">false</silent>`), false},
		{"allowed", rule("a", handling("confirm")+silent) + rule("b", handling("allow")), false},
		{"blocked", rule("a", silent), false},
		{"no action", `<cp:rule id="a"><cp:actions>` + handling("confirm") + `</cp:actions><cp:transformations>` + silent + `</cp:transformations></cp:rule>`, false},
	} {
		r, err := ParseRules([]byte(`<cp:ruleset xmlns:cp="` + NamespaceCommonPolicy + `">` + c.rules + `</cp:ruleset>`))
		if err != nil {
			t.Fatal(c.name, err)
		}
		if got := r.Evaluate(Watcher{URI: "sip:a@example.com"}, Context{}).Silent; got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
	bad := rule("a", `<silent xmlns="urn:presenced:pres-rules">perhaps</silent>`)
	if _, err := ParseRules([]byte(`<cp:ruleset xmlns:cp="` + NamespaceCommonPolicy + `">` + bad + `</cp:ruleset>`)); err == nil {
		t.Error("perhaps is neither true nor false")
	}
}
