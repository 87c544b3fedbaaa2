package policy

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// entries is a document of a contact list: a catch-all that asks, a rule each
// for n contacts, every tenth of them under a condition.
func entries(n int) string {
	var b strings.Builder
	b.WriteString(`<rule id="all"><conditions><identity><many><except domain="spam.example"/></many></identity></conditions><actions><pr:sub-handling>confirm</pr:sub-handling></actions></rule>`)
	for i := range n - 1 {
		condition := ""
		switch i % 10 {
		case 3:
			condition = `<sphere value="work home"/>`
		case 7:
			condition = `<validity><from>2026-01-01T00:00:00Z</from><until>2026-12-31T00:00:00Z</until></validity>`
		}
		fmt.Fprintf(&b, `<rule id="r%d"><conditions><identity><one id="sip:contact%d@example.com"/></identity>%s</conditions><actions><pr:sub-handling>allow</pr:sub-handling></actions>
<transformations><pr:provide-services><pr:all-services/></pr:provide-services><pr:provide-persons><pr:class>friends</pr:class></pr:provide-persons><pr:provide-activities>true</pr:provide-activities></transformations></rule>
`, i, i, condition)
	}
	return rulesDoc(b.String())
}

func BenchmarkParseRules(b *testing.B) {
	for _, n := range []int{20, 500} {
		doc := []byte(entries(n))
		b.Run(fmt.Sprintf("%d_rules", n), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(doc)))
			for b.Loop() {
				if _, err := ParseRules(doc); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkEvaluate(b *testing.B) {
	c := Context{Sphere: "work", Now: time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)}
	for _, n := range []int{20, 500} {
		rules := parse(b, entries(n))
		w := Watcher{URI: fmt.Sprintf("sip:contact%d@example.com", n-2)}
		b.Run(fmt.Sprintf("%d_rules", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if rules.Evaluate(w, c).Handling != Allow {
					b.Fatal("not allowed")
				}
			}
		})
	}
}

func BenchmarkKey(b *testing.B) {
	p := parse(b, entries(2)).Evaluate(Watcher{URI: "sip:contact0@example.com"}, Context{})
	b.ReportAllocs()
	for b.Loop() {
		if p.Key() == "" {
			b.Fatal("no key")
		}
	}
}

func BenchmarkSetHandling(b *testing.B) {
	doc := []byte(entries(500))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := SetHandling(doc, "sip:contact7@example.com", Block); err != nil {
			b.Fatal(err)
		}
	}
}
