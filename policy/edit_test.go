package policy

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
)

// checkEdit looks whether a watcher has exactly this handling in every
// situation, and the others what they had.
func checkEdit(t *testing.T, before *Rules, edited []byte, uri string, h SubHandling) {
	t.Helper()
	after, err := ParseRules(edited)
	if err != nil {
		t.Fatalf("%v\n%s", err, edited)
	}
	self, _ := canonical(uri)
	watchers, contexts := situations()
	for _, c := range contexts {
		for _, hides := range []bool{false, true} {
			if got := after.Evaluate(Watcher{uri, hides}, c).Handling; got != h {
				t.Fatalf("%s got %v, not %v, in %+v from\n%s", uri, got, h, c, edited)
			}
		}
		for _, w := range watchers {
			if id, _ := canonical(w.URI); id == self {
				continue
			}
			if was, is := before.Evaluate(w, c).Key(), after.Evaluate(w, c).Key(); was != is {
				t.Fatalf("%s had %s and has %s from\n%s", w.URI, was, is, edited)
			}
		}
	}
}

var handlings = []SubHandling{Block, Confirm, PoliteBlock, Allow}

// TestSetHandling lands on each handling from any document, twice in a row
// too, stays valid, and loses nothing that it does not understand.
func TestSetHandling(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	var edits []string
	for range 20 {
		rules := randomRules(r, r.IntN(6))
		if r.IntN(3) == 0 {
			rules = append(rules, `<rule id="others"><conditions><oma:other-identity/></conditions><actions><pr:sub-handling>allow</pr:sub-handling></actions></rule>`)
		}
		doc := []byte(rulesDoc(strings.Join(rules, "\n")))
		for _, uri := range []string{"sip:a@x.org", "sip:b@y.org", "tel:+12", "pres:new@x.org"} {
			for _, h := range handlings {
				edited, err := SetHandling(doc, uri, h)
				if err != nil {
					t.Fatalf("%v\n%s", err, doc)
				}
				checkEdit(t, parse(t, string(doc)), edited, uri, h)
				for _, kept := range []string{"<x:kept", "<!-- kept -->", "<x:y/>", "<x:moon/>"} {
					if was, is := strings.Count(string(doc), kept), strings.Count(string(edited), kept); is < was {
						t.Fatalf("%d of %d %s left in\n%s", is, was, kept, edited)
					}
				}
				again := handlings[r.IntN(len(handlings))]
				twice, err := SetHandling(edited, uri, again)
				if err != nil {
					t.Fatal(err)
				}
				checkEdit(t, parse(t, string(edited)), twice, uri, again)
				edits = append(edits, string(edited), string(twice))
			}
		}
	}
	if os.Getenv("PRESENCED_RFC_DATA") == "" {
		t.Skip("PRESENCED_RFC_DATA is not set: edited documents are not validated against the schemas")
	}
	for i, reason := range schemaErrors(t, edits) {
		if reason != "" {
			t.Errorf("%s\n%s", reason, edits[i])
		}
	}
}

// TestBlockAmongAllowed: a blocked watcher stays blocked under every default.
func TestBlockAmongAllowed(t *testing.T) {
	local := func(domain string) bool { return domain == "x.org" || domain == "y.org" }
	watchers, contexts := situations()
	for _, own := range handlings {
		for _, foreign := range handlings {
			for _, anonymous := range handlings {
				defaults := AccessRules{Default: own, Foreign: foreign, Anonymous: anonymous, Local: local}
				doc, err := defaults.Document("x.org", "y.org")
				if err != nil {
					t.Fatal(err)
				}
				rules := parse(t, string(doc))
				for _, w := range watchers {
					if w.Anonymous && w.URI != "" {
						continue // RFC 5025 s.3.1.1.2
					}
					got, want := rules.Evaluate(w, contexts[0]), defaults.Handling("sip:me@x.org", w)
					if got.Handling != want || want == Allow && got.Key() != Everything.Key() {
						t.Fatalf("%+v gives %s %s in\n%s", defaults, w.URI, got.Key(), doc)
					}
				}
				for _, uri := range []string{"sip:a@x.org", "sip:a@z.org"} {
					for _, h := range handlings {
						edited, err := SetHandling(doc, uri, h)
						if err != nil {
							t.Fatal(err)
						}
						checkEdit(t, rules, edited, uri, h)
					}
				}
			}
		}
	}
}

func TestSetHandlingWrites(t *testing.T) {
	head := `<r:ruleset xmlns:r="` + NamespaceCommonPolicy + `" xmlns="` + NamespacePresRules + `">`
	allow := `<r:actions><sub-handling>allow</sub-handling></r:actions>`
	for _, c := range []struct {
		name, doc string
		h         SubHandling
		want      string
	}{
		{"first rule", head + `</r:ruleset>`, Confirm,
			head + `<r:rule id="rule-1"><r:conditions><r:identity><r:one id="sip:bob@x.org"/></r:identity></r:conditions><r:actions><sub-handling>confirm</sub-handling></r:actions></r:rule>` + "\n</r:ruleset>"},
		{"exception", head + `<r:rule id="a"><r:conditions><r:identity><r:many domain="x.org"/></r:identity></r:conditions>` + allow + `</r:rule></r:ruleset>`, Block,
			head + `<r:rule id="a"><r:conditions><r:identity><r:many domain="x.org"><r:except id="sip:bob@x.org"/></r:many></r:identity></r:conditions>` + allow +
				`</r:rule><r:rule id="rule-1"><r:conditions><r:identity><r:one id="sip:bob@x.org"/></r:identity></r:conditions><r:actions><sub-handling>block</sub-handling></r:actions></r:rule>` + "\n</r:ruleset>"},
		{"its own rule", head + `<r:rule id="a"><r:conditions><r:identity><r:one id="pres:bob@X.org"/></r:identity></r:conditions>` + allow + `</r:rule></r:ruleset>`, PoliteBlock,
			head + `<r:rule id="a"><r:conditions><r:identity><r:one id="pres:bob@X.org"/></r:identity></r:conditions><r:actions><sub-handling>polite-block</sub-handling></r:actions></r:rule></r:ruleset>`},
		{"other prefixes", `<ruleset xmlns="` + NamespaceCommonPolicy + `"/>`, Allow,
			`<ruleset xmlns="` + NamespaceCommonPolicy + `"><rule id="rule-1"><conditions><identity><one id="sip:bob@x.org"/></identity></conditions><actions><sub-handling xmlns="` + NamespacePresRules + `">allow</sub-handling></actions>` +
				`<transformations><provide-devices xmlns="` + NamespacePresRules + `"><all-devices/></provide-devices><provide-persons xmlns="` + NamespacePresRules + `"><all-persons/></provide-persons>` +
				`<provide-services xmlns="` + NamespacePresRules + `"><all-services/></provide-services><provide-all-attributes xmlns="` + NamespacePresRules + `"/></transformations></rule>` + "\n</ruleset>"},
	} {
		got, err := SetHandling([]byte(c.doc), "sip:bob@x.org", c.h)
		if err != nil || string(got) != c.want {
			t.Errorf("%s: %v\n got %s\nwant %s", c.name, err, got, c.want)
		}
	}
}

func TestSetHandlingRefuses(t *testing.T) {
	doc := rulesDoc("")
	for _, c := range []struct {
		doc, watcher string
		h            SubHandling
	}{
		{"", "sip:a@x.org", Allow}, // begin with AccessRules.Document
		{"<ruleset/>", "sip:a@x.org", Allow},
		{doc, "", Allow},
		{doc, "bob", Allow},
		{doc, "sip:a@x.org", Allow + 1},
	} {
		if got, err := SetHandling([]byte(c.doc), c.watcher, c.h); err == nil {
			t.Errorf("%+v: %s", c, got)
		}
	}
	if _, err := (&AccessRules{Default: Allow}).Document(`"><b`); err == nil {
		t.Error("a domain that is none was written")
	}
}

func TestDefaultsOfNoDomain(t *testing.T) {
	doc, err := (&AccessRules{Default: Block, Foreign: Confirm, Anonymous: Block}).Document()
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(parse(t, string(doc)).Evaluate(watcher("sip:a@x.org"), Context{}).Handling); got != "confirm" {
		t.Error(got)
	}
}
