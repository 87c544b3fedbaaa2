package pidf

import (
	"fmt"
	"reflect"
	"testing"
	"time"
)

func ExamplePresence_Append() {
	p := Presence{
		Entity:  "sip:alice@example.com",
		Tuples:  []Tuple{{ID: "desk", Status: Open, Contact: "sip:alice@example.com", Priority: "0.8"}},
		Notes:   []Note{{Text: "Back at 3 < 4", Lang: "en"}},
		Persons: []Person{{ID: "alice", Activities: []Enumeration{{Values: []string{Away}}}}},
	}
	fmt.Printf("%s", p.Append(nil))
	// Output:
	// <?xml version="1.0" encoding="UTF-8"?>
	// <presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid" entity="sip:alice@example.com">
	// <tuple id="desk"><status><basic>open</basic></status><contact priority="0.8">sip:alice@example.com</contact></tuple>
	// <note xml:lang="en">Back at 3 &lt; 4</note>
	// <dm:person id="alice"><rpid:activities><rpid:away/></rpid:activities></dm:person>
	// </presence>
}

func ExampleParse() {
	document, err := Parse([]byte(`<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="pres:bob@example.com">
 <tuple id="t1">
  <contact>sip:bob@example.com</contact>
  <status><basic>open</basic></status>
 </tuple>
</presence>`))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, tuple := range document.Presence().Tuples {
		fmt.Println(document.Entity(), tuple.Contact, tuple.Status)
	}
	_, err = Parse([]byte("<presence>\n</tuple>"))
	fmt.Println(err)
	// Output:
	// pres:bob@example.com sip:bob@example.com open
	// pidf: line 1: element presence: root is not presence in the namespace urn:ietf:params:xml:ns:pidf
}

func TestPresenceRoundTrip(t *testing.T) {
	at := time.Date(2026, 11, 22, 5, 51, 11, 0, time.UTC)
	tests := []struct {
		name      string
		in, out   Presence
		unchanged bool
	}{
		{name: "nothing", in: Presence{Entity: alice}, unchanged: true},
		{name: "everything", unchanged: true, in: Presence{
			Entity: "pres:alice@example.com",
			Tuples: []Tuple{
				{ID: "a", Status: Open, Contact: "sip:a@h;x=y", Priority: "1.00", DeviceIDs: []string{"urn:x:1"}, Notes: []Note{{"one", "en"}, {"zwei ü", "de-CH"}}, Timestamp: at},
				{ID: "b", Status: Closed},
			},
			Notes:   []Note{{Text: "a\n<b>\r &\""}, {Text: ""}},
			Persons: []Person{{ID: "p", Activities: []Enumeration{{Values: []string{OnThePhone, Meeting}, Others: []Note{{Text: "lunch"}, {Text: "reading <RFCs>"}}}}, Notes: []Note{{Text: "n"}}, Timestamp: at}},
		}},
		{name: "no activity", unchanged: true, in: Presence{Entity: alice, Persons: []Person{{ID: "p"}}}},
		{name: "unknown activity", unchanged: true, in: Presence{Entity: alice, Persons: []Person{{ID: "p", Activities: []Enumeration{{Values: []string{NotKnown}}}}}}},
		{
			name: "values beyond their types",
			in: Presence{
				Entity:  " sip:a b@h ",
				Tuples:  []Tuple{{Priority: "7", Contact: "sip:a@h"}, {}, {ID: "1", Timestamp: at.In(time.FixedZone("", 3600))}},
				Notes:   []Note{{"x\x00\xff", "not a language"}},
				Persons: []Person{{Activities: []Enumeration{{Values: []string{NotKnown, Busy}}}}},
			},
			out: Presence{
				Entity:  "sip:a%20b@h",
				Tuples:  []Tuple{{ID: "t", Status: Closed, Contact: "sip:a@h"}, {ID: "t-2", Status: Closed}, {ID: "_1", Status: Closed, Timestamp: at}},
				Notes:   []Note{{"x\uFFFD\uFFFD", ""}},
				Persons: []Person{{ID: "p", Activities: []Enumeration{{Values: []string{Busy}}}}},
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			want := tt.out
			if tt.unchanged {
				want = tt.in
			}
			document := emit(tt.in.Append(nil))
			got := parse(t, document).Presence()
			if !reflect.DeepEqual(*got, want) {
				t.Errorf("got\n%+v\nwant\n%+v\n%s", *got, want, document)
			}
		})
	}
}

func TestPriority(t *testing.T) {
	for priority, want := range map[string]bool{
		"0": true, "1": true, "0.8": true, "0.021": true, "1.00": true, "1.000": true,
		"": false, "2": false, "1.001": false, "0.": false, "0,5": false, "-0": false, ".5": false, "0.1234": false, "1.0000": false, "0.x": false,
	} {
		if isPriority(priority) != want {
			t.Errorf("%q: %t", priority, !want)
		}
	}
}
