package xcap

import (
	"encoding/xml"
	"strings"
	"testing"
)

// TestConflicts: what cannot be read is refused with the condition of RFC 4825 s.11.1, its line and its reason, and what
// was stored stays.
func TestConflicts(t *testing.T) {
	const open = `<ruleset xmlns="urn:ietf:params:xml:ns:common-policy">`
	for _, test := range []struct{ body, condition, phrase string }{
		{"", notWellFormed, "line 1: "},
		{"not XML", notWellFormed, "line 1: "},
		{open + "\n<rule>\n</ruleset>", notWellFormed, "line 3: "},
		{rules + rules, notWellFormed, "line 1: "},
		{open + "\n\xff</ruleset>", notUTF8, "UTF-8"},
		{`<?xml version="1.0" encoding="ISO-8859-1"?>` + rules, notUTF8, "UTF-8"},
		{`<!DOCTYPE ruleset>` + rules, constraintFailure, "line 1: "},
		{open + "<?php ?></ruleset>", constraintFailure, "line 1: "},
		{"<presence/>", schemaError, "line 1: "},
		{open + "\n<rule/></ruleset>", schemaError, "line 2: "},
		{open + "\n<rule id=\"a\"><actions><sub-handling xmlns=\"urn:ietf:params:xml:ns:pres-rules\">\"never\" &amp; ever</sub-handling></actions></rule></ruleset>", schemaError, "line 2: "},
	} {
		w := newWorld()
		res := w.ask("PUT", aliceRules, test.body)
		var report struct {
			XMLName   xml.Name `xml:"urn:ietf:params:xml:ns:xcap-error xcap-error"`
			Condition []struct {
				XMLName xml.Name
				Phrase  string `xml:"phrase,attr"`
			} `xml:",any"`
		}
		if err := xml.Unmarshal(res.Body.Bytes(), &report); err != nil || res.Code != 409 || res.Header().Get("Content-Type") != "application/xcap-error+xml" {
			t.Errorf("%q: %d %v %v\n%s", test.body, res.Code, err, res.Header(), res.Body)
			continue
		}
		if len(report.Condition) != 1 || report.Condition[0].XMLName.Local != test.condition || !strings.Contains(report.Condition[0].Phrase, test.phrase) {
			t.Errorf("%q: %+v, want %s, %s", test.body, report.Condition, test.condition, test.phrase)
		}
		if got := w.ask("GET", aliceRules, ""); got.Header().Get("ETag") != `"A"` {
			t.Errorf("%q: the last good document is gone", test.body)
		}
	}
}

// TestUTF8 has what is UTF-8 without a doubt.
func TestUTF8(t *testing.T) {
	for _, declaration := range []string{`<?xml version="1.0"?>`, `<?xml version="1.0" encoding="UTF-8"?>`, `<?xml version='1.0' encoding='utf-8' standalone='yes'?>`, "\ufeff"} {
		if res := newWorld().ask("PUT", aliceRules, declaration+rules); res.Code != 200 {
			t.Errorf("%s: %d %s", declaration, res.Code, res.Body)
		}
	}
}
