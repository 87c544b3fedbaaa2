package pidf

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/beevik/etree"
)

// stricter are the reasons for which this reader refuses what etree, over
// encoding/xml, accepts although it is not well-formed, not safe or no PIDF.
var stricter = map[string]bool{
	"DOCTYPE or other declaration":                       true,
	"processing instruction":                             true,
	"malformed XML declaration":                          true,
	"XML declaration without a version":                  true,
	"XML version is not 1.0":                             true,
	"encoding is not UTF-8 or US-ASCII":                  true,
	"unbound prefix":                                     true,
	"duplicate attribute":                                true,
	"reserved namespace or prefix":                       true,
	"prefix bound to nothing":                            true,
	"too many namespaces":                                true,
	"too many elements":                                  true,
	"too many attributes":                                true,
	"elements nested too deep":                           true,
	"name too long":                                      true,
	"not a name":                                         true, // encoding/xml allows ":a" and "a:", and a name may have moved on since XML 1.0's fourth edition
	"two colons in a name":                               true,
	"malformed tag":                                      true, // encoding/xml needs no white space between attributes
	"end tag does not match":                             true, // encoding/xml compares expanded names
	"text outside the root element":                      true,
	"a second root element":                              true,
	"no root element":                                    true,
	"-- in a comment":                                    true,
	"character that XML does not allow":                  true, // encoding/xml does not look into comments
	"not UTF-8":                                          true, // nor here
	"< in an attribute":                                  true,
	"undefined entity or bad character reference":        true, // encoding/xml reads a reference to U+0000 or to a surrogate as U+FFFD
	"root is not presence in the namespace " + Namespace: true,
}

func seeds(f *testing.F) {
	f.Add([]byte(doc(publication("a", "open", "sip:a@h", "urn:x:1") + "<note xml:lang='en'>n &amp; <![CDATA[<]]></note>")))
	f.Add([]byte(`<p:presence xmlns:p="urn:ietf:params:xml:ns:pidf" xmlns="urn:x" xmlns:dm="urn:y"><p:tuple id="1"><a dm:b="c"/><p:status><dm:z/></p:status></p:tuple><x><y xmlns=""/></x></p:presence>` + "\r\n"))
	f.Add([]byte(`<?xml version="1.0" encoding="UTF-8"?><!-- c --><presence xmlns="urn:ietf:params:xml:ns:pidf"><person xmlns="urn:ietf:params:xml:ns:pidf:data-model" id=""><r:activities xmlns:r="urn:ietf:params:xml:ns:pidf:rpid" id="1"/><note/></person></presence>`))
	data := os.Getenv("PRESENCED_RFC_DATA")
	if data == "" {
		return
	}
	files, err := filepath.Glob(filepath.Join(data, "rfc-examples", "xml", "*-presence-*.xml"))
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body)
	}
	for _, body := range captured(f, data) {
		f.Add([]byte(body))
	}
}

// captured is what real clients published.
func captured(t testing.TB, data string) (documents []string) {
	files, err := filepath.Glob(filepath.Join(data, "captures", "*.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range strings.SplitAfter(string(text), "</presence>") {
			if start := strings.LastIndex(part, "<?xml"); start >= 0 && strings.HasSuffix(part, "</presence>") {
				documents = append(documents, part[start:])
			}
		}
	}
	return documents
}

// FuzzParse compares the reader with etree. What we accept, etree must accept
// with the same root; what we refuse and etree accepts, we must have refused
// for a reason in the list. etree's ValidateInput is of no use: it refuses
// white space behind the root, which real clients send.
func FuzzParse(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		if len(body) > 8<<10 {
			return
		}
		d, err := Parse(body)
		oracle := etree.NewDocument()
		oracle.ReadSettings = etree.ReadSettings{PreserveDuplicateAttrs: true, MaxDepth: 2 * DefaultMaxDepth}
		oracleErr := oracle.ReadFromBytes(bytes.TrimPrefix(body, []byte("\uFEFF")))
		if err != nil {
			var syntax *SyntaxError
			if !errors.As(err, &syntax) || syntax.Line < 1 || d != nil {
				t.Fatalf("not a proper error: %v", err)
			}
			if oracleErr == nil && oracle.Root() != nil && !stricter[syntax.Reason] {
				t.Fatalf("etree accepts what we refuse: %v", err)
			}
			return
		}
		if oracleErr != nil {
			if beyondFourthEdition(body) {
				return
			}
			t.Fatalf("etree refuses what we accept: %v", oracleErr)
		}
		sameElements(t, d, oracle.Root())
	})
}

// beyondFourthEdition allows for encoding/xml's tables of name characters,
// which are those before XML 1.0's fifth edition.
func beyondFourthEdition(body []byte) bool {
	for _, b := range body {
		if b >= utf8.RuneSelf {
			return true
		}
	}
	return false
}

func sameElements(t *testing.T, d *Document, root *etree.Element) {
	i := int32(0)
	var walk func(*etree.Element)
	walk = func(want *etree.Element) {
		if int(i) >= len(d.elements) {
			t.Fatalf("etree has more elements than %d", len(d.elements))
		}
		e := &d.elements[i]
		if d.localName(i) != want.Tag || d.namespace(e.namespace) != want.NamespaceURI() && !strings.ContainsAny(want.NamespaceURI(), "\t\r\n") && want.Space != "xml" {
			t.Fatalf("{%s}%s, etree has {%s}%s", d.namespace(e.namespace), d.localName(i), want.NamespaceURI(), want.Tag)
		}
		i++
		for _, child := range want.ChildElements() {
			walk(child)
		}
	}
	walk(root)
	if int(i) != len(d.elements) {
		t.Fatalf("%d elements, etree has %d", len(d.elements), i)
	}
}

// FuzzCompose: what is composed from anything can be read again, is composed
// into itself, and has every element in its place.
func FuzzCompose(f *testing.F) {
	seeds(f)
	generous := &Reader{MaxSize: 1 << 24, MaxElements: 1 << 20, MaxDepth: 100, MaxAttributes: 300, MaxNamespaces: 300}
	elder, err := Parse([]byte(doc(publication("a", "closed", "sip:a@h", "") + `<x:y xmlns:x="urn:elder"/><note>elder</note>`)))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		d, err := Parse(body)
		if err != nil || len(body) > 8<<10 {
			return
		}
		for _, sources := range [][]Source{{{Doc: d}}, {{Doc: elder, Device: "1"}, {Doc: d, Device: "2"}, {Doc: d, Device: "3"}}} {
			document := Compose(nil, alice, sources)
			composed := new(Document)
			if err := generous.Read(composed, document); err != nil {
				t.Fatalf("%v\n%s", err, document)
			}
			if again := Compose(nil, alice, []Source{{Doc: composed}}); !bytes.Equal(again, document) {
				t.Fatalf("not stable:\n%s\n%s", document, again)
			}
			inOrder(t, composed)
		}
		sameMeaning(t, generous, d)
	})
}

// sameMeaning: what is written of a model is read as the same, if all of it is
// valid, and written again as the same bytes.
func sameMeaning(t *testing.T, r *Reader, published *Document) {
	p := published.Presence()
	document := p.Append(nil)
	d := new(Document)
	if err := r.Read(d, document); err != nil {
		t.Fatalf("%v\n%s", err, document)
	}
	if again := d.Presence(); allConforms(published) && !again.Equal(p) || !bytes.Equal(again.Append(nil), document) {
		t.Fatalf("another meaning:\n%s\n%s", document, again.Append(nil))
	}
	inOrder(t, d)
}

// allConforms tells whether no element and no attribute breaks a schema.
func allConforms(d *Document) bool {
	for i := range d.elements {
		if i > 0 && d.judge(int32(i)) == invalid || !d.conformsAttributes(int32(i)) {
			return false
		}
	}
	return true
}

// inOrder checks the order of RFC 3863 s.4.1.1 and 4.1.2, and that ids are unique.
func inOrder(t *testing.T, d *Document) {
	rank := map[Kind]int{KindTuple: 0, KindNote: 1, KindPerson: 2, KindDevice: 2, KindOther: 2}
	last, ids := 0, make(map[string]bool)
	for p := range d.Parts() {
		if rank[p.Kind] < last {
			t.Fatalf("%s out of order in\n%s", p.Name, d.Bytes())
		}
		last = rank[p.Kind]
		if p.Namespace == "" || p.Kind == KindOther && p.Namespace == Namespace {
			t.Fatalf("{%s}%s in\n%s", p.Namespace, p.Name, d.Bytes())
		}
		if p.Kind == KindTuple || p.Kind == KindPerson || p.Kind == KindDevice {
			if p.ID == "" || Identifier(p.ID) != p.ID || ids[p.ID] {
				t.Fatalf("id %q in\n%s", p.ID, d.Bytes())
			}
			ids[p.ID] = true
		}
	}
}
