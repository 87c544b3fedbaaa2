package watcherinfo

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

var professor = Document{Full: true, Lists: []List{{
	Resource: "sip:professor@example.net", Package: "presence", Watchers: []Watcher{
		{ID: "8ajksjda7s", URI: "sip:userA@example.net", Status: Active, Event: Approved, Expiration: Absent, Subscribed: 509 * time.Second},
		{ID: "hh8juja87s997-ass7", URI: "sip:userB@example.org", Status: Pending, Event: Subscribe, DisplayName: "Mr. Subscriber", Expiration: Absent, Subscribed: Absent},
	},
}}}

// The documents that RFC 3857 and RFC 3858 print.
func TestExamples(t *testing.T) {
	one := func(version uint32, full bool, resource string, w Watcher) Document {
		w.URI, w.Expiration, w.Subscribed = "sip:A@example.com", Absent, Absent
		return Document{version, full, []List{{resource, "presence", []Watcher{w}}}}
	}
	for name, want := range map[string]Document{
		"rfc3857-s3.1-watcherinfo-1.xml": one(0, true, "sip:B@example.com", Watcher{ID: "7768a77s", Status: Pending, Event: Subscribe}),
		"rfc3857-s5-watcherinfo-1.xml":   one(0, true, "sip:joe@example.com", Watcher{ID: "77ajsyy76", Status: Pending, Event: Subscribe}),
		"rfc3857-s5-watcherinfo-2.xml":   one(1, false, "sip:joe@example.com", Watcher{ID: "77ajsyy76", Status: Active, Event: Approved}),
		"rfc3858-s5-watcherinfo-1.xml":   professor,
	} {
		body, err := os.ReadFile(shared(t, "rfc-examples", "xml", name))
		if err != nil {
			t.Fatal(err)
		}
		got, err := Parse(body)
		if err != nil || !reflect.DeepEqual(*got, want) {
			t.Errorf("%s: %+v, %v; want %+v", name, got, err, want)
		}
		written := emit(Append(nil, &want))
		if again, err := Parse([]byte(written)); err != nil || !reflect.DeepEqual(*again, want) {
			t.Errorf("%s written and read: %+v, %v", name, again, err)
		}
	}
}

// odd is written validly whatever is in it.
var odd = Document{Version: math.MaxUint32, Lists: []List{
	{Resource: "sip:b\u00f6b@example.com;x=\"<&>\"", Package: "presence.winfo", Watchers: []Watcher{
		{ID: "a<&\"\n", URI: "sip:a b@[2001:db8::1]", Status: Terminated, Event: NoResource, DisplayName: "Zo\u00eb \"&<\x00\t\n", Lang: "fr-CA", Expiration: 1999 * time.Millisecond, Subscribed: 0},
		{ID: "2", URI: "", Status: Waiting, Event: Timeout, DisplayName: "x", Lang: "not a language", Expiration: math.MaxInt64, Subscribed: -time.Hour},
		{ID: "3", URI: "tel:+1-201", Status: Active, Event: Subscribe, Lang: "en", Expiration: Absent, Subscribed: Absent},
		{ID: "init is in no document", Status: Init, Event: Subscribe},
		{ID: "neither is no event", Status: Active},
	}},
	{},
}}

func TestAppendOdd(t *testing.T) {
	// The address in brackets is left out: libxml2 does not take it for a URI.
	valid := odd
	valid.Lists = append([]List(nil), odd.Lists...)
	valid.Lists[0].Watchers = append([]Watcher(nil), odd.Lists[0].Watchers...)
	valid.Lists[0].Watchers[0].URI = "sip:a b@example.com"
	valid.Lists[0].Watchers[0].ID = "a<&\"\n"
	text := emit(Append([]byte(nil), &valid))
	for _, want := range []string{
		`version="4294967295" state="partial"`,
		`<watcher id="a&lt;&amp;&quot;&#10;" status="terminated" event="noresource"`,
		` xml:lang="fr-CA" expiration="1" duration-subscribed="0">sip:a%20b@example.com</watcher>`,
		`<watcher id="2" status="waiting" event="timeout" display-name="x" expiration="9223372036"></watcher>`,
		`<watcher id="3" status="active" event="subscribe">tel:+1-201</watcher>`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in %s", want, text)
		}
	}
	if n := strings.Count(text, "<watcher "); n != 3 {
		t.Errorf("%d watchers written, want 3", n)
	}
	emit(Append(nil, &Document{Full: true}))
}

func TestAppendVersion(t *testing.T) {
	for _, from := range []uint32{0, 9, 12345} {
		d := professor
		d.Version = from
		written := Append(nil, &d)
		d.Version = 10
		if got, want := string(AppendVersion([]byte("x"), written, 10)), "x"+string(Append(nil, &d)); got != want {
			t.Errorf("from version %d: %s", from, got)
		}
	}
}

// doc is a document with a root as Kamailio writes it.
func doc(attributes, content string) string {
	return `<?xml version="1.0"?>` + "\n<watcherinfo xmlns=\"" + Namespace + "\" " + attributes + ">" + content + "</watcherinfo>\n"
}

func TestParseLax(t *testing.T) {
	const list = `<watcher-list resource="sip:a@h" package="presence">`
	w := Watcher{ID: "1", URI: "sip:b@h", Status: Active, Event: Subscribe, Expiration: Absent, Subscribed: Absent}
	with := func(change func(*Watcher)) Watcher {
		w := w
		change(&w)
		return w
	}
	for _, c := range []struct {
		name, body string
		want       Watcher
	}{
		{"in the manner of Kamailio and OpenSIPS", doc(`version="0" state="full"`, list+`<watcher id="1" event="subscribe" status="active">sip:b@h</watcher></watcher-list>`), w},
		{"indented", doc(`version=" 0 " state="full"`, "\n "+list+"\n  <watcher\n id='1'\n event='subscribe' status='active' >\n sip:b@h\n </watcher> </watcher-list> "), w},
		{"elements and attributes of other namespaces, RFC 3858 s.3", doc(`version="0" state="full" xmlns:x="urn:x" x:y="1"`, `<x:a/>`+list+`<x:b/><watcher x:id="9" id="1" event="subscribe" status="active">sip:b@h</watcher><x:watcher/></watcher-list><x:watcher-list/>`), w},
		{"an unknown event", doc(`version="0" state="full"`, list+`<watcher id="1" event="new" status="active">sip:b@h</watcher></watcher-list>`), with(func(w *Watcher) { w.Event = "new" })},
		{"durations that are none", doc(`version="0" state="full"`, list+`<watcher id="1" event="subscribe" status="active" expiration="-1" duration-subscribed="soon">sip:b@h</watcher></watcher-list>`), w},
		{"durations beyond all measure", doc(`version="0" state="full"`, list+`<watcher id="1" event="subscribe" status="active" expiration="18446744073709551615" duration-subscribed="99999999999999999999999">sip:b@h</watcher></watcher-list>`),
			with(func(w *Watcher) { w.Expiration, w.Subscribed = math.MaxInt64, math.MaxInt64 })},
		{"inherited language", doc(`version="0" state="full" xml:lang="de"`, list+`<watcher id="1" event="subscribe" status="active" display-name=" B &amp; C">sip:b@h</watcher></watcher-list>`),
			with(func(w *Watcher) { w.DisplayName, w.Lang = " B & C", "de" })},
		{"prefixed", `<w:watcherinfo xmlns:w="` + Namespace + `" version="0" state="full"><w:watcher-list resource="sip:a@h" package="presence"><w:watcher id="1" event="subscribe" status="active">sip:b@h</w:watcher></w:watcher-list></w:watcherinfo>`, w},
	} {
		d, err := Parse([]byte(c.body))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if want := (Document{Full: true, Lists: []List{{"sip:a@h", "presence", []Watcher{c.want}}}}); !reflect.DeepEqual(*d, want) {
			t.Errorf("%s: %+v", c.name, *d)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	const good = `version="0" state="full"`
	for _, c := range []struct{ body, reason string }{
		{"", "no root element"},
		{`<!DOCTYPE watcherinfo [<!ENTITY a "b">]>` + doc(good, "")[22:], "DOCTYPE or other declaration"},
		{doc(good, "<?php ?>"), "processing instruction"},
		{doc(good, "&b;"), "undefined entity"},
		{doc(good, "\xff"), "not UTF-8"},
		{doc(good, "<x:y/>"), "unbound prefix"},
		{doc(good, strings.Repeat("<a>", 20)), "too deep"},
		{doc(good, strings.Repeat("<a/>", MaxWatchers)), "too many elements"},
		{doc(good, strings.Repeat(" ", MaxSize)), "more than"},
		{doc(good+" "+good, ""), "duplicate attribute"},
		{doc(good, "") + doc(good, "")[22:], "second root"},
		{`<watcherinfo version="0" state="full"/>`, "root is not watcherinfo"},
		{`<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:a@h"/>`, "root is not watcherinfo"},
		{doc(`state="full"`, ""), "version"},
		{doc(`version="4294967296" state="full"`, ""), "32 bits"}, // RFC 3858 s.3
		{doc(`version="-1" state="full"`, ""), "version"},
		{doc(`version="0"`, ""), "state"},
		{doc(`version="0" state="Full"`, ""), "state"},
		{doc(good, `<watcher-list package="presence"/>`), "without a resource"},
		{doc(good, `<watcher-list resource="sip:a@h" package="p"><watcher status="active" event="subscribe">u</watcher></watcher-list>`), "without an id"},
		{doc(good, `<watcher-list resource="sip:a@h" package="p"><watcher id="1" status="init" event="subscribe">u</watcher></watcher-list>`), "unknown status"},
	} {
		d, err := Parse([]byte(c.body))
		var syntax *SyntaxError
		if d != nil || !errors.As(err, &syntax) || syntax.Line < 1 || !strings.Contains(syntax.Reason, c.reason) {
			t.Errorf("%.80q: %v, %v; want %s", c.body, d, err, c.reason)
		}
	}
	_, err := Parse([]byte(doc(good, "\n<watcher-list/>")))
	if want := "watcherinfo: line 3: watcher-list without a resource"; err == nil || err.Error() != want {
		t.Errorf("%v; want %s", err, want)
	}
}

// FuzzParse: what is read is written validly, and read again the same.
func FuzzParse(f *testing.F) {
	f.Add(Append(nil, &professor))
	f.Add(Append(nil, &odd))
	f.Add([]byte(doc(`version="7" state="partial"`, `<watcher-list resource="sip:a@h" package="p"><watcher id="1" status="active" event="new" expiration="1" display-name="a&#10;b" xml:lang="de">u&#x10;</watcher></watcher-list>`)))
	if data := os.Getenv("PRESENCED_RFC_DATA"); data != "" {
		files, err := filepath.Glob(filepath.Join(data, "rfc-examples", "xml", "*-watcherinfo-*.xml"))
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			body, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(body)
		}
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if len(body) > 16<<10 {
			return
		}
		d, err := Parse(body)
		if err != nil {
			var syntax *SyntaxError
			if !errors.As(err, &syntax) || syntax.Line < 1 {
				t.Fatalf("not a proper error: %v", err)
			}
			return
		}
		for i := range d.Lists {
			for j := range d.Lists[i].Watchers {
				if w := &d.Lists[i].Watchers[j]; w.Event.Code() == 0 {
					w.Event = Subscribe
				}
			}
		}
		once := Append(nil, d)
		again, err := Parse(once)
		if err != nil {
			t.Fatalf("we refuse our own: %v\n%s", err, once)
		}
		if twice := Append(nil, again); string(twice) != string(once) {
			t.Fatalf("not the same again:\n%s\n%s", once, twice)
		}
		var v View
		if _, err := v.Apply(again); err != nil || fmt.Sprint(again.Version) != fmt.Sprint(v.Version()) {
			t.Fatalf("not taken into a view: %v", err)
		}
	})
}
