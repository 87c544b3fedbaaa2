package partial_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"presenced/internal/xmlpatch"
	"presenced/pidf"
	"presenced/pidf/partial"
)

const (
	fullHead = `<p:pidf-full xmlns="urn:ietf:params:xml:ns:pidf" xmlns:p="urn:ietf:params:xml:ns:pidf-diff" entity="sip:a@h"`
	diffHead = `<p:pidf-diff xmlns="urn:ietf:params:xml:ns:pidf" xmlns:p="urn:ietf:params:xml:ns:pidf-diff" xmlns:q="urn:q"`
	stored   = `<?xml version="1.0" encoding="UTF-8"?>
<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:a@h"><tuple id="a"><status><basic>open</basic></status></tuple><note>n</note></presence>
`
)

func example(t testing.TB, name string) []byte {
	t.Helper()
	data := os.Getenv("PRESENCED_RFC_DATA")
	if data == "" {
		t.Skip("PRESENCED_RFC_DATA is not set")
	}
	body, err := os.ReadFile(filepath.Join(data, "rfc-examples", "xml", name))
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// words are a document's bytes without the white space, which the RFCs' printed
// results have other than the patches give it.
func words(body []byte) string {
	_, rest, _ := strings.Cut(string(body), "?>")
	return strings.Join(strings.Fields(strings.NewReplacer(">", "> ", "<", " <").Replace(rest)), " ")
}

// TestExamples plays the RFCs' own examples; RFC 5262 prints the result.
func TestExamples(t *testing.T) {
	for _, rfc := range []string{"rfc5262-s6", "rfc5263-s5", "rfc5264-s6"} {
		t.Run(rfc, func(t *testing.T) {
			full, diff := example(t, rfc+"-pidf-full-1.xml"), example(t, rfc+"-pidf-diff-1.xml")
			initial, err := partial.Publish(nil, full, nil)
			if err != nil {
				t.Fatal(err)
			}
			patched, err := partial.Publish(initial, diff, nil)
			if err != nil {
				t.Fatal(err)
			}
			d, err := pidf.Parse(patched)
			if err != nil {
				t.Fatal(err)
			}
			p := d.Presence()
			if len(p.Tuples) != 4 || p.Tuples[1].Priority != "0.7" || p.Tuples[2].Status != pidf.Open || p.Tuples[3].ID != "ert4773" || strings.Contains(string(patched), "r:busy") {
				t.Errorf("%s", patched)
			}
			if rfc != "rfc5262-s6" {
				return
			}
			want, err := partial.Publish(nil, example(t, rfc+"-pidf-full-2.xml"), nil)
			if err != nil {
				t.Fatal(err)
			}
			// What is printed has another text in the note than the operation.
			if printed := strings.Replace(words(want), "tuple and note", "tuple and person", 1); words(patched) != printed {
				t.Errorf("%s\nwant\n%s", words(patched), printed)
			}
		})
	}
}

// TestPublish has what a compositor does with a body of pidf-diff+xml.
func TestPublish(t *testing.T) {
	diff := func(operations string) string { return diffHead + ">" + operations + "</p:pidf-diff>" }
	tests := []struct{ name, stored, body, want string }{ // want: the root's content, or the error
		{"full", "", fullHead + ` version="3"><note>f</note></p:pidf-full>`, `<note>f</note>`},
		{"full replaces", stored, fullHead + `><note>f</note></p:pidf-full>`, `<note>f</note>`},
		{"full without content", "", fullHead + `/>`, ``},
		{"initial diff", "", diff(`<p:remove sel="*/note"/>`), "initial"},
		{"diff", stored, diff(`<p:remove sel="*/note"/><p:replace sel="*/tuple[@id='a']/status/basic/text()">closed</p:replace>`), `<tuple id="a"><status><basic>closed</basic></status></tuple>`},
		{"by the element's name", stored, diff(`<p:remove sel="presence/note"/>`), `<tuple id="a"><status><basic>open</basic></status></tuple>`},
		{"by id", stored, diff(`<p:remove sel="id('a')"/>`), `<note>n</note>`},
		{"a folded tag", strings.Replace(stored, "<note>", "<note\r\n\tx='1\r\n\t2'>", 1), diff("<p:remove\n\tsel=\"*/note[@x='1  2']\"/>"), `<tuple id="a"><status><basic>open</basic></status></tuple>`},
		{"the stored one is bad", "<a/>", diff(``), "partial: the stored document: pidf: line 1: element a: root is not presence in the namespace " + pidf.Namespace},
		{"no operation", stored, diff(``), `<tuple id="a"><status><basic>open</basic></status></tuple><note>n</note>`},
		{"its entity", stored, diffHead + ` entity="sip:a@h" version="8"><p:remove sel="*/note"/></p:pidf-diff>`, `<tuple id="a"><status><basic>open</basic></status></tuple>`},
		{"another entity", stored, diffHead + ` entity="sip:b@h"><p:remove sel="*/note"/></p:pidf-diff>`, xmlpatch.InvalidDiffFormat},
		{"nothing selected", stored, diff(`<p:remove sel="*/note"/><p:remove sel="*/tuple[@id='b']"/>`), xmlpatch.UnlocatedNode},
		{"selected twice", stored, diff(`<p:add sel="*"><note/></p:add><p:remove sel="*/note"/>`), xmlpatch.UnlocatedNode},
		{"outside the document", stored, diff(`<p:remove sel="../note"/>`), xmlpatch.InvalidAttributeValue},
		{"selector's namespace unbound", stored, diff(`<p:remove sel="*/r:note"/>`), xmlpatch.InvalidNamespacePrefix},
		{"no operation of ours", stored, diff(`<q:remove sel="*/note"/>`), xmlpatch.InvalidDiffFormat},
		{"the root removed", stored, diff(`<p:remove sel="*"/>`), xmlpatch.InvalidRootElementOperation},
		{"the root replaced", stored, diff(`<p:replace sel="*"><note/></p:replace>`), xmlpatch.InvalidPatchDirective},
		{"the root's namespace replaced", `<x:presence xmlns:x="urn:ietf:params:xml:ns:pidf"/>`, diff(`<p:replace sel="*/namespace::x">urn:x</p:replace>`), xmlpatch.InvalidPatchDirective},
		{"an instruction added", stored, diff(`<p:add sel="*"><?a b?></p:add>`), xmlpatch.InvalidDiffFormat},
		{"not well-formed", stored, diff(`<p:remove`), xmlpatch.InvalidDiffFormat},
		{"DOCTYPE", stored, `<!DOCTYPE a>` + diff(``), "syntax"},
		{"presence", stored, stored, "syntax"},
		{"nothing", stored, "", "syntax"},
		{"a bad full", stored, fullHead + `><note></p:pidf-full>`, "syntax"},
		{"too large", stored, diff(strings.Repeat(" ", pidf.DefaultMaxSize)), "large"},
		{"grows too large", strings.Replace(stored, "<note>", "<note>"+strings.Repeat("x", 40000), 1), diff(`<p:add sel="*"><note>` + strings.Repeat("x", 40000) + `</note></p:add>`), "large"},
		{"grows too deep", stored, diff(`<p:add sel="*/*[1]">` + strings.Repeat("<q:a>", 29) + strings.Repeat("</q:a>", 29) + `</p:add><p:add sel="` + "*/*[1]/q:a" + strings.Repeat("/q:a", 28) + `"><q:b><q:b/></q:b></p:add>`), xmlpatch.InvalidPatchDirective},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var old []byte
			if tt.stored != "" {
				old = []byte(tt.stored)
			}
			body, err := partial.Publish(old, []byte(tt.body), &pidf.Reader{})
			if got := outcome(t, body, err); got != tt.want {
				t.Errorf("%.500s\nwant\n%s\n%v", got, tt.want, err)
			}
			if string(old) != tt.stored {
				t.Error("the stored document changed")
			}
		})
	}
}

func outcome(t *testing.T, body []byte, err error) string {
	var patch *partial.PatchError
	var syntax *pidf.SyntaxError
	switch {
	case errors.As(err, &patch):
		if _, err := xmlpatch.Parse(string(patch.Document()), 1000); err != nil {
			t.Errorf("%v", err)
		}
		return patch.Name
	case errors.Is(err, pidf.ErrTooLarge):
		return "large"
	case errors.As(err, &syntax):
		return "syntax"
	case errors.Is(err, partial.ErrInitial):
		return "initial"
	case err != nil:
		return err.Error()
	}
	d, err := pidf.Parse(body)
	if err != nil {
		t.Fatal(err)
	}
	if d.Entity() != "sip:a@h" {
		t.Errorf("%s", body)
	}
	return d.Bytes()[d.Root().Open():d.Root().Close()]
}

// TestRoots turns every way of binding the namespaces of a pidf-full into a
// presence document.
func TestRoots(t *testing.T) {
	for body, want := range map[string]string{
		`<pidf-full xmlns="urn:ietf:params:xml:ns:pidf-diff" entity="sip:a@h"><p:note xmlns:p="urn:ietf:params:xml:ns:pidf"/></pidf-full>`:                  `<pidf0:presence xmlns="urn:ietf:params:xml:ns:pidf-diff" xmlns:pidf0="urn:ietf:params:xml:ns:pidf" entity="sip:a@h"><p:note xmlns:p="urn:ietf:params:xml:ns:pidf"/></pidf0:presence>`,
		`<d:pidf-full xmlns:d="urn:ietf:params:xml:ns:pidf-diff" version="1" entity="sip:a@h"/>`:                                                            `<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:a@h"></presence>`,
		`<d:pidf-full xmlns:d="urn:ietf:params:xml:ns:pidf-diff" xmlns:x="urn:ietf:params:xml:ns:pidf" entity='sip:a@h'><x:note/></d:pidf-full>`:            `<x:presence xmlns:x="urn:ietf:params:xml:ns:pidf" entity='sip:a@h'><x:note/></x:presence>`,
		`<d:pidf-full xmlns:d="urn:ietf:params:xml:ns:pidf-diff" xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:a@h"><d:x d:y="1"/></d:pidf-full>`:         `<presence xmlns:d="urn:ietf:params:xml:ns:pidf-diff" xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:a@h"><d:x d:y="1"/></presence>`,
		`<d:pidf-full xmlns:d="urn:ietf:params:xml:ns:pidf-diff" xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:a@h"><note d:y="1"/></d:pidf-full>`:        `<presence xmlns:d="urn:ietf:params:xml:ns:pidf-diff" xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:a@h"><note d:y="1"/></presence>`,
		`<d:pidf-full xmlns:d="urn:ietf:params:xml:ns:pidf-diff" xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:a@h"><note><d:x/>d:y</note></d:pidf-full>`: `<presence xmlns:d="urn:ietf:params:xml:ns:pidf-diff" xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:a@h"><note><d:x/>d:y</note></presence>`,
	} {
		got, err := partial.Publish(nil, []byte(body), nil)
		if want = `<?xml version="1.0" encoding="UTF-8"?>` + "\n" + want + "\n"; err != nil || string(got) != want {
			t.Errorf("%v\n%s\nwant\n%s", err, got, want)
		}
	}
}

// TestEncoding: the result says in which encoding it is, whatever the stored
// document said.
func TestEncoding(t *testing.T) {
	body := []byte(diffHead + `><p:replace sel="*/note/text()">é</p:replace></p:pidf-diff>`)
	for _, old := range []string{stored, strings.Replace(stored, "UTF-8", "US-ASCII", 1), strings.Replace(stored, `<?xml version="1.0" encoding="UTF-8"?>`, "<!--c-->", 1)} {
		got, err := partial.Publish([]byte(old), body, nil)
		if err != nil || !strings.HasPrefix(string(got), `<?xml version="1.0" encoding="UTF-8"?>`) || strings.Contains(string(got), "<!--c-->") != strings.Contains(old, "<!--c-->") {
			t.Errorf("%v %s", err, got)
		}
	}
}

func TestCopy(t *testing.T) {
	full := func(version, note string) string {
		return fullHead + ` version="` + version + `"><note>` + note + `</note></p:pidf-full>`
	}
	diff := func(version, note string) string {
		return diffHead + ` version="` + version + `"><p:replace sel="*/note/text()">` + note + `</p:replace></p:pidf-diff>`
	}
	gap, old := partial.ErrGap, partial.ErrOld
	other := errors.New("any other")
	steps := []struct {
		body string
		err  error
		note string
	}{
		{diff("1", "x"), gap, ""},
		{full("", "x"), other, ""},
		{full("1", "one"), nil, "one"},
		{diff("2", "two"), nil, "two"},
		{diff("2", "again"), old, "two"},
		{full("1", "older"), old, "two"},
		{diff("4", "four"), gap, "two"},
		{strings.Replace(diff("3", "x"), "*/note", "*/none", 1), other, "two"},
		{"<a/>", other, "two"},
		{diff("3", "three"), nil, "three"},
		{full("9", "nine"), nil, "nine"},
		{"discard", nil, ""},
		{diff("10", "ten"), gap, ""},
		{full("9", "nine"), old, ""},
		{full("11", "eleven"), nil, "eleven"},
		{diff("4294967296", "x"), other, "eleven"},
	}
	var c partial.Copy
	for i, s := range steps {
		var err error
		if s.body == "discard" {
			c.Discard()
		} else {
			err = c.Update([]byte(s.body))
		}
		if s.err == other && (err == nil || errors.Is(err, gap) || errors.Is(err, old)) || s.err != other && !errors.Is(err, s.err) {
			t.Errorf("%d: %v, want %v", i, err, s.err)
		}
		note := ""
		if c.Document != nil {
			d, err := pidf.Parse(c.Document)
			if err != nil {
				t.Fatal(err)
			}
			note = d.Presence().Notes[0].Text
		}
		if note != s.note {
			t.Errorf("%d: %q, want %q", i, note, s.note)
		}
	}
}

// FuzzPublish: whatever is published on whatever, what comes of it is a presence
// document, and an error can be sent.
func FuzzPublish(f *testing.F) {
	f.Add(stored, diffHead+`><p:add sel="*/tuple" pos="after"><q:n/></p:add><p:remove sel="*/note"/></p:pidf-diff>`)
	f.Add(stored, fullHead+`><note>f</note></p:pidf-full>`)
	f.Add(stored, diffHead+`><p:add sel="*" type="@q:a">v</p:add><p:replace sel="id('a')/status/basic/text()">closed</p:replace></p:pidf-diff>`)
	f.Fuzz(func(t *testing.T, old, body string) {
		if len(old)+len(body) > 8<<10 {
			return
		}
		if _, err := pidf.Parse([]byte(old)); err != nil {
			return
		}
		got, err := partial.Publish([]byte(old), []byte(body), nil)
		var patch *partial.PatchError
		switch {
		case errors.As(err, &patch):
			if _, err := xmlpatch.Parse(string(patch.Document()), 1000); err != nil {
				t.Fatalf("%v\n%s", err, patch.Document())
			}
		case err == nil:
			if _, err := pidf.Parse(got); err != nil {
				t.Fatalf("%v\n%s", err, got)
			}
		}
	})
}

func BenchmarkPublish(b *testing.B) {
	long := strings.Replace(stored, "<note>", "<note>"+strings.Repeat("long ", 270), 1)
	body := []byte(diffHead + ` version="2"><p:replace sel="*/tuple[@id='a']/status/basic/text()">closed</p:replace></p:pidf-diff>`)
	b.ReportAllocs()
	b.ReportMetric(float64(len(long)), "stored-bytes")
	for b.Loop() {
		if _, err := partial.Publish([]byte(long), body, nil); err != nil {
			b.Fatal(err)
		}
	}
}

func ExampleCopy() {
	var c partial.Copy
	for _, body := range []string{
		`<p:pidf-full xmlns="urn:ietf:params:xml:ns:pidf" xmlns:p="urn:ietf:params:xml:ns:pidf-diff" entity="sip:alice@example.com" version="1">
<tuple id="a"><status><basic>open</basic></status></tuple></p:pidf-full>`,
		`<p:pidf-diff xmlns="urn:ietf:params:xml:ns:pidf" xmlns:p="urn:ietf:params:xml:ns:pidf-diff" version="2">
<p:replace sel="*/tuple[@id='a']/status/basic/text()">closed</p:replace></p:pidf-diff>`,
	} {
		if err := c.Update([]byte(body)); err != nil {
			fmt.Println(err) // refresh the subscription
		}
	}
	fmt.Printf("%d: %s", c.Version, c.Document)
	// Output:
	// 2: <?xml version="1.0" encoding="UTF-8"?>
	// <presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:alice@example.com">
	// <tuple id="a"><status><basic>closed</basic></status></tuple></presence>
}

func ExamplePublish() {
	stored, err := partial.Publish(nil, []byte(`<p:pidf-full xmlns="urn:ietf:params:xml:ns:pidf" xmlns:p="urn:ietf:params:xml:ns:pidf-diff" entity="sip:alice@example.com">
<tuple id="a"><status><basic>open</basic></status></tuple></p:pidf-full>`), nil)
	if err != nil {
		panic(err)
	}
	_, err = partial.Publish(stored, []byte(`<p:pidf-diff xmlns="urn:ietf:params:xml:ns:pidf" xmlns:p="urn:ietf:params:xml:ns:pidf-diff">
<p:remove sel="*/tuple[@id='b']"/></p:pidf-diff>`), nil)
	var failed *partial.PatchError
	if errors.As(err, &failed) {
		fmt.Printf("400 with %s:\n%s", partial.ErrorContentType, failed.Document())
	}
	// Output:
	// 400 with application/patch-ops-error+xml:
	// <?xml version="1.0" encoding="UTF-8"?><patch-ops-error xmlns="urn:ietf:params:xml:ns:patch-ops-error"><unlocated-node phrase="sel selects 0 nodes"><p:remove xmlns="urn:ietf:params:xml:ns:pidf" xmlns:p="urn:ietf:params:xml:ns:pidf-diff" sel="*/tuple[@id='b']"/></unlocated-node></patch-ops-error>
}
