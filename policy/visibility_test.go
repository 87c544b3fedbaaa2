package policy

import "testing"

func visibilityDoc(rules string) string {
	return `<ruleset xmlns="` + NamespaceCommonPolicy + `" xmlns:v="` + NamespaceVisibility + `">` + rules + `</ruleset>`
}

func watchingRule(id, conditions, watching string) string {
	return `<rule id="` + id + `"><conditions>` + conditions + `</conditions><actions><v:watching>` + watching + `</v:watching></actions></rule>`
}

func TestVisibility(t *testing.T) {
	const boss, company = `<identity><one id="pres:boss@x.org"/></identity>`, `<identity><many domain="x.org"/></identity>`
	for _, c := range []struct {
		name, rules, presentity, sphere string
		want                            Watching
	}{
		{"no rule", ``, "sip:boss@x.org", "", Shown},
		{"no match", watchingRule("a", boss, "hidden"), "sip:carol@x.org", "", Shown},
		{"hidden", watchingRule("a", boss, "hidden"), "sip:boss@x.org", "", Hidden},
		{"brief", watchingRule("a", company, " brief\n"), "sip:boss@x.org", "", Brief},
		{"maximum", watchingRule("a", company, "brief") + watchingRule("b", boss, "hidden"), "sip:boss@x.org", "", Brief},
		{"shown to one, hidden from the rest", watchingRule("a", company, "hidden") + watchingRule("b", boss, "shown"), "sip:boss@x.org", "", Shown},
		{"no action is the lowest value", `<rule id="a"/>`, "sip:boss@x.org", "", Hidden},
		{"two actions", `<rule id="a"><actions><v:watching>hidden</v:watching><v:watching>brief</v:watching></actions></rule>`, "sip:boss@x.org", "", Brief},
		{"sphere", watchingRule("a", `<sphere value="home"/>`, "hidden"), "sip:boss@x.org", "home", Hidden},
		{"other sphere", watchingRule("a", `<sphere value="home"/>`, "hidden"), "sip:boss@x.org", "work", Shown},
	} {
		v, err := ParseVisibility([]byte(visibilityDoc(c.rules)))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := v.Of(c.presentity, Context{Sphere: c.sphere}); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	if _, err := ParseVisibility([]byte(visibilityDoc(watchingRule("a", "", "secret")))); err == nil || err.Error() != `policy: line 1: watching: "secret" is not shown, brief or hidden` {
		t.Error(err)
	}
}

func TestDelegation(t *testing.T) {
	const secretary = `<conditions><identity><one id="sip:secretary@x.org"/></identity></conditions>`
	doc := func(rules string) string {
		return `<ruleset xmlns="` + NamespaceCommonPolicy + `" xmlns:d="` + NamespaceDelegation + `">` + rules + `</ruleset>`
	}
	for _, c := range []struct {
		name, rules, delegate string
		want                  Delegated
	}{
		{"no rule", ``, "sip:secretary@x.org", Delegated{}},
		{"all", `<rule id="a">` + secretary + `<actions><d:publish>true</d:publish><d:watchers>1</d:watchers><d:rules>true</d:rules></actions></rule>`, "sip:secretary@x.org", Delegated{true, true, true}},
		{"somebody else", `<rule id="a">` + secretary + `<actions><d:publish>true</d:publish></actions></rule>`, "sip:carol@x.org", Delegated{}},
		{"false", `<rule id="a">` + secretary + `<actions><d:publish>false</d:publish><d:rules>true</d:rules></actions></rule>`, "sip:secretary@x.org", Delegated{Rules: true}},
		{"union", `<rule id="a">` + secretary + `<actions><d:publish>true</d:publish></actions></rule><rule id="b"><actions><d:watchers>true</d:watchers></actions></rule>`, "sip:secretary@x.org", Delegated{Publish: true, Watchers: true}},
		{"nobody", `<rule id="b"><actions><d:watchers>true</d:watchers></actions></rule>`, "", Delegated{}},
		{"no address", `<rule id="b"><actions><d:watchers>true</d:watchers></actions></rule>`, "secretary", Delegated{}},
		{"misplaced", `<rule id="a">` + secretary + `<transformations><d:publish>true</d:publish></transformations></rule>`, "sip:secretary@x.org", Delegated{}},
	} {
		d, err := ParseDelegation([]byte(doc(c.rules)))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := d.Of(c.delegate, Context{}); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
	if _, err := ParseDelegation([]byte(doc(`<rule id="a"><actions><d:rules>yes</d:rules></actions></rule>`))); err == nil {
		t.Error("yes is no xs:boolean")
	}
}
