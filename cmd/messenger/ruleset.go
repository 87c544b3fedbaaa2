package main

import (
	"encoding/xml"
	"strings"
)

// ruleset is a common-policy document (RFC 4745) as far as it is put in words
// here. Who may do what is package policy's business.
type ruleset struct {
	Rules []rule `xml:"urn:ietf:params:xml:ns:common-policy rule"`
}

type rule struct {
	ID              string     `xml:"id,attr"`
	Conditions      conditions `xml:"urn:ietf:params:xml:ns:common-policy conditions"`
	Actions         elements   `xml:"urn:ietf:params:xml:ns:common-policy actions"`
	Transformations elements   `xml:"urn:ietf:params:xml:ns:common-policy transformations"`
}

type conditions struct {
	Identities []identity `xml:"urn:ietf:params:xml:ns:common-policy identity"`
	Spheres    []struct {
		Value string `xml:"value,attr"`
	} `xml:"urn:ietf:params:xml:ns:common-policy sphere"`
	Validities []struct {
		From  []string `xml:"urn:ietf:params:xml:ns:common-policy from"`
		Until []string `xml:"urn:ietf:params:xml:ns:common-policy until"`
	} `xml:"urn:ietf:params:xml:ns:common-policy validity"`
	Others []elementName `xml:",any"`
}

type identity struct {
	Ones []struct {
		ID string `xml:"id,attr"`
	} `xml:"urn:ietf:params:xml:ns:common-policy one"`
	Manys  []many        `xml:"urn:ietf:params:xml:ns:common-policy many"`
	Others []elementName `xml:",any"`
}

type many struct {
	Domain  string `xml:"domain,attr"`
	Excepts []struct {
		ID     string `xml:"id,attr"`
		Domain string `xml:"domain,attr"`
	} `xml:"urn:ietf:params:xml:ns:common-policy except"`
}

type elements struct {
	All []elementText `xml:",any"`
}

type elementName struct{ XMLName xml.Name }

type elementText struct {
	XMLName xml.Name
	Text    string        `xml:",chardata"`
	Inner   []elementName `xml:",any"`
}

// action is the text of the first action of a name, "" for none.
func (r *rule) action(local string) string {
	for _, e := range r.Actions.All {
		if e.XMLName.Local == local {
			return strings.TrimSpace(e.Text)
		}
	}
	return ""
}

// whom are the rule's conditions in words.
func (r *rule) whom() string {
	c := &r.Conditions
	var parts []string
	for _, i := range c.Identities {
		parts = append(parts, i.words())
	}
	for _, e := range c.Others {
		switch e.XMLName.Local {
		case "anonymous-request":
			parts = append(parts, "watchers without a name")
		case "other-identity":
			parts = append(parts, "whoever no other rule names")
		default:
			parts = append(parts, "the condition "+printable(e.XMLName.Local))
		}
	}
	if len(parts) == 0 {
		parts = append(parts, "everybody")
	}
	whom := strings.Join(parts, " and ")
	for _, s := range c.Spheres {
		whom += ", in the sphere " + quoted(s.Value)
	}
	for _, v := range c.Validities {
		for i := range min(len(v.From), len(v.Until)) {
			whom += ", from " + printable(v.From[i]) + " until " + printable(v.Until[i])
		}
	}
	return whom
}

func (i *identity) words() string {
	var parts []string
	for _, one := range i.Ones {
		parts = append(parts, nameOf(one.ID))
	}
	for _, m := range i.Manys {
		parts = append(parts, m.words())
	}
	for _, e := range i.Others {
		parts = append(parts, printable(e.XMLName.Local))
	}
	return strings.Join(parts, " or ")
}

func (m *many) words() string {
	words := "everybody"
	if m.Domain != "" {
		words += " of " + printable(m.Domain)
	}
	for n, e := range m.Excepts {
		join := ", "
		if n == 0 {
			join = " but "
		}
		whom := nameOf(e.ID)
		if e.ID == "" {
			whom = "those of " + printable(e.Domain)
		}
		words += join + whom
	}
	return words
}

// nameOf is an identity as people write it.
func nameOf(uri string) string {
	return printable(strings.TrimPrefix(strings.TrimSpace(uri), "sip:"))
}

// readRuleset reads a document that package policy has accepted already.
func readRuleset(doc []byte) (*ruleset, error) {
	s := new(ruleset)
	return s, xml.Unmarshal(doc, s)
}
