package filter

import (
	"slices"
	"strings"
	"testing"
)

// typical is what two devices of one presentity make together.
const typical = `<?xml version="1.0" encoding="UTF-8"?>
<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" xmlns:online="http://www.example.org/xsds/online.xsd" xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid" entity="sip:bob@example.com">
<tuple id="tuple1"><status><basic>open</basic><online:online/></status><dm:deviceID>urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6b01</dm:deviceID><contact priority="0.8">sip:bob@192.0.2.1:5060;transport=tcp</contact><note xml:lang="en">Working from the office today</note><timestamp>2026-11-22T05:51:11Z</timestamp></tuple>
<tuple id="tuple2"><status><basic>closed</basic><online:online/></status><dm:deviceID>urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6b02</dm:deviceID><contact priority="0.4">sip:bob@192.0.2.2:5060;transport=tcp</contact><note xml:lang="en">On the train</note><timestamp>2026-11-22T05:52:12Z</timestamp></tuple>
<note xml:lang="en">In Tokyo next week</note>
<dm:person id="p1"><rpid:activities><rpid:note>In a meeting until three</rpid:note><rpid:meeting/><rpid:busy/></rpid:activities><rpid:class>work</rpid:class><rpid:user-input idle-threshold="600" last-input="2026-11-22T05:51:11Z">idle</rpid:user-input><dm:note>Please send a message first</dm:note><dm:timestamp>2026-11-22T05:51:11Z</dm:timestamp></dm:person>
</presence>
`

// rich has every kind of element of which the schema is known, and others.
const rich = `<?xml version="1.0"?>
<p:presence xmlns:p="urn:ietf:params:xml:ns:pidf" xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" xmlns:r="urn:ietf:params:xml:ns:pidf:rpid"
 xmlns:ts="urn:ietf:params:xml:ns:pidf:timed-status" xmlns:c="urn:ietf:params:xml:ns:pidf:cipid" xmlns:x="urn:x" xmlns:caps="urn:ietf:params:xml:ns:pidf:caps" entity="sip:bob@example.com">
 <p:tuple id="a"><p:status><x:label x:k="1"> game </x:label></p:status><x:tree k="v"><x:leaf>1</x:leaf><p:note>kept</p:note><x:leaf y="2">2</x:leaf></x:tree>
  <caps:servcaps><caps:audio>true</caps:audio><caps:video>false</caps:video></caps:servcaps><r:class>IM</r:class>
  <ts:timed-status from="2026-11-22T05:00:00Z" until="2026-11-22T06:00:00Z"><ts:basic>closed</ts:basic><ts:note>soon</ts:note></ts:timed-status>
  <c:card>http://example.com/card</c:card><p:contact priority="0.5">sip:bob@example.com</p:contact><p:note xml:lang="de">Hallo</p:note><p:note>Hello &amp; <![CDATA[<all>]]></p:note></p:tuple>
 <!-- between --><p:tuple id="b"><p:status><p:basic>open</p:basic></p:status></p:tuple>
 <p:note/><dm:person id="me"><r:mood from="2026-11-22T05:00:00Z"><r:note>well</r:note><r:happy/><r:calm/></r:mood>
  <r:place-is><r:note>cafe</r:note><r:audio><r:noisy/></r:audio><r:video><r:dark/></r:video></r:place-is><r:privacy><r:audio/><r:text/></r:privacy>
  <r:place-type><r:other>boat</r:other></r:place-type><r:sphere><r:home/></r:sphere><r:time-offset description="x">540</r:time-offset></dm:person>
 <dm:device id="pc"><r:user-input idle-threshold="5">active</r:user-input><dm:deviceID>urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6b01</dm:deviceID><dm:note>PC</dm:note></dm:device>
 <x:other><x:deep><x:deeper a="1"/></x:deep></x:other>
</p:presence>`

func what(includes, excludes []string) string {
	var b strings.Builder
	for i, list := range [][]string{includes, excludes} {
		tag := [...]string{"include", "exclude"}[i]
		for _, text := range list {
			kind := ""
			if !strings.HasPrefix(text, "/") {
				kind = ` type="namespace"`
			}
			b.WriteString("<" + tag + kind + ">" + strings.ReplaceAll(strings.ReplaceAll(text, "&", "&amp;"), "<", "&lt;") + "</" + tag + ">")
		}
	}
	return "<what>" + b.String() + "</what>"
}

const tupleB = `<p:tuple id="b"><p:status><p:basic>open</p:basic></p:status></p:tuple>`

func TestApply(t *testing.T) {
	for _, test := range []struct {
		include, exclude []string
		want             string // of rich, between the root's tags; "" for nothing
	}{
		{[]string{`/p:presence/p:tuple/p:status/p:basic`}, nil, tupleB},
		{[]string{`//p:basic`}, nil, tupleB},
		{[]string{`//p:tuple[@id="b"]`}, nil, tupleB},
		{[]string{`//p:tuple[p:status/p:basic="open"]`}, nil, tupleB},
		{[]string{`//*[p:basic="open"]`}, nil, tupleB},
		{[]string{`//*[.="open"]`}, []string{`//dm:person`}, tupleB},
		{[]string{`//presence`, `/tuple`, `//@r:id`}, nil, ""}, // no prefix: no namespace
		{[]string{`//p:contact/@priority`}, nil, `<p:tuple id="a"><p:status><x:label x:k="1"> game </x:label></p:status><p:contact priority="0.5">sip:bob@example.com</p:contact></p:tuple>`},
		{[]string{`//p:contact`}, []string{`//@priority`}, `<p:tuple id="a"><p:status><x:label x:k="1"> game </x:label></p:status><p:contact>sip:bob@example.com</p:contact></p:tuple>`},
		{[]string{`//p:note[@xml:lang="de"]`}, nil, `<p:tuple id="a"><p:status><x:label x:k="1"> game </x:label></p:status><p:note xml:lang="de">Hallo</p:note></p:tuple>`},
		{[]string{`//p:note`}, []string{`//p:tuple`, `//x:other`}, `<p:note/>`},
		{[]string{`//p:note`}, []string{`//p:note`}, ""},
		{[]string{`//r:mood/r:note`}, nil, `<dm:person id="me"><r:mood><r:note>well</r:note><r:happy/></r:mood></dm:person>`},
		{[]string{`//r:mood`}, []string{`//r:mood/*`}, `<dm:person id="me"><r:mood from="2026-11-22T05:00:00Z"><r:happy/></r:mood></dm:person>`},
		{[]string{`//r:mood/r:calm`}, nil, `<dm:person id="me"><r:mood><r:calm/></r:mood></dm:person>`},
		{[]string{`//r:place-is`}, []string{`//r:noisy`, `//r:video`}, `<dm:person id="me"><r:place-is><r:note>cafe</r:note><r:audio><r:noisy/></r:audio></r:place-is></dm:person>`},
		{[]string{`//r:privacy/@id`}, nil, ""},
		{[]string{`//dm:device/dm:note`}, nil, `<dm:device id="pc"><dm:deviceID>urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6b01</dm:deviceID><dm:note>PC</dm:note></dm:device>`},
		{[]string{`//dm:device`}, []string{`//dm:deviceID`, `//@id`, `//r:user-input/@idle-threshold`}, `<dm:device id="pc"><r:user-input>active</r:user-input><dm:deviceID>urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6b01</dm:deviceID><dm:note>PC</dm:note></dm:device>`},
		{[]string{`//x:deeper/@a`}, nil, `<x:other><x:deep><x:deeper a="1"/></x:deep></x:other>`},
		{[]string{`//x:other`}, []string{`//x:deep`}, `<x:other><x:deep><x:deeper a="1"/></x:deep></x:other>`}, // its schema is not known
		{[]string{`/p:presence/@entity`}, nil, ` `},
		{[]string{`/*`}, []string{`/*/*`}, ` `},
		{[]string{`/*`}, []string{`//p:tuple`, `//dm:person`, `//dm:device`, `/p:presence`}, `<p:note/><x:other><x:deep><x:deeper a="1"/></x:deep></x:other>`},
		{nil, []string{`urn:ietf:params:xml:ns:pidf`, `urn:ietf:params:xml:ns:pidf:data-model`}, `<x:other><x:deep><x:deeper a="1"/></x:deep></x:other>`},
		{nil, []string{`/p:presence/*`}, ` `},
		{nil, []string{`//p:tuple[@id="a"]`, `//p:note`, `//x:other`, `//dm:person`, `//dm:device`}, tupleB},
		{[]string{`urn:x`}, []string{`//p:tuple`}, `<x:other><x:deep><x:deeper a="1"/></x:deep></x:other>`},
		{[]string{`urn:nothing`}, nil, ""},
		{[]string{`//r:sphere`}, []string{`//r:home`}, `<dm:person id="me"><r:sphere></r:sphere></dm:person>`},
		{[]string{`//r:time-offset[.>539 and .<541]`, `//p:tuple[r:class=" IM " or @id=5]/r:class`}, nil,
			`<p:tuple id="a"><p:status><x:label x:k="1"> game </x:label></p:status><r:class>IM</r:class></p:tuple><dm:person id="me"><r:time-offset description="x">540</r:time-offset></dm:person>`},
		{[]string{`//r:time-offset[.>540]`, `//r:time-offset[@description>0]`}, nil, ""},
		{[]string{`//@entity[..="" or .="sip:bob@example.com"]`}, nil, ` `},
		{[]string{`//p:basic[..="open"]`}, nil, tupleB},
	} {
		f := filterOf(t, what(test.include, test.exclude))
		got := string(f.Apply([]byte("before "), parseDocument(t, rich)))
		got, kept := strings.CutPrefix(got, "before ")
		want := ""
		if test.want != "" {
			const namespaces = `xmlns:p="urn:ietf:params:xml:ns:pidf" xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" xmlns:r="urn:ietf:params:xml:ns:pidf:rpid" xmlns:x="urn:x"`
			want = canonical(`<p:presence ` + namespaces + ` entity="sip:bob@example.com">` + test.want + `</p:presence>`)
		}
		if !kept || canonical(got) != want {
			t.Errorf("%q without %q:\n%s\nwant\n%s", test.include, test.exclude, got, test.want)
		}
		if oracle := contentOracle(f, rich); oracle != want {
			t.Errorf("%q without %q: the oracle says\n%s\nwant\n%s", test.include, test.exclude, oracle, want)
		}
		if got != "" {
			emit([]byte(got))
		}
	}
}

func TestApplyBytes(t *testing.T) {
	f := filterOf(t, what([]string{`//p:basic`}, nil))
	const want = `<?xml version="1.0" encoding="UTF-8"?>
<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:bob@example.com">
<tuple id="tuple1"><status><basic>open</basic></status></tuple>
<tuple id="tuple2"><status><basic>closed</basic></status></tuple>
</presence>
`
	d := parseDocument(t, typical)
	if got := emit(f.Apply(nil, d)); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	for _, all := range []string{what(nil, nil), what([]string{`/*`}, nil), what([]string{`//p:presence`}, []string{`//x:none`})} {
		if got := string(filterOf(t, all).Apply(nil, d)); got != typical {
			t.Errorf("%s:\n%s", all, got)
		}
	}
	if got := string((*Filter)(nil).Apply(nil, d)); got != typical {
		t.Error(got)
	}
}

// expressions are for documents such as rich and typical.
var expressions = []string{
	`//*`, `/*`, `/*/*`, `/p:presence//p:note`, `//p:tuple//*`, `//*[.="open"]`, `//@id`, `//@entity`, `//@xml:lang`, `//p:status/*`, `//r:note`,
	`//p:tuple[@id="a"]`, `//p:tuple[p:status/p:basic="open"]/p:contact/@priority`, `/p:presence/*`, `//r:mood/*`, `//r:place-is/r:audio/r:noisy`,
	`//x:leaf[@y=2]`, `//*[*/*="open"]`, `//p:contact[@priority>0.6]`, `//p:contact/@priority[.<0.6]`, `//dm:deviceID`, `//dm:person`, `//dm:person/r:activities/r:meeting`,
	`//r:user-input/@idle-threshold[.>10]`, `//*[@k="v"]`, `//@x:k`, `//*[.=1]`, `//*[..="open"]`, `/*//*//*//*`, `//*/@id[..="open" or .="b"]`,
	`urn:x`, `urn:ietf:params:xml:ns:pidf`, `urn:ietf:params:xml:ns:pidf:rpid`, `urn:ietf:params:xml:ns:pidf:data-model`, xmlNamespace,
}

// All pairs of an include and an exclude, on the fast path and the oracle.
func TestApplyPairs(t *testing.T) {
	for _, document := range []string{rich, typical} {
		d := parseDocument(t, document)
		for _, in := range append([]string{""}, expressions...) {
			for _, out := range append([]string{""}, expressions...) {
				f := filterOf(t, what(given(in), given(out)))
				got := string(f.Apply(nil, d))
				if want := contentOracle(f, document); canonical(got) != want {
					t.Errorf("%q without %q:\n%s\nwant\n%s", in, out, canonical(got), want)
				}
				if got != "" {
					emit([]byte(got))
				}
			}
		}
	}
}

func given(expression string) []string {
	return slices.DeleteFunc([]string{expression}, func(s string) bool { return s == "" })
}
