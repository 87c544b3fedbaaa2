package pidf_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/beevik/etree"

	"presenced/pidf"
	"presenced/pidf/partial"
)

const entity = "sip:alice@example.com"

// tree reads a document as a tree, with CDATA sections told from text.
func tree(t testing.TB, body string) *etree.Document {
	t.Helper()
	doc := etree.NewDocument()
	doc.ReadSettings = etree.ReadSettings{PreserveCData: strings.Contains(body, "<![CDATA["), PreserveDuplicateAttrs: true}
	if err := doc.ReadFromString(body); err != nil {
		t.Fatalf("%v\n%s", err, body)
	}
	return doc
}

// canonical writes a document in one way of writing: attributes in order, empty
// elements with two tags.
func canonical(t testing.TB, body []byte) string {
	t.Helper()
	doc := tree(t, string(body))
	doc.WriteSettings = etree.WriteSettings{CanonicalText: true, CanonicalAttrVal: true, CanonicalEndTags: true}
	var sort func(*etree.Element)
	sort = func(e *etree.Element) {
		e.SortAttrs()
		for _, child := range e.ChildElements() {
			sort(child)
		}
	}
	sort(doc.Root())
	s, err := doc.WriteToString()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// meaning is the canonical form of the children of the root, without what stands
// between them, with white space in attributes as XML has it and CDATA sections
// as text.
func meaning(t testing.TB, body []byte) string {
	t.Helper()
	root := tree(t, parse(t, body).Bytes()).Root()
	bare := etree.NewDocument()
	bare.SetRoot(etree.NewElement(root.FullTag()))
	bare.Root().Attr = root.Attr
	var simplify func(*etree.Element)
	simplify = func(e *etree.Element) {
		for i := range e.Attr {
			e.Attr[i].Value = strings.NewReplacer("\t", " ", "\n", " ", "\r", " ").Replace(e.Attr[i].Value)
		}
		for i, token := range e.Child {
			switch token := token.(type) {
			case *etree.Element:
				simplify(token)
			case *etree.CharData:
				e.RemoveChildAt(i)
				e.InsertChildAt(i, etree.NewText(token.Data))
			}
		}
	}
	for _, child := range root.ChildElements() {
		bare.Root().AddChild(child)
	}
	simplify(bare.Root())
	out, err := bare.WriteToBytes()
	if err != nil {
		t.Fatal(err)
	}
	return canonical(t, out)
}

func parse(t testing.TB, body []byte) *pidf.Document {
	t.Helper()
	d, err := pidf.Parse(body)
	if err != nil {
		t.Fatalf("%v\n%s", err, body)
	}
	return d
}

// diff makes a diff of two composed documents and validates it.
func diff(t testing.TB, old, new []byte) (string, bool) {
	t.Helper()
	body, ok := applied(t, old, new)
	if ok {
		pidf.Emit(pidf.AppendFull(nil, parse(t, old), 1))
		pidf.Emit([]byte(body))
	}
	return body, ok
}

// applied makes a diff of two composed documents, and checks that it makes the
// new one out of what a watcher has of the old.
func applied(t testing.TB, old, new []byte) (string, bool) {
	t.Helper()
	before, after := parse(t, old), parse(t, new)
	full := pidf.AppendFull(nil, before, 1)
	body, ok := pidf.AppendDiff([]byte("x"), before, after, 2)
	again, _ := pidf.AppendDiff([]byte("x"), before, after, 2)
	if body[0] != 'x' || !bytes.Equal(body, again) || !ok && len(body) > 1 {
		t.Fatalf("%s\n%s", body, again)
	}
	if body = body[1:]; !ok {
		return "", false
	}
	if len(body) >= len(pidf.AppendFull(nil, after, 2)) {
		t.Errorf("longer than the full document:\n%s", body)
	}
	var c partial.Copy
	if err := c.Update(full); err != nil {
		t.Fatalf("%v\n%s", err, full)
	}
	if err := c.Update(body); err != nil {
		t.Fatalf("%v\n%s\nold\n%s\nnew\n%s", err, body, old, new)
	}
	if got, want := canonical(t, c.Document), canonical(t, new); got != want {
		t.Fatalf("%s\nmakes\n%s\ninstead of\n%s\nfrom\n%s", body, got, want, old)
	}
	return string(body), true
}

// operations is what stands between the tags of a diff's root.
func operations(t testing.TB, body string) string {
	t.Helper()
	_, rest, ok := strings.Cut(body, ` version="2">`+"\n")
	rest, closed := strings.CutSuffix(rest, "</p:pidf-diff>\n")
	if !ok || !closed {
		t.Fatalf("not a diff: %s", body)
	}
	return rest
}

// compose makes the document of one publication with these children. A long note
// makes it worth a diff.
func compose(t testing.TB, children string) []byte {
	t.Helper()
	body := `<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" xmlns:r="urn:ietf:params:xml:ns:pidf:rpid" xmlns:x="urn:x" entity="` + entity + `">` +
		children + `<note>` + strings.Repeat("long ", 200) + `</note></presence>`
	return pidf.Compose(nil, entity, []pidf.Source{{Doc: parse(t, []byte(body))}})
}

func TestDiff(t *testing.T) {
	tuple := func(id, rest string) string {
		return `<tuple id="` + id + `"><status><basic>open</basic></status>` + rest + `</tuple>`
	}
	a, b, c := tuple("a", "<contact>sip:a@h</contact>"), tuple("b", "<contact priority='0.5'>sip:b@h</contact><note>n</note>"), tuple("c", "")
	person := `<dm:person id="p"><r:activities><r:away/></r:activities></dm:person>`
	tests := []struct{ name, old, new, want string }{
		{"nothing", a + b, a + b, ""},
		{"a status, and so the order", a + b, strings.Replace(a, "open", "closed", 1) + b,
			`<p:remove sel="*/tuple[@id='b']" ws="after"/>` + "\n" + `<p:add sel="*/tuple[@id='a']" pos="before">` + strings.ReplaceAll(b, "'", `"`) + "\n</p:add>\n" +
				`<p:replace sel="*/tuple[@id='a']/status/basic/text()">closed</p:replace>` + "\n"},
		{"a status, the last", a + b, a + strings.Replace(b, "open", "closed", 1), `<p:replace sel="*/tuple[@id='b']/status/basic/text()">closed</p:replace>` + "\n"},
		{"an attribute", a + b, a + strings.Replace(b, "0.5", "0.7", 1), `<p:replace sel="*/tuple[@id='b']/contact/@priority">0.7</p:replace>` + "\n"},
		{"an attribute gone", a + b, a + strings.Replace(b, " priority='0.5'", "", 1), `<p:remove sel="*/tuple[@id='b']/contact/@priority"/>` + "\n"},
		{"an attribute more", a, strings.Replace(a, "<contact", "<contact priority='1'", 1), `<p:add sel="*/tuple[@id='a']/contact" type="@priority">1</p:add>` + "\n"},
		{"a note", a + b, a + strings.Replace(b, "<note>n", "<note>a &amp; b", 1), `<p:replace sel="*/tuple[@id='b']/note/text()">a &amp; b</p:replace>` + "\n"},
		{"a note emptied", a + b, a + strings.Replace(b, "<note>n", "<note>", 1), `<p:remove sel="*/tuple[@id='b']/note/text()"/>` + "\n"},
		{"a note filled", a + strings.Replace(b, "<note>n", "<note>", 1), a + b, `<p:add sel="*/tuple[@id='b']/note">n</p:add>` + "\n"},
		{"a note gone", a + b, a + strings.Replace(b, "<note>n</note>", "", 1), `<p:remove sel="*/tuple[@id='b']/note"/>` + "\n"},
		{"a tuple gone", a + b + c, a + c, `<p:remove sel="*/tuple[@id='b']" ws="after"/>` + "\n"},
		{"a tuple more", a + c, a + b + c, `<p:add sel="*/tuple[@id='c']" pos="before">` + strings.ReplaceAll(b, "'", `"`) + "\n</p:add>\n"},
		{"another order", a + b + c, c + a + b, `<p:remove sel="*/tuple[@id='c']" ws="after"/>` + "\n" + `<p:add sel="*/tuple[@id='a']" pos="before">` + c + "\n</p:add>\n"},
		{"a person more", a, a + person, `<p:add sel="*" type="namespace::dm">urn:ietf:params:xml:ns:pidf:data-model</p:add>
<p:add sel="*" type="namespace::r">urn:ietf:params:xml:ns:pidf:rpid</p:add>
<p:add sel="*">` + person + "\n</p:add>\n"},
		{"a person gone", a + person, a, `<p:remove sel="*/dm:person[@id='p']" ws="after"/>
<p:remove sel="*/namespace::dm"/>
<p:remove sel="*/namespace::r"/>
`},
		{"an activity", a + person, a + strings.Replace(person, "<r:away/>", "<r:away/><r:busy/>", 1), `<p:add sel="*/dm:person[@id='p']/r:activities"><r:busy/></p:add>` + "\n"},
		{"another activity", a + person, a + strings.Replace(person, "<r:away/>", "<r:busy/>", 1), `<p:replace sel="*/dm:person[@id='p']/r:activities"><r:activities><r:busy/></r:activities></p:replace>` + "\n"},
		{"the second of two notes", a + "<note>1</note><note>2</note>", a + "<note>1</note><note>3</note>", `<p:replace sel="*/note[2]/text()">3</p:replace>` + "\n"},
		{"an extension with its own namespace", a + `<y xmlns="urn:y">1</y><y xmlns="urn:y">2</y>`, a + `<y xmlns="urn:y">1</y><y xmlns="urn:y">3</y>`,
			`<p:replace sel="*/*[4]"><y xmlns="urn:y">3</y></p:replace>` + "\n"},
		{"an extension", a + `<x:y k="1">1</x:y>`, a + `<x:y k="2">1</x:y>`, `<p:replace sel="*/x:y/@k">2</p:replace>` + "\n"},
		{"mixed content", a + `<x:y>1<x:z/>2</x:y>`, a + `<x:y>1<x:z/>3</x:y>`, `<p:replace sel="*/x:y"><x:y>1<x:z/>3</x:y></p:replace>` + "\n"},
		{"a comment", a + `<x:y>1<!--c--></x:y>`, a + `<x:y>2<!--c--></x:y>`, `<p:replace sel="*/x:y"><x:y>2<!--c--></x:y></p:replace>` + "\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			body, ok := diff(t, compose(t, tt.old), compose(t, tt.new))
			if !ok {
				t.Fatal("no diff")
			}
			if got := operations(t, body); got != tt.want {
				t.Errorf("%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

// TestNoDiff has what is left to the full document.
func TestNoDiff(t *testing.T) {
	const head = `<presence xmlns="urn:ietf:params:xml:ns:pidf" `
	long := `<note>` + strings.Repeat("long ", 200) + `</note></presence>`
	tests := []struct{ name, old, new string }{
		{"another entity", head + `entity="sip:a@h">` + long, head + `entity="sip:b@h">` + long},
		{"a prefix with two meanings", head + `xmlns:x="urn:x" entity="sip:a@h"><x:a/>` + long, head + `xmlns:x="urn:y" entity="sip:a@h"><x:a/>` + long},
		{"no default namespace", `<p:presence xmlns:p="urn:ietf:params:xml:ns:pidf"/>`, `<p:presence xmlns:p="urn:ietf:params:xml:ns:pidf"/>`},
		{"everything new", head + `entity="sip:a@h"><note>a</note></presence>`, head + `entity="sip:a@h"><note>b</note></presence>`},
		{"too many", head + `entity="sip:a@h">` + strings.Repeat("<note>a</note>", 900) + long, head + `entity="sip:a@h">` + strings.Repeat("<note>b</note>", 900) + long},
	}
	for _, tt := range tests {
		if body, ok := pidf.AppendDiff(nil, parse(t, []byte(tt.old)), parse(t, []byte(tt.new)), 1); ok || len(body) > 0 {
			t.Errorf("%s: %s", tt.name, body)
		}
	}
}

func TestFull(t *testing.T) {
	old := compose(t, `<tuple id="a"><status><basic>open</basic></status></tuple><x:p xmlns:p="urn:p"/>`)
	full := pidf.AppendFull(nil, parse(t, old), 4294967295)
	pidf.Emit(full)
	var c partial.Copy
	if err := c.Update(full); err != nil || c.Version != 4294967295 || canonical(t, c.Document) != canonical(t, old) {
		t.Errorf("%v %s", err, c.Document)
	}
	before, after, ok := pidf.CutVersion(full)
	if want := pidf.AppendFull(nil, parse(t, old), 7); !ok || string(before)+"7"+string(after) != string(want) {
		t.Errorf("%v %s|%s", ok, before, after)
	}
	for _, body := range []string{"", "x", "<a>", ">>", string(old), `version="">`} {
		if before, _, ok := pidf.CutVersion([]byte(body)); ok {
			t.Errorf("%q: %q", body, before)
		}
	}
	odd := `<p:presence xmlns:p='urn:ietf:params:xml:ns:pidf' xmlns:q="urn:q&gt;" q:k='"' version="9" entity="sip:a@h"/>`
	want := `<?xml version="1.0" encoding="UTF-8"?>` + "\n" + `<p1:pidf-full xmlns:p="urn:ietf:params:xml:ns:pidf" xmlns:q="urn:q&gt;" xmlns:p1="urn:ietf:params:xml:ns:pidf-diff" q:k="&quot;" entity="sip:a@h" version="3"></p1:pidf-full>` + "\n"
	if got := string(pidf.AppendFull(nil, parse(t, []byte(odd)), 3)); got != want {
		t.Errorf("%s", got)
	}
}

// TestErrorDocuments has what a 400 to a partial publication may carry validated
// (RFC 5261 s.9).
func TestErrorDocuments(t *testing.T) {
	stored := compose(t, "")
	head := `<p:pidf-diff xmlns="urn:ietf:params:xml:ns:pidf" xmlns:p="urn:ietf:params:xml:ns:pidf-diff">`
	for _, operations := range []string{
		`<p:add sel="*/none"><note>n</note></p:add>`, `<p:remove sel="//note"/>`, `<p:replace sel="*"><x/></p:replace>`, `<p:remove sel="*/note"`, `<x/>`,
		`<p:remove sel="x:note"/>`, `<p:remove sel="*"/>`, `<p:remove sel="*/note" ws="before"/><p:remove sel="*/@entity" ws="both"/>`,
		`<p:add sel="*/none"><note>` + strings.Repeat("long ", 1000) + `</note></p:add>`,
	} {
		_, err := partial.Publish(stored, []byte(head+operations+`</p:pidf-diff>`), nil)
		var failed *partial.PatchError
		if !errors.As(err, &failed) {
			t.Errorf("%s: %v", operations, err)
			continue
		}
		if body := pidf.Emit(failed.Document()); len(body) > 3000 {
			t.Errorf("%d bytes: %s", len(body), body)
		}
	}
}

// TestDiffRandom: random publications, random edits of them; what is diffed and
// applied is the new document.
func TestDiffRandom(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	diffs, bytes, full := 0, 0, 0
	for range 1000 {
		p := newPublication(random)
		old := p.compose(t)
		for range 3 {
			p.edit(random)
			new := p.compose(t)
			if body, ok := diff(t, old, new); ok {
				diffs, bytes, full = diffs+1, bytes+len(body), full+len(new)
			}
			old = new
		}
	}
	if diffs < 1500 {
		t.Errorf("only %d diffs", diffs)
	}
	t.Logf("%d diffs of %d bytes instead of %d", diffs, bytes/diffs, full/diffs)
}

// TestDiffExamples makes and applies the diffs between all the presence documents
// in the RFCs, which have little in common.
func TestDiffExamples(t *testing.T) {
	data := os.Getenv("PRESENCED_RFC_DATA")
	if data == "" {
		t.Skip("PRESENCED_RFC_DATA is not set")
	}
	files, err := filepath.Glob(filepath.Join(data, "rfc-examples", "xml", "*-presence-*.xml"))
	if err != nil {
		t.Fatal(err)
	}
	var all [][]byte
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		d, err := pidf.Parse(body)
		if err != nil {
			continue
		}
		composed := pidf.Compose(nil, entity, []pidf.Source{{Doc: d}})
		all = append(all, composed, bytes.Replace(composed, []byte("<basic>open"), []byte("<basic>closed"), 1))
	}
	diffs := 0
	for _, old := range all {
		for _, new := range all {
			if _, ok := applied(t, old, new); ok {
				diffs++
			}
		}
	}
	if diffs < 2*len(all) {
		t.Errorf("only %d diffs between %d documents", diffs, len(all))
	}
	t.Logf("%d diffs between %d documents", diffs, len(all))
}

// TestDiffHostile: two documents at the limits cost a bounded time, and no diff
// grows beyond the full document.
func TestDiffHostile(t *testing.T) {
	wrap := func(s string) *pidf.Document {
		return parse(t, []byte(`<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:x="urn:x" entity="`+entity+`">`+s+`</presence>`))
	}
	many := func(n int, format string) (s string) {
		for i := range n {
			s += fmt.Sprintf(format, i)
		}
		return s
	}
	deep := func(inner string) string {
		return strings.Repeat("<x:a><x:b/>", 30) + inner + strings.Repeat("</x:a>", 30)
	}
	long := strings.Repeat("n", 1000)
	tests := []struct{ name, old, new string }{
		{"all ids new", many(800, `<tuple id="a%d"/>`), many(800, `<tuple id="b%d"/>`)},
		{"all edited", many(250, `<tuple id="a%d&amp;"><note>1</note></tuple>`), many(250, `<tuple id="a%d&amp;"><note>2</note></tuple>`)},
		{"all reversed", many(250, `<note>%d</note>`), many(250, `<note>-%d</note>`)},
		{"most removed", many(1900, `<note>%d</note>`), many(30, `<note>-%d</note>`)},
		{"the first of many", "<note>a</note>" + many(1900, `<note>%d</note>`), "<note>b</note>" + many(1900, `<note>%d</note>`)},
		{"deep", deep("1"), deep("2")},
		{"long names", strings.Repeat("<x:"+long+">", 25) + many(500, `<x:e k="%d"/>`) + strings.Repeat("</x:"+long+">", 25), strings.Repeat("<x:"+long+">", 25) + many(500, `<x:e k="-%d"/>`) + strings.Repeat("</x:"+long+">", 25)},
	}
	for _, tt := range tests {
		old, new := wrap(tt.old), wrap(tt.new)
		start := time.Now()
		body, ok := pidf.AppendDiff(nil, old, new, 1)
		took := time.Since(start)
		t.Logf("%s: %v, %d bytes, capacity %d, in %v", tt.name, ok, len(body), cap(body), took)
		if took > 10*time.Second || len(body) > len(new.Bytes())+1000 || cap(body) > 1<<20 {
			t.Errorf("%s: %v, %d of %d bytes, in %v", tt.name, ok, len(body), cap(body), took)
		}
	}
}

// publication is a document that is edited at random.
type publication struct{ parts []string }

func newPublication(r *rand.Rand) *publication {
	p := new(publication)
	for range 1 + r.IntN(6) {
		p.parts = append(p.parts, part(r))
	}
	return p
}

func (p *publication) edit(r *rand.Rand) {
	for range 1 + r.IntN(3) {
		i := r.IntN(len(p.parts))
		switch r.IntN(6) {
		case 0:
			p.parts = append(p.parts[:i:i], append([]string{part(r)}, p.parts[i:]...)...)
		case 1:
			if len(p.parts) > 1 {
				p.parts = append(p.parts[:i:i], p.parts[i+1:]...)
			}
		case 2:
			j := r.IntN(len(p.parts))
			p.parts[i], p.parts[j] = p.parts[j], p.parts[i]
		default:
			p.parts[i] = words.Replace(p.parts[i])
			if r.IntN(2) == 0 {
				p.parts[i] = strings.Replace(p.parts[i], "</", fmt.Sprintf(`<x:n k="%d">eins</x:n></`, r.IntN(3)), 1)
			}
		}
	}
}

var words = strings.NewReplacer("open", "closed", "closed", "open", "away", "busy", "1", "2", "eins", "zwei &amp; drei", "k=", "j=")

func part(r *rand.Rand) string {
	n := r.IntN(4)
	choices := []string{
		`<tuple id="t%[1]d"><status><basic>open</basic></status><contact priority="0.%[1]d">sip:%[1]d@h</contact><note xml:lang="de">eins</note></tuple>`,
		`<tuple id="u%[1]d"><status><basic>closed</basic><x:s k="1">eins</x:s></status><dm:deviceID>urn:%[1]d</dm:deviceID></tuple>`,
		`<note>eins %[1]d</note>`,
		`<dm:person id="p%[1]d"><r:activities><r:away/></r:activities><dm:note>eins</dm:note></dm:person>`,
		"<dm:person id='p%[1]d'><r:activities>\n  <r:away/>\n  <r:busy/></r:activities><r:mood><r:happy/></r:mood></dm:person>",
		`<dm:device id="d%[1]d"><dm:deviceID>urn:%[1]d</dm:deviceID><dm:note>eins</dm:note></dm:device>`,
		`<x:e k="%[1]d">eins</x:e>`,
		`<x:e k="%[1]d"><x:f/>mixed<x:f>eins</x:f></x:e>`,
		`<x:e x:k="%[1]d"> <y:f xmlns:y="urn:%[1]d"><y:g/></y:f> <z xmlns="urn:z">1</z></x:e>`,
		`<e xmlns="urn:e%[1]d" id="e%[1]d"><f/><!-- 1 --><f>1</f></e>`,
	}
	return fmt.Sprintf(choices[r.IntN(len(choices))], n)
}

func (p *publication) compose(t testing.TB) []byte { return compose(t, strings.Join(p.parts, "")) }

// FuzzDiff: of whatever two bodies, the diff of their compositions makes the one
// of the other; and the diff of the bodies themselves is at least applied.
func FuzzDiff(f *testing.F) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 20 {
		p := newPublication(r)
		old := p.compose(f)
		p.edit(r)
		f.Add(old, p.compose(f))
	}
	f.Fuzz(func(t *testing.T, old, new []byte) {
		if len(old)+len(new) > 8<<10 {
			return
		}
		before, err := pidf.Parse(old)
		if err != nil {
			return
		}
		after, err := pidf.Parse(new)
		if err != nil {
			return
		}
		if body, ok := pidf.AppendDiff(nil, before, after, 1); ok {
			patched, err := partial.Publish(old, body, nil)
			if err != nil {
				t.Fatalf("%v\n%s", err, body)
			}
			if got, want := meaning(t, patched), meaning(t, new); got != want {
				t.Fatalf("%s\nmakes\n%s\ninstead of\n%s\nfrom\n%s", body, got, want, old)
			}
		}
		one := pidf.Compose(nil, entity, []pidf.Source{{Doc: before}})
		other := pidf.Compose(nil, entity, []pidf.Source{{Doc: after}})
		if _, err := pidf.Parse(one); err != nil {
			return
		}
		if _, err := pidf.Parse(other); err != nil {
			return
		}
		applied(t, one, other)
	})
}

func benchmarkPair(b *testing.B) (old, new *pidf.Document) {
	body := compose(b, `<tuple id="a1"><status><basic>open</basic></status><contact priority="0.8">sip:alice@192.0.2.1</contact><note xml:lang="en">Working</note><timestamp>2026-11-22T05:51:11Z</timestamp></tuple>`+
		`<dm:person id="p1"><r:activities><r:meeting/><r:busy/></r:activities></dm:person>`)
	return parse(b, body), parse(b, bytes.Replace(body, []byte("<basic>open"), []byte("<basic>closed"), 1))
}

func BenchmarkAppendDiff(b *testing.B) {
	old, new := benchmarkPair(b)
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		var ok bool
		if dst, ok = pidf.AppendDiff(dst[:0], old, new, 2); !ok {
			b.Fatal("no diff")
		}
	}
	b.ReportMetric(float64(len(dst)), "diff-bytes")
	b.ReportMetric(float64(len(new.Bytes())), "full-bytes")
}

func BenchmarkAppendFull(b *testing.B) {
	old, _ := benchmarkPair(b)
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		dst = pidf.AppendFull(dst[:0], old, 2)
	}
}

func ExampleAppendDiff() {
	const before = `<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:alice@example.com">
<tuple id="a"><status><basic>open</basic></status><contact>sip:alice@192.0.2.1</contact><note>At my desk, until the building closes</note></tuple>
<note>This week I am in Tokyo, and answer in the evening, Japanese time; in urgent matters please ask Bob to call me</note>
<note>The office is closed on Monday</note>
</presence>`
	old, err := pidf.Parse([]byte(before))
	if err != nil {
		panic(err)
	}
	new, err := pidf.Parse([]byte(strings.Replace(before, "open", "closed", 1)))
	if err != nil {
		panic(err)
	}
	body, ok := pidf.AppendDiff(nil, old, new, 2)
	if !ok {
		body = pidf.AppendFull(nil, new, 2)
	}
	os.Stdout.Write(body)
	// Output:
	// <?xml version="1.0" encoding="UTF-8"?>
	// <p:pidf-diff xmlns="urn:ietf:params:xml:ns:pidf" xmlns:p="urn:ietf:params:xml:ns:pidf-diff" entity="sip:alice@example.com" version="2">
	// <p:replace sel="*/tuple[@id='a']/status/basic/text()">closed</p:replace>
	// </p:pidf-diff>
}
