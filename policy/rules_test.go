package policy

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"
)

func parse(t testing.TB, doc string) *Rules {
	t.Helper()
	r, err := ParseRules([]byte(doc))
	if err != nil {
		t.Fatalf("%v\n%s", err, doc)
	}
	return r
}

func at(t testing.TB, s string) time.Time {
	t.Helper()
	when, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return when
}

func watcher(uri string) Watcher { return Watcher{URI: uri} }

// TestExamples has for each ruleset in the RFCs who is matched by it. Those of
// RFC 4745 permit nothing; an action is put into each of their rules.
func TestExamples(t *testing.T) {
	const christmas, later = "2003-12-24T17:15:00+01:00", "2003-12-24T19:00:00+01:00"
	for _, c := range []struct {
		example, watcher, sphere, now string
		matches                       bool
	}{
		{"4745-s7.1.2", "sip:alice@example.com", "", later, true},
		{"4745-s7.1.2", "tel:+12125551234", "", later, true},
		{"4745-s7.1.2", "mailto:bob@example.net", "", later, true},
		{"4745-s7.1.2", "sip:bob@example.net", "", later, false}, // RFC 5025 s.3.1.1.2: another scheme
		{"4745-s7.1.2", "sip:+12125551234@example.com", "", later, false},
		{"4745-s7.1.2", "", "", later, false},
		{"4745-s7.1.3.1", "sip:anybody@example.org", "", later, true},
		{"4745-s7.1.3.1", "", "", later, false},
		{"4745-s7.1.3.2", "sip:carol@example.net", "work", christmas, true},
		{"4745-s7.1.3.2", "sip:carol@example.net", "home", christmas, false},
		{"4745-s7.1.3.2", "sip:carol@example.net", "work", later, false},
		{"4745-s7.1.3.2", "sip:carol@example.com", "work", christmas, false},
		{"4745-s7.1.3.2", "sip:carol@example.org", "work", christmas, false},
		{"4745-s7.1.3.2", "sip:alice@bad.example.net", "work", christmas, false},
		{"4745-s7.1.3.2", "sip:bob@bad.example.net", "work", christmas, true},
		{"4745-s7.1.3.2", "sip:bob@good.example.net", "work", christmas, false},
		{"4745-s7.1.3.2", "tel:+12125551234", "work", christmas, false},
		{"4745-s7.1.3.3", "sip:carol@example.com", "", later, true},
		{"4745-s7.1.3.3", "sip:alice@example.com", "", later, false},
		{"4745-s7.1.3.3", "sip:bob@example.com", "", later, false},
		{"4745-s7.1.3.3", "sip:carol@sub.example.com", "", later, false},
		{"4745-s7.3", "sip:andrew@example.com", "work", later, true},
		{"4745-s7.3", "sip:andrew@example.com", "home", later, false},
		{"4745-s7.3", "sip:allison@example.com", "Home", later, true},
		{"4745-s7.3", "sip:john@doe.example.com", "home", later, true},
		{"4745-s7.3", "sip:john@doe.example.com", "work", later, true},
		{"4745-s7.3", "sip:john@doe.example.com", "", later, false},
		{"4745-s7.4", "", "", "2003-08-15T10:20:00-05:00", true},
		{"4745-s7.4", "sip:a@example.com", "", "2003-08-15T15:19:59Z", false},
		{"4745-s7.4", "sip:a@example.com", "", "2003-09-15T15:19:59Z", true},
		{"4745-s7.4", "sip:a@example.com", "", "2003-09-15T15:20:00Z", false},
		{"4745-s12", "sip:bob@example.com", "work", christmas, true},
		{"4745-s12", "sip:bob@example.com", "", christmas, false},
		{"4745-s12", "sip:bob@example.com", "work", later, false},
		{"4745-s12", "sip:alice@example.com", "work", christmas, false},
	} {
		doc := string(example(t, "rfc"+c.example+"-ruleset-1.xml"))
		doc = strings.ReplaceAll(doc, "<actions/>", `<actions><sub-handling xmlns="`+NamespacePresRules+`">allow</sub-handling></actions>`)
		got := parse(t, doc).Evaluate(watcher(c.watcher), Context{Sphere: c.sphere, Now: at(t, c.now)})
		if want := map[bool]SubHandling{true: Allow}[c.matches]; got.Handling != want {
			t.Errorf("RFC %s: %q in sphere %q at %s: %v, want %v", c.example, c.watcher, c.sphere, c.now, got.Handling, want)
		}
	}
}

func TestExampleOfRFC5025(t *testing.T) {
	rules := parse(t, string(example(t, "rfc5025-s6-ruleset-1.xml")))
	want := Permissions{
		Handling: Allow,
		Services: Selection{ServiceURISchemes: []string{"mailto", "sip"}}, Persons: Selection{All: true},
		Activities: true, UserInput: UserInputBare,
		Unknown: []Attribute{{"urn:vendor-specific:foo-namespace", "foo"}},
	}
	if got := rules.Evaluate(watcher("sip:user@example.com"), Context{}); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got := rules.Evaluate(watcher("sip:other@example.com"), Context{}); !reflect.DeepEqual(got, Permissions{}) {
		t.Errorf("no match means block, not %+v", got)
	}
}

// TestUnionOfRFC5025 is the example of RFC 5025 s.3.3.1.1.
func TestUnionOfRFC5025(t *testing.T) {
	rules := parse(t, rulesDoc(`<rule id="a"><transformations><pr:provide-devices>
		<pr:deviceID>urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6</pr:deviceID><pr:class>biz</pr:class></pr:provide-devices></transformations></rule>
		<rule id="b"><transformations><pr:provide-devices><pr:class>home</pr:class><pr:class>biz</pr:class></pr:provide-devices></transformations></rule>`))
	want := Selection{Classes: []string{"biz", "home"}, DeviceIDs: []string{"urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6"}}
	if got := rules.Evaluate(Watcher{}, Context{}).Devices; !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// TestTableOfRFC4745 is the example of RFC 4745 s.10.3. X becomes a Boolean
// permission, Z (-, o, +) the user input, Y, an integer, the handling.
func TestTableOfRFC4745(t *testing.T) {
	const a1, a2, a3 = "2003-12-24T17:00:00+01:00", "2003-12-24T21:00:00+01:00", "2003-12-24T23:30:00+01:00"
	const b1, b2 = "2003-12-22T17:00:00+01:00", "2003-12-23T17:00:00+01:00"
	var doc strings.Builder
	for id, r := range []struct{ watcher, sphere, from, until, x, y, z string }{
		{"bob", "home", a1, a2, "true", "polite-block", "thresholds"},
		{"alice", "work", a1, a2, "false", "confirm", "full"},
		{"bob", "work", a1, a2, "true", "block", "bare"},
		{"tom", "work", a1, a2, "true", "confirm", "full"},
		{"bob", "work", a1, a3, "", "allow", "thresholds"},
		{"bob", "work", b1, b2, "false", "polite-block", "bare"},
	} {
		x := ""
		if r.x != "" {
			x = "<pr:provide-mood>" + r.x + "</pr:provide-mood>"
		}
		fmt.Fprintf(&doc, `<rule id="r%d"><conditions><identity><one id="sip:%s@example.com"/></identity><sphere value="%s"/>
			<validity><from>%s</from><until>%s</until></validity></conditions><actions><pr:sub-handling>%s</pr:sub-handling></actions>
			<transformations>%s<pr:provide-user-input>%s</pr:provide-user-input></transformations></rule>`,
			id, r.watcher, r.sphere, r.from, r.until, r.y, x, r.z)
	}
	got := parse(t, rulesDoc(doc.String())).Evaluate(watcher("sip:bob@example.com"),
		Context{Sphere: "work", Now: at(t, "2003-12-24T17:15:00+01:00")})
	if want := (Permissions{Handling: Allow, Mood: true, UserInput: UserInputThresholds}); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestCombining(t *testing.T) {
	handling := func(h string) string { return `<actions><pr:sub-handling>` + h + `</pr:sub-handling></actions>` }
	shows := func(s string) string { return `<transformations>` + s + `</transformations>` }
	for _, c := range []struct {
		name string
		a, b string // two rules that match
		want Permissions
	}{
		{"nothing", "", "", Permissions{}},
		{"block and allow", handling("block"), handling("allow"), Permissions{Handling: Allow}},
		{"confirm and polite-block", handling("confirm"), handling("polite-block"), Permissions{Handling: PoliteBlock}},
		{"no action and confirm", "", handling("confirm"), Permissions{Handling: Confirm}},
		{"false and true", shows(`<pr:provide-note>false</pr:provide-note>`), shows(`<pr:provide-note>1</pr:provide-note>`), Permissions{Note: true}},
		{"user input", shows(`<pr:provide-user-input>full</pr:provide-user-input>`), shows(`<pr:provide-user-input>bare</pr:provide-user-input>`), Permissions{UserInput: UserInputFull}},
		{"all and some", shows(`<pr:provide-persons><pr:all-persons/></pr:provide-persons>`), shows(`<pr:provide-persons><pr:class>a</pr:class></pr:provide-persons>`), Permissions{Persons: Selection{All: true}}},
		{"members of several types", shows(`<pr:provide-services><pr:service-uri-scheme>sip</pr:service-uri-scheme></pr:provide-services>`),
			shows(`<pr:provide-services><pr:class> a  b </pr:class><pr:occurrence-id>1</pr:occurrence-id><pr:service-uri>sip:x@y</pr:service-uri></pr:provide-services>`),
			Permissions{Services: Selection{Classes: []string{"a b"}, OccurrenceIDs: []string{"1"}, ServiceURIs: []string{"sip:x@y"}, ServiceURISchemes: []string{"sip"}}}},
		{"unknown attributes", shows(`<pr:provide-unknown-attribute name="b" ns="urn:x">true</pr:provide-unknown-attribute><pr:provide-unknown-attribute name="c" ns="urn:x">false</pr:provide-unknown-attribute>`),
			shows(`<pr:provide-unknown-attribute name="a" ns="urn:x">true</pr:provide-unknown-attribute><pr:provide-unknown-attribute name="b" ns="urn:x">false</pr:provide-unknown-attribute>`),
			Permissions{Unknown: []Attribute{{"urn:x", "a"}, {"urn:x", "b"}}}},
		{"RPID is not unknown", shows(`<pr:provide-unknown-attribute name="mood" ns="urn:ietf:params:xml:ns:pidf:rpid">true</pr:provide-unknown-attribute>`), "", Permissions{}},
		{"all attributes", shows(`<pr:provide-all-attributes/>`), shows(`<pr:provide-unknown-attribute name="b" ns="urn:x">true</pr:provide-unknown-attribute>`),
			func() Permissions {
				p := Everything
				p.Handling = Block
				p.Devices, p.Persons, p.Services = Selection{}, Selection{}, Selection{}
				return p
			}()},
		{"everything", handling("allow") + shows(`<pr:provide-all-attributes/><pr:provide-devices><pr:all-devices/></pr:provide-devices>`),
			shows(`<pr:provide-persons><pr:all-persons/></pr:provide-persons><pr:provide-services><pr:all-services/></pr:provide-services>`), Everything},
		{"misplaced", `<actions><pr:provide-note>true</pr:provide-note></actions>`, shows(`<pr:sub-handling>allow</pr:sub-handling>`), Permissions{}},
		{"not known", `<actions><x:allow>true</x:allow></actions>`, shows(`<x:show/><pr:provide-aura>true</pr:provide-aura>`), Permissions{}},
		{"each attribute", shows(`<pr:provide-activities>true</pr:provide-activities><pr:provide-class>true</pr:provide-class><pr:provide-deviceID>true</pr:provide-deviceID>
			<pr:provide-mood>true</pr:provide-mood><pr:provide-place-is>true</pr:provide-place-is><pr:provide-place-type>true</pr:provide-place-type>`),
			shows(`<pr:provide-privacy>true</pr:provide-privacy><pr:provide-relationship>true</pr:provide-relationship><pr:provide-sphere>true</pr:provide-sphere>
			<pr:provide-status-icon>true</pr:provide-status-icon><pr:provide-time-offset>true</pr:provide-time-offset>`),
			Permissions{Activities: true, Class: true, DeviceID: true, Mood: true, PlaceIs: true, PlaceType: true, Privacy: true, Relationship: true, Sphere: true, StatusIcon: true, TimeOffset: true}},
	} {
		for _, doc := range []string{
			`<rule id="a">` + c.a + `</rule><rule id="b">` + c.b + `</rule>`,
			`<rule id="a">` + c.b + `</rule><rule id="b">` + c.a + `</rule>`, // RFC 4745 s.4: the order is not important
		} {
			if got := parse(t, rulesDoc(doc)).Evaluate(Watcher{}, Context{}); !reflect.DeepEqual(got, c.want) {
				t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
			}
		}
	}
}

// randomRules are some rules that say something about few people.
func randomRules(r *rand.Rand, n int) []string {
	pick := func(of ...string) string { return of[r.IntN(len(of))] }
	id := func() string {
		return pick("sip:a@x.org", "pres:a@x.org", "sips:b@x.org", "sip:b@y.org", "tel:+1-2", "SIP:a@X.org;p=q")
	}
	domain := func() string { return pick("x.org", "y.org", "Y.ORG") }
	identity := func() string {
		var b strings.Builder
		for range 1 + r.IntN(3) {
			switch r.IntN(6) {
			case 0:
				b.WriteString(`<many/>`)
			case 1:
				b.WriteString(`<many domain="` + domain() + `"><except id="` + id() + `"/></many>`)
			case 2:
				b.WriteString(`<many><except id="` + id() + `"/><except domain="` + domain() + `"/></many>`)
			case 3:
				b.WriteString(pick(`<x:y/>`, `<many><x:y/></many>`, `<one id="sip:a@x.org"><x:y/></one>`))
			default:
				b.WriteString(`<one id="` + id() + `"/>`)
			}
		}
		return `<identity>` + b.String() + `</identity>`
	}
	condition := func() string {
		switch r.IntN(8) {
		case 0:
			return `<sphere value="` + pick("work", "home work", "travel") + `"/>`
		case 1:
			return `<validity><from>2026-01-01T00:00:00Z</from><until>2026-06-01T00:00:00Z</until></validity>`
		case 2:
			return pick(`<oma:anonymous-request/>`, `<oma:external-list><oma:entry anc="list"/></oma:external-list>`, `<x:moon/>`)
		}
		return identity()
	}
	rules := make([]string, n)
	for i := range rules {
		conditions := ""
		for range r.IntN(3) {
			conditions += condition()
		}
		rules[i] = fmt.Sprintf(`<rule id="r%d">%s%s%s</rule>`, i,
			pick(`<conditions>`+conditions+`</conditions>`, `<!-- kept --><conditions>`+conditions+`</conditions>`),
			pick(`<actions><pr:sub-handling>`+pick("block", "confirm", "polite-block", "allow")+`</pr:sub-handling><x:kept a="&#10;&amp;"/></actions>`, ``, `<actions/>`),
			pick(`<transformations><pr:provide-note>true</pr:provide-note><pr:provide-persons><pr:class>`+pick("a", "b", "c")+`</pr:class></pr:provide-persons></transformations>`, ``))
	}
	return rules
}

// situations are watchers and contexts in which random rules differ.
func situations() (watchers []Watcher, contexts []Context) {
	for _, uri := range []string{"", "sip:a@x.org", "sip:b@x.org", "sip:a@y.org", "sip:b@y.org", "sip:c@z.org", "tel:+12"} {
		watchers = append(watchers, Watcher{URI: uri}, Watcher{URI: uri, Anonymous: true})
	}
	onList := func(list, watcher string) bool { return list == "list" && watcher < "sip:b" }
	for _, sphere := range []string{"", "work", "home"} {
		for _, month := range []time.Month{2, 8} {
			c := Context{Sphere: sphere, Now: time.Date(2026, month, 1, 0, 0, 0, 0, time.UTC)}
			contexts = append(contexts, c, Context{c.Sphere, c.Now, onList})
		}
	}
	return watchers, contexts
}

// TestRulesOnlyAdd: RFC 4745 s.4, "Permit only": a further rule never takes a
// permission away. (OMA's other-identity is the exception, and not in these.)
func TestRulesOnlyAdd(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	watchers, contexts := situations()
	grew := 0
	for range 300 {
		rules := randomRules(r, 1+r.IntN(5))
		more := parse(t, rulesDoc(strings.Join(rules, "")))
		out := r.IntN(len(rules))
		fewer := parse(t, rulesDoc(strings.Join(append(rules[:out:out], rules[out+1:]...), "")))
		for _, w := range watchers {
			for _, c := range contexts {
				p, q := fewer.Evaluate(w, c), more.Evaluate(w, c)
				union := q
				union.merge(&p)
				if union.Key() != q.Key() {
					t.Fatalf("%+v had %s and has %s with the rule %s", w, p.Key(), q.Key(), rules[out])
				}
				if p.Key() != q.Key() {
					grew++
				}
			}
		}
	}
	if grew < 100 {
		t.Errorf("the rules made a difference %d times", grew)
	}
}

// TestIndex: the rules found by identity and the rest are all that match.
func TestIndex(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	watchers, contexts := situations()
	for range 200 {
		rules := append(randomRules(r, 1+r.IntN(8)),
			`<rule id="o"><conditions><oma:other-identity/></conditions><actions><pr:sub-handling>confirm</pr:sub-handling></actions></rule>`)
		compiled := parse(t, rulesDoc(strings.Join(rules, "")))
		for _, w := range watchers {
			for _, c := range contexts {
				q := newRequest(w.URI, c)
				q.other = q.uri != "" && (!compiled.lists || c.Lists != nil)
				for _, rule := range compiled.rules {
					q.other = q.other && !rule.conditions.names(q)
				}
				var want Permissions
				for _, rule := range compiled.rules {
					if rule.conditions.match(q) {
						want.merge(rule.permits)
					}
				}
				if got := compiled.Evaluate(w, c); got.Key() != want.Key() {
					t.Fatalf("%+v: %s, want %s", w, got.Key(), want.Key())
				}
			}
		}
	}
}
