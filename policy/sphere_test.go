package policy

import (
	"testing"
	"time"

	"presenced/pidf"
)

func TestSphereOf(t *testing.T) {
	person := func(content string) string {
		return `<d:person id="p"><r:activities/>` + content + `</d:person>`
	}
	const home, work = `<r:sphere><r:home/></r:sphere>`, `<r:sphere id="s"> <r:work/></r:sphere>`
	for _, c := range []struct {
		name      string
		documents []string // contents of presence elements
		want      string
	}{
		{"no document", nil, ""},
		{"no sphere", []string{person(""), ""}, ""},
		{"one", []string{person(work)}, "work"},
		{"in one of several", []string{person(""), person(home), ""}, "home"},
		{"the same in all", []string{person(home), person(home)}, "home"},
		{"different ones", []string{person(home), person(work), person(home)}, ""},
		{"different ones in one document", []string{person(home) + person(work)}, ""},
		{"text, as RFC 4480's example has it", []string{person(`<r:sphere> bowling  league </r:sphere>`)}, "bowling league"},
		{"text and element agree", []string{person(`<r:sphere>Home</r:sphere>`), person(home)}, "home"},
		{"of another namespace", []string{person(`<r:sphere><x:scouting xmlns:x="urn:x"/></r:sphere>`)}, "scouting"},
		{"to come", []string{person(`<r:sphere from="2026-11-22T12:00:01Z"><r:home/></r:sphere>`), person(work)}, "work"},
		{"begun", []string{person(`<r:sphere from="2026-11-22T12:00:00Z" until="2026-11-22T12:00:01Z"><r:home/></r:sphere>`)}, "home"},
		{"over", []string{person(`<r:sphere until="2026-11-22T13:00:00+01:00"><r:home/></r:sphere>`)}, ""},
		{"empty", []string{person(`<r:sphere/>`)}, "unknown"},
		{"empty and home", []string{person(`<r:sphere/>`), person(home)}, ""},
		{"not in a person", []string{home, `<tuple id="t"><status>` + home + `</status>` + home + `</tuple><d:device id="d">` + home + `</d:device>`}, ""},
		{"not RPID's", []string{person(`<sphere>home</sphere>`)}, ""},
	} {
		var documents []*pidf.Document
		for _, content := range c.documents {
			d, err := pidf.Parse([]byte(`<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:d="urn:ietf:params:xml:ns:pidf:data-model" xmlns:r="urn:ietf:params:xml:ns:pidf:rpid" entity="a">` + content + `</presence>`))
			if err != nil {
				t.Fatal(err)
			}
			documents = append(documents, d)
		}
		if got := SphereOf(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC), documents...); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
