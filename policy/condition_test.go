package policy

import (
	"testing"
	"time"

	"presenced/sip"
)

func allowed(t testing.TB, conditions string, w Watcher, c Context) bool {
	t.Helper()
	return parse(t, conditionsDoc(conditions)).Evaluate(w, c).Handling == Allow
}

func TestIdentity(t *testing.T) {
	for _, c := range []struct {
		name, conditions, watcher string
		want                      bool
	}{
		{"no condition", ``, "sip:a@x.org", true},
		{"no condition, not authenticated", ``, "", true},
		{"sips", `<identity><one id="sips:a@x.org"/></identity>`, "sip:a@x.org", true},
		{"pres", `<identity><one id="pres:a@x.org"/></identity>`, "sip:a@x.org", true},
		{"im", `<identity><one id="im:a@x.org"/></identity>`, "sip:a@x.org", true},
		{"case of the host", `<identity><one id="SIP:a@X.Org"/></identity>`, "sip:a@x.org", true},
		{"case of the user", `<identity><one id="sip:A@x.org"/></identity>`, "sip:a@x.org", false},
		{"port and parameters", `<identity><one id="sip:a@x.org:5060;transport=tcp"/></identity>`, "sip:a@x.org", true},
		{"escapes", `<identity><one id="sip:%61@x.org"/></identity>`, "sip:a@x.org", true},
		{"white space", `<identity><one id=" sip:a@x.org "/></identity>`, "sip:a@x.org", true},
		{"watcher in another form", `<identity><one id="sip:a@x.org"/></identity>`, "pres:a@X.org", true},
		{"several ones", `<identity><one id="sip:b@x.org"/><one id="sip:a@x.org"/></identity>`, "sip:a@x.org", true},
		{"one and many", `<identity><one id="sip:b@y.org"/><many domain="x.org"/></identity>`, "sip:a@x.org", true},
		{"two identities", `<identity><many/></identity><identity><one id="sip:b@x.org"/></identity>`, "sip:a@x.org", false},
		{"domain in capitals", `<identity><many domain="X.ORG"/></identity>`, "sip:a@x.org", true},
		{"domain with escapes", `<identity><many domain="x%2Eorg"/></identity>`, "sip:a@x.org", true},
		{"domain with the root's dot", `<identity><many domain="x.org."/></identity>`, "sip:a@x.org", true},
		{"domain with an address", `<identity><many domain="[2001:DB8::0:1]"/></identity>`, "sip:a@[2001:db8::1]", true},
		{"domain of a telephone", `<identity><many domain="x.org"/></identity>`, "tel:+1", false},
		{"exception by domain in a domain", `<identity><many domain="x.org"><except domain="x.org"/></many></identity>`, "sip:a@x.org", false},
		{"exception in another form", `<identity><many><except id="pres:a@X.org;p"/></many></identity>`, "sip:a@x.org", false},
		{"an exception for one many only", `<identity><many><except id="sip:a@x.org"/></many><many domain="x.org"/></identity>`, "sip:a@x.org", true},
		{"extension as a child", `<identity><x:role name="boss"/></identity>`, "sip:a@x.org", false},
		{"extension beside one", `<identity><x:role name="boss"/><one id="sip:a@x.org"/></identity>`, "sip:a@x.org", true},
		{"extension in one", `<identity><one id="sip:a@x.org"><x:on-monday/></one></identity>`, "sip:a@x.org", false},
		{"extension in many", `<identity><many><x:except-friends/></many></identity>`, "sip:a@x.org", false},
		{"condition not known", `<identity><many/></identity><x:moon phase="full"/>`, "sip:a@x.org", false},
		{"condition of another vocabulary", `<pr:class>a</pr:class>`, "sip:a@x.org", false},
	} {
		if got := allowed(t, c.conditions, watcher(c.watcher), Context{}); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
	// RFC 5025 s.3.1.1.2: that the request is anonymous has no impact on an identity.
	if !allowed(t, `<identity><one id="sip:a@x.org"/></identity>`, Watcher{URI: "sip:a@x.org", Anonymous: true}, Context{}) {
		t.Error("a watcher that hides lost its identity")
	}
}

func TestOMAConditions(t *testing.T) {
	const (
		nobody  = `<rule id="n"><conditions><oma:anonymous-request/></conditions><actions><pr:sub-handling>polite-block</pr:sub-handling></actions></rule>`
		named   = `<rule id="a"><conditions><identity><one id="sip:a@x.org"/><many domain="y.org"/></identity></conditions><actions><pr:sub-handling>block</pr:sub-handling></actions></rule>`
		others  = `<rule id="o"><conditions><oma:other-identity/></conditions><actions><pr:sub-handling>confirm</pr:sub-handling></actions></rule>`
		friends = `<rule id="f"><conditions><oma:external-list><oma:entry anc="http://h/friends"/><oma:entry anc="http://h/family"/></oma:external-list></conditions><actions><pr:sub-handling>allow</pr:sub-handling></actions></rule>`
		anybody = `<rule id="e"><conditions><identity><many/></identity></conditions><actions><pr:sub-handling>block</pr:sub-handling></actions></rule>`
	)
	family := Context{Lists: func(list, watcher string) bool { return list == "http://h/family" && watcher == "sip:mum@x.org" }}
	for _, c := range []struct {
		name, rules, watcher string
		context              Context
		want                 SubHandling
	}{
		{"nobody", nobody, "", Context{}, PoliteBlock},
		{"somebody", nobody, "sip:a@x.org", Context{}, Block},
		{"others", named + others, "sip:b@x.org", Context{}, Confirm},
		{"named by address", named + others, "sip:a@x.org", Context{}, Block},
		{"named by domain", named + others, "sip:b@y.org", Context{}, Block},
		{"nobody is no other", named + others, "", Context{}, Block},
		{"a many without a domain names nobody", anybody + others, "sip:b@x.org", Context{}, Confirm},
		{"on a list", friends, "sip:mum@x.org", family, Allow},
		{"not on a list", friends, "sip:b@x.org", family, Block},
		{"lists without a reader", friends, "sip:mum@x.org", Context{}, Block},
		{"named by list", friends + others, "sip:mum@x.org", family, Allow},
		{"not named by list", friends + others, "sip:b@x.org", family, Confirm},
		{"perhaps named by list", friends + others, "sip:b@x.org", Context{}, Block},
	} {
		if got := parse(t, rulesDoc(c.rules)).Evaluate(watcher(c.watcher), c.context).Handling; got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestSphere(t *testing.T) {
	for _, c := range []struct {
		value, sphere string
		want          bool
	}{
		{"work", "work", true},
		{"work", "WORK", true},
		{"work", "home", false},
		{"work", "", false}, // undefined, RFC 5025 s.3.1.2
		{"", "", false},
		{"home work", "work", true},
		{"home  work", "home", true},
		{"home work", "home work", false}, // a sphere is one token
		{"wor", "work", false},
		{"b\u00dcro", "b\u00fcro", true},
		{"work", " work\n", true},
	} {
		if got := allowed(t, `<sphere value="`+c.value+`"/>`, watcher("sip:a@x.org"), Context{Sphere: c.sphere}); got != c.want {
			t.Errorf("%q in sphere %q: %v", c.value, c.sphere, got)
		}
	}
	if allowed(t, `<sphere value="work"/><sphere value="home"/>`, watcher("sip:a@x.org"), Context{Sphere: "work"}) {
		t.Error("two spheres are combined by a logical AND")
	}
	if parse(t, conditionsDoc("")).UsesSphere() || !parse(t, conditionsDoc(`<sphere value="work"/>`)).UsesSphere() {
		t.Error("UsesSphere")
	}
}

func TestValidity(t *testing.T) {
	pair := func(from, until string) string { return "<from>" + from + "</from><until>" + until + "</until>" }
	for _, c := range []struct {
		name, validity, now string
		want                bool
	}{
		{"at from", pair("2026-05-01T08:00:00Z", "2026-05-01T09:00:00Z"), "2026-05-01T08:00:00Z", true},
		{"before from", pair("2026-05-01T08:00:00Z", "2026-05-01T09:00:00Z"), "2026-05-01T07:59:59Z", false},
		{"at until", pair("2026-05-01T08:00:00Z", "2026-05-01T09:00:00Z"), "2026-05-01T09:00:00Z", false},
		{"a nanosecond before", pair("2026-05-01T08:00:00Z", "2026-05-01T09:00:00.000000001Z"), "2026-05-01T09:00:00Z", true},
		{"zones", pair("2026-05-01T08:00:00+02:00", "2026-05-01T08:00:00-02:00"), "2026-05-01T08:00:00Z", true},
		{"before, by the zone", pair("2026-05-01T08:00:00-02:00", "2026-05-01T12:00:00Z"), "2026-05-01T08:00:00Z", false},
		{"second pair", pair("2026-05-01T08:00:00Z", "2026-05-01T09:00:00Z") + pair("2026-06-01T08:00:00Z", "2026-06-01T09:00:00Z"), "2026-06-01T08:30:00Z", true},
		{"between the pairs", pair("2026-05-01T08:00:00Z", "2026-05-01T09:00:00Z") + pair("2026-06-01T08:00:00Z", "2026-06-01T09:00:00Z"), "2026-05-15T08:30:00Z", false},
		{"the wrong way round", pair("2026-05-01T09:00:00Z", "2026-05-01T08:00:00Z"), "2026-05-01T08:30:00Z", false},
		{"midnight at the end of a day", pair("2026-05-01T08:00:00Z", "2026-05-01T24:00:00Z"), "2026-05-01T23:59:59Z", true},
		{"and it is over", pair("2026-05-01T08:00:00Z", "2026-05-01T24:00:00Z"), "2026-05-02T00:00:00Z", false},
		{"no zone: certain in none", pair("2026-05-01T08:00:00", "2026-05-03T08:00:00Z"), "2026-05-01T21:59:59Z", false},
		{"no zone: certain in all", pair("2026-05-01T08:00:00", "2026-05-03T08:00:00Z"), "2026-05-01T22:00:00Z", true},
		{"no zone: still certain", pair("2026-05-01T08:00:00Z", "2026-05-03T08:00:00"), "2026-05-02T17:59:59Z", true},
		{"no zone: over somewhere", pair("2026-05-01T08:00:00Z", "2026-05-03T08:00:00"), "2026-05-02T18:00:00Z", false},
		{"two conditions", pair("2026-05-01T08:00:00Z", "2026-05-01T09:00:00Z") + "</validity><validity>" + pair("2026-06-01T08:00:00Z", "2026-06-01T09:00:00Z"), "2026-05-01T08:30:00Z", false},
	} {
		if got := allowed(t, "<validity>"+c.validity+"</validity>", Watcher{}, Context{Now: at(t, c.now)}); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

func TestNextChange(t *testing.T) {
	rules := parse(t, rulesDoc(`<rule id="a"><conditions><validity><from>2026-05-01T08:00:00Z</from><until>2026-05-01T10:00:00Z</until></validity></conditions></rule>
		<rule id="b"><conditions><validity><from>2026-05-01T10:00:00+01:00</from><until>2026-05-01T12:00:00+02:00</until></validity></conditions></rule>`))
	now := at(t, "2026-05-01T00:00:00Z")
	for _, want := range []string{"2026-05-01T08:00:00Z", "2026-05-01T09:00:00Z", "2026-05-01T10:00:00Z"} {
		next, ok := rules.NextChange(now)
		if !ok || !next.Equal(at(t, want)) {
			t.Errorf("after %v: %v, %v; want %s", now, next, ok, want)
		}
		if before, _ := rules.NextChange(next.Add(-time.Nanosecond)); !before.Equal(next) {
			t.Errorf("just before %v: %v", next, before)
		}
		now = next
	}
	if next, ok := rules.NextChange(now); ok {
		t.Errorf("after the last: %v", next)
	}
	if next, ok := parse(t, rulesDoc("")).NextChange(now); ok {
		t.Errorf("without validity: %v", next)
	}
}

func TestCanonical(t *testing.T) {
	for _, c := range []struct{ uri, want string }{
		{"sip:a@x.org", "sip:a@x.org"},
		{"tel:+1-212-555-1234", "tel:+12125551234"},
		{"TEL:+1(212)555.1234", "tel:+12125551234"},
		{"tel:863-1234;phone-context=+1-914-555", "tel:8631234;phone-context=+1914555"},
		{"tel:7042;phone-context=Example.com;ext=1-2", "tel:7042;ext=12;phone-context=example.com"},
		{"mailto:Bob@example.net", "mailto:Bob@example.net"},
		{"sip:x.org", "sip:x.org"},
		{"tel:+", ""}, {"bob", ""}, {"bob@x.org", ""}, {":a", ""}, {"sip:", ""}, {"sip:@x.org", ""}, {"sip:a@", ""},
		{"sip:a b@x.org", ""}, {"<sip:a@x.org>", ""}, {"sip:a%zz@x.org", ""}, {"sip:a@[::1", ""}, {"sip:a@b@c", ""}, {"sip:a@\u00fc.org", ""},
	} {
		if got, ok := canonical(c.uri); got != c.want || ok != (c.want != "") {
			t.Errorf("%s became %q, %v; want %q", c.uri, got, ok, c.want)
		}
	}
}

// FuzzCanonical: an identity in rules equals the address-of-record that the
// wire makes of the same URI.
func FuzzCanonical(f *testing.F) {
	for _, uri := range []string{"sip:a@x.org", "SIPS:%61:p@X.Org.:5061;a=b?c=d", "pres:a;b?c@x.org", "im:a@[::ffff:1.2.3.4]", "sip:a@[2001:DB8::0:1]:5", "sip:\u00fc@x", "sip:a%40b@x"} {
		f.Add(uri)
	}
	f.Fuzz(func(t *testing.T, uri string) {
		got, ok := canonical(uri)
		if u, err := sip.ParseURI(uri); err == nil && u.AOR() != "" && (!ok || got != u.AOR()) {
			t.Errorf("%q is %q on the wire, %q, %v in rules", uri, u.AOR(), got, ok)
		}
		if again, _ := canonical(got); ok && again != got {
			t.Errorf("%q became %q, and this %q", uri, got, again)
		}
	})
}
