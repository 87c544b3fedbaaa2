package pidf

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func ExamplePresence_Append_rich() {
	noon := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	p := Presence{
		Entity: "sip:alice@example.com",
		Tuples: []Tuple{{ID: "desk", Status: Open, Contact: "sip:alice@example.com"}},
		Persons: []Person{{
			ID: "alice",
			Activities: []Enumeration{{
				Mark:   Mark{Until: noon},
				Notes:  []Note{{Text: "Quarterly figures", Lang: "en"}},
				Values: []string{Meeting, "counting beans"},
			}},
			Moods:       []Enumeration{{Values: []string{"stressed"}}},
			PlaceTypes:  []Enumeration{{Values: []string{"office"}}},
			TimeOffsets: []TimeOffset{{Minutes: 60, Description: "Europe/Berlin"}},
		}},
	}
	fmt.Printf("%s", p.Append(nil))
	// Output:
	// <?xml version="1.0" encoding="UTF-8"?>
	// <presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" xmlns:lt="urn:ietf:params:xml:ns:location-type" xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid" entity="sip:alice@example.com">
	// <tuple id="desk"><status><basic>open</basic></status><contact>sip:alice@example.com</contact></tuple>
	// <dm:person id="alice"><rpid:activities until="2026-11-22T12:00:00Z"><rpid:note xml:lang="en">Quarterly figures</rpid:note><rpid:meeting/><rpid:other>counting beans</rpid:other></rpid:activities><rpid:mood><rpid:stressed/></rpid:mood><rpid:place-type><lt:office/></rpid:place-type><rpid:time-offset description="Europe/Berlin">60</rpid:time-offset></dm:person>
	// </presence>
}

func ExampleDocument_Presence() {
	document, err := Parse([]byte(`<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:bob@example.com">
 <person xmlns="urn:ietf:params:xml:ns:pidf:data-model" xmlns:r="urn:ietf:params:xml:ns:pidf:rpid" id="b">
  <r:activities><r:meal/><r:other>with Alice</r:other></r:activities>
  <r:place-is><r:audio><r:noisy/></r:audio></r:place-is>
 </person>
</presence>`))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, person := range document.Presence().Persons {
		fmt.Println(person.Activities[0].All(), person.PlaceIs[0].Audio)
	}
	// Output: [meal with Alice] noisy
}

func ExamplePresence_Equal() {
	say := func(document string) *Presence {
		d, err := Parse([]byte(document))
		if err != nil {
			return nil
		}
		return d.Presence()
	}
	one := say(`<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:bob@example.com">
 <tuple id="a"><status><basic>open</basic></status><timestamp>2026-11-22T13:00:00+01:00</timestamp></tuple>
</presence>`)
	two := say(`<p:presence entity="sip:bob@example.com" xmlns:p="urn:ietf:params:xml:ns:pidf"><p:tuple id="a"
 ><p:timestamp>2026-11-22T12:00:00Z</p:timestamp><p:status><p:basic> open</p:basic></p:status></p:tuple></p:presence>`)
	fmt.Println(one.Equal(two))
	two.Tuples[0].Status = Closed
	fmt.Println(one.Equal(two))
	// Output:
	// true
	// false
}

// again writes presence information and reads it.
func again(t *testing.T, p *Presence) *Presence {
	t.Helper()
	return parse(t, emit(p.Append(nil))).Presence()
}

// everything uses each field of the model.
func everything() *Presence {
	at := time.Date(2026, 11, 22, 5, 51, 11, 250e6, time.UTC)
	mark := func(id string) Mark { return Mark{ID: id, From: at, Until: at.Add(time.Hour)} }
	extension := Extension{Name: Name{"urn:x", "e"}, XML: `<e xmlns="urn:x"><f a="b"/></e>`}
	notes := []Note{{"one", "en"}, {"zwei ü", "de-CH"}}
	input := func(id string) *UserInput {
		return &UserInput{ID: id, Idle: true, IdleThreshold: 10 * time.Minute, LastInput: at}
	}
	card := func() *Card {
		return &Card{Card: "http://h/c", Homepage: "http://h/", Icon: "http://h/i", Map: "http://h/m", Sound: "http://h/s", DisplayNames: []Note{{Text: "Alice <A>"}}}
	}
	return &Presence{
		Entity: "pres:alice@example.com",
		Tuples: []Tuple{{
			ID: "a", Status: Open, StatusExtensions: []Extension{extension}, Contact: "sip:a@h;x=y", Priority: "1.00",
			DeviceIDs: []string{"urn:x:1", "urn:x:2"}, Class: "a class",
			Privacy:      []Enumeration{{Mark: mark("x1"), Notes: notes, Values: []string{"audio", "video"}, Extensions: []Extension{extension}}},
			Relationship: &Enumeration{Notes: notes, Others: []Note{{"cousin", "en"}}},
			ServiceClass: &Enumeration{Notes: notes, Values: []string{"electronic"}},
			StatusIcons:  []Icon{{mark("x2"), "http://h/1"}, {Mark{}, "http://h/2"}},
			UserInput:    input("x3"), Card: card(),
			TimedStatus: []TimedStatus{
				{From: at.Add(time.Hour), Until: at.Add(2 * time.Hour), Status: Closed, Note: &notes[1], Extensions: []Extension{extension}},
				{From: at.Add(2 * time.Hour)},
			},
			Capabilities: &Capabilities{
				Descriptions: notes,
				Flags: map[string]bool{
					"application": true, "audio": true, "automata": false, "control": true, "data": true, "isfocus": true,
					"message": false, "text": true, "video": true,
				},
				Sets: map[string]Support{
					"actor": {Supported: []string{"principal"}}, "class": {}, "duplex": {[]string{"full"}, []string{"half"}},
					"event-packages": {Supported: []string{"presence", "winfo"}}, "extensions": {NotSupported: []string{"gruu"}},
					"languages": {Supported: []string{"en", "de"}}, "methods": {Supported: []string{"ACK", "MESSAGE"}},
					"priority": {[]string{"=5", ">=1", "<=-10", "1:3"}, nil}, "schemes": {Supported: []string{"sip", "im"}},
				},
				Types:      []string{"text/plain", "text/html"},
				Extensions: []Extension{extension},
			},
			Extensions: []Extension{extension}, Notes: notes, Timestamp: at,
		}, {ID: "b", Status: Closed}, {ID: "c", StatusExtensions: []Extension{extension}}},
		Notes: notes,
		Persons: []Person{{
			ID: "p",
			Activities: []Enumeration{
				{Mark: mark("x4"), Notes: notes, Values: []string{OnThePhone, Meeting}, Others: []Note{{"lunch", ""}}, Extensions: []Extension{extension}},
				{Mark: Mark{From: at.Add(time.Hour)}},
			},
			Moods:       []Enumeration{{Mark: mark("x5"), Notes: notes, Values: []string{"in_love", "grumpy"}}, {Values: []string{NotKnown}}},
			PlaceIs:     []PlaceIs{{Mark: mark("x6"), Notes: notes, Audio: "quiet", Video: "dark", Text: "inappropriate"}, {}},
			PlaceTypes:  []Enumeration{{Mark: mark("x7"), Values: []string{"office", NotKnown}}, {Others: []Note{{"a cave", "en"}}}},
			Privacy:     []Enumeration{{Values: []string{"text"}}},
			Spheres:     []Enumeration{{Mark: mark("x8"), Values: []string{"work"}}, {Extensions: []Extension{extension}}},
			StatusIcons: []Icon{{Mark{}, "http://h/3"}},
			TimeOffsets: []TimeOffset{{mark("x9"), -300, "America/New_York"}, {Mark{}, 0, ""}},
			Class:       "c", UserInput: &UserInput{}, Card: card(),
			Extensions: []Extension{extension}, Notes: notes, Timestamp: at,
		}, {ID: "p2"}},
		Devices: []Device{{
			ID: "d", DeviceID: "urn:x:1", Class: "c", UserInput: input("x10"),
			Capabilities: &Capabilities{Descriptions: notes, Sets: map[string]Support{"mobility": {[]string{"mobile"}, []string{"fixed"}}}, Extensions: []Extension{extension}},
			Extensions:   []Extension{extension}, Notes: notes, Timestamp: at,
		}},
		Extensions: []Extension{extension},
	}
}

func TestEverythingRoundTrips(t *testing.T) {
	want := everything()
	got := again(t, want)
	for i := range reflect.ValueOf(*got).NumField() {
		g, w := reflect.ValueOf(*got).Field(i), reflect.ValueOf(*want).Field(i)
		if !reflect.DeepEqual(g.Interface(), w.Interface()) {
			t.Errorf("%s:\n%+v\nwant\n%+v", reflect.TypeOf(*got).Field(i).Name, g, w)
		}
	}
	if t.Failed() {
		t.Logf("%s", want.Append(nil))
	}
}

// TestEveryWordIsValid writes each word of each enumeration alone; the schema
// is the judge.
func TestEveryWordIsValid(t *testing.T) {
	for _, v := range []*vocabulary{&activityWords, &moodWords, &placeWords, &privacyWords, &relationshipWords, &serviceWords, &sphereWords} {
		words := v.words
		if v.unknown {
			words = append(words, NotKnown)
		}
		for _, word := range words {
			list := []Enumeration{{Values: []string{word}}}
			p := &Presence{Entity: alice, Persons: []Person{{}}, Tuples: []Tuple{{}}}
			var read func(*Presence) []Enumeration
			switch v {
			case &activityWords:
				p.Persons[0].Activities, read = list, func(p *Presence) []Enumeration { return p.Persons[0].Activities }
			case &moodWords:
				p.Persons[0].Moods, read = list, func(p *Presence) []Enumeration { return p.Persons[0].Moods }
			case &placeWords:
				p.Persons[0].PlaceTypes, read = list, func(p *Presence) []Enumeration { return p.Persons[0].PlaceTypes }
			case &privacyWords:
				p.Persons[0].Privacy, read = list, func(p *Presence) []Enumeration { return p.Persons[0].Privacy }
			case &sphereWords:
				p.Persons[0].Spheres, read = list, func(p *Presence) []Enumeration { return p.Persons[0].Spheres }
			case &relationshipWords:
				p.Tuples[0].Relationship, read = &list[0], func(p *Presence) []Enumeration { return one(p.Tuples[0].Relationship) }
			case &serviceWords:
				p.Tuples[0].ServiceClass, read = &list[0], func(p *Presence) []Enumeration { return one(p.Tuples[0].ServiceClass) }
			}
			if got := read(again(t, p)); !reflect.DeepEqual(got, list) {
				t.Errorf("%s %s: %+v", v.name, word, got)
			}
		}
	}
}

// TestWriteBeyondTypes: whatever a program puts into the model, what is written
// is valid.
func TestWriteBeyondTypes(t *testing.T) {
	far := time.Date(12026, 1, 1, 0, 0, 0, 0, time.UTC)
	mixed := Enumeration{
		Mark: Mark{ID: "1", From: far}, Notes: []Note{{"\x00", "?"}}, Values: []string{NotKnown, "work", "audio", "video", "audio", "self", "x y", "office", "happy"},
		Others:     []Note{{"a", "en"}, {"b", ""}},
		Extensions: []Extension{{Name: Name{"urn:x", "e"}, XML: `<x:e xmlns:x="urn:x"/>`}},
	}
	nothing := Enumeration{}
	bad := []Extension{
		{Name: Name{"", "e"}, XML: `<e/>`},
		{Name: Name{"urn:x", "e"}, XML: `<e/>`},
		{Name: Name{"urn:x", "e"}, XML: `<e xmlns="urn:x">`},
		{Name: Name{"urn:x", "e"}, XML: `<e xmlns="urn:x"/></tuple>`},
		{Name: Name{"urn:x", "e"}, XML: `<!DOCTYPE e><e xmlns="urn:x"/>`},
		{Name: Name{Namespace, "tuple"}, XML: `<tuple xmlns="urn:ietf:params:xml:ns:pidf"/>`},
	}
	same := Extension{Name: Name{"urn:y", "e"}, XML: `<y:e xmlns:y="urn:y" xml:id="1"><no/></y:e>`}
	for _, e := range []Enumeration{mixed, nothing} {
		p := &Presence{
			Entity: alice, Extensions: append(bad, same, same),
			Tuples: []Tuple{{
				ID: "1", Privacy: []Enumeration{e}, Relationship: &e, ServiceClass: &e, StatusIcons: []Icon{{e.Mark, "a b"}}, Extensions: bad, StatusExtensions: bad,
				UserInput: &UserInput{IdleThreshold: time.Millisecond, LastInput: far}, Card: &Card{Icon: "<>", DisplayNames: []Note{{"a", "en"}, {"b", "de"}}},
				TimedStatus: []TimedStatus{{}, {From: far}, {From: far.AddDate(-10000, 0, 0), Status: "odd", Extensions: bad}},
				Capabilities: &Capabilities{Flags: map[string]bool{"no": true}, Types: []string{""}, Extensions: bad, Sets: map[string]Support{
					"no": {}, "methods": {Supported: []string{"no", "INVITE", "ACK", "ACK"}}, "priority": {Supported: []string{"", "=", "=x", "5", "5:", ">="}},
				}},
			}},
			Persons: []Person{{
				ID: "1", Activities: []Enumeration{e, e}, Moods: []Enumeration{e}, PlaceTypes: []Enumeration{e}, Spheres: []Enumeration{e}, Privacy: []Enumeration{e},
				PlaceIs: []PlaceIs{{Audio: "loud", Video: "ok"}}, TimeOffsets: []TimeOffset{{Minutes: -1 << 40, Description: "\x01\n\""}}, Class: " a \n b ", Extensions: bad,
			}},
			Devices: []Device{{}, {DeviceID: " "}, {ID: "1", DeviceID: "a b", Capabilities: &Capabilities{}}},
		}
		got := again(t, p)
		if len(got.Persons) != 1 || len(got.Devices) != 1 || got.Persons[0].Class != "a b" || len(got.Tuples[0].TimedStatus) != 1 || len(got.Extensions) != 2 {
			t.Errorf("got %+v", got)
		}
		if !got.Equal(p) {
			t.Errorf("what is written differs from what was to be:\n%s\n%s", got.canonical(), p.canonical())
		}
	}
}

func TestMustUnderstand(t *testing.T) {
	for _, tt := range []struct {
		name, child   string
		typed, marked bool
	}{
		{"not marked", `<r:activities><x:y/><r:away/></r:activities>`, true, false},
		{"unknown inside", `<r:activities><x:y p:mustUnderstand="1"/><r:away/></r:activities>`, false, true},
		{"deep inside", `<r:activities><x:y><x:z p:mustUnderstand=" true "/></x:y><r:away/></r:activities>`, false, true},
		{"known inside", `<r:activities p:mustUnderstand="1"><r:away/></r:activities>`, true, false},
		{"false", `<r:activities><x:y p:mustUnderstand="false"/><r:away/></r:activities>`, true, false},
		{"of another namespace", `<r:activities><x:y x:mustUnderstand="true"/><r:away/></r:activities>`, true, false},
		{"a foreign one", `<x:y><x:z p:mustUnderstand="1"/></x:y>`, false, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := parse(t, doc(`<person xmlns="urn:ietf:params:xml:ns:pidf:data-model" id="a" xmlns:r="`+NamespaceRPID+`" xmlns:x="urn:x" xmlns:p="`+Namespace+`">`+tt.child+`</person>`))
			p := d.Presence()
			person := p.Persons[0]
			if got := len(person.Activities) == 1; got != tt.typed || !got != (len(person.Extensions) == 1) {
				t.Fatalf("%+v", person)
			}
			if !tt.typed && person.Extensions[0].MustUnderstand != tt.marked {
				t.Errorf("%+v", person.Extensions)
			}
			if !again(t, p).Equal(p) {
				t.Errorf("not kept:\n%s", p.Append(nil))
			}
		})
	}
}

func TestEqual(t *testing.T) {
	base := everything()
	if !base.Equal(everything()) {
		t.Error("the same differs from itself")
	}
	same := everything()
	same.Tuples[0], same.Tuples[1] = same.Tuples[1], same.Tuples[0]
	same.Persons[0].Activities[0].Values = []string{Meeting, NotKnown, OnThePhone, "lunch"}
	same.Persons[0].Activities[0].Others = nil
	same.Persons[0].Timestamp = same.Persons[0].Timestamp.In(time.FixedZone("", 3600))
	same.Extensions[0].XML = `<x:e xmlns:x="urn:x"> <x:f a='b'></x:f><!-- c --></x:e>`
	if !base.Equal(same) {
		t.Errorf("the same in another way:\n%s\n%s", base.canonical(), same.canonical())
	}
	for name, change := range map[string]func(*Presence){
		"entity":     func(p *Presence) { p.Entity = "sip:b@h" },
		"note":       func(p *Presence) { p.Notes[0].Lang = "" },
		"until":      func(p *Presence) { p.Persons[0].Activities[0].Until = time.Time{} },
		"word":       func(p *Presence) { p.Persons[0].Moods[0].Values = nil },
		"a tuple":    func(p *Presence) { p.Tuples = p.Tuples[1:] },
		"extension":  func(p *Presence) { p.Extensions[0].XML = `<e xmlns="urn:x"><f a="c"/></e>` },
		"capability": func(p *Presence) { p.Tuples[0].Capabilities.Flags["audio"] = false },
		"twice":      func(p *Presence) { p.Extensions = append(p.Extensions, p.Extensions[0]) },
	} {
		other := everything()
		if change(other); base.Equal(other) {
			t.Errorf("%s makes no difference", name)
		}
	}
}

// misprinted are the presence documents in the RFCs that are not valid, and
// what we do with them. All the others are read, written validly, and mean the
// same.
var misprinted = map[string]struct {
	refused string // why it is not read
	partly  bool   // what is written does not say all of it
	what    string
}{
	"rfc4119-s2.3-presence-2.xml":   {what: "a relative namespace name: kept"},
	"rfc4479-s7.1-presence-1.xml":   {what: "no entity: an empty one is written"},
	"rfc4480-s4-presence-1.xml":     {partly: true, what: "a text in a sphere, for which the schema has no place: read, not written"},
	"rfc4482-s4-presence-1.xml":     {refused: "end tag does not match", what: "a display-name is closed as card"},
	"rfc4660-s7.1-presence-1.xml":   {what: "an id that starts with a digit: rewritten"},
	"rfc4660-s7.1.1-presence-1.xml": {what: "an id that starts with a digit: rewritten"},
	"rfc4660-s7.1.3-presence-1.xml": {what: "an id that starts with a digit: rewritten"},
	"rfc4660-s7.1.3-presence-2.xml": {what: "an id that starts with a digit: rewritten"},
	"rfc4660-s7.1.3-presence-3.xml": {what: "an id that starts with a digit: rewritten"},
	"rfc8262-s1.4.1-presence-1.xml": {partly: true, what: "RFC 4119 with a boolean no: written as false"},
}

// said is every element of a document with its text, and its attributes that
// are no times, in alphabetical order.
func said(d *Document) []string {
	var all []string
	for i := range d.elements {
		text := ""
		if d.firstChild(int32(i)) < 0 {
			text = strings.TrimSpace(d.text(int32(i)))
		}
		if at := parseTimestamp(text); !at.IsZero() {
			text = formatTimestamp(at)
		}
		all = append(all, d.name(int32(i)).Local+" "+text)
		for a := range (Element{d, int32(i)}).Attributes() {
			if value := (Element{d, int32(i)}).Value(a); parseTimestamp(value).IsZero() && a.Local != "schemaLocation" && a.Local != "id" && a.Local != "entity" {
				all = append(all, a.Local+" "+value)
			}
		}
	}
	slices.Sort(all)
	return all
}

func TestRFCExamples(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(shared(t, "rfc-examples", "xml"), "*-presence-*.xml"))
	if err != nil || len(files) < 40 {
		t.Fatalf("%d examples, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			body, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			known := misprinted[filepath.Base(file)]
			d, err := Parse(body)
			switch {
			case known.refused != "" && (err == nil || !strings.Contains(err.Error(), known.refused)):
				t.Fatalf("got %v, want %s", err, known.refused)
			case known.refused != "":
				return
			case err != nil:
				t.Fatal(err)
			}
			p := d.Presence()
			document := string(p.Append(nil))
			emit([]byte(document))
			if !p.Equal(parse(t, document).Presence()) {
				t.Errorf("another meaning:\n%s", document)
			}
			read, written := said(d), said(parse(t, document))
			if same := slices.Equal(read, written); same == known.partly {
				t.Errorf("read:    %q\nwritten: %q", read, written)
			}
		})
	}
}

// TestCapturedPresence: what real clients published is read, and written
// validly with the same meaning.
func TestCapturedPresence(t *testing.T) {
	documents := captured(t, shared(t))
	if len(documents) < 10 {
		t.Fatalf("only %d documents", len(documents))
	}
	for _, document := range documents {
		p := parse(t, document).Presence()
		if len(p.Tuples) == 0 && len(p.Persons) == 0 || !again(t, p).Equal(p) {
			t.Errorf("read:\n%s\nwritten:\n%s", document, p.Append(nil))
		}
	}
}
