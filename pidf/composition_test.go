package pidf

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

var composedAt = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// at is a time some minutes from composedAt, as documents write it.
func at(minutes int) string {
	return composedAt.Add(time.Duration(minutes) * time.Minute).Format(time.RFC3339)
}

// one composes at composedAt, and checks that it does so twice.
func (n Composition) one(t *testing.T) (string, time.Time) {
	t.Helper()
	n.Entity, n.Now = alice, composedAt
	document, until := n.Append(nil)
	emit(document)
	if again, later := n.Append([]byte("x")); string(again) != "x"+string(document) || !later.Equal(until) {
		t.Errorf("two compositions of the same differ:\n%s\n%s", document, again)
	}
	return children(t, string(document)), until
}

// human is a person element with the prefix r bound to RPID.
func human(id, children string) string {
	return `<person xmlns="` + NamespaceDataModel + `" xmlns:r="` + NamespaceRPID + `" id="` + id + `">` + children + `</person>`
}

func said1(r string) string { return "<r:activities>" + r + "</r:activities>" }

func TestComposeOnePerson(t *testing.T) {
	happy, sad := "<r:mood><r:happy/></r:mood>", "<r:mood><r:sad/></r:mood>"
	away, busy := said1("<r:away/>"), said1("<r:busy/>")
	for _, tt := range []struct {
		name      string
		published []string // persons, the first published first; "" is no person
		want      string
	}{
		{"one", []string{away + happy}, away + happy},
		{"each kind from the newest that says it", []string{away, happy, busy}, busy + happy},
		{"what the newest does not say is kept", []string{away + happy + "<note>old</note>", busy}, busy + happy + "<dm:note>old</dm:note>"},
		{"all notes of the newest with any", []string{"<note>old</note>", `<note xml:lang="en">a</note><note xml:lang="de">b</note>`, away},
			away + `<dm:note xml:lang="en">a</dm:note><dm:note xml:lang="de">b</dm:note>`},
		{"what is empty says nothing", []string{away, "<r:activities/>"}, away},
		{"what is empty, alone", []string{"<r:activities/>", "<r:activities/>"}, "<r:activities/>"},
		{"what is empty, first", []string{"<r:activities/>", away}, away},
		{"all elements of a kind", []string{away, busy + busy}, busy + busy},
		{"the newest timestamp that is one", []string{"<timestamp>2005-05-30T16:09:44Z</timestamp>", "<timestamp>now</timestamp>"}, "<dm:timestamp>2005-05-30T16:09:44Z</dm:timestamp>"},
		{"an extension is a kind by its name", []string{`<x xmlns="urn:x">1</x><y xmlns="urn:x"/>`, `<x xmlns="urn:x">2</x>`, `<x xmlns="urn:y"/>`},
			`<x xmlns="urn:y"/><x xmlns="urn:x">2</x><y xmlns="urn:x"/>`},
		{"expired", []string{away, `<r:activities until="` + at(-1) + `"><r:busy/></r:activities>`}, away},
		{"expires now", []string{away, `<r:activities until="` + at(0) + `"><r:busy/></r:activities>`}, away},
		{"all expired", []string{`<r:mood until="` + at(-1) + `"><r:sad/></r:mood>`}, ""},
		{"what begins later leaves the present", []string{sad, `<r:mood from="` + at(1) + `"><r:happy/></r:mood>`},
			`<r:mood from="` + at(1) + `"><r:happy/></r:mood>` + sad},
		{"a newer future", []string{`<r:mood from="` + at(1) + `"><r:sad/></r:mood>`, `<r:mood from="` + at(2) + `"><r:happy/></r:mood>`},
			`<r:mood from="` + at(2) + `"><r:happy/></r:mood>`},
		{"what has begun is the present", []string{sad, `<r:mood from="` + at(-1) + `" until="` + at(1) + `"><r:happy/></r:mood>`},
			`<r:mood from="` + at(-1) + `" until="` + at(1) + `"><r:happy/></r:mood>`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n := Composition{}
			for i, p := range tt.published {
				n.Sources = append(n.Sources, Source{Doc: parse(t, doc(human("p", p))), Key: fmt.Sprint(i)})
			}
			got, _ := n.one(t)
			got = strings.TrimSuffix(strings.TrimPrefix(got, `<dm:person id="p">`), "</dm:person>\n")
			if got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

// TestComposeOnePersonOfOneDocument: a later one is newer.
func TestComposeOnePersonOfOneDocument(t *testing.T) {
	got, _ := Composition{Sources: []Source{{Doc: parse(t, doc(human("p", said1("<r:away/>")+"<note>n</note>")+human("q", said1("<r:busy/>"))))}}}.one(t)
	if want := `<dm:person id="p">` + said1("<r:busy/>") + "<dm:note>n</dm:note></dm:person>\n"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestComposeValidity: a composition holds until the first thing in it expires
// or begins.
func TestComposeValidity(t *testing.T) {
	tuple := func(children string) string {
		return `<tuple id="a" xmlns:r="` + NamespaceRPID + `" xmlns:t="` + NamespaceTimedStatus + `">` + children + `</tuple>`
	}
	timed := func(from, until string) string {
		return `<t:timed-status from="` + from + `"` + until + `><t:basic>closed</t:basic></t:timed-status>`
	}
	for _, tt := range []struct {
		name, published string
		kept            bool
		until           int // minutes; 0: for ever
	}{
		{"no times", human("p", said1("<r:away/>")), true, 0},
		{"until", human("p", `<r:activities until="`+at(5)+`"/>`), true, 5},
		{"from and until", human("p", `<r:activities from="`+at(3)+`" until="`+at(5)+`"/>`), true, 3},
		{"begun", human("p", `<r:activities from="`+at(-3)+`" until="`+at(5)+`"/>`), true, 5},
		{"expired", human("p", `<r:activities until="`+at(-5)+`"/>`), false, 0},
		{"another zone", human("p", `<r:activities until="2026-11-22T13:05:00+01:00"/>`), true, 5},
		{"of another namespace", human("p", `<activities xmlns="urn:x" until="`+at(-5)+`"/>`), true, 0},
		{"of a tuple", tuple(`<r:privacy until="` + at(5) + `"/>`), true, 5},
		{"of a tuple, expired", tuple(`<r:privacy until="` + at(-5) + `"/>`), false, 0},
		{"of a device, expired", `<device xmlns="` + NamespaceDataModel + `"><r:privacy xmlns:r="` + NamespaceRPID + `" until="` + at(-5) + `"/><deviceID>urn:x:1</deviceID></device>`, false, 0},
		{"timed status to come", tuple(timed(at(5), ` until="`+at(6)+`"`)), true, 5},
		{"timed status begun", tuple(timed(at(-5), ` until="`+at(6)+`"`)), false, 0},
		{"timed status without an end, begun", tuple(timed(at(0), "")), false, 0},
		{"timed status past", tuple(timed(at(-5), ` until="`+at(-4)+`"`)), false, 0},
		{"timed status without a beginning", tuple(timed("", "")), false, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, until := Composition{Sources: []Source{{Doc: parse(t, doc(tt.published))}}}.one(t)
			kept := strings.Contains(got, "activities") || strings.Contains(got, "privacy") || strings.Contains(got, "timed-status")
			want := time.Time{}
			if tt.until > 0 {
				want = composedAt.Add(time.Duration(tt.until) * time.Minute)
			}
			if kept != tt.kept || !until.Equal(want) {
				t.Errorf("until %v, want %v:\n%s", until, want, got)
			}
		})
	}
}

func TestComposeReachable(t *testing.T) {
	registered := `<tuple id="registered"><status><basic>open</basic></status><contact>` + alice + "</contact></tuple>\n"
	person := human("p", said1("<r:away/>"))
	hard := func(body string) Source { return Source{Doc: parse(t, doc(body)), Hard: true} }
	soft := func(body string) Source { return Source{Doc: parse(t, doc(body)), Key: "1"} }
	for _, tt := range []struct {
		name    string
		sources []Source
		want    []string // id, basic, contact
	}{
		{"nothing published", nil, []string{"registered open " + alice}},
		{"a person alone", []Source{soft(person)}, []string{"registered open " + alice}},
		{"published open", []Source{soft(publication("a", "open", "sip:a@h", ""))}, []string{"a open sip:a@h"}},
		{"published closed by another", []Source{soft(publication("a", "closed", "sip:a@h", ""))}, []string{"registered open " + alice, "a closed sip:a@h"}},
		{"published closed at the entity", []Source{soft(publication("a", "closed", alice, ""))}, []string{"registered open " + alice, "a closed " + alice}},
		{"hard state closed elsewhere", []Source{hard(publication("h", "closed", "mailto:a@h", ""))}, []string{"registered open " + alice, "h closed mailto:a@h"}},
		{"hard state of the entity", []Source{hard(publication("h", "closed", alice, ""))}, []string{"registered open " + alice}},
		{"hard state with the same id", []Source{hard(publication("registered", "open", "mailto:a@h", ""))}, []string{"registered-2 open " + alice, "registered open mailto:a@h"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n := Composition{Sources: tt.sources, Reachable: true, Entity: alice, Now: composedAt}
			document, _ := n.Append(nil)
			emit(document)
			var got []string
			for _, tuple := range parse(t, string(document)).Presence().Tuples {
				got = append(got, strings.TrimSpace(tuple.ID+" "+string(tuple.Status)+" "+tuple.Contact))
			}
			if strings.Join(got, ",") != strings.Join(tt.want, ",") {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if len(tt.sources) == 0 && !strings.HasSuffix(string(document), registered+"</presence>\n") {
				t.Errorf("%s", document)
			}
			if strings.Count(string(document), `id="registered"`) > 1 || len(got) != len(tt.want) {
				t.Errorf("%s", document)
			}
		})
	}
}

func TestComposeHardState(t *testing.T) {
	hard := doc(publication("h", "closed", "sip:a@h", "") + publication("x", "open", "mailto:a@h", "") + "<note>on parental leave</note>" + human("p", said1("<r:vacation/>")+"<r:mood><r:happy/></r:mood>"))
	n := Composition{Sources: []Source{{Doc: parse(t, hard), Hard: true}}}
	alone, _ := n.one(t)
	for _, want := range []string{"sip:a@h", "mailto:a@h", "parental", "vacation"} {
		if !strings.Contains(alone, want) {
			t.Errorf("alone, no %s in\n%s", want, alone)
		}
	}
	n.Sources = append(n.Sources, Source{Doc: parse(t, doc(publication("a", "open", "sip:a@h", "")+"<note>here</note>"+human("q", said1("<r:busy/>")))), Key: "1"})
	behind, _ := n.one(t)
	for want, found := range map[string]bool{`id="a"`: true, `id="h"`: false, "mailto:a@h": true, "parental": false, "here": true, "vacation": false, "busy": true, "happy": true} {
		if strings.Contains(behind, want) != found {
			t.Errorf("behind a publication, %s in\n%s", want, behind)
		}
	}
	n.Sources[1].Doc = parse(t, doc(publication("h", "open", "sip:other@h", "")))
	if same, _ := n.one(t); strings.Count(same, `id="h`) != 1 {
		t.Errorf("the same id:\n%s", same)
	}
}

// TestComposeIdsStay: whoever changes, comes or goes, the others keep their ids
// and their order, but for what takes the place of the first publication.
func TestComposeIdsStay(t *testing.T) {
	source := func(key string) Source {
		return Source{Doc: parse(t, doc(publication("same", "open", "sip:"+key+"@h", ""))), Key: key}
	}
	ids := func(keys ...string) string {
		n := Composition{}
		for _, k := range keys {
			n.Sources = append(n.Sources, source(k))
		}
		got, _ := n.one(t)
		var all []string
		for _, tuple := range parse(t, doc(got)).Presence().Tuples {
			all = append(all, strings.TrimSuffix(strings.TrimPrefix(tuple.Contact, "sip:"), "@h")+"="+tuple.ID)
		}
		return strings.Join(all, " ")
	}
	all := ids("1", "2", "3")
	parts := strings.Fields(all)
	if len(parts) != 3 || parts[0] != "1=same" || !strings.HasPrefix(parts[1], "2=same-") || !strings.HasPrefix(parts[2], "3=same-") {
		t.Fatal(all)
	}
	for _, order := range [][]string{{"1", "3", "2"}, {"3", "2", "1"}, {"2", "1", "3"}} {
		if got := ids(order...); got != all {
			t.Errorf("changed in the order %v: %s, want %s", order, got, all)
		}
	}
	if got := ids("1", "3"); got != parts[0]+" "+parts[2] {
		t.Errorf("the second is gone: %s", got)
	}
	if got := ids("2", "3"); got != "2=same "+parts[2] {
		t.Errorf("the first is gone: %s", got)
	}
}

// TestComposeReusesComposer: nothing of one composition stays in the next.
func TestComposeReusesComposer(t *testing.T) {
	persons := Composition{Sources: []Source{{Doc: parse(t, doc(human("p", said1("<r:away/>"))))}, {Doc: parse(t, doc(human("q", `<r:mood until="`+at(1)+`"><r:sad/></r:mood>`)))}}}
	first, until := persons.one(t)
	for range 3 {
		if _, later := (Composition{Sources: []Source{{Doc: parse(t, doc(publication("a", "open", "", "")))}}}).one(t); !later.IsZero() {
			t.Errorf("valid until %v", later)
		}
		if got, later := persons.one(t); got != first || !later.Equal(until) {
			t.Errorf("got\n%s\nwant\n%s", got, first)
		}
	}
}
