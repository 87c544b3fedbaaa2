package policy

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/beevik/etree"

	"presenced/pidf"
)

// rich has every attribute that RFC 5025 speaks of in every component, and
// some of which it does not, as pidf.Compose writes documents.
const rich = `<?xml version="1.0" encoding="UTF-8"?>
<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" xmlns:o="urn:x:other" xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid" xmlns:v="urn:vendor-specific:foo-namespace" entity="sip:alice@example.com">
<tuple id="t1"><status><basic>open</basic><o:online/></status><rpid:class>biz</rpid:class><rpid:privacy><rpid:audio/></rpid:privacy><rpid:relationship><rpid:self/></rpid:relationship><rpid:service-class><rpid:electronic/></rpid:service-class><rpid:status-icon>http://example.com/i.png</rpid:status-icon><rpid:user-input idle-threshold="600" last-input="2026-11-22T05:51:11Z" id="u1">idle</rpid:user-input><v:foo v:a="1">bar</v:foo><dm:deviceID>urn:uuid:F81D4FAE-7dec-11d0-a765-00a0c91e6bf6</dm:deviceID><contact priority="0.8">sip:alice@192.0.2.1;transport=tcp</contact><note xml:lang="en">service</note><timestamp>2026-11-22T05:51:11Z</timestamp></tuple>
<tuple id="t2"><status><basic>closed</basic></status><rpid:class>home</rpid:class><contact>mailto:alice@Example.com</contact></tuple>
<note>presentity</note>
<dm:person id="p1"><rpid:activities><rpid:note>busy</rpid:note><rpid:busy/></rpid:activities><rpid:class>biz</rpid:class><rpid:mood><rpid:happy/></rpid:mood><rpid:place-is><rpid:audio><rpid:ok/></rpid:audio></rpid:place-is><rpid:place-type><rpid:other>den</rpid:other></rpid:place-type><rpid:privacy><rpid:text/></rpid:privacy><rpid:sphere><rpid:work/></rpid:sphere><rpid:status-icon>http://example.com/p.png</rpid:status-icon><rpid:time-offset>-240</rpid:time-offset><rpid:user-input last-input="2026-11-22T05:51:11Z">active</rpid:user-input><v:foo/><dm:note>person</dm:note><dm:timestamp>2026-11-22T05:51:11Z</dm:timestamp></dm:person>
<dm:device id="d1"><rpid:class>biz</rpid:class><rpid:user-input idle-threshold="5">idle</rpid:user-input><v:foo/><dm:deviceID>urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6</dm:deviceID><dm:note>device</dm:note><dm:timestamp>2026-11-22T05:51:11Z</dm:timestamp></dm:device>
<o:thing/>
</presence>
`

// transformed applies permissions, and checks by the oracle, by RFC 5025 s.4
// and by the reader.
func transformed(t *testing.T, p Permissions, doc string) string {
	t.Helper()
	d, err := pidf.Parse([]byte(doc))
	if err != nil {
		t.Fatal(err)
	}
	got := p.Transform([]byte("x"), d)
	if got[0] != 'x' {
		t.Fatalf("not appended: %s", got)
	}
	got = got[1:]
	if reason := disagreement(p, d, got); reason != "" {
		t.Fatalf("%s: %s", p.Key(), reason)
	}
	return string(got)
}

// disagreement says what is wrong with a result, "" if nothing is.
func disagreement(p Permissions, d *pidf.Document, got []byte) string {
	result, err := pidf.Parse(got)
	if err != nil {
		return "not readable: " + err.Error() + "\n" + string(got)
	}
	tree := etree.NewDocument()
	if err := tree.ReadFromString(d.Bytes()); err != nil {
		return ""
	}
	oracle(p, tree.Root())
	want := expand(tree.Root(), 0)
	if len(tree.Root().ChildElements()) == 0 && !everything(p) {
		if string(got) != string(pidf.Offline(d.Entity())) {
			return "nothing is left, but it is not the document of offline:\n" + string(got)
		}
		return ""
	}
	back := etree.NewDocument()
	if err := back.ReadFromBytes(got); err != nil {
		return "etree: " + err.Error()
	}
	if is := expand(back.Root(), 0); is != want {
		return "is\n" + is + "want\n" + want
	}
	again := p.Transform(nil, result)
	if byClass := len(p.Devices.Classes)+len(p.Persons.Classes)+len(p.Services.Classes) > 0; !byClass && !bytes.Equal(again, got) {
		return "RFC 5025 s.4: applied again it changes\n" + string(got) + "to\n" + string(again)
	}
	return ""
}

func everything(p Permissions) bool {
	return p.AllAttributes && p.Devices.All && p.Persons.All && p.Services.All
}

var all = Selection{All: true}

// Each permission shows its attribute, in the components that the RFC names.
func TestTransformAttributes(t *testing.T) {
	components := Permissions{Devices: all, Persons: all, Services: all}
	for _, c := range []struct {
		name  string
		give  func(*Permissions)
		shown string // what appears beside what is always shown, in order
	}{
		{"nothing", func(*Permissions) {}, ""},
		{"activities", func(p *Permissions) { p.Activities = true }, "activities"},
		{"class", func(p *Permissions) { p.Class = true }, "class class class class"},
		{"deviceID", func(p *Permissions) { p.DeviceID = true }, "deviceID"},
		{"mood", func(p *Permissions) { p.Mood = true }, "mood"},
		{"place-is", func(p *Permissions) { p.PlaceIs = true }, "place-is"},
		{"place-type", func(p *Permissions) { p.PlaceType = true }, "place-type"},
		{"privacy", func(p *Permissions) { p.Privacy = true }, "privacy privacy"},
		{"relationship", func(p *Permissions) { p.Relationship = true }, "relationship"},
		{"sphere", func(p *Permissions) { p.Sphere = true }, "sphere"},
		{"status-icon", func(p *Permissions) { p.StatusIcon = true }, "status-icon status-icon"},
		{"time-offset", func(p *Permissions) { p.TimeOffset = true }, "time-offset"},
		{"note", func(p *Permissions) { p.Note = true }, "note note note note"},
		{"user-input bare", func(p *Permissions) { p.UserInput = UserInputBare }, "user-input[id] user-input[] user-input[]"},
		{"user-input thresholds", func(p *Permissions) { p.UserInput = UserInputThresholds }, "user-input[idle-threshold] user-input[] user-input[idle-threshold]"},
		{"user-input full", func(p *Permissions) { p.UserInput = UserInputFull }, "user-input[idle-threshold last-input id] user-input[last-input] user-input[idle-threshold]"},
		{"unknown", func(p *Permissions) { p.Unknown = []Attribute{{"urn:vendor-specific:foo-namespace", "foo"}} }, "foo foo foo"},
		{"unknown, in the status", func(p *Permissions) { p.Unknown = []Attribute{{"urn:x:other", "online"}} }, "online"},
		{"unknown is not for RPID", func(p *Permissions) { p.Unknown = []Attribute{{pidf.NamespaceRPID, "mood"}} }, ""},
		{"unknown is not for the root", func(p *Permissions) { p.Unknown = []Attribute{{"urn:x:other", "thing"}} }, ""},
		{"all", func(p *Permissions) { p.AllAttributes = true }, "online class privacy relationship status-icon user-input[idle-threshold last-input id] foo deviceID note class note activities class mood place-is place-type privacy sphere status-icon time-offset user-input[last-input] foo note class user-input[idle-threshold] foo note thing"},
	} {
		p := components
		c.give(&p)
		got := emit([]byte(transformed(t, p, rich)))
		if is := strings.Join(shown(t, got), " "); is != c.shown {
			t.Errorf("%s: shows %s\nwant %s\n%s", c.name, is, c.shown, got)
		}
		// A namespace of something hidden is information too.
		if strings.Contains(got, "urn:vendor") != strings.Contains(c.shown, "foo") {
			t.Errorf("%s: the namespace of foo is bound or missing:\n%s", c.name, got)
		}
	}
}

// shown lists the attributes of a document that are not always shown.
func shown(t *testing.T, doc string) (names []string) {
	tree := etree.NewDocument()
	if err := tree.ReadFromString(doc); err != nil {
		t.Fatal(err)
	}
	always := map[string]bool{"status": true, "basic": true, "contact": true, "timestamp": true, "service-class": true}
	var walk func(parent, e *etree.Element)
	walk = func(parent, e *etree.Element) {
		switch {
		case kindOf(e) != "" && e.Tag != "note" || e.Tag == "status":
			for _, c := range e.ChildElements() {
				walk(e, c)
			}
		case always[e.Tag] || parent.Tag == "device" && e.Tag == "deviceID":
		case e.Tag == "user-input":
			var attrs []string
			for _, a := range e.Attr {
				attrs = append(attrs, a.Key)
			}
			names = append(names, "user-input["+strings.Join(attrs, " ")+"]")
		default:
			names = append(names, e.Tag)
		}
	}
	for _, e := range tree.Root().ChildElements() {
		walk(tree.Root(), e)
	}
	return names
}

// An attribute in a component for which the RFC does not provide it is not
// shown there: every one in every component, as the oracle's table has it.
func TestTransformPlaces(t *testing.T) {
	const everywhere = `<r:activities/><r:class/><r:mood/><r:place-is/><r:place-type/><r:privacy/><r:relationship/><r:service-class/><r:sphere/><r:status-icon/><r:time-offset/>` +
		`<r:user-input since="1" last-input="2" idle-threshold="3" x:last-input="4" id="u"/><r:new/><x:e/><d:note/><d:timestamp/><d:deviceID/><d:new/><basic/><contact/><note/><timestamp/><new/>`
	const doc = `<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:d="urn:ietf:params:xml:ns:pidf:data-model" xmlns:r="urn:ietf:params:xml:ns:pidf:rpid" xmlns:x="urn:x" entity="a">` +
		`<tuple id="t" x:a="1" x:id="1"><status x:a="1" x:id="1">` + everywhere + `</status>` + everywhere + `</tuple>` +
		`<d:person id="p" x:a="1" x:id="1">` + everywhere + `</d:person><d:device id="d" x:a="1" x:id="1">` + everywhere + `</d:device>` + everywhere + `</presence>`
	for bit := range 16 {
		p := sample(1<<bit | 0x150000)
		if bit == 15 {
			p.Unknown = []Attribute{
				{pidf.NamespaceRPID, "new"}, {pidf.NamespaceRPID, "mood"}, {pidf.NamespaceDataModel, "new"}, {pidf.Namespace, "new"}, {"urn:x", "e"},
			}
		}
		transformed(t, p, doc)
	}
	for u := range UserInputFull + 1 {
		transformed(t, Permissions{Devices: all, Persons: all, Services: all, UserInput: u}, doc)
	}
}

// Each member of a selection shows the occurrences that it identifies.
func TestTransformSelections(t *testing.T) {
	for _, c := range []struct {
		name string
		p    Permissions
		ids  string
	}{
		{"nothing", Permissions{}, "offline"},
		{"all devices", Permissions{Devices: all}, "d1"},
		{"all persons", Permissions{Persons: all}, "p1"},
		{"all services", Permissions{Services: all}, "t1 t2"},
		{"device by class", Permissions{Devices: Selection{Classes: []string{"biz"}}}, "d1"},
		{"by class, of another case", Permissions{Devices: Selection{Classes: []string{"Biz"}}}, "offline"},
		{"device by deviceID", Permissions{Devices: Selection{DeviceIDs: []string{"urn:uuid:F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6"}}}, "d1"},
		{"device by occurrence", Permissions{Devices: Selection{OccurrenceIDs: []string{"d1", "p1"}}}, "d1"},
		{"person by class", Permissions{Persons: Selection{Classes: []string{"biz", "home"}}}, "p1"},
		{"person by occurrence", Permissions{Persons: Selection{OccurrenceIDs: []string{"p1"}}}, "p1"},
		{"person by another occurrence", Permissions{Persons: Selection{OccurrenceIDs: []string{"t1"}}}, "offline"},
		{"service by class", Permissions{Services: Selection{Classes: []string{"home"}}}, "t2"},
		{"service by occurrence", Permissions{Services: Selection{OccurrenceIDs: []string{"t1"}}}, "t1"},
		{"service by URI", Permissions{Services: Selection{ServiceURIs: []string{"MAILTO:alice@example.com"}}}, "t2"},
		{"service by URI, without its transport", Permissions{Services: Selection{ServiceURIs: []string{"sip:alice@192.0.2.1"}}}, "offline"},
		{"service by scheme", Permissions{Services: Selection{ServiceURISchemes: []string{"sip"}}}, "t1"},
		{"service by scheme, of another case", Permissions{Services: Selection{ServiceURISchemes: []string{"Sip"}}}, "offline"},
		{"union", Permissions{Devices: all, Services: Selection{Classes: []string{"home"}, ServiceURISchemes: []string{"sip"}}}, "t1 t2 d1"},
	} {
		got := emit([]byte(transformed(t, c.p, rich)))
		d, err := pidf.Parse([]byte(got))
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for part := range d.Parts() {
			ids = append(ids, part.ID)
		}
		if is := strings.Join(ids, " "); is != c.ids {
			t.Errorf("%s: %s, want %s\n%s", c.name, is, c.ids, got)
		}
	}
}

// The example of RFC 5025 s.6: what its text says that the watcher sees.
func TestTransformExample(t *testing.T) {
	data := os.Getenv("PRESENCED_RFC_DATA")
	if data == "" {
		t.Skip("PRESENCED_RFC_DATA is not set")
	}
	body, err := os.ReadFile(filepath.Join(data, "rfc-examples", "xml", "rfc5025-s6-ruleset-1.xml"))
	if err != nil {
		t.Fatal(err)
	}
	rules, err := ParseRules(body)
	if err != nil {
		t.Fatal(err)
	}
	p := rules.Evaluate(Watcher{URI: "sip:user@example.com"}, Context{})
	got := emit([]byte(transformed(t, p, rich)))
	const want = `<?xml version="1.0" encoding="UTF-8"?>
<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid" xmlns:v="urn:vendor-specific:foo-namespace" entity="sip:alice@example.com">
<tuple id="t1"><status><basic>open</basic></status><rpid:service-class><rpid:electronic/></rpid:service-class><rpid:user-input id="u1">idle</rpid:user-input><v:foo v:a="1">bar</v:foo><contact priority="0.8">sip:alice@192.0.2.1;transport=tcp</contact><timestamp>2026-11-22T05:51:11Z</timestamp></tuple>
<tuple id="t2"><status><basic>closed</basic></status><contact>mailto:alice@Example.com</contact></tuple>
<dm:person id="p1"><rpid:activities><rpid:note>busy</rpid:note><rpid:busy/></rpid:activities><rpid:user-input>active</rpid:user-input><v:foo/><dm:timestamp>2026-11-22T05:51:11Z</dm:timestamp></dm:person>
</presence>
`
	if got != want {
		t.Errorf("%s", got)
	}
}

// Rules name the id that was published, though it is no xs:ID.
func TestTransformPublishedID(t *testing.T) {
	published, err := pidf.Parse([]byte(`<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:a@h"><tuple id="1 b"><status><basic>open</basic></status></tuple></presence>`))
	if err != nil {
		t.Fatal(err)
	}
	composed := string(pidf.Compose(nil, "sip:a@example.com", []pidf.Source{{Doc: published}}))
	p := Permissions{Services: Selection{OccurrenceIDs: []string{"1 b"}}}
	if got := transformed(t, p, composed); got != composed {
		t.Errorf("%s, want %s", got, composed)
	}
}

func TestTransformEverything(t *testing.T) {
	if got := transformed(t, Everything, rich); got != rich {
		t.Errorf("not the document itself: %s", got)
	}
	offline := string(pidf.Offline("sip:alice@example.com"))
	for _, p := range []Permissions{{}, {Services: all}, {Persons: all, Note: true}, Everything} {
		if got := transformed(t, p, offline); got != offline {
			t.Errorf("%s: offline is not offline: %s", p.Key(), got)
		}
	}
}

// Notes of the presentity are those of persons without notes (RFC 4479 s.5).
func TestTransformNotes(t *testing.T) {
	const root = `<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" entity="sip:a@example.com"><note>N</note>`
	const with, without = `<dm:person id="with"><dm:note>own</dm:note></dm:person>`, `<dm:person id="without"/>`
	one := func(id string) Selection { return Selection{OccurrenceIDs: []string{id}} }
	for _, c := range []struct {
		name    string
		persons string
		p       Permissions
		want    bool
	}{
		{"all persons", with + without, Permissions{Note: true, Persons: all}, true},
		{"not provided", with + without, Permissions{Persons: all}, false},
		{"of a person that is hidden", with + without, Permissions{Note: true, Persons: one("with")}, false},
		{"of a person that is shown", with + without, Permissions{Note: true, Persons: one("without")}, true},
		{"no person, all would be shown", "", Permissions{Note: true, Persons: all}, true},
		{"no person", "", Permissions{Note: true, Services: all}, false},
	} {
		if got := emit([]byte(transformed(t, c.p, root+c.persons+"</presence>"))); strings.Contains(got, ">N<") != c.want {
			t.Errorf("%s: %s", c.name, got)
		}
	}
}

// Documents that we would not write: odd prefixes, bindings on inner elements.
func TestTransformForeign(t *testing.T) {
	p := Permissions{Services: all, Persons: all, Unknown: []Attribute{{"urn:x", "e"}}}
	for in, want := range map[string]string{
		// PIDF with a prefix; a default namespace that an element inherits
		`<p:presence xmlns:p="urn:ietf:params:xml:ns:pidf" xmlns="urn:x" xmlns:h="urn:hidden" entity='sip:a@h' h:secret="1"><p:tuple h:secret="2" id="1" ><p:status h:s="3"><h:x/></p:status><e><f/></e><g/></p:tuple></p:presence>`: `<p:presence xmlns:p="urn:ietf:params:xml:ns:pidf" xmlns="urn:x" entity='sip:a@h'>
<p:tuple id="1" ><p:status><p:basic>closed</p:basic></p:status><e><f/></e></p:tuple>
</p:presence>
`,
		// bindings on the tuple; a prefix that is used in a text only
		`<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:q="urn:q" xmlns:h="urn:hidden" entity="a"> <!-- h:c --> <tuple id="1" xmlns:x="urn:x"><status/><x:e t="q:name">http:</x:e></tuple></presence>`: `<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:q="urn:q" entity="a">
<tuple id="1" xmlns:x="urn:x"><status><basic>closed</basic></status><x:e t="q:name">http:</x:e></tuple>
</presence>
`,
	} {
		d, err := pidf.Parse([]byte(in))
		if err != nil {
			t.Fatal(err)
		}
		got := string(p.Transform(nil, d))
		if want := "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" + want; got != want {
			t.Errorf("%s\nwant\n%s", got, want)
		}
		if again, err := pidf.Parse([]byte(got)); err != nil || string(p.Transform(nil, again)) != got {
			t.Errorf("not the same again: %v", err)
		}
	}
}

// sample are permissions of every kind, by number.
func sample(n uint32) Permissions {
	p := Permissions{UserInput: UserInput(n >> 12 & 3), AllAttributes: n>>14&1 != 0}
	for i, attribute := range p.attributes() {
		*attribute = n>>i&1 != 0
	}
	if n>>15&1 != 0 {
		p.Unknown = []Attribute{{"urn:vendor-specific:foo-namespace", "foo"}, {"urn:x:other", "online"}, {"urn:x", "e"}}
	}
	choices := []Selection{
		{}, all, {Classes: []string{"biz", "calendar", "email"}},
		{OccurrenceIDs: []string{"d1", "p1", "t1", "pc147"}, ServiceURIs: []string{"sip:someone@example.com"}, ServiceURISchemes: []string{"im", "mailto"}, DeviceIDs: []string{"mac:8asd7d7d70"}},
	}
	p.Devices, p.Persons, p.Services = choices[n>>16&3], choices[n>>18&3], choices[n>>20&3]
	return p.normal()
}

// examples are the presence documents of the RFCs, composed as the agent does.
func examples(t testing.TB) map[string]string {
	data := os.Getenv("PRESENCED_RFC_DATA")
	if data == "" {
		t.Skip("PRESENCED_RFC_DATA is not set")
	}
	files, err := filepath.Glob(filepath.Join(data, "rfc-examples", "xml", "*-presence-*.xml"))
	if err != nil || len(files) == 0 {
		t.Fatal("no examples", err)
	}
	documents := make(map[string]string)
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if d, err := pidf.Parse(body); err == nil {
			documents[filepath.Base(file)] = string(pidf.Compose(nil, "sip:alice@example.com", []pidf.Source{{Doc: d}}))
		}
	}
	return documents
}

// invalid are the examples whose extensions break their own schemas.
var invalid = map[string]string{
	"rfc4480-s4-presence-1.xml":     "text in a sphere",
	"rfc8262-s1.4.1-presence-1.xml": "a usage rule that is no xs:boolean",
}

// Every RFC's example under permissions of every kind: as the oracle has it,
// and valid.
func TestTransformExamples(t *testing.T) {
	permissions := []uint32{1<<22 - 1, 0x05bfff, 0x055000, 0x3a8fff, 0x150421, 0x2a9ade, 0x3f2108, 0x1d0000, 0x050000, 0x05afff}
	for name, doc := range examples(t) {
		for _, n := range permissions {
			got := transformed(t, sample(n), doc)
			if invalid[name] == "" {
				emit([]byte(got))
			}
		}
	}
	for n := range uint32(1 << 6) {
		emit([]byte(transformed(t, sample(n<<16|n*2654435761>>16), rich)))
	}
}

func FuzzTransform(f *testing.F) {
	for _, n := range []uint32{0, 0x055000, 0x3a8fff, 0x150421} {
		f.Add(n, []byte(rich))
	}
	f.Add(uint32(0x158000), []byte(`<p:presence xmlns:p="urn:ietf:params:xml:ns:pidf" xmlns="urn:x" xmlns:d="urn:ietf:params:xml:ns:pidf:data-model" entity=''><p:tuple id="1" ><p:status d:s="3"/><e><f/></e></p:tuple><d:person/><p:note>&lt;</p:note></p:presence>`))
	if os.Getenv("PRESENCED_RFC_DATA") != "" {
		for _, doc := range examples(f) {
			f.Add(uint32(0x150421), []byte(doc))
		}
	}
	f.Fuzz(func(t *testing.T, n uint32, body []byte) {
		d, err := pidf.Parse(body)
		if len(body) > 8<<10 || err != nil {
			return
		}
		p := sample(n)
		if reason := disagreement(p, d, p.Transform(nil, d)); reason != "" {
			t.Fatalf("%s: %s", p.Key(), reason)
		}
	})
}
