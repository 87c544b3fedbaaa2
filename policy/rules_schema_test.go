package policy

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// shared returns a folder of the RFC data beside the project.
func shared(t testing.TB, elem ...string) string {
	t.Helper()
	data := os.Getenv("PRESENCED_RFC_DATA")
	if data == "" {
		t.Skip("PRESENCED_RFC_DATA is not set")
	}
	return filepath.Join(append([]string{data}, elem...)...)
}

func example(t testing.TB, name string) []byte {
	t.Helper()
	doc, err := os.ReadFile(filepath.Join(shared(t, "rfc-examples", "xml"), name))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// schemaErrors says for each document why xmllint refuses it, "" where it does not.
func schemaErrors(t *testing.T, docs []string) []string {
	t.Helper()
	schema := shared(t, "schemas", "all.xsd")
	xmllint, err := exec.LookPath("xmllint")
	if err != nil {
		t.Fatal("xmllint is needed: install the Debian package libxml2-utils")
	}
	dir := t.TempDir()
	wrapper := filepath.Join(dir, "all.xsd")
	oma := filepath.Join(filepath.Dir(schema), "oma", "oma-common-policy.xsd")
	imports := fmt.Sprintf(`<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:test:all">
<xs:import namespace="%s" schemaLocation="%s"/><xs:import namespace="%s" schemaLocation="%s"/><xs:import namespace="%s" schemaLocation="%s"/>
</xs:schema>`, NamespaceCommonPolicy, filepath.Join(filepath.Dir(schema), "common-policy.xsd"),
		NamespacePresRules, filepath.Join(filepath.Dir(schema), "pres-rules.xsd"), NamespaceOMA, oma)
	if err := os.WriteFile(wrapper, []byte(imports), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"--nonet", "--noout", "--schema", wrapper}
	for i, doc := range docs {
		file := filepath.Join(dir, fmt.Sprintf("%d.xml", i))
		if err := os.WriteFile(file, []byte(doc), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, file)
	}
	out, err := exec.Command(xmllint, args...).CombinedOutput()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() == 5) {
		t.Fatalf("xmllint: %v\n%s", err, out)
	}
	reasons := make([]string, len(docs))
	for line := range strings.Lines(string(out)) {
		rest, _ := strings.CutPrefix(line, dir+string(filepath.Separator))
		var i int
		if _, err := fmt.Sscanf(rest, "%d.xml", &i); err == nil && !strings.HasSuffix(strings.TrimSpace(line), " validates") && reasons[i] == "" {
			reasons[i] = strings.TrimSpace(rest)
		}
	}
	return reasons
}

// rulesDoc puts rules into a document in which cp is the default namespace.
func rulesDoc(rules string) string {
	return `<ruleset xmlns="` + NamespaceCommonPolicy + `" xmlns:pr="` + NamespacePresRules + `" xmlns:oma="` + NamespaceOMA +
		`" xmlns:x="urn:x">` + rules + `</ruleset>`
}

func conditionsDoc(conditions string) string {
	return rulesDoc(`<rule id="a"><conditions>` + conditions + `</conditions><actions><pr:sub-handling>allow</pr:sub-handling></actions></rule>`)
}

func transformationsDoc(t string) string {
	return rulesDoc(`<rule id="a"><actions><pr:sub-handling>allow</pr:sub-handling></actions><transformations>` + t + `</transformations></rule>`)
}

// samples are documents of every kind, valid and not.
func samples(t testing.TB) []string {
	docs := []string{
		rulesDoc(``),
		rulesDoc(`<rule id="a"/>`),
		rulesDoc(`<rule/>`),
		rulesDoc(`<rule id="1"/>`),
		rulesDoc(`<rule id=" a "/>`),
		rulesDoc(`<rule id="a"/><rule id="a"/>`),
		rulesDoc(`<rule id="a" x:b="c"/>`),
		rulesDoc(`<rule id="a" name="c"/>`),
		rulesDoc(`text`),
		rulesDoc(`<x:rule/>`),
		rulesDoc(`<rule id="a">text</rule>`),
		rulesDoc(`<rule id="a"><actions/><conditions/></rule>`),
		rulesDoc(`<rule id="a"><conditions/><conditions/></rule>`),
		rulesDoc(`<rule id="a"><x:other/></rule>`),
		rulesDoc(`<rule id="a"><actions><pr:sub-handling> allow </pr:sub-handling></actions></rule>`),
		rulesDoc(`<rule id="a"><actions><pr:sub-handling>Allow</pr:sub-handling></actions></rule>`),
		rulesDoc(`<rule id="a"><actions><pr:sub-handling x:a="b">allow</pr:sub-handling></actions></rule>`),
		rulesDoc(`<rule id="a"><actions><pr:sub-handling><x:a/></pr:sub-handling></actions></rule>`),
		rulesDoc(`<rule id="a"><actions><pr:sub-handling>allow</pr:sub-handling><pr:sub-handling>block</pr:sub-handling></actions></rule>`),
		rulesDoc(`<rule id="a"><actions>text</actions></rule>`),
		rulesDoc(`<rule id="a"><actions><one id="sip:a@b"/></actions></rule>`),
		rulesDoc(`<rule id="a"><actions><none xmlns=""/></actions></rule>`),
		rulesDoc(`<rule id="a"><actions><x:a><pr:sub-handling>never</pr:sub-handling></x:a></actions></rule>`),
		rulesDoc(`<rule id="a"><actions><x:a b="c">t<x:d/></x:a><pr:unheard-of/></actions></rule>`),
		rulesDoc(`<rule id="a"><actions><x:a><ruleset><rule/></ruleset></x:a></actions></rule>`),
		rulesDoc(`<rule id="a" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="urn:x x.xsd"/>`),
		rulesDoc(`<rule id="a" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:nil="true"/>`),
		rulesDoc(`<!-- c --><rule id="a"><!-- c --></rule>`),
		`<x/>`,
		`<ruleset xmlns="urn:x"/>`,
		`<ruleset/>`,
		`<?xml version="1.0"?>` + rulesDoc(``) + "\r\n",
		`<?xml version="2"?>` + rulesDoc(``),
		`<?xml?>` + rulesDoc(``),
		` <?xml version="1.0"?>` + rulesDoc(``),
		"\uFEFF" + rulesDoc(``),
		rulesDoc(``) + rulesDoc(``),
		rulesDoc(``) + `text`,
		rulesDoc(`<rule id="a">`),
		rulesDoc(`<rule id="a"></rul>`),
		rulesDoc(`<rule id="a"></x:rule>`),
		rulesDoc(`<rule id="a"id2="b"/>`),
		rulesDoc(`<rule id="a" id="b"/>`),
		rulesDoc(`<y:rule id="a"/>`),
		rulesDoc(`<rule id="a" y:b="c"/>`),
		rulesDoc(`<rule id="&#0;"/>`),
		rulesDoc(`<rule id="&unknown;"/>`),
		rulesDoc("<!-- \x01 -->"),
		rulesDoc("<!-- \xff -->"),
		conditionsDoc(``),
		conditionsDoc(` text`),
		conditionsDoc(`<identity/>`),
		conditionsDoc(`<identity> <one id="sip:a@b"/> <many/> </identity>`),
		conditionsDoc(`<identity><one/></identity>`),
		conditionsDoc(`<identity><one id="sip:a@b" domain="b"/></identity>`),
		conditionsDoc(`<identity><one id="sip:a@b"><x:a/></one></identity>`),
		conditionsDoc(`<identity><one id="sip:a@b"><x:a/><x:a/></one></identity>`),
		conditionsDoc(`<identity><one id="sip:a@b"><many/></one></identity>`),
		conditionsDoc(`<identity><many domain="b"><except id="sip:a@b"/><except domain="c"/><x:a/></many></identity>`),
		conditionsDoc(`<identity><many id="sip:a@b"/></identity>`),
		conditionsDoc(`<identity><many><one id="sip:a@b"/></many></identity>`),
		conditionsDoc(`<identity><many><except id="sip:a@b"> </except></many></identity>`),
		conditionsDoc(`<identity><many><except id="sip:a@b" x:c="d"/></many></identity>`),
		conditionsDoc(`<identity><x:a/></identity>`),
		conditionsDoc(`<identity><except id="sip:a@b"/></identity>`),
		conditionsDoc(`<identity><a xmlns=""/></identity>`),
		conditionsDoc(`<identity>text<many/></identity>`),
		conditionsDoc(`<sphere value="work"/><sphere value=""/>`),
		conditionsDoc(`<sphere/>`),
		conditionsDoc(`<sphere value="work">t</sphere>`),
		conditionsDoc(`<sphere value="work"><x:a/></sphere>`),
		conditionsDoc(`<validity/>`),
		conditionsDoc(`<validity><from>2003-12-24T17:00:00+01:00</from></validity>`),
		conditionsDoc(`<validity><until>2003-12-24T17:00:00+01:00</until><from>2003-12-24T17:00:00+01:00</from></validity>`),
		conditionsDoc(`<validity><from>2003-12-24T17:00:00</from><until>2003-12-24T24:00:00.0Z</until></validity>`),
		conditionsDoc(`<validity><from>2003-12-24</from><until>2003-12-24T24:00:00Z</until></validity>`),
		conditionsDoc(`<validity><from>2003-12-24 17:00:00Z</from><until>2003-12-24T24:00:00Z</until></validity>`),
		conditionsDoc(`<validity><from>2003-02-29T17:00:00Z</from><until>2003-12-24T24:00:00Z</until></validity>`),
		conditionsDoc(`<validity><from>2003-02-28T17:00:00Z</from><until>2003-12-24T24:00:01Z</until></validity>`),
		conditionsDoc(`<validity><from>2003-02-28T17:00:60Z</from><until>2003-12-24T17:00:00Z</until></validity>`),
		conditionsDoc(`<validity><from>2003-02-28T17:00:00+14:00</from><until>2003-12-24T17:00:00+14:01</until></validity>`),
		conditionsDoc(`<validity><from>2003-02-28T17:00:00z</from><until>2003-12-24T17:00:00Z</until></validity>`),
		conditionsDoc(`<validity><from>2003-02-28T17:00:00,5Z</from><until>2003-12-24T17:00:00Z</until></validity>`),
		conditionsDoc(`<validity><from>2003-02-28T7:00:00Z</from><until>2003-12-24T17:00:00Z</until></validity>`),
		conditionsDoc(`<validity><from>0000-02-28T07:00:00Z</from><until>2003-12-24T17:00:00Z</until></validity>`),
		conditionsDoc(`<validity><from>2003-02-28T07:00:00.Z</from><until>2003-12-24T17:00:00Z</until></validity>`),
		conditionsDoc(`<validity><from>2003-02-28T07:00:00-00:60</from><until>2003-12-24T17:00:00Z</until></validity>`),
		conditionsDoc(`<validity><from x:a="b">2003-02-28T07:00:00Z</from><until>2003-12-24T17:00:00Z</until></validity>`),
		conditionsDoc(`<validity><from>2003-02-28T07:00:00Z</from>, <until>2003-12-24T17:00:00Z</until></validity>`),
		conditionsDoc(`<validity><from>2003-02-28T07:00:00Z</from><until>2003-12-24T17:00:00Z</until><x:a/><x:b/></validity>`),
		conditionsDoc(`<x:a/><pr:class>a</pr:class>`),
		conditionsDoc(`<rule id="b"/>`),
		conditionsDoc(`<oma:other-identity/><oma:anonymous-request/>`),
		conditionsDoc(`<oma:other-identity>t</oma:other-identity>`),
		conditionsDoc(`<oma:anonymous-request a="b"/>`),
		conditionsDoc(`<oma:external-list/>`),
		conditionsDoc(`<oma:external-list><oma:entry anc="http://a/b" x:c="d"/><oma:entry/></oma:external-list>`),
		conditionsDoc(`<oma:external-list><oma:entry anc="http://a/b">t</oma:entry></oma:external-list>`),
		conditionsDoc(`<oma:external-list><x:entry anc="http://a/b"/></oma:external-list>`),
		conditionsDoc(`<oma:external-list a="b"/>`),
		transformationsDoc(`<pr:provide-note> 1 </pr:provide-note><pr:provide-mood>false</pr:provide-mood>`),
		transformationsDoc(`<pr:provide-note>TRUE</pr:provide-note>`),
		transformationsDoc(`<pr:provide-note/>`),
		transformationsDoc(`<pr:provide-note><x:a/>true</pr:provide-note>`),
		transformationsDoc(`<pr:provide-note a="b">true</pr:provide-note>`),
		transformationsDoc(`<pr:provide-user-input>bare</pr:provide-user-input>`),
		transformationsDoc(`<pr:provide-user-input> bare</pr:provide-user-input>`),
		transformationsDoc(`<pr:provide-user-input>true</pr:provide-user-input>`),
		transformationsDoc(`<pr:provide-all-attributes/>`),
		transformationsDoc(`<pr:provide-all-attributes>true</pr:provide-all-attributes>`),
		transformationsDoc(`<pr:provide-unknown-attribute name="a" ns="urn:a">true</pr:provide-unknown-attribute>`),
		transformationsDoc(`<pr:provide-unknown-attribute name="a">true</pr:provide-unknown-attribute>`),
		transformationsDoc(`<pr:provide-unknown-attribute name="a" ns="urn:a" x="y">true</pr:provide-unknown-attribute>`),
		transformationsDoc(`<pr:provide-unknown-attribute name="a" ns="urn:a"/>`),
		transformationsDoc(`<pr:provide-devices/><pr:provide-persons/><pr:provide-services> </pr:provide-services>`),
		transformationsDoc(`<pr:provide-devices><pr:all-devices/></pr:provide-devices>`),
		transformationsDoc(`<pr:provide-devices><pr:all-devices/><pr:class>a</pr:class></pr:provide-devices>`),
		transformationsDoc(`<pr:provide-devices><pr:class>a</pr:class><pr:all-devices/></pr:provide-devices>`),
		transformationsDoc(`<pr:provide-devices><pr:all-devices/><x:a/></pr:provide-devices>`),
		transformationsDoc(`<pr:provide-devices><pr:all-devices> </pr:all-devices></pr:provide-devices>`),
		transformationsDoc(`<pr:provide-devices><pr:all-persons/></pr:provide-devices>`),
		transformationsDoc(`<pr:provide-devices><pr:class>a</pr:class><pr:deviceID>urn:a</pr:deviceID><pr:occurrence-id>a</pr:occurrence-id><x:a/></pr:provide-devices>`),
		transformationsDoc(`<pr:provide-devices><pr:service-uri>sip:a</pr:service-uri></pr:provide-devices>`),
		transformationsDoc(`<pr:provide-persons><pr:deviceID>urn:a</pr:deviceID></pr:provide-persons>`),
		transformationsDoc(`<pr:provide-services><pr:service-uri>sip:a</pr:service-uri><pr:service-uri-scheme>sip</pr:service-uri-scheme></pr:provide-services>`),
		transformationsDoc(`<pr:provide-services><pr:class x:a="b">a</pr:class></pr:provide-services>`),
		transformationsDoc(`<pr:provide-services><pr:class><x:a/></pr:class></pr:provide-services>`),
		transformationsDoc(`<pr:provide-services>t<pr:class>a</pr:class></pr:provide-services>`),
		transformationsDoc(`<pr:provide-services><a xmlns=""/></pr:provide-services>`),
		transformationsDoc(`<pr:provide-services><many/></pr:provide-services>`),
	}
	files, err := filepath.Glob(filepath.Join(shared(t, "rfc-examples", "xml"), "*ruleset*.xml"))
	if err != nil || len(files) < 8 {
		t.Fatalf("%d examples, %v", len(files), err)
	}
	for _, file := range files {
		doc, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		docs = append(docs, string(doc))
		docs = append(docs, mutations(string(doc))...)
	}
	return docs
}

// mutations leaves each line out, and doubles it.
func mutations(doc string) []string {
	lines := strings.SplitAfter(doc, "\n")
	var mutated []string
	for i, line := range lines {
		if strings.TrimSpace(line) == "" {
			continue
		}
		head, tail := strings.Join(lines[:i], ""), strings.Join(lines[i+1:], "")
		mutated = append(mutated, head+tail, head+line+line+tail)
	}
	return mutated
}

// ours are reasons to refuse what the schemas let pass.
var ours = []string{
	"needs either id or domain",       // RFC 4745 s.7.2
	"is no URI of an identity",        // RFC 4745 s.7.2
	"is no domain name in ASCII",      // cannot be compared
	"needs name, without a prefix",    // RFC 5025 s.3.3.2.14
	"is not ruleset in the namespace", // the schemas have other roots too
}

// TestRulesSchemas: what the schemas refuse we refuse; what we refuse beyond that
// has a reason.
func TestRulesSchemas(t *testing.T) {
	docs := samples(t)
	accepted := 0
	for i, reason := range schemaErrors(t, docs) {
		_, err := ParseRules([]byte(docs[i]))
		if err == nil {
			accepted++
		}
		switch {
		case err == nil && reason != "":
			t.Errorf("accepted:\n%s\nbut %s", docs[i], reason)
		case err != nil && reason == "":
			known := false
			for _, prefix := range ours {
				known = known || strings.Contains(err.Error(), prefix)
			}
			if !known {
				t.Errorf("refused with %v:\n%s\nbut it is valid", err, docs[i])
			}
		}
	}
	if accepted < 40 || accepted == len(docs) {
		t.Errorf("%d of %d documents accepted", accepted, len(docs))
	}
}

func TestHostile(t *testing.T) {
	nested := func(n int) string {
		return strings.Repeat("<x:a>", n) + strings.Repeat("</x:a>", n)
	}
	for _, c := range []struct{ name, doc, want string }{
		{"entity bomb", `<!DOCTYPE r [<!ENTITY a "aaaa">]>` + rulesDoc(`<rule id="a"/>`), "line 1: DOCTYPE or other declaration"},
		{"processing instruction", "\n" + rulesDoc("\n<?php x?>"), "line 3: ruleset: processing instruction"},
		{"deep", transformationsDoc(nested(limits.MaxDepth)), "line 1: x:a: elements nested too deep"},
		{"many elements", transformationsDoc(strings.Repeat("<x:a/>", limits.MaxElements)), "line 1: transformations: too many elements"},
		{"large", strings.Repeat(" ", limits.MaxSize+1), "line 1: more than 1048576 bytes"},
		{"many attributes", transformationsDoc("<x:a" + strings.Repeat(` a="b"`, limits.MaxAttributes+1) + "/>"), "line 1: x:a: too many attributes"},
		{"empty", "", "line 1: no root element"},
		{"long name", rulesDoc("<" + strings.Repeat("a", 1000) + "/>"), "line 1: " + strings.Repeat("a", 60) + ": is not allowed in ruleset"},
		{"latin", `<?xml version="1.0" encoding="latin1"?>` + rulesDoc(""), "line 1: encoding is not UTF-8 or US-ASCII"},
	} {
		if _, err := ParseRules([]byte(c.doc)); err == nil || err.Error() != "policy: "+c.want {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
	}
}

// TestErrors: the writer of rules learns where and why.
func TestErrors(t *testing.T) {
	for _, c := range []struct {
		name, doc string
		line      int
		reason    string
	}{
		{"handling", rulesDoc("\n<rule id='a'>\n<actions>\n<pr:sub-handling\n>yes</pr:sub-handling></actions></rule>"), 4, `sub-handling: "yes" is not block, confirm, polite-block or allow`},
		{"id twice", rulesDoc("<rule id='a'/>\n<rule id='a'/>"), 2, `rule: id "a" stands twice`},
		{"no scheme", conditionsDoc("<identity>\n<one id='bob@example.com'/></identity>"), 2, `one: id "bob@example.com" is no URI of an identity`},
		{"empty exception", conditionsDoc("<identity><many>\n<except/></many></identity>"), 2, "except: needs either id or domain"},
		{"double exception", conditionsDoc("<identity><many>\n<except id='sip:a@b' domain='b'/></many></identity>"), 2, "except: needs either id or domain"},
		{"international", conditionsDoc("<identity><many domain='b\u00fccher.example'/></identity>"), 1, "many: domain \"b\u00fccher.example\" is no domain name in ASCII"},
		{"empty domain", conditionsDoc("<identity><many domain=''/></identity>"), 1, `many: domain "" is no domain name in ASCII`},
		{"empty identity", conditionsDoc("\n<identity/>"), 2, "identity: needs one, many or an extension inside; leave it out to match everybody"},
		{"pairs", conditionsDoc("<validity>\n<from>2003-12-24T17:00:00Z</from></validity>"), 1, "validity: needs from and until in pairs"},
		{"time", conditionsDoc("<validity>\n<from>soon</from>\n<until>later</until></validity>"), 2, `from: "soon" is no xs:dateTime`},
		{"not closed", "<ruleset xmlns='" + NamespaceCommonPolicy + "'>\n<rule id='a'>", 2, "rule: not closed"}, {"syntax", "<ruleset\n a=b/>", 2, "ruleset: attribute without a quoted value"},
		{"prefixed attribute", transformationsDoc("<pr:provide-unknown-attribute name='x:a' ns='urn:x'>true</pr:provide-unknown-attribute>"), 1, "provide-unknown-attribute: needs name, without a prefix, and ns"},
	} {
		_, err := ParseRules([]byte(c.doc))
		var refused *Error
		if !errors.As(err, &refused) || refused.Line != c.line || !bytes.HasPrefix([]byte(refused.Reason), []byte(c.reason)) {
			t.Errorf("%s: %v, want line %d: %s", c.name, err, c.line, c.reason)
		}
	}
}
