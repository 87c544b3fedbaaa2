package pidf

import "strings"

// Card is who a person or what a service is (RFC 4482 s.3): URIs, "" for none.
type Card struct {
	Card, Homepage, Icon, Map, Sound string
	// DisplayNames are names to be shown. RFC 4482 s.3.2 allows several in
	// different languages, its schema (s.5) has no place for the language and
	// decides: the first one is written, without its language.
	DisplayNames []Note
}

// card reads an element of RFC 4482 into a card, which is made with the first.
func (d *Document) card(to **Card, i int32) bool {
	if d.elements[i].namespace != nsCIPID {
		return false
	}
	card := *to
	if card == nil {
		card = new(Card)
	}
	ok := false
	if d.localName(i) == "display-name" {
		card.DisplayNames, ok = append(card.DisplayNames, d.ownText(i)), true
	}
	for _, part := range card.links() {
		if part.name == d.localName(i) {
			ok = d.once(part.uri, i)
		}
	}
	if ok {
		*to = card
	}
	return ok
}

type link struct {
	name string
	uri  *string
}

func (k *Card) links() [5]link {
	return [...]link{{"card", &k.Card}, {"homepage", &k.Homepage}, {"icon", &k.Icon}, {"map", &k.Map}, {"sound", &k.Sound}}
}

func (c *composer) card(card *Card) {
	if card == nil {
		return
	}
	if len(card.DisplayNames) > 0 {
		c.bind("c", NamespaceCIPID)
		c.element("c:display-name", card.DisplayNames[0].Text)
	}
	for _, part := range card.links() {
		if strings.TrimSpace(*part.uri) != "" {
			c.bind("c", NamespaceCIPID)
			c.literal("<c:" + part.name + ">")
			c.out = append(AppendURI(c.out, *part.uri), "</c:"+part.name+">"...)
		}
	}
}
