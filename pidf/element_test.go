package pidf_test

import (
	"errors"
	"fmt"
	"testing"

	"presenced/pidf"
)

// walk writes what an Element says of itself and of its descendants.
func walk(e pidf.Element, body string, depth int) (out string) {
	out = fmt.Sprintf("%*s%d %s {%s}%s", depth, "", e.Line(), e.QualifiedName(), e.Name().Namespace, e.Name().Local)
	for prefix, namespace := range e.Declarations() {
		out += fmt.Sprintf(" %s=>%s", prefix, namespace)
	}
	for a := range e.Attributes() {
		out += fmt.Sprintf(" [%s {%s}%s]", body[a.Start:a.End], a.Namespace, a.Local)
	}
	out += fmt.Sprintf(" %q|%q|%q\n", body[e.Start():e.Open()], body[e.Open():e.Close()], body[e.Close():e.End()])
	for child := range e.Children() {
		out += walk(child, body, depth+1)
	}
	return out
}

func TestElement(t *testing.T) {
	r := pidf.Reader{Root: pidf.Name{Namespace: "urn:x", Local: "a"}}
	var d pidf.Document
	if err := r.Read(&d, []byte("<!-- -->\n<a xmlns='urn:x'>\n<p:b xmlns:p='urn:y' xmlns='' p:c = '1' d='2'><e>&lt;</e></p:b><f/></a>")); err != nil {
		t.Fatal(err)
	}
	want := `2 a {urn:x}a =>urn:x "<a xmlns='urn:x'>"|"\n<p:b xmlns:p='urn:y' xmlns='' p:c = '1' d='2'><e>&lt;</e></p:b><f/>"|"</a>"
 3 p:b {urn:y}b p=>urn:y => [p:c = '1' {urn:y}c] [d='2' {}d] "<p:b xmlns:p='urn:y' xmlns='' p:c = '1' d='2'>"|"<e>&lt;</e>"|"</p:b>"
  3 e {}e "<e>"|"&lt;"|"</e>"
 3 f {urn:x}f "<f/>"|""|""
`
	if got := walk(d.Root(), d.Bytes(), 0); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	for child := range d.Root().Children() {
		if child.Text() != "<" || child.Attribute("d") != "2" || child.Attribute("c") != "" || child.Language() != "" {
			t.Errorf("%q %q %q %q", child.Text(), child.Attribute("d"), child.Attribute("c"), child.Language())
		}
		break
	}
}

func TestElementValue(t *testing.T) {
	d, err := pidf.Parse([]byte(`<presence xmlns="urn:ietf:params:xml:ns:pidf" entity='a"b' xmlns:x="urn:x" x:entity = "&lt;&#10;
'"/>`))
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for a := range d.Root().Attributes() {
		got += fmt.Sprintf("%q ", d.Root().Value(a))
	}
	if want := `"a\"b" "<\n '" `; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestReaderRoot(t *testing.T) {
	r := pidf.Reader{Root: pidf.Name{Namespace: "urn:x", Local: "a"}}
	for body, want := range map[string]string{
		`<a xmlns="urn:x"/>`: "",
		`<a/>`:               "root is not a in the namespace urn:x",
		`<b xmlns="urn:x"/>`: "root is not a in the namespace urn:x",
		string(pidf.Offline("sip:a@example.com")): "root is not a in the namespace urn:x",
	} {
		var d pidf.Document
		var syntax *pidf.SyntaxError
		if err := r.Read(&d, []byte(body)); errors.As(err, &syntax) && syntax.Reason != want || (err == nil) != (want == "") || errors.Is(err, pidf.ErrRoot) != (want != "") {
			t.Errorf("%s: %v, want %q", body, err, want)
		}
	}
}

func TestElementContent(t *testing.T) {
	for body, want := range map[string]string{
		`<a/>`:                        "empty",
		`<a></a>`:                     "empty",
		`<a><!-- x --><!-- y --></a>`: "empty",
		`<a> </a>`:                    "",
		"<a>\n<!-- x -->\t<b/> </a>":  "",
		`<a><b>text</b></a>`:          "",
		`<a>text</a>`:                 "text",
		`<a><b/>text</a>`:             "text",
		`<a><b/>&#32;</a>`:            "text",
		`<a><![CDATA[ ]]></a>`:        "text",
		`<a><![CDATA[]]><b/></a>`:     "text",
	} {
		var d pidf.Document
		if err := (&pidf.Reader{Root: pidf.Name{Namespace: "urn:x", Local: "a"}}).Read(&d, []byte("<a xmlns='urn:x'"+body[2:])); err != nil {
			t.Errorf("%s: %v", body, err)
			continue
		}
		got := ""
		if d.Root().IsEmpty() {
			got = "empty"
		}
		if d.Root().HasText() {
			got += "text"
		}
		if got != want {
			t.Errorf("%s: %q, want %q", body, got, want)
		}
	}
}

func TestElementLookup(t *testing.T) {
	var d pidf.Document
	if err := (&pidf.Reader{Root: pidf.Name{Namespace: "urn:x", Local: "a"}}).Read(&d, []byte("<a xmlns='urn:x' xmlns:p='urn:y' p:b='1' c='' d='&lt;'/>")); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"b": "false ", "c": "true ", "d": "true <", "xmlns": "false "} {
		value, found := d.Root().Lookup(name)
		if got := fmt.Sprint(found, " ", value); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestMentionsPrefix(t *testing.T) {
	for content, want := range map[string]bool{
		"<p:a/>": true, "</p:a>": true, "xsi:type='p:T'": true, "p:a": true, "<q:a/>": false, "<xp:a/>": false, "<x.p:a/>": false,
		"<xp:a/><p:b/>": true, "\u00e9p:a": false, "<a p='1'/>": false,
	} {
		if got := pidf.MentionsPrefix([]byte(content), "p"); got != want {
			t.Errorf("%s: %v, want %v", content, got, want)
		}
	}
}
