package filter

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

const (
	notes  = `<what><include>//p:note</include></what>`
	basics = `<what><include>//p:basic</include></what>`

	keyNotes  = "urn:ietf:params:xml:ns:pidf\n+//n0:note"
	keyBasics = "urn:ietf:params:xml:ns:pidf\n+//n0:basic"
)

// A dialog's SUBSCRIBEs, and which filters hold after each (RFC 4660 s.3.3.3).
func TestMerge(t *testing.T) {
	for _, dialog := range [][]struct {
		body   string // filter elements
		want   string // refused, why; or the key for bob
		domain string // the key for another of the same domain
	}{
		{
			{`<filter id="1">` + notes + `</filter>`, keyNotes, ""},
			{`<filter id="1">` + basics + `</filter>`, keyBasics, ""}, // replaced
			{`<filter id="1" enabled="false"/>`, "", ""},
			{`<filter id="1"/>`, keyBasics, ""}, // enabled again
			{`<filter id="2">` + notes + `</filter>`, `refused: filter: "1" and "2" are for the same resource or domain`, ""},
			{`<filter id="2" remove="true"/>`, keyBasics, ""}, // is not there
			{`<filter id="2">` + notes + `</filter><filter id="1" remove="true"/>`, keyNotes, ""},
			{`<filter id="2" remove="true">` + basics + `</filter>`, "", ""},
			{`<filter id="2"/>`, "refused: filter: enabled for the first time without what or trigger", ""},
		},
		{
			{`<filter id="a" uri="sip:bob@EXAMPLE.com">` + notes + `</filter><filter id="b" domain="example.COM.">` + basics + `</filter>`, keyNotes, keyBasics},
			{`<filter id="a" enabled="false"/>`, keyBasics, keyBasics}, // as if it were not there
			{`<filter id="b" enabled="0"/>`, "", ""},
			{`<filter id="b"/><filter id="a"/>`, keyNotes, keyBasics},
			{`<filter id="a" uri="sip:carol@example.com"/>`, keyBasics, keyNotes},
			{`<filter id="a">` + notes + `</filter>`, keyNotes, keyBasics},
			{`<filter id="a" domain="example.com">` + notes + `</filter>`, `refused: filter: "a" and "b" are for the same resource or domain`, ""},
		},
		{
			{`<filter id="1" enabled="false"/>`, "", ""},
			{`<filter id="1"/>`, "refused: filter: enabled for the first time without what or trigger", ""},
			{`<filter id="1">` + notes + `</filter><filter id="2" domain="example.org">` + basics + `</filter>`, keyNotes, ""},
		},
	} {
		var set *Set
		for i, step := range dialog {
			change, err := Parse([]byte(filterSet(step.body)), Subscription{Resource: bob, Canonical: strings.ToLower})
			if err != nil {
				t.Fatal(err)
			}
			next, err := Merge(set, change)
			if why, refused := strings.CutPrefix(step.want, "refused: "); refused {
				var e *Error
				if !errors.As(err, &e) || e.Status != NotAcceptable || e.Reason != why {
					t.Errorf("step %d: %v, want %s", i, err, why)
				}
				continue
			}
			if err != nil {
				t.Fatalf("step %d: %v", i, err)
			}
			set = next
			if got, other := set.For(bob).Key(), set.For("sip:carol@example.com").Key(); got != step.want || other != step.domain {
				t.Errorf("step %d: %q and %q, want %q and %q", i, got, other, step.want, step.domain)
			}
			checkPacked(t, set)
		}
	}
}

// Limits hold for what refreshes add up to (RFC 4660 s.8).
func TestMergeLimits(t *testing.T) {
	var set *Set
	for i := range MaxFilters + 1 {
		var err error
		set, err = Merge(set, parse(t, filterSet(fmt.Sprintf(`<filter id="%d" uri="sip:%d@example.com">%s</filter>`, i, i, notes))))
		if (err != nil) != (i == MaxFilters) {
			t.Fatal(i, err)
		}
		if i == MaxFilters && err.Error() != "filter: filter-set: more than 40 filters" {
			t.Error(err)
		}
	}
}

func TestNoFilters(t *testing.T) {
	var none *Set
	if none.For(bob) != nil || none.Len() != 0 || none.Pack(nil) != nil {
		t.Error("a nil set has filters")
	}
	if s, err := Unpack(nil); s != nil || err != nil {
		t.Error(s, err)
	}
}

// checkPacked unpacks what a set packs, and finds the same in it.
func checkPacked(t *testing.T, s *Set) {
	t.Helper()
	b := s.Pack([]byte("x"))
	u, err := Unpack(b[1:])
	if err != nil {
		t.Fatalf("%v: %q", err, b)
	}
	if again := u.Pack([]byte("x")); !slices.Equal(again, b) || u.Len() != s.Len() {
		t.Errorf("%q, unpacked %q", b, again)
	}
	for _, e := range s.filters {
		resource := e.uri
		if e.domain != "" {
			resource = "sip:nobody@" + e.domain
		}
		if u.For(resource).Key() != s.For(resource).Key() {
			t.Errorf("%s: %q, unpacked %q", resource, s.For(resource).Key(), u.For(resource).Key())
		}
	}
}

func TestUnpackRefuses(t *testing.T) {
	set, err := Merge(nil, parse(t, filterSet(`<filter id="1">`+notes+`<trigger><changed from="a" to="b">//p:note</changed><removed>//@x:a</removed></trigger></filter><filter id="2" domain="example.com" enabled="false"/>`)))
	if err != nil {
		t.Fatal(err)
	}
	b := set.Pack(nil)
	const want = "\x01\x011\x13sip:bob@example.com\x00\x03Hurn:ietf:params:xml:ns:pidf urn:x\n+//n0:note\n!\n=//n0:note\tfa\ttb\n>//@n1:a" + "\x012\x00\x0bexample.com\x00"
	if string(b) != want {
		t.Errorf("%q\nwant\n%q", b, want)
	}
	for i := 1; i < len(b); i++ {
		if i == len(b)-len("\x012\x00\x0bexample.com\x00") {
			continue // the first filter alone
		}
		if s, err := Unpack(b[:i]); err == nil {
			t.Errorf("%q: %v", b[:i], s)
		}
	}
	for _, broken := range []string{"\x02" + want[1:], want + "\x00", want + want[1:], strings.Replace(want, "+//n0", "+/n0", 1), strings.Replace(want, "\tfa\ttb", "\ttb\tfa", 1), "\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"} {
		if s, err := Unpack([]byte(broken)); err == nil {
			t.Errorf("%q: %v", broken, s)
		}
	}
}

// Equal filters have equal keys, however they are written.
func TestKey(t *testing.T) {
	for _, test := range []struct{ contents, key string }{
		{`<what/>`, ""},
		{`<trigger><changed>//p:note</changed></trigger>`, ""},
		{notes, keyNotes},
		{notes + `<trigger><changed>//p:note</changed></trigger>`, keyNotes},
		{`<what><include type="xpath">
			// p:note </include><include>//p:note</include></what>`, keyNotes},
		{what([]string{`/*`, `//@id`}, []string{`//p:note`, `//p:basic`}), "urn:ietf:params:xml:ns:pidf\n+/*\n+//@id\n-//n0:basic\n-//n0:note"},
		{what([]string{`//@id`, `/*`}, []string{`//p:basic`, `//p:note`}), "urn:ietf:params:xml:ns:pidf\n+/*\n+//@id\n-//n0:basic\n-//n0:note"},
		{what([]string{`//x:a[ .<'05.0' ]`}, nil), "urn:x\n+//n0:a[.<5]"},
		{what([]string{`//*[@b="a  'b" and @a='"' or .. = "" and *=1.50]`}, nil), "\n" + `+//*[*=1.5 and ..="" or @a='"' and @b="a 'b"]`},
		{what([]string{`//*[*=1.5 and ..='' or @b=" a 'b" and @a='"']`}, nil), "\n" + `+//*[*=1.5 and ..="" or @a='"' and @b="a 'b"]`},
		{what([]string{`urn:y`, `urn:x`, `//@xml:lang`}, nil), xmlNamespace + " urn:x urn:y\n+//@n0:lang\n+n1\n+n2"},
	} {
		f := filterOf(t, test.contents)
		if f.Key() != test.key {
			t.Errorf("%s:\n%q\nwant\n%q", test.contents, f.Key(), test.key)
		}
		if again, err := Of(test.key); err != nil || again.Key() != test.key {
			t.Errorf("%q: %v", test.key, err)
		}
	}
	if (*Filter)(nil).Key() != "" {
		t.Error("no filter has a key")
	}
	for _, broken := range []string{"\n", "x", "\n+n0", "\n/", "urn:b urn:a\n+n0\n+n1", "urn:a\n+//*", "urn:a\n+n0\n", "\n+/ *", "\n!\n>/*", "\n=/*", "\n-/*\n+/*"} {
		if f, err := Of(broken); err == nil {
			t.Errorf("%q: %v", broken, f)
		}
	}
}
