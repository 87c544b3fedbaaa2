package filter

import (
	"errors"
	"strings"
	"testing"

	"github.com/beevik/etree"

	"presenced/pidf"
)

// FuzzParse: a filter-set is refused with its line, or it merges, packs and
// unpacks to the same.
func FuzzParse(f *testing.F) {
	for _, body := range []string{
		filterSet(`<filter id="1" uri="sip:a@b">` + notes + `</filter><filter id="2" domain="b"><trigger><changed from="a" to="b" by="1">//@a</changed></trigger></filter>`),
		filterSet(`<filter id="1" remove="true"/><filter id="2" enabled="false"/>`),
		filterSet(`<filter id="1">` + what([]string{`//*[@b="a  'b" and @a='"' or .. = "" and *=1.50]`, "urn:x"}, []string{`/*//@xml:lang[.=.5]`}) + `</filter>`),
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		change, err := Parse(body, Subscription{Resource: bob, Package: "presence"})
		if err == nil {
			var set *Set
			if set, err = Merge(nil, change); err == nil {
				checkPacked(t, set)
				again, err := Merge(set, change)
				if err != nil || string(again.Pack(nil)) != string(set.Pack(nil)) {
					t.Errorf("the same again: %v", err)
				}
				return
			}
		}
		var refused *Error
		if !errors.As(err, &refused) || refused.Reason == "" || len(refused.Reason) > 400 || refused.Line > 1+strings.Count(string(body), "\n") {
			t.Errorf("%v", err)
		}
	})
}

// FuzzFilter: the fast path and the oracle agree on any document, any include,
// exclude and reference; what is left is a document; and a key stands for the
// filter.
func FuzzFilter(f *testing.F) {
	for i, expression := range expressions {
		f.Add(rich, typical, expression, expressions[(i+7)%len(expressions)], byte(i))
	}
	f.Add(document(tuple("a", "open", "")), document(tuple("b", "closed", "")), "", "//p:basic", byte(0))
	f.Fuzz(func(t *testing.T, old, current, in, out string, kind byte) {
		var before, after pidf.Document
		if (&pidf.Reader{}).ReadString(&before, old) != nil || (&pidf.Reader{}).ReadString(&after, current) != nil || !isTree(old) || !isTree(current) {
			return
		}
		criterion := "<trigger>" + []string{"<changed>", "<added>", "<removed>", `<changed to="open">`, `<changed from="closed">`, `<changed by="1">`}[kind%6] + escape(out)
		criterion += "</" + []string{"changed", "added", "removed", "changed", "changed", "changed"}[kind%6] + "></trigger>"
		if strings.ContainsAny(out, "[") || !strings.HasPrefix(out, "/") {
			criterion = ""
		}
		filter := fuzzedFilter(what(given(in), given(out)) + criterion)
		if filter == nil {
			return
		}
		got := string(filter.Apply(nil, &after))
		if want := contentOracle(filter, current); canonical(got) != want {
			t.Errorf("%q without %q of\n%s\n%s\nwant\n%s", in, out, current, got, want)
		}
		if got != "" {
			if _, err := pidf.Parse([]byte(got)); err != nil && len(got) <= pidf.DefaultMaxSize {
				t.Errorf("%v\n%s", err, got)
			}
		}
		again, err := Of(filter.Key())
		if err != nil || string(again.Apply(nil, &after)) != got {
			t.Errorf("%q: %v", filter.Key(), err)
		}
		if got, want := filter.Triggers(&before, &after), triggersOracle(filter, old, current); got != want {
			t.Errorf("%s from\n%s\nto\n%s\n%v, want %v", criterion, old, current, got, want)
		}
	})
}

func fuzzedFilter(contents string) *Filter {
	s, err := Parse([]byte(filterSet(`<filter id="1">`+contents+`</filter>`)), Subscription{Resource: bob})
	if err == nil {
		s, err = Merge(nil, s)
	}
	if err != nil {
		return nil
	}
	return s.For(bob)
}

func escape(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "&", "&amp;"), "<", "&lt;")
}

// isTree tells whether etree reads the document, and as pidf does: it knows no
// line ends but its own, and takes names in no namespace for others.
func isTree(s string) bool {
	return etree.NewDocument().ReadFromString(s) == nil && !strings.ContainsAny(s, "\r\t\uFEFF") && !strings.Contains(s, "xmlns=''") && !strings.Contains(s, `xmlns=""`)
}
