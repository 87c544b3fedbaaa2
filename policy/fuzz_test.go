package policy

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/beevik/etree"
)

func seed(f *testing.F, namespace, actions string) {
	f.Add([]byte(`<ruleset xmlns="` + NamespaceCommonPolicy + `" xmlns:a="` + namespace + `"><rule id="a"><conditions><identity><many domain="x.org"><except id="sip:a@x.org"/></many></identity>` +
		`<sphere value="home work"/><validity><from>2026-01-01T00:00:00Z</from><until>2026-06-01T24:00:00</until></validity></conditions>` +
		`<actions>` + actions + `</actions></rule><!-- c --><rule id="b"/></ruleset>`))
	f.Add([]byte("<?xml version='1.0'?>" + rulesDoc(`<rule id="a"><actions><x:a><![CDATA[<]]>&#10;</x:a></actions></rule>`)))
	for _, doc := range []string{
		conditionsDoc(`<oma:external-list><oma:entry anc="a"/></oma:external-list><oma:other-identity/><oma:anonymous-request/>`),
		transformationsDoc(`<pr:provide-services><pr:class>a</pr:class></pr:provide-services><pr:provide-all-attributes/><pr:provide-note>1</pr:provide-note>`),
		transformationsDoc(`<pr:provide-unknown-attribute name="a" ns="urn:a">true</pr:provide-unknown-attribute><pr:provide-user-input>bare</pr:provide-user-input>`),
	} {
		f.Add([]byte(doc))
	}
	if data := os.Getenv("PRESENCED_RFC_DATA"); data != "" {
		files, _ := filepath.Glob(filepath.Join(data, "rfc-examples", "xml", "*ruleset*.xml"))
		for _, file := range files {
			if doc, err := os.ReadFile(file); err == nil {
				f.Add(doc)
			}
		}
	}
}

// checkRead holds what is true of any document: an error has a line of it,
// and what is accepted is read by the other reader too.
func checkRead(t *testing.T, doc []byte, err error) {
	t.Helper()
	if err == nil {
		if err := etree.NewDocument().ReadFromBytes(doc); err != nil {
			t.Errorf("accepted, but %v", err)
		}
		return
	}
	var refused *Error
	lines := 1
	for _, c := range doc {
		if c == '\n' {
			lines++
		}
	}
	if !errors.As(err, &refused) || refused.Line < 1 || refused.Line > lines || refused.Reason == "" || len(refused.Reason) > 400 {
		t.Errorf("%v", err)
	}
}

func FuzzParseRules(f *testing.F) {
	seed(f, NamespacePresRules, `<a:sub-handling>allow</a:sub-handling>`)
	f.Fuzz(func(t *testing.T, doc []byte) {
		rules, err := ParseRules(doc)
		checkRead(t, doc, err)
		if err != nil {
			return
		}
		now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		for _, uri := range []string{"", "sip:a@x.org", "sip:b@x.org"} {
			p := rules.Evaluate(Watcher{URI: uri}, Context{Sphere: "work", Now: now})
			if back, err := PermissionsOf(p.Key()); err != nil || back.Key() != p.Key() {
				t.Errorf("key %q: %v", p.Key(), err)
			}
		}
		if next, ok := rules.NextChange(now); ok && !next.After(now) {
			t.Errorf("the next change is at %v", next)
		}
	})
}

func FuzzParseVisibility(f *testing.F) {
	seed(f, NamespaceVisibility, `<a:watching>brief</a:watching>`)
	f.Fuzz(func(t *testing.T, doc []byte) {
		v, err := ParseVisibility(doc)
		checkRead(t, doc, err)
		if err == nil && v.Of("sip:a@x.org", Context{}) > Shown {
			t.Error("more than shown")
		}
	})
}

func FuzzParseDelegation(f *testing.F) {
	seed(f, NamespaceDelegation, `<a:publish>true</a:publish><a:rules>0</a:rules>`)
	f.Fuzz(func(t *testing.T, doc []byte) {
		d, err := ParseDelegation(doc)
		checkRead(t, doc, err)
		if err == nil && d.Of("", Context{}) != (Delegated{}) {
			t.Error("nobody is a delegate")
		}
	})
}

// FuzzSetHandling: whatever the document was, the watcher gets exactly the
// handling, and nobody else's changes.
func FuzzSetHandling(f *testing.F) {
	f.Add([]byte(conditionsDoc(`<identity><many/><one id="sip:a@x.org"/></identity>`)), "sip:a@x.org", uint8(0))
	f.Add([]byte(conditionsDoc(``)), "pres:a@X.org", uint8(1))
	f.Add([]byte(rulesDoc(`<rule id="a"><actions xmlns:pr="urn:ietf:params:xml:ns:pres-rules"><pr:sub-handling>al<!-- -->low</pr:sub-handling></actions></rule>`)), "tel:+1", uint8(2))
	f.Fuzz(func(t *testing.T, doc []byte, watcher string, h uint8) {
		before, err := ParseRules(doc)
		if err != nil {
			return
		}
		handling := SubHandling(h % 4)
		edited, err := SetHandling(doc, watcher, handling)
		if _, ok := canonical(watcher); !ok {
			if err == nil {
				t.Errorf("%q is nobody", watcher)
			}
			return
		}
		if err != nil {
			if len(edited) < limits.MaxSize {
				t.Fatalf("%v\n%s\nbecame\n%s", err, doc, edited)
			}
			return
		}
		checkEdit(t, before, edited, watcher, handling)
	})
}
