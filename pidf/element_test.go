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
