package pidf

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

const ns = `xmlns="urn:ietf:params:xml:ns:pidf"`

// doc puts children into a presence element on line 1.
func doc(children string) string {
	return `<presence ` + ns + ` entity="sip:a@example.com">` + children + `</presence>`
}

func TestParseRefuses(t *testing.T) {
	tests := []struct {
		name, body, element, reason string
		line                        int
	}{
		{"nothing", "", "", "no root element", 1},
		{"only a declaration", `<?xml version="1.0"?>` + "\n", "", "no root element", 2},
		{"doctype", "<!DOCTYPE presence>\n" + doc(""), "", "DOCTYPE or other declaration", 1},
		{"entity bomb", "\n<!DOCTYPE p [<!ENTITY a \"aa\"><!ENTITY b \"&a;&a;\">]>" + doc("<note>&b;</note>"), "", "DOCTYPE or other declaration", 2},
		{"processing instruction", doc("\n<?php x?>"), "presence", "processing instruction", 2},
		{"processing instruction before the root", `<?xml-stylesheet href="x"?>` + doc(""), "", "processing instruction", 1},
		{"processing instruction after the root", doc("") + "\n<?x?>", "", "processing instruction", 2},
		{"declaration not at the start", "\n" + `<?xml version="1.0"?>` + doc(""), "", "processing instruction", 2},
		{"declaration without version", `<?xml encoding="UTF-8"?>` + doc(""), "", "malformed XML declaration", 1},
		{"empty declaration", `<?xml ?>` + doc(""), "", "XML declaration without a version", 1},
		{"declaration unfinished", `<?xml version="1.0`, "", "malformed XML declaration", 1},
		{"version 1.1", `<?xml version="1.1"?>` + doc(""), "", "XML version is not 1.0", 1},
		{"encoding", `<?xml version="1.0" encoding="ISO-8859-1"?>` + doc(""), "", "encoding is not UTF-8 or US-ASCII", 1},
		{"UTF-16", "\xff\xfe<\x00", "", "text outside the root element", 1},
		{"two roots", doc("") + "\n" + doc(""), "", "a second root element", 2},
		{"text before the root", "x" + doc(""), "", "text outside the root element", 1},
		{"text after the root", doc("") + "\n\nx", "", "text outside the root element", 3},
		{"reference after the root", doc("") + "&amp;", "", "text outside the root element", 1},
		{"CDATA outside", doc("") + "<![CDATA[ ]]>", "", "text outside the root element", 1},
		{"NUL behind the root", doc("") + "\x00", "", "text outside the root element", 1},
		{"bad UTF-8 in text", doc("\n<note>\xc3\x28</note>"), "note", "not UTF-8", 2},
		{"overlong UTF-8", doc("<note>\xc0\xbc</note>"), "note", "not UTF-8", 1},
		{"surrogate", doc("<note>\xed\xa0\x80</note>"), "note", "not UTF-8", 1},
		{"bad UTF-8 in a value", doc("<note x=\"\xff\"/>"), "note", "not UTF-8", 1},
		{"bad UTF-8 in a comment", doc("<!--\xff-->"), "presence", "not UTF-8", 1},
		{"bad UTF-8 in CDATA", doc("<![CDATA[\xff]]>"), "presence", "not UTF-8", 1},
		{"control character", doc("<note>\x01</note>"), "note", "character that XML does not allow", 1},
		{"U+FFFE", doc("<note>\uFFFE</note>"), "note", "character that XML does not allow", 1},
		{"control character in a comment", doc("<!--\x00-->"), "presence", "character that XML does not allow", 1},
		{"unbound prefix", doc("\n<x:y/>"), "x:y", "unbound prefix", 2},
		{"unbound prefix of an attribute", doc("<note x:y=''/>"), "note", "unbound prefix", 1},
		{"prefix out of scope", doc("<a xmlns:x='urn:x'/><x:b/>"), "x:b", "unbound prefix", 1},
		{"prefix xmlns on an element", doc("<xmlns:b/>"), "xmlns:b", "unbound prefix", 1},
		{"prefix bound to nothing", doc("<a xmlns:x=''/>"), "a", "prefix bound to nothing", 1},
		{"xml bound anew", doc("<a xmlns:xml='urn:x'/>"), "a", "reserved namespace or prefix", 1},
		{"xml namespace with another prefix", doc("<a xmlns:y='http://www.w3.org/XML/1998/namespace'/>"), "a", "reserved namespace or prefix", 1},
		{"xmlns bound", doc("<a xmlns:xmlns='urn:x'/>"), "a", "reserved namespace or prefix", 1},
		{"duplicate attribute", doc("\n\n<tuple id='a' id='b'/>"), "tuple", "duplicate attribute", 3},
		{"duplicate by expanded name", doc("<a xmlns:x='urn:1' xmlns:y='urn:1' x:b='' y:b=''/>"), "a", "duplicate attribute", 1},
		{"duplicate by a reference in the name", doc("<a xmlns:x='urn:1' xmlns:y='urn:&#49;' x:b='' y:b=''/>"), "a", "duplicate attribute", 1},
		{"duplicate declaration", doc("<a xmlns:x='urn:1' xmlns:x='urn:1'/>"), "a", "duplicate attribute", 1},
		{"duplicate default namespace", doc("<a xmlns='urn:1' xmlns='urn:2'/>"), "a", "duplicate attribute", 1},
		{"undefined entity", doc("<note>&nbsp;</note>"), "note", "undefined entity or bad character reference", 1},
		{"undefined entity in a value", doc("<note x='&x;'/>"), "note", "undefined entity or bad character reference", 1},
		{"bare ampersand", doc("<note>a & b</note>"), "note", "undefined entity or bad character reference", 1},
		{"reference to NUL", doc("<note>&#0;</note>"), "note", "undefined entity or bad character reference", 1},
		{"reference beyond Unicode", doc("<note>&#x110000;</note>"), "note", "undefined entity or bad character reference", 1},
		{"reference without digits", doc("<note>&#x;</note>"), "note", "undefined entity or bad character reference", 1},
		{"]]> in text", doc("<note>]]></note>"), "note", "]]> in text", 1},
		{"mismatched tags", doc("\n<tuple>\n</note>"), "tuple", "end tag does not match", 3},
		{"end tag of a longer name", doc("<tuple></tuples>"), "tuple", "end tag does not match", 1},
		{"other prefix in the end tag", `<p:presence xmlns:p="urn:ietf:params:xml:ns:pidf"></presence>`, "p:presence", "end tag does not match", 1},
		{"end tag alone", "</presence>", "", "end tag without a start tag", 1},
		{"end tag twice", doc("") + "</presence>", "", "end tag without a start tag", 1},
		{"not closed", "<presence " + ns + ">\n\n<tuple>", "tuple", "not closed", 3},
		{"unfinished tag", "<presence " + ns, "presence", "unfinished tag", 1},
		{"lone <", doc("") + "<", "", "unfinished tag", 1},
		{"unfinished attribute", "<presence xmlns='", "presence", "unfinished attribute", 1},
		{"attribute without value", doc("<tuple id/>"), "tuple", "attribute without a quoted value", 1},
		{"attribute without quotes", doc("<tuple id=a/>"), "tuple", "attribute without a quoted value", 1},
		{"attributes without space", doc("<tuple id='a'x='b'/>"), "tuple", "malformed tag", 1},
		{"< in an attribute", doc("<tuple id='<'/>"), "tuple", "< in an attribute", 1},
		{"space before the name", doc("< tuple/>"), "presence", "not a name", 1},
		{"name with a leading digit", doc("<1/>"), "presence", "not a name", 1},
		{"empty prefix", doc("<:a/>"), "presence", "not a name", 1},
		{"empty local name", doc("<a:/>"), "presence", "not a name", 1},
		{"two colons", doc("<a:b:c/>"), "presence", "two colons in a name", 1},
		{"long name", doc("<" + strings.Repeat("a", 2000) + "/>"), "presence", "name too long", 1},
		{"-- in a comment", doc("<!-- a -- b -->"), "presence", "-- in a comment", 1},
		{"comment ending in --->", doc("<!-- a --->"), "presence", "-- in a comment", 1},
		{"unfinished comment", doc("<!-- "), "presence", "unfinished comment", 1},
		{"unfinished CDATA", doc("<![CDATA[ "), "presence", "unfinished CDATA section", 1},
		{"conditional section", doc("<![INCLUDE[]]>"), "presence", "DOCTYPE or other declaration", 1},
		{"another root", `<tuple ` + ns + `/>`, "tuple", "root is not presence in the namespace urn:ietf:params:xml:ns:pidf", 1},
		{"no namespace", `<presence/>`, "presence", "root is not presence in the namespace urn:ietf:params:xml:ns:pidf", 1},
		{"another namespace", `<presence xmlns="urn:ietf:params:xml:ns:cpim-pidf:"/>`, "presence", "root is not presence in the namespace urn:ietf:params:xml:ns:pidf", 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { refused(t, []byte(tt.body), tt.line, tt.element, tt.reason) })
	}
}

func refused(t *testing.T, body []byte, line int, element, reason string) {
	t.Helper()
	d, err := Parse(body)
	var syntax *SyntaxError
	if !errors.As(err, &syntax) || d != nil {
		t.Fatalf("accepted, or not a SyntaxError: %v", err)
	}
	if syntax.Line != line || syntax.Element != element || syntax.Reason != reason {
		t.Errorf("got line %d, element %q: %s\nwant line %d, element %q: %s",
			syntax.Line, syntax.Element, syntax.Reason, line, element, reason)
	}
}

func TestHostileManyElements(t *testing.T) {
	refused(t, []byte(doc(strings.Repeat("<a/>", 62<<10/4))), 1, "presence", "too many elements")
}

func TestHostileDepth(t *testing.T) {
	refused(t, []byte(doc(strings.Repeat("<a>", 20000))), 1, "a", "elements nested too deep")
}

func TestHostileSize(t *testing.T) {
	_, err := Parse([]byte(doc(strings.Repeat(" ", DefaultMaxSize))))
	if !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v, want ErrTooLarge", err)
	}
}

func TestHostileManyAttributes(t *testing.T) {
	var b strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&b, " a%d=''", i)
	}
	refused(t, []byte(doc("<x"+b.String()+"/>")), 1, "x", "too many attributes")
}

func TestHostileManyNamespaces(t *testing.T) {
	var b strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&b, "<x xmlns='urn:%d'/>", i)
	}
	refused(t, []byte(doc(b.String())), 1, "x", "too many namespaces")
	b.Reset()
	for i := range 20 {
		fmt.Fprintf(&b, "<x xmlns:a%d='urn:x' xmlns:b%d='urn:x' xmlns:c%d='urn:x' xmlns:d%d='urn:x'>", i, i, i, i)
	}
	refused(t, []byte(doc(b.String())), 1, "x", "too many namespaces")
}

func TestHostileLongNameInError(t *testing.T) {
	_, err := Parse([]byte(doc("<" + strings.Repeat("é", 500) + ":a/>")))
	if err == nil || len(err.Error()) > 200 {
		t.Errorf("the error is missing or repeats too much: %v", err)
	}
}

func TestReaderLimits(t *testing.T) {
	body := []byte(doc("<a xmlns='urn:x' b='' c=''><b/></a>"))
	tests := []struct {
		name   string
		reader Reader
		ok     bool
	}{
		{"defaults", Reader{}, true},
		{"size", Reader{MaxSize: len(body) - 1}, false},
		{"exact size", Reader{MaxSize: len(body)}, true},
		{"depth", Reader{MaxDepth: 2}, false},
		{"exact depth", Reader{MaxDepth: 3}, true},
		{"elements", Reader{MaxElements: 2}, false},
		{"exact elements", Reader{MaxElements: 3}, true},
		{"attributes", Reader{MaxAttributes: 2}, false},
		{"exact attributes", Reader{MaxAttributes: 3}, true},
		{"namespaces", Reader{MaxNamespaces: 1}, false},
		{"exact namespaces", Reader{MaxNamespaces: 2}, true},
	}
	for _, tt := range tests {
		if err := tt.reader.Read(new(Document), body); (err == nil) != tt.ok {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func TestParseAccepts(t *testing.T) {
	tests := []struct{ name, body, note string }{
		{"no declaration", doc("<note>x</note>"), "x"},
		{"declaration", `<?xml version="1.0" encoding='utf-8' standalone="no" ?>` + doc("<note>x</note>"), "x"},
		{"US-ASCII", `<?xml version = "1.0" encoding="us-ascii"?>` + doc("<note>x</note>"), "x"},
		{"byte order mark", "\uFEFF" + `<?xml version="1.0"?>` + doc("<note>x</note>"), "x"},
		{"CRLF behind the root", doc("<note>x</note>") + "\r\n\r\n", "x"},
		{"space before the root", "\r\n " + doc("<note>x</note>"), "x"},
		{"comments", "<!-- a -->" + doc("<!-- <b> & \"-><note>x</note> -->") + "<!---->", ""},
		{"comment in text", doc("<note>x<!-- c ' -->y</note>"), "xy"},
		{"CDATA", doc("<note>a<![CDATA[<b>&amp;]]]]><![CDATA[>]]></note>"), "a<b>&amp;]]>"},
		{"references", doc("<note>&lt;&gt;&amp;&apos;&quot;&#65;&#x1F600;</note>"), "<>&'\"A😀"},
		{"line ends", doc("<note>a\r\nb\rc&#13;</note>"), "a\nb\nc\r"},
		{"brackets", doc("<note>]] > ]</note>"), "]] > ]"},
		{"elements in a note", doc("<note>a<b x='>'>b</b></note>"), "ab"},
		{"space in end tags", doc("<note>x</note \n>"), "x"},
		{"prefix", `<p:presence xmlns:p="urn:ietf:params:xml:ns:pidf"><p:note>x</p:note></p:presence>`, "x"},
		{"default namespace taken back", doc("<a xmlns=''/><note>x</note>"), "x"},
		{"names beyond ASCII", doc("<é·/><note>x</note>"), "x"},
		{"same local name in two namespaces", doc("<a xmlns:x='urn:1' xmlns:y='urn:2' b='' x:b='' y:b=''/><note>x</note>"), "x"},
		{"xml prefix", doc("<note xml:lang='en' xml:id='n'>x</note>"), "x"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, err := Parse([]byte(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			if notes := d.Presence().Notes; len(notes) > 0 {
				got = notes[0].Text
			}
			if got != tt.note {
				t.Errorf("note %q, want %q", got, tt.note)
			}
		})
	}
}

func TestReadReusesDocument(t *testing.T) {
	var r Reader
	d := new(Document)
	for i, body := range []string{doc("<note xmlns:x='urn:1'>1</note>"), "<bad", doc("<x:a xmlns:x='urn:2'/><note>2</note>")} {
		err := r.Read(d, []byte(body))
		if i == 1 {
			if err == nil || d.Bytes() != "" || d.Entity() != "" {
				t.Errorf("a document is left behind an error")
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if d.Bytes() != body || d.Entity() != "sip:a@example.com" {
			t.Errorf("read %q", d.Bytes())
		}
	}
	var parts []string
	for p := range d.Parts() {
		parts = append(parts, fmt.Sprintf("%s {%s}%s %s", p.Kind, p.Namespace, p.Name, d.Bytes()[p.Start:p.End]))
	}
	want := "other {urn:2}a <x:a xmlns:x='urn:2'/>|note {urn:ietf:params:xml:ns:pidf}note <note>2</note>"
	if got := strings.Join(parts, "|"); got != want {
		t.Errorf("parts\n%s\nwant\n%s", got, want)
	}
	for range (&Document{}).Parts() {
		t.Error("an empty document has parts")
	}
}
