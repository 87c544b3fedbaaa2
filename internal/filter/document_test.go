package filter

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"presenced/pidf"
)

const bob = "sip:bob@example.com"

// bindings are those of most tests.
const bindings = `<ns-bindings><ns-binding prefix="p" urn="urn:ietf:params:xml:ns:pidf"/>` +
	`<ns-binding prefix="dm" urn="urn:ietf:params:xml:ns:pidf:data-model"/>` +
	`<ns-binding prefix="r" urn="urn:ietf:params:xml:ns:pidf:rpid"/>` +
	`<ns-binding prefix="wi" urn="urn:ietf:params:xml:ns:watcherinfo"/>` +
	`<ns-binding prefix="x" urn="urn:x"/></ns-bindings>`

// filterSet is a filter-set with the usual bindings.
func filterSet(filters string) string {
	return `<filter-set xmlns="` + Namespace + `">` + "\n" + bindings + "\n" + filters + "</filter-set>"
}

func parse(t *testing.T, body string) *Set {
	t.Helper()
	s, err := Parse([]byte(body), Subscription{Resource: bob})
	if err != nil {
		t.Fatalf("%v\n%s", err, body)
	}
	return s
}

// filterOf compiles the contents of a filter element.
func filterOf(t testing.TB, contents string) *Filter {
	t.Helper()
	s, err := Parse([]byte(filterSet(`<filter id="1">`+contents+`</filter>`)), Subscription{Resource: bob})
	if err == nil {
		s, err = Merge(nil, s)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s.For(bob)
}

func data(t testing.TB, elem ...string) string {
	t.Helper()
	folder := os.Getenv("PRESENCED_RFC_DATA")
	if folder == "" {
		t.Skip("PRESENCED_RFC_DATA is not set")
	}
	b, err := os.ReadFile(filepath.Join(append([]string{folder}, elem...)...))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func example(t testing.TB, name string) string { return data(t, "rfc-examples", "xml", name+".xml") }

func TestRefused(t *testing.T) {
	expression := func(text string) string {
		return filterSet(`<filter id="1"><what><include>` + text + `</include></what></filter>`)
	}
	trigger := func(criteria string) string {
		return filterSet(`<filter id="1"><trigger>` + criteria + `</trigger></filter>`)
	}
	const ok = `<what><include>//p:note</include></what>`
	for _, test := range []struct {
		body   string
		status int
		line   int
		reason string
	}{
		{``, 400, 1, "no root element"},
		{`<!DOCTYPE a><a/>`, 400, 1, "DOCTYPE or other declaration"},
		{`<filter-set xmlns="` + Namespace + `"><x:filter/></filter-set>`, 400, 1, "x:filter: unbound prefix"},
		{`<filter-set xmlns="` + Namespace + `"><filter id="a" id="b"/></filter-set>`, 400, 1, "filter: duplicate attribute"},
		{strings.Repeat(" ", MaxSize+1), 413, 1, "more than 16384 bytes"},
		{`<filter-set/>`, 488, 1, "filter-set: root is not filter-set in the namespace " + Namespace},
		{`<filter-set xmlns="` + Namespace + `"/>`, 488, 1, "filter-set: has no filter"},
		{`<filter-set xmlns="` + Namespace + `" package="dialog"><filter id="1"/></filter-set>`, 488, 1, `filter-set: package is "dialog", not presence`},
		{filterSet(`text`), 488, 1, "filter-set: text is not allowed"},
		{filterSet(`<filter id="1">` + ok + `</filter><ns-bindings/>`), 488, 3, "ns-bindings: is not allowed here"},
		{filterSet(`<filter>` + ok + `</filter>`), 488, 3, "filter: has no id"},
		{filterSet(`<filter id="1" from="a">` + ok + `</filter>`), 488, 3, `filter: attribute "from" is not allowed`},
		{filterSet(`<filter id="1" enabled="yes">` + ok + `</filter>`), 488, 3, `filter: enabled "yes" is neither true nor false`},
		{filterSet(`<filter id="1" remove="">` + ok + `</filter>`), 488, 3, `filter: remove "" is neither true nor false`},
		{filterSet(`<filter id="1" uri="sip:a@b" domain="b">` + ok + `</filter>`), 488, 3, "filter: has both uri and domain"},
		{filterSet(`<filter id="1" domain=" ">` + ok + `</filter>`), 488, 3, "filter: domain is empty"},
		{filterSet(`<filter id="1" uri="">` + ok + `</filter>`), 488, 3, "filter: uri is empty"},
		{filterSet("<filter id='1'>" + ok + "</filter>\n<filter id='1' domain='b'>" + ok + "</filter>"), 488, 4, `filter: id "1" stands twice`},
		{filterSet("<filter id='1'>" + ok + "</filter>\n<filter id='2' uri='" + bob + "'>" + ok + "</filter>"), 488, 4, `filter: "1" and "2" are for the same resource or domain`},
		{filterSet("<filter id='1' domain='b'>" + ok + "</filter>\n<filter id='2' domain='B.'>" + ok + "</filter>"), 488, 4, `filter: "1" and "2" are for the same resource or domain`},
		{filterSet(`<filter id="1"/>`), 488, 3, "filter: enabled for the first time without what or trigger"},
		{filterSet(`<filter id="1"><trigger/>` + ok + `</filter>`), 488, 3, "what: is not allowed here"},
		{filterSet(`<filter id="1">` + ok + ok + `</filter>`), 488, 3, "what: is not allowed here"},
		{filterSet(`<filter id="1"><changed/></filter>`), 488, 3, "changed: is not allowed here"},
		{filterSet(`<filter id="1"><what><exclude>//p:note</exclude><include>//p:note</include></what></filter>`), 488, 3, "include: stands too late"},
		{filterSet(`<filter id="1"><what>text</what></filter>`), 488, 3, "what: text is not allowed"},
		{filterSet(`<filter id="1"><trigger><!-- c -->text<e:x xmlns:e="urn:e"/></trigger></filter>`), 488, 3, "trigger: text is not allowed"},
		{filterSet(`<filter id="1" x:y="" xmlns:x="` + Namespace + `">` + ok + `</filter>`), 488, 3, `filter: attribute "y" is not allowed`},
		{`<filter-set xmlns="` + Namespace + `"><ns-bindings a=""/></filter-set>`, 488, 1, `ns-bindings: attribute "a" is not allowed`},
		{`<filter-set xmlns="` + Namespace + `"><ns-bindings/></filter-set>`, 488, 1, "ns-bindings: has no ns-binding"},
		{`<filter-set xmlns="` + Namespace + `"><ns-bindings><filter/></ns-bindings></filter-set>`, 488, 1, "filter: is not allowed in ns-bindings"},
		{`<filter-set xmlns="` + Namespace + `"><ns-bindings><ns-binding>a</ns-binding></ns-bindings></filter-set>`, 488, 1, "ns-binding: text is not allowed"},
		{strings.Replace(filterSet(`<filter id="1"/>`), `urn="urn:x"`, `urn="urn:x y"`, 1), 488, 2, `ns-binding: urn "urn:x y" is not a namespace`},
		{filterSet(`<filter id="1"><what><added>//p:note</added></what></filter>`), 488, 3, "added: is not allowed in what"},
		{filterSet(`<filter id="1"><what><include type="xquery">//p:note</include></what></filter>`), 488, 3, `include: type "xquery" is neither xpath nor namespace`},
		{filterSet(`<filter id="1"><what><include type="namespace"> </include></what></filter>`), 488, 3, `include: "" is not a namespace`},
		{filterSet(`<filter id="1"><what><include>//p:<b/>note</include></what></filter>`), 488, 3, "include: elements are not allowed"},
		{strings.Replace(filterSet(`<filter id="1"/>`), `prefix="dm"`, `prefix="p"`, 1), 488, 2, `ns-binding: prefix "p" is bound to two namespaces`},
		{strings.Replace(filterSet(`<filter id="1"/>`), `prefix="dm"`, `prefix="xml"`, 1), 488, 2, `ns-binding: prefix "xml" may not be bound to that`},
		{strings.Replace(filterSet(`<filter id="1"/>`), `prefix="dm"`, `prefix="1"`, 1), 488, 2, `ns-binding: prefix "1" is not a name`},
		{strings.Replace(filterSet(`<filter id="1"/>`), `urn="urn:x"`, ``, 1), 488, 2, `ns-binding: urn "" is not a namespace`},

		{expression(``), 488, 3, "include: is empty"},
		{expression(`p:note`), 488, 3, `include: / expected at "p:note"`},
		{expression(`/`), 488, 3, "include: a name expected at the end"},
		{expression(`///p:note`), 488, 3, `include: a name expected at "/p:note"`},
		{expression(`//q:note`), 488, 3, `include: prefix "q" is not bound in ns-bindings`},
		{expression(`//p:*`), 488, 3, `include: a name behind the prefix expected at "*"`},
		{expression(`//p:note[1]`), 488, 3, `include: a name expected at "1]"`},
		{expression(`//p:note[last()]`), 488, 3, `include: a name, no function, expected at "()]"`},
		{expression(`//p:note/text()`), 488, 3, `include: a name, no function, expected at "()"`},
		{expression(`//p:note/..`), 488, 3, `include: a name expected at ".."`},
		{expression(`//ancestor::p:note`), 488, 3, `include: a name behind the prefix expected at ":p:note"`},
		{expression(`//p:tuple[p:note]`), 488, 3, `include: =, < or > expected at "]"`},
		{expression(`//p:tuple[p:note!="a"]`), 488, 3, `include: =, < or > expected at "!=\"a\"]"`},
		{expression(`//p:tuple[p:note&lt;="a"]`), 488, 3, `include: a number or a quoted value expected at "=\"a\"]"`},
		{expression(`//p:tuple[p:note&lt;"a"]`), 488, 3, `include: a number or a quoted value expected at "]"`},
		{expression(`//p:tuple[p:note=a]`), 488, 3, `include: a number or a quoted value expected at "a]"`},
		{expression(`//p:tuple[p:note="a]`), 488, 3, `include: a closing quote expected at "\"a]"`},
		{expression(`//p:tuple[p:note="a" xor @id="b"]`), 488, 3, `include: and, or or ] expected at " @id=\"b\"]"`},
		{expression(`//p:tuple[p:note="a"`), 488, 3, `include: and, or or ] expected at the end`},
		{expression(`//p:tuple[p:note="a"][@id="b"]`), 488, 3, `include: / expected at "[@id=\"b\"]"`},
		{expression(`//p:tuple[(p:note="a")]`), 488, 3, `include: a name expected at "(p:note=\"a\")]"`},
		{expression(`//p:tuple[p:status//p:basic="a"]`), 488, 3, `include: a name expected at "/p:basic=\"a\"]"`},
		{expression(`//p:tuple[../@entity="a"]`), 488, 3, `include: =, < or > expected at "/@entity=\"a\"]"`},
		{expression(`//p:tuple/@id/p:note`), 488, 3, `include: the end behind an attribute expected at "/p:note"`},
		{expression(`//p:tuple/@*`), 488, 3, `include: a name expected at "*"`},
		{expression(`//p:tuple[` + strings.Repeat("*/", 16) + `*="a"]`), 488, 3, "include: has more than 16 steps"},
		{expression(`//p:tuple[@a=1234567890123456]`), 488, 3, `include: a number or a quoted value expected at "]"`},
		{expression(`//p:note | //p:tuple`), 488, 3, `include: / expected at "| //p:tuple"`},
		{expression(strings.Repeat("/*", 17)), 488, 3, "include: has more than 16 steps"},

		{trigger(`<removed>//p:note</removed><added>//p:note</added>`), 488, 3, "added: stands too late"},
		{trigger(`<include>//p:note</include>`), 488, 3, "include: is not allowed in trigger"},
		{trigger(`<changed>//p:tuple[@id="a"]</changed>`), 488, 3, "changed: may have no condition in []"},
		{trigger(`<changed by="two">//p:note</changed>`), 488, 3, `changed: by "two" is not a decimal, which by wants`},
		{trigger(`<changed by="-2">//p:note</changed>`), 488, 3, "changed: by is negative"},
		{trigger(`<changed by="2" from="open">//p:note</changed>`), 488, 3, `changed: from "open" is not a decimal, which by wants`},
		{trigger(`<added from="open">//p:note</added>`), 488, 3, `added: attribute "from" is not allowed`},

		{trigger(strings.Repeat(`<added>//p:note</added>`, 41)), 488, 0, "filter-set: more than 40 what, changed, added and removed elements"},
		{filterSet(`<filter id="1"><what>` + strings.Repeat(`<include>//p:note</include>`, 41) + `</what></filter>`), 488, 0, "filter-set: more than 40 include and exclude elements"},
		{filterSet(`<filter id="1"><what>` + strings.Repeat(`<include>`+strings.Repeat("/*", 16)+`</include>`, 17) + `</what></filter>`), 488, 0, "filter-set: more than 256 steps"},
		{expression(`//*[.="a"` + strings.Repeat(` or .="a"`, 64) + `]`), 488, 0, "filter-set: more than 64 comparisons"},
	} {
		s, err := Parse([]byte(test.body), Subscription{Resource: bob, Package: "presence"})
		if err == nil {
			_, err = Merge(nil, s)
		}
		var refused *Error
		if !errors.As(err, &refused) || !strings.HasSuffix(err.Error(), refused.Reason) || refused.Status != test.status || refused.Line != test.line || refused.Reason != test.reason {
			t.Errorf("%.200s\n%+v\nwant %d line %d %s", test.body, err, test.status, test.line, test.reason)
		}
	}
}

// What the schema allows beside (RFC 4661 s.4), and XML's other ways to write.
func TestAccepted(t *testing.T) {
	for _, body := range []string{
		"\uFEFF" + filterSet(`<filter id="1"><what/></filter>`),
		filterSet(`<filter id="1"><trigger/></filter>`),
		filterSet(`<filter id="1" enabled="0"/>`),
		filterSet(`<filter id="1" remove=" 1 "/>`),
		`<f:filter-set xmlns:f="` + Namespace + `" xmlns:e="urn:e" e:a="b" package="presence"><!-- c --><f:filter id="1" e:b="c"><f:what><f:include>//@a</f:include><e:x/></f:what>` +
			`<f:trigger><f:added>/*</f:added><e:x/></f:trigger><e:x>t</e:x></f:filter></f:filter-set>`,
		filterSet("<filter id='1'><what><include type='xpath'>\n / p:presence // * [ p:status / p:basic = 'open' or\n@id='a'and .=5 ] / @id [ . > -1.5 ]\n</include></what></filter>"),
	} {
		s, err := Parse([]byte(body), Subscription{Resource: bob, Package: "presence"})
		if err == nil {
			_, err = Merge(nil, s)
		}
		if err != nil {
			t.Errorf("%s\n%v", body, err)
		}
	}
}

func parseDocument(t testing.TB, document string) *pidf.Document {
	t.Helper()
	r := pidf.Reader{}
	if strings.Contains(document, "<watcherinfo") {
		r.Root = pidf.Name{Namespace: "urn:ietf:params:xml:ns:watcherinfo", Local: "watcherinfo"}
	}
	d := new(pidf.Document)
	if err := r.ReadString(d, document); err != nil {
		t.Fatal(err)
	}
	return d
}
