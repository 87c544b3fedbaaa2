package policy

import (
	"encoding/xml"
	"fmt"
	"strings"
)

// Document writes the defaults as a rules document: what a presentity's first
// document begins with, since from then on no match means block. domains are
// ours. Whom the defaults allow sees everything; whom they block no rule
// matches.
//
// One difference is left: an authenticated watcher that hides who it is falls
// under Anonymous by default, but rules go by its identity (RFC 5025
// s.3.1.1.2).
func (r *AccessRules) Document(domains ...string) ([]byte, error) {
	var b strings.Builder
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?>` + "\n" +
		`<cp:ruleset xmlns:cp="` + NamespaceCommonPolicy + `" xmlns="` + NamespacePresRules + `">` + "\n")
	if len(domains) == 0 || r.Default == r.Foreign {
		writeRule(&b, "anybody", `<cp:identity><cp:many/></cp:identity>`, r.Foreign)
	} else {
		writeRule(&b, "own-domain", `<cp:identity>`+each(domains, `<cp:many domain="%s"/>`)+`</cp:identity>`, r.Default)
		writeRule(&b, "other-domains", `<cp:identity><cp:many>`+each(domains, `<cp:except domain="%s"/>`)+`</cp:many></cp:identity>`, r.Foreign)
	}
	writeRule(&b, "anonymous", `<anonymous-request xmlns="`+NamespaceOMA+`"/>`, r.Anonymous)
	b.WriteString("</cp:ruleset>\n")
	doc := []byte(b.String())
	_, err := ParseRules(doc)
	return doc, err
}

func each(domains []string, format string) string {
	var b strings.Builder
	for _, d := range domains {
		var escaped strings.Builder
		xml.EscapeText(&escaped, []byte(d))
		fmt.Fprintf(&b, format, escaped.String())
	}
	return b.String()
}

func writeRule(b *strings.Builder, id, condition string, h SubHandling) {
	if h == Block {
		return
	}
	fmt.Fprintf(b, ` <cp:rule id="%s">`+"\n  <cp:conditions>%s</cp:conditions>\n", id, condition)
	fmt.Fprintf(b, "  <cp:actions><sub-handling>%v</sub-handling></cp:actions>\n", h)
	if h == Allow {
		b.WriteString("  <cp:transformations>" +
			"<provide-devices><all-devices/></provide-devices><provide-persons><all-persons/></provide-persons>" +
			"<provide-services><all-services/></provide-services><provide-all-attributes/></cp:transformations>\n")
	}
	b.WriteString(" </cp:rule>\n")
}
