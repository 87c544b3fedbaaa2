package xmlpatch

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/beevik/etree"
)

func document(t testing.TB, body string) *etree.Document {
	t.Helper()
	doc := etree.NewDocument()
	doc.ReadSettings = etree.ReadSettings{PreserveCData: true, PreserveDuplicateAttrs: true}
	doc.WriteSettings = etree.WriteSettings{CanonicalText: true, CanonicalAttrVal: true}
	if err := doc.ReadFromString(body); err != nil {
		t.Fatalf("%v\n%s", err, body)
	}
	return doc
}

// canonical writes a document with its attributes in order, without what stands
// outside the root but comments and processing instructions (C14N).
func canonical(t testing.TB, doc *etree.Document) string {
	t.Helper()
	c := etree.NewDocument()
	c.WriteSettings = etree.WriteSettings{CanonicalText: true, CanonicalAttrVal: true, CanonicalEndTags: true}
	for _, token := range doc.Child {
		switch token := token.(type) {
		case *etree.Element:
			c.AddChild(token.Copy())
		case *etree.Comment:
			c.AddChild(etree.NewComment(token.Data))
		case *etree.ProcInst:
			if token.Target != "xml" {
				c.AddChild(etree.NewProcInst(token.Target, token.Inst))
			}
		}
	}
	var sort func(*etree.Element)
	sort = func(e *etree.Element) {
		e.SortAttrs()
		for _, child := range e.ChildElements() {
			sort(child)
		}
	}
	sort(c.Root())
	s, err := c.WriteToString()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// applied is a document after the operations that a diff holds, as it is written.
func applied(t testing.TB, p Patcher, target, diff string) (string, *Error) {
	t.Helper()
	doc, err := Parse(target, 1<<20)
	if err != nil {
		t.Fatalf("%v\n%s", err, target)
	}
	ops, err := Parse(diff, 1<<20)
	if err != nil {
		t.Fatalf("%v\n%s", err, diff)
	}
	before := string(ops.Append(nil))
	err = p.Apply(doc, ops)
	if string(ops.Append(nil)) != before {
		t.Errorf("the diff changed: %s", diff)
	}
	var failed *Error
	if err != nil && !errors.As(err, &failed) {
		t.Fatalf("not a proper error: %v", err)
	}
	if err != nil {
		return "", failed
	}
	out := doc.Append(nil)
	if len(out) > doc.Size() {
		t.Errorf("%d bytes, more than %d", len(out), doc.Size())
	}
	return string(out), nil
}

// patch is applied in canonical form, "" after an error.
func patch(t testing.TB, p Patcher, target, diff string) (string, *Error) {
	t.Helper()
	out, err := applied(t, p, target, diff)
	if err != nil {
		return "", err
	}
	return canonical(t, document(t, out)), nil
}

func shared(t testing.TB, elem ...string) string {
	t.Helper()
	data := os.Getenv("PRESENCED_RFC_DATA")
	if data == "" {
		t.Skip("PRESENCED_RFC_DATA is not set")
	}
	return filepath.Join(append([]string{data}, elem...)...)
}

func read(t testing.TB, name string) string {
	t.Helper()
	body, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// TestAppendixA applies every example of RFC 5261's appendix. Of A.18 the RFC
// gives "one possible form", and it is ours. The result of A.16 is printed
// without the white space that stood before the instruction, though nothing
// removes it and s.4.5.6 has it combined with what follows: s.4.5.6 decides.
func TestAppendixA(t *testing.T) {
	for i := 1; i <= 18; i++ {
		t.Run(fmt.Sprint("A.", i), func(t *testing.T) {
			name := shared(t, "rfc-examples", "xml", fmt.Sprintf("rfc5261-sA.%d-", i))
			got, err := patch(t, Patcher{}, read(t, name+"doc-1.xml"), read(t, name+"diff-1.xml"))
			if err != nil {
				t.Fatal(err)
			}
			if i == 16 {
				got = strings.Replace(got, "\n  \n", "\n", 1)
			}
			if want := canonical(t, document(t, read(t, name+"doc-2.xml"))); got != want {
				t.Errorf("%s\nwant\n%s", got, want)
			}
		})
	}
}

const sample = `<doc xmlns:q="urn:q" a="1"><x id="1">one</x><x id="2" q:b="v">two<y>deep</y></x><q:x/><!--c1--><z>t1<e/>t2<![CDATA[t3]]><!--c2--></z><?pi v?></doc>`

// TestApply has one row for each thing that an operation can do, and for each
// error. The diff has the prefixes q (urn:q), r (urn:r) and s (urn:q).
func TestApply(t *testing.T) {
	tests := []struct {
		op   string
		want string // what the document becomes: old => new, or the error's name
	}{
		// s.4.1, selectors
		{`<remove sel="doc/x[1]"/>`, `<x id="1">one</x> => `},
		{`<remove sel="/doc/x[1]"/>`, `<x id="1">one</x> => `},
		{`<remove sel="*/x[@id='1']"/>`, `<x id="1">one</x> => `},
		{`<remove sel='*/x[@id="1"]'/>`, `<x id="1">one</x> => `},
		{`<remove sel="*/x[.='one']"/>`, `<x id="1">one</x> => `},
		{`<remove sel="*/x[.='twodeep'][1]/y"/>`, `<y>deep</y> => `},
		{`<remove sel="*/x[y='deep']/y"/>`, `<y>deep</y> => `},
		{`<remove sel="*/*[3]"/>`, `<q:x></q:x> => `},
		{`<remove sel="*/s:x"/>`, `<q:x></q:x> => `},
		{`<remove sel="*/x[2][@s:b='v']/y"/>`, `<y>deep</y> => `},
		{`<remove sel="*/x[@id='2'][1]/y"/>`, `<y>deep</y> => `},
		{`<remove sel="*/x[2][@id='2']/y"/>`, `<y>deep</y> => `},
		{`<remove sel="*/x"/>`, UnlocatedNode},
		{`<remove sel="*/x[3]"/>`, UnlocatedNode},
		{`<remove sel="*/x[0]"/>`, UnlocatedNode},
		{`<remove sel="*/x[99999999999999999999999999]"/>`, UnlocatedNode},
		{`<remove sel="*/x[@id='2'][2]"/>`, UnlocatedNode},
		{`<remove sel="*/x[@b='v']"/>`, UnlocatedNode},
		{`<remove sel="*/r:x"/>`, UnlocatedNode},
		{`<remove sel="*/*/*/*/*"/>`, UnlocatedNode},
		{`<remove sel="other/x[1]"/>`, UnlocatedNode},
		{`<remove sel="*/nobody:x"/>`, InvalidNamespacePrefix},
		{`<remove sel="*/x[@nobody:b='v']"/>`, InvalidNamespacePrefix},
		{`<remove/>`, InvalidAttributeValue},
		{`<remove sel=""/>`, InvalidAttributeValue},
		{`<remove sel="/"/>`, InvalidAttributeValue},
		{`<remove sel="doc//y"/>`, InvalidAttributeValue},
		{`<remove sel="//y"/>`, InvalidAttributeValue},
		{`<remove sel="doc/x[1]/.."/>`, InvalidAttributeValue},
		{`<remove sel="doc/child::x"/>`, InvalidAttributeValue},
		{`<remove sel="doc/x[last()]"/>`, InvalidAttributeValue},
		{`<remove sel="doc/x[position()=1]"/>`, InvalidAttributeValue},
		{`<remove sel="doc/x[local-name()='x']"/>`, InvalidAttributeValue},
		{`<remove sel="doc/x[@id]"/>`, InvalidAttributeValue},
		{`<remove sel="doc/x[@id='1"/>`, InvalidAttributeValue},
		{`<remove sel="doc/x[@id='1' or @id='2']"/>`, InvalidAttributeValue},
		{`<remove sel="doc/x[ 1 ]"/>`, InvalidAttributeValue},
		{`<remove sel="doc/x[-1]"/>`, InvalidAttributeValue},
		{`<remove sel="doc/x | doc/y"/>`, InvalidAttributeValue},
		{`<remove sel="doc/@*"/>`, InvalidAttributeValue},
		{`<remove sel="doc/@a/x"/>`, InvalidAttributeValue},
		{`<remove sel="doc/z/text()[1][1]"/>`, InvalidAttributeValue},
		{`<remove sel="doc/node()"/>`, InvalidAttributeValue},
		{`<remove sel="document('/etc/passwd')/x"/>`, InvalidAttributeValue},
		{`<remove sel="../doc"/>`, InvalidAttributeValue},
		// id()
		{`<remove sel="id('1')"/>`, InvalidAttributeValue},
		{`<remove sel="id('n1')/y"/>`, UnlocatedNode},
		{`<remove sel="id()"/>`, UnlocatedNode},
		// s.4.3.1 and 4.3.4, nodes
		{`<add sel="*/z"><n>v</n></add>`, `<!--c2--></z> => <!--c2--><n>v</n></z>`},
		{`<add sel="*/z" pos="prepend"><n/>!</add>`, `<z>t1 => <z><n></n>!t1`},
		{`<add sel="*/z/e" pos="before"><n/></add>`, `t1<e> => t1<n></n><e>`},
		{`<add sel="*/z/e" pos="after"><!--n--></add>`, `</e>t2 => </e><!--n-->t2`},
		{`<add sel="*/z/text()[1]" pos="after">+</add>`, `t1 => t1+`},
		{`<add sel="*/z/text()[2]" pos="after">+<n/>-</add>`, `<![CDATA[t3]]> => <![CDATA[t3]]>+<n></n>-`},
		{`<add sel="*/z/text()[2]" pos="before">+</add>`, `t2 => +t2`},
		{`<add sel="*/z/comment()" pos="before"><?n v?></add>`, `<!--c2--> => <?n v?><!--c2-->`},
		{`<add sel="doc" pos="before"><!--n--></add>`, `<doc => <!--n--><doc`},
		{`<add sel="doc" pos="after"><?n v?></add>`, `</doc> => </doc><?n v?>`},
		{`<add sel="doc" pos="after"><n/></add>`, InvalidRootElementOperation},
		{`<add sel="doc" pos="before">text</add>`, InvalidRootElementOperation},
		{`<add sel="*/z/text()[1]">x</add>`, InvalidPatchDirective},
		{`<add sel="*/z" pos="inside">x</add>`, InvalidAttributeValue},
		{`<add sel="*/z" where="x">x</add>`, InvalidPatchDirective},
		{`<add sel="doc/@a">x</add>`, InvalidAttributeValue},
		{`<add sel="doc/namespace::q">x</add>`, InvalidAttributeValue},
		// s.4.3.2, attributes
		{`<add sel="*" type="@n">v&lt;</add>`, `a="1" => a="1" n="v&lt;"`},
		{`<add sel="*/z" type="@s:n">v</add>`, `<z> => <z q:n="v">`},
		{`<add sel="*/z" type="@r:n">v</add>`, `<z> => <z r:n="v" xmlns:r="urn:r">`},
		{`<add sel="*/z" type="@xml:lang">en</add>`, `<z> => <z xml:lang="en">`},
		{`<add sel="*" type="@a">v</add>`, InvalidPatchDirective},
		{`<add sel="*/x[2]" type="@s:b">v</add>`, InvalidPatchDirective},
		{`<add sel="*" type="@nobody:n">v</add>`, InvalidNamespacePrefix},
		{`<add sel="*" type="@n"><![CDATA[v]]></add>`, InvalidAttributeValue},
		{`<add sel="*" type="@n"><e/></add>`, InvalidAttributeValue},
		{`<add sel="*" type="n">v</add>`, InvalidAttributeValue},
		{`<add sel="*" type="@n m">v</add>`, InvalidAttributeValue},
		{`<add sel="*" type="@xmlns">v</add>`, InvalidAttributeValue},
		{`<add sel="*/z/comment()" type="@n">v</add>`, InvalidPatchDirective},
		// s.4.3.3, namespaces
		{`<add sel="*/z" type="namespace::n">urn:n</add>`, `<z> => <z xmlns:n="urn:n">`},
		{`<add sel="*" type="namespace::q">urn:n</add>`, InvalidNamespacePrefix},
		{`<add sel="*/s:x" type="namespace::q">urn:n</add>`, InvalidNamespacePrefix},
		{`<add sel="*" type="namespace::xml">urn:n</add>`, InvalidNamespacePrefix},
		{`<add sel="*" type="namespace::n"/>`, InvalidNamespaceURI},
		{`<add sel="*" type="namespace::n">http://www.w3.org/2000/xmlns/</add>`, InvalidNamespaceURI},
		{`<add sel="*" type="namespace::">urn:n</add>`, InvalidAttributeValue},
		// s.4.4, replace
		{`<replace sel="*/x[1]"><n/></replace>`, `<x id="1">one</x> => <n></n>`},
		{`<replace sel="*/x[1]">n</replace>`, InvalidNodeTypes},
		{`<replace sel="*/x[1]"><n/><n/></replace>`, InvalidNodeTypes},
		{`<replace sel="*/x[1]"> <n/> </replace>`, InvalidNodeTypes},
		{`<replace sel="*/x[1]"/>`, InvalidNodeTypes},
		{`<replace sel="*/@a">2</replace>`, `a="1" => a="2"`},
		{`<replace sel="*/@a"/>`, `a="1" => a=""`},
		{`<replace sel="*/@a"><n/></replace>`, InvalidNodeTypes},
		{`<replace sel="*/x[2]/@s:b">w</replace>`, `q:b="v" => q:b="w"`},
		{`<replace sel="*/@none">2</replace>`, UnlocatedNode},
		{`<replace sel="*/namespace::q">urn:n</replace>`, `xmlns:q="urn:q" => xmlns:q="urn:n"`},
		{`<replace sel="*/x[2]/namespace::q">urn:n</replace>`, InvalidNamespaceURI},
		{`<replace sel="*/namespace::n">urn:n</replace>`, UnlocatedNode},
		{`<replace sel="*/namespace::q"/>`, InvalidNamespaceURI},
		{`<replace sel="*/comment()"><!--n--></replace>`, `c1 => n`},
		{`<replace sel="*/comment()">n</replace>`, InvalidNodeTypes},
		{`<replace sel="*/processing-instruction('pi')"><?n v?></replace>`, `<?pi v?> => <?n v?>`},
		{`<replace sel="*/processing-instruction()[1]"><!--n--></replace>`, InvalidNodeTypes},
		{`<replace sel="*/x[1]/text()"><![CDATA[<]]></replace>`, `one => <![CDATA[<]]>`},
		{`<replace sel="*/z/text()[2]">n</replace>`, `t2<![CDATA[t3]]> => n`},
		{`<replace sel="*/x[1]/text()"/>`, `one => `},
		{`<replace sel="*/x[1]/text()"><n/></replace>`, InvalidNodeTypes},
		{`<replace sel="doc"><n/></replace>`, sample + ` => <n></n>`},
		{`<replace sel="*/text()">n</replace>`, UnlocatedNode},
		// s.4.5, remove
		{`<remove sel="*/@a"/>`, ` a="1" => `},
		{`<remove sel="*/x[2]/@q:b"/>`, ` q:b="v" => `},
		{`<remove sel="*/namespace::q"/>`, InvalidNamespacePrefix},
		{`<remove sel="*/comment()[1]"/>`, `<!--c1--> => `},
		{`<remove sel="*/z/text()[2]"/>`, `t2<![CDATA[t3]]> => `},
		{`<remove sel="*/processing-instruction()"/>`, `<?pi v?> => `},
		{`<remove sel="doc"/>`, InvalidRootElementOperation},
		{`<remove sel="*/x[1]" ws="after"/>`, InvalidWhitespaceDirective},
		{`<remove sel="*/z/e" ws="before"/>`, InvalidWhitespaceDirective},
		{`<remove sel="*/z/e" ws="all"/>`, InvalidAttributeValue},
		{`<remove sel="*/@a" ws="after"/>`, InvalidAttributeValue},
		{`<remove sel="*/z"><n/></remove>`, InvalidPatchDirective},
		{`<processing-instruction sel="*"/>`, InvalidPatchDirective},
		{`<move sel="*/x[1]" to="*/z"/>`, InvalidPatchDirective},
	}
	base := canonical(t, document(t, sample))
	for _, tt := range tests {
		got, err := patch(t, Patcher{ID: "id"}, sample,
			`<d xmlns:q="urn:q" xmlns:r="urn:r" xmlns:s="urn:q">`+tt.op+`</d>`)
		if err != nil {
			if got = err.Name; err.diff == nil {
				t.Errorf("%s: the error does not say of which operation", tt.op)
			}
		}
		want := tt.want
		if old, replacement, ok := strings.Cut(tt.want, " => "); ok {
			if want = strings.Replace(base, old, replacement, 1); want == base || old == sample {
				want = replacement
			}
		}
		if got != want {
			t.Errorf("%s\n got %s\nwant %s (%v)", tt.op, got, want, err)
		}
	}
}

func TestWhiteSpace(t *testing.T) {
	tests := []struct{ doc, op, want string }{
		{"<d> <a/>\n<b/></d>", `<remove sel="*/a" ws="both"/>`, "<d><b></b></d>"},
		{"<d> <a/>\n<b/></d>", `<remove sel="*/a" ws="before"/>`, "<d>\n<b></b></d>"},
		{"<d> <a/>\n<b/></d>", `<remove sel="*/a" ws="after"/>`, "<d> <b></b></d>"},
		{"<d> <a/>\n<b/></d>", `<remove sel="*/a"/>`, "<d> \n<b></b></d>"},
		{"<d>1<a/>2<b/></d>", `<remove sel="*/a"/><remove sel="*/text()[1]"/>`, "<d><b></b></d>"},
		{"<d> <a/>x</d>", `<remove sel="*/a" ws="both"/>`, InvalidWhitespaceDirective},
		{"<!--c-->\n<d/>", `<remove sel="comment()" ws="after"/>`, InvalidWhitespaceDirective},
		{"<!--c-->\n<d/>", `<remove sel="comment()[1]"/>`, "<d></d>"},
		{"<?xml version='1.0'?><d/>", `<remove sel="processing-instruction('xml')"/>`, InvalidXMLPrologOperation},
		{"<?xml version='1.0'?><d/>", `<replace sel="processing-instruction('xml')"><?a b?></replace>`, InvalidXMLPrologOperation},
		{"<?xml version='1.0'?><?a b?><d/>", `<remove sel="processing-instruction()"/>`, "<d></d>"},
		{"<d> \n</d>", `<replace sel="text()">x</replace>`, UnlocatedNode},
	}
	for _, tt := range tests {
		got, err := patch(t, Patcher{}, tt.doc, "<diff>"+tt.op+"</diff>")
		if err != nil {
			got = err.Name
		}
		if got != tt.want {
			t.Errorf("%q %s: %q, want %q", tt.doc, tt.op, got, tt.want)
		}
	}
}

// TestNamespaces has the rules of RFC 5261 s.4.2.1 and s.4.2.3.
func TestNamespaces(t *testing.T) {
	tests := []struct{ name, doc, diff, want string }{
		{"a selector's default namespace", `<p:d xmlns:p="urn:a"><p:b/><b/></p:d>`, `<diff xmlns="urn:a"><remove sel="d/b"/></diff>`,
			`<p:d xmlns:p="urn:a"><b></b></p:d>`},
		{"no default namespace", `<d><b/><p:b xmlns:p="urn:a"/></d>`, `<diff xmlns:a="urn:a"><remove sel="d/b"/></diff>`,
			`<d><p:b xmlns:p="urn:a"></p:b></d>`},
		{"no default, against a default", `<d xmlns="urn:a"/>`, `<diff xmlns:a="urn:a"><add sel="d" type="@x">1</add></diff>`, UnlocatedNode},
		{"another prefix in the document", `<d xmlns:b="foo:"/>`, `<diff xmlns:a="foo:"><add sel="d"><a:bar a:x="1"/></add></diff>`,
			`<d xmlns:b="foo:"><b:bar b:x="1"></b:bar></d>`},
		{"default to prefix", `<b:d xmlns:b="foo:"/>`, `<diff xmlns="foo:"><add sel="d"><bar x="1"/></add></diff>`,
			`<b:d xmlns:b="foo:"><b:bar x="1"></b:bar></b:d>`},
		{"prefix to default", `<d xmlns="foo:"/>`, `<diff xmlns:a="foo:"><add sel="a:d"><a:bar/></add></diff>`,
			`<d xmlns="foo:"><bar></bar></d>`},
		{"an attribute has no default", `<d xmlns="foo:"/>`, `<diff xmlns:a="foo:"><add sel="a:d"><a:bar a:x="1"/></add></diff>`,
			`<d xmlns="foo:"><bar a:x="1" xmlns:a="foo:"></bar></d>`},
		{"locally scoped", `<d xmlns:b="foo:"/>`, `<diff><add sel="d"><a:bar xmlns:a="foo:"><a:c/></a:bar></add></diff>`,
			`<d xmlns:b="foo:"><a:bar xmlns:a="foo:"><a:c></a:c></a:bar></d>`},
		{"a default locally scoped", `<d/>`, `<diff><add sel="d"><bar xmlns="foo:"><c/></bar></add></diff>`,
			`<d><bar xmlns="foo:"><c></c></bar></d>`},
		{"first rule: the same prefix", `<y:d xmlns:x="u" xmlns:y="u" xmlns:z="u"/>`, `<diff xmlns:z="u"><add sel="z:d"><z:n/></add></diff>`,
			`<y:d xmlns:x="u" xmlns:y="u" xmlns:z="u"><z:n></z:n></y:d>`},
		{"first rule: both default", `<y:d xmlns="u" xmlns:y="u"/>`, `<diff xmlns="u"><add sel="d"><n/></add></diff>`,
			`<y:d xmlns="u" xmlns:y="u"><n></n></y:d>`},
		{"second rule: the context node's", `<y:d xmlns:x="u" xmlns:y="u" xmlns:z="u"/>`, `<diff xmlns:a="u"><add sel="a:d"><a:n/></add></diff>`,
			`<y:d xmlns:x="u" xmlns:y="u" xmlns:z="u"><y:n></y:n></y:d>`},
		{"third rule: the closest before", `<d xmlns:x="u" xmlns:y="u"/>`, `<diff xmlns:xx="u"><add sel="d"><xx:n/></add></diff>`,
			`<d xmlns:x="u" xmlns:y="u"><x:n></x:n></d>`},
		{"third rule: the first", `<d xmlns:x="u" xmlns:y="u"/>`, `<diff xmlns:a="u"><add sel="d"><a:n/></add></diff>`,
			`<d xmlns:x="u" xmlns:y="u"><x:n></x:n></d>`},
		{"third rule: the last", `<d xmlns:x="u" xmlns:y="u"/>`, `<diff xmlns:zz="u"><add sel="d"><zz:n/></add></diff>`,
			`<d xmlns:x="u" xmlns:y="u"><y:n></y:n></d>`},
		{"third rule: the default", `<q:d xmlns:q="v" xmlns="u" xmlns:x="u"/>`, `<diff xmlns:a="u" xmlns:q="v"><add sel="q:d"><a:n a:m="1"/></add></diff>`,
			`<q:d xmlns="u" xmlns:q="v" xmlns:x="u"><n x:m="1"></n></q:d>`},
		{"context of before is the parent", `<d xmlns:x="u"><e xmlns:y="u"/></d>`, `<diff xmlns:y="u"><add sel="d/e" pos="before"><y:n/></add></diff>`,
			`<d xmlns:x="u"><x:n></x:n><e xmlns:y="u"></e></d>`},
		{"context of replace is the parent", `<d xmlns:x="u"><e xmlns:y="u"/></d>`, `<diff xmlns:y="u"><replace sel="d/e"><y:n/></replace></diff>`,
			`<d xmlns:x="u"><x:n></x:n></d>`},
		{"the root replaced", `<d xmlns:x="u"/>`, `<diff xmlns:y="u"><replace sel="d"><y:n/></replace></diff>`,
			`<y:n xmlns:y="u"></y:n>`},
		{"not bound in the document", `<d/>`, `<diff xmlns:y="u"><add sel="d"><y:n><y:m y:k="1"/></y:n></add></diff>`,
			`<d><y:n xmlns:y="u"><y:m y:k="1"></y:m></y:n></d>`},
		{"its prefix taken", `<d xmlns:y="v"/>`, `<diff xmlns:y="u" xmlns:z="v"><add sel="d"><y:n z:k="1" y:k="2"/></add></diff>`,
			`<d xmlns:y="v"><y:n xmlns:y="u" xmlns:z="v" y:k="2" z:k="1"></y:n></d>`},
		{"its prefix used by an attribute before it", `<d xmlns:y="v"/>`, `<diff xmlns:y="u" xmlns:z="v"><add sel="d"><n z:k="1" y:k="2"/></add></diff>`,
			`<d xmlns:y="v"><n n1:k="2" xmlns:n1="u" y:k="1"></n></d>`},
		{"no namespace below a default", `<d xmlns="u"/>`, `<diff xmlns:y="u"><add sel="y:d"><n><m/></n></add></diff>`,
			`<d xmlns="u"><n xmlns=""><m></m></n></d>`},
		{"shadowed by the content", `<d xmlns:b="u"/>`, `<diff xmlns:a="u"><add sel="d"><a:n xmlns:b="other"><a:m/><b:m/></a:n></add></diff>`,
			`<d xmlns:b="u"><a:n xmlns:a="u" xmlns:b="other"><a:m></a:m><b:m></b:m></a:n></d>`},
		{"superfluous declarations stay", `<d xmlns:x="u"><x:n/></d>`, `<diff xmlns:x="u"><remove sel="d/x:n"/></diff>`,
			`<d xmlns:x="u"></d>`},
		{"a declaration that nothing uses goes", `<d xmlns:x="u"><x:n/></d>`, `<diff xmlns:x="u"><remove sel="d/x:n"/><remove sel="d/namespace::x"/></diff>`,
			`<d></d>`},
		{"unbound in the diff", `<d xmlns:x="u"/>`, `<diff><add sel="d"><x:n/></add></diff>`, InvalidNamespacePrefix},
		{"a document's prefix in a selector", `<d xmlns:x="u"><x:n/></d>`, `<diff><remove sel="d/x:n"/></diff>`, InvalidNamespacePrefix},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := patch(t, Patcher{}, tt.doc, tt.diff)
			if err != nil {
				got = err.Name
			}
			if got != tt.want {
				t.Errorf("%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

func TestID(t *testing.T) {
	const doc = `<d><e id="a"><f/></e><e id="b"/></d>`
	plain := Patcher{ID: "id"}
	tests := []struct {
		p             Patcher
		doc, op, want string
	}{
		{plain, doc, `<remove sel="id('a')/f"/>`, `<d><e id="a"></e><e id="b"></e></d>`},
		{plain, doc, `<remove sel='id("a")'/>`, `<d><e id="b"></e></d>`},
		{plain, doc, `<remove sel='id("a")/@id'/>`, `<d><e><f></f></e><e id="b"></e></d>`},
		{plain, doc, `<remove sel="id('none')"/>`, UnlocatedNode},
		{Patcher{}, doc, `<remove sel="id('a')"/>`, UnsupportedIDFunction},
		{Patcher{}, `<d><e xml:id="a"/></d>`, `<remove sel="id('a')"/>`, `<d></d>`},
	}
	for _, tt := range tests {
		got, err := patch(t, tt.p, tt.doc, "<diff>"+tt.op+"</diff>")
		if err != nil {
			got = err.Name
		}
		if got != tt.want {
			t.Errorf("%s: %s, want %s", tt.op, got, tt.want)
		}
	}
}

// TestAtomic: the second operation sees what the first did; if the last fails,
// none is done.
func TestAtomic(t *testing.T) {
	if got, err := patch(t, Patcher{}, `<d/>`, `<diff><add sel="d"><a/></add><add sel="d/a"><b/></add></diff>`); err != nil || got != `<d><a><b></b></a></d>` {
		t.Errorf("%s %v", got, err)
	}
	_, err := patch(t, Patcher{}, `<d><a/></d>`, `<diff><remove sel="d/a"/><add sel="d"><c/></add><remove sel="d/a"/></diff>`)
	if err == nil || err.Name != UnlocatedNode || !strings.Contains(string(err.echo()), `sel="d/a"`) {
		t.Errorf("%v", err)
	}
}

func TestParse(t *testing.T) {
	for body, want := range map[string]string{
		`<d>`:                 InvalidDiffFormat,
		``:                    InvalidDiffFormat,
		`<d/><d/>`:            InvalidDiffFormat,
		`<?>`:                 InvalidDiffFormat,
		`<d><?`:               InvalidDiffFormat,
		`<d/>text`:            InvalidDiffFormat,
		`<!DOCTYPE d><d/>`:    InvalidEntityDeclaration,
		`<d>&undeclared;</d>`: InvalidDiffFormat,
		`<?xml version="1.0" encoding="latin1"?><d/>`:          InvalidCharacterSet,
		"\uFEFF<?xml version='1.0' encoding='utf-8'?><d/>\r\n": "",
	} {
		_, err := Parse(body, 100)
		var failed *Error
		if errors.As(err, &failed) && failed.Name != want || (err == nil) != (want == "") {
			t.Errorf("%q: %v, want %q", body, err, want)
		}
	}
}

// TestHostile bounds what operations may ask for: each of these must fail, or be
// done, after little work.
func TestHostile(t *testing.T) {
	wide := "<d>" + strings.Repeat("<a>xy</a>", 7000) + "</d>"
	nested := strings.Repeat("<e>", 62) + strings.Repeat("</e>", 62)
	chain := `<add sel="d">` + nested + `</add><add sel="d` + strings.Repeat("/e", 62) + `"><e/></add><add sel="d` + strings.Repeat("/e", 63) + `"><e/></add>`
	long := strings.Repeat("u", 30000)
	tests := []struct{ name, doc, ops, want string }{
		{"predicates", wide, strings.Repeat(`<remove sel="d/a`+strings.Repeat(`[.='xy']`, 60)+`[2]"/>`, 16), UnlocatedNode},
		{"children", wide, strings.Repeat(`<remove sel="d`+strings.Repeat(`[a='xz']`, 60)+`"/>`, 16), UnlocatedNode},
		{"long selector", "<d/>", `<remove sel="d` + strings.Repeat("/a", 30000) + `"/>`, InvalidAttributeValue},
		{"many steps", "<d/>", `<remove sel="d` + strings.Repeat("/a", 64) + `"/>`, InvalidAttributeValue},
		{"many conditions", "<d/>", `<remove sel="d` + strings.Repeat("[1]", 65) + `"/>`, InvalidAttributeValue},
		{"deeper and deeper", "<d/>", chain, InvalidPatchDirective},
		{"repeated namespace", "<d/>", strings.Repeat(`<add sel="d"><x:a/></add>`, 100), InvalidNamespaceURI},
		{"many operations", "<d><a/></d>", strings.Repeat(`<add sel="d"/>`, DefaultMaxOperations+1), InvalidPatchDirective},
		{"many operations on much", wide, strings.Repeat(`<remove sel="*/*[1]"/>`, 100), UnlocatedNode},
		{"many attributes", "<d " + strings.Repeat("x", 4000) + `="` + long + `"/>`, `<remove sel="*/@a"/>`, UnlocatedNode},
		{"tags made over and over", `<d a="` + long + `"/>`, strings.Repeat(`<add sel="*" type="@b">1</add><remove sel="*/@b"/>`, 50), InvalidPatchDirective},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			doc, err := Parse(tt.doc, 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			diff, err := Parse(`<diff xmlns:x="`+long+`">`+tt.ops+`</diff>`, 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			a := application{Document: doc, Patcher: Patcher{ID: "id", MaxOperations: DefaultMaxOperations, MaxWork: DefaultMaxWork}, diff: diff}
			var failed *Error
			for a.op = diff.nodes[diff.root()].first; a.op != 0 && failed == nil; a.op = diff.nodes[a.op].next {
				failed = a.operation()
			}
			if failed == nil || failed.Name != tt.want {
				t.Fatalf("%v, want %q", failed, tt.want)
			}
			// No operation goes on for long once the bound is reached.
			if a.work > 2*DefaultMaxWork || a.made.Len() > 4*len(long)+maxMade {
				t.Errorf("%d units of work, %d bytes made", a.work, a.made.Len())
			}
		})
	}
}

func TestErrorDocument(t *testing.T) {
	long := strings.Repeat("x", 10000)
	for _, diff := range []string{
		`<p:diff xmlns:p="urn:p" xmlns="urn:q"><p:add sel="d/none"><note a="1">n</note></p:add></p:diff>`,
		`<diff><remove sel="d/none"/></diff>`,
		`<diff><add sel="d/none">` + long + `</add></diff>`,
		`<p:diff xmlns:p="` + long + `"><p:add sel="d/none"/></p:diff>`,
	} {
		_, err := patch(t, Patcher{}, "<d/>", diff)
		if err == nil || err.Name != UnlocatedNode {
			t.Fatalf("%v", err)
		}
		body := err.Document()
		doc := document(t, string(body))
		condition := doc.Root().ChildElements()
		if len(body) > 3<<10 || len(condition) != 1 || condition[0].NamespaceURI() != Namespace || condition[0].Tag != UnlocatedNode || len(condition[0].ChildElements()) != 1 {
			t.Errorf("%s", body)
		}
		if op := condition[0].ChildElements()[0]; op.NamespaceURI() != err.diff.namespace(err.operation) && op.NamespaceURI() != "" {
			t.Errorf("%s", body)
		}
	}
	want := `<?xml version="1.0" encoding="UTF-8"?><patch-ops-error xmlns="` + Namespace + `"><invalid-diff-format phrase="p"/></patch-ops-error>`
	if got := string(failure(InvalidDiffFormat, "p").Document()); got != want {
		t.Errorf("%s", got)
	}
}

// FuzzApply: whatever is applied to whatever, nothing panics, the arguments stay
// as they were, and what comes out can be read again.
func FuzzApply(f *testing.F) {
	f.Add(sample, `<d xmlns:q="urn:q"><add sel="*/x[2]" pos="after"><q:n/>t</add><replace sel="*/z/text()[1]"/><remove sel="*/x[@id='1']"/></d>`)
	f.Add(`<d xmlns="u"> <a/> </d>`, `<d xmlns:q="u"><remove sel="*/q:a" ws="both"/><add sel="*" type="@q:n">v</add><add sel="*" type="namespace::q">v</add></d>`)
	f.Add(sample, `<d><remove sel="id('1')"/><replace sel="*/processing-instruction('pi')"><?a b?></replace><remove sel="*/x[.='one']/@id"/></d>`)
	f.Fuzz(func(t *testing.T, target, diff string) {
		if len(target)+len(diff) > 8<<10 {
			return
		}
		doc, err := Parse(target, 1000)
		if err != nil {
			return
		}
		ops, err := Parse(diff, 1000)
		if err != nil {
			return
		}
		before := string(ops.Append(nil))
		err = Patcher{ID: "id"}.Apply(doc, ops)
		if string(ops.Append(nil)) != before {
			t.Fatal("the diff changed")
		}
		var failed *Error
		if errors.As(err, &failed) {
			if _, err := Parse(string(failed.Document()), 1000); err != nil {
				t.Fatalf("%v in\n%s", err, failed.Document())
			}
			return
		}
		out := string(doc.Append(nil))
		again, err := Parse(out, 10000)
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if written := string(again.Append(nil)); written != out {
			t.Fatalf("%s\n%s", out, written)
		}
		same(t, doc, again, doc.root(), again.root())
	})
}

// same: elements have the names and namespaces that are read of what is written.
func same(t *testing.T, a, b *Document, i, j int32) {
	if a.qualified(i) != b.qualified(j) || a.namespace(i) != b.namespace(j) || a.nodes[i].declares != b.nodes[j].declares && !a.nodes[i].declares {
		t.Fatalf("{%s}%s, {%s}%s in %s", a.namespace(i), a.qualified(i), b.namespace(j), b.qualified(j), a.Append(nil))
	}
	elements := func(d *Document, i int32) (all []int32) {
		for c := d.nodes[i].first; c != 0; c = d.nodes[c].next {
			if d.nodes[c].kind == elementNode {
				all = append(all, c)
			}
		}
		return all
	}
	as, bs := elements(a, i), elements(b, j)
	if len(as) != len(bs) {
		t.Fatalf("%d, %d children", len(as), len(bs))
	}
	for n := range as {
		same(t, a, b, as[n], bs[n])
	}
}
