package pidf

import (
	"slices"
	"strings"
)

// Capabilities is what a service or a device can do (RFC 5196): servcaps or
// devcaps. Elements that these types cannot hold have the whole kept as an
// Extension instead.
type Capabilities struct {
	Descriptions []Note
	// Flags says what is and what is not supported: application, audio,
	// automata, control, data, isfocus, message, text, video (RFC 5196 s.3.2).
	Flags map[string]bool
	// Sets by element: actor, class, duplex, event-packages, extensions,
	// languages, methods, priority, schemes; of a device, mobility.
	Sets       map[string]Support
	Types      []string // media types (RFC 5196 s.3.2.8)
	Extensions []Extension
}

// Support is what is supported of something, and what is said not to be.
// Values are the words of RFC 5196 s.6; others are not written. Languages are
// tags, schemes are those of URIs; a priority is a number with a sign before it,
// "=", ">=" or "<=", or two numbers with a colon between them.
type Support struct{ Supported, NotSupported []string }

// ability is one child of servcaps or devcaps, in the order of the schema.
type ability struct {
	name  string
	words []string // of a set, in the order of the schema
	item  string   // or the element that holds each of a set's values
}

const (
	description = "description"
	mediaTypes  = "type"
	priority    = "priority"
)

var (
	serviceCapabilities = []ability{
		{name: "actor", words: []string{"attendant", "information", "msg-taker", "principal"}},
		{name: "application"},
		{name: "audio"},
		{name: "automata"},
		{name: "class", words: []string{"business", "personal"}},
		{name: "control"},
		{name: "data"},
		{name: description},
		{name: "duplex", words: []string{"full", "half", "receive-only", "send-only"}},
		{name: "event-packages", words: []string{
			"conference", "dialog", "kpml", "message-summary", "poc-settings", "presence", "reg", "refer",
			"Siemens-RTP-Stats", "spirits-INDPs", "spirits-user-prof", "winfo",
		}},
		{name: "extensions", words: []string{
			"rel100", "early-session", "eventlist", "from-change", "gruu", "hist-info", "join", "norefersub", "path",
			"precondition", "pref", "privacy", "recipient-list-invite", "recipient-list-subscribe", "replaces",
			"resource-priority", "sdp-anat", "sec-agree", "tdialog", "timer",
		}},
		{name: "isfocus"},
		{name: "message"},
		{name: "methods", words: []string{
			"ACK", "BYE", "CANCEL", "INFO", "INVITE", "MESSAGE", "NOTIFY", "OPTIONS", "PRACK", "PUBLISH", "REFER",
			"REGISTER", "SUBSCRIBE", "UPDATE",
		}},
		{name: "languages", item: "l"},
		{name: priority, words: priorityForms[:]},
		{name: "schemes", item: "s"},
		{name: "text"},
		{name: mediaTypes},
		{name: "video"},
	}
	deviceCapabilities = []ability{
		{name: description},
		{name: "mobility", words: []string{"fixed", "mobile"}},
	}
	// The schema spells higherhan.
	priorityForms = [...]string{"equals", "higherhan", "lowerthan", "range"}
)

func (a *ability) isSet() bool { return a.item != "" || len(a.words) > 0 }

// capabilities reads servcaps or devcaps. It is false for what the types
// cannot hold, and for a second one.
func (d *Document) capabilities(to **Capabilities, i int32, abilities []ability) bool {
	k := Capabilities{}
	for c := d.firstChild(i); c >= 0; c = d.sibling(c) {
		if d.isExtension(c, nsCapabilities) {
			k.Extensions = d.keep(k.Extensions, c, nsCapabilities)
			continue
		}
		at := slices.IndexFunc(abilities, func(a ability) bool { return d.is(c, nsCapabilities, a.name) })
		if at < 0 || !d.ability(&k, c, &abilities[at]) {
			return false
		}
	}
	return first(to, k)
}

func (d *Document) ability(k *Capabilities, i int32, a *ability) bool {
	switch {
	case a.name == description:
		k.Descriptions = append(k.Descriptions, d.typedNote(i))
	case a.name == mediaTypes:
		k.Types = append(k.Types, strings.TrimSpace(d.text(i)))
	case a.isSet():
		s, ok := d.support(i, a)
		if _, twice := k.Sets[a.name]; twice || !ok {
			return false
		}
		if k.Sets == nil {
			k.Sets = make(map[string]Support)
		}
		k.Sets[a.name] = s
	default:
		value := strings.TrimSpace(d.text(i))
		yes := value == "true" || value == "1"
		if _, twice := k.Flags[a.name]; twice || !yes && value != "false" && value != "0" {
			return false
		}
		if k.Flags == nil {
			k.Flags = make(map[string]bool)
		}
		k.Flags[a.name] = yes
	}
	return true
}

func (d *Document) support(i int32, a *ability) (s Support, ok bool) {
	for c := d.firstChild(i); c >= 0; c = d.sibling(c) {
		to := &s.Supported
		if d.is(c, nsCapabilities, "notsupported") {
			to = &s.NotSupported
		} else if !d.is(c, nsCapabilities, "supported") {
			return s, false
		}
		for v := d.firstChild(c); v >= 0; v = d.sibling(v) {
			value := d.capability(v, a)
			if value == "" {
				return s, false
			}
			*to = append(*to, value)
		}
	}
	return s, true
}

// capability reads one value of a set, "" for what is none.
func (d *Document) capability(i int32, a *ability) string {
	local := d.localName(i)
	switch {
	case d.elements[i].namespace != nsCapabilities:
		return ""
	case a.item != "" && local == a.item:
		return strings.TrimSpace(d.text(i))
	case a.name == priority:
		return d.priority(i)
	case slices.Contains(a.words, local):
		return local
	}
	return ""
}

func (d *Document) priority(i int32) string {
	number := func(name string) string {
		text := strings.TrimSpace(d.attribute(i, name))
		if !isNumber(text) {
			return ""
		}
		return text
	}
	sign, text := "", ""
	switch d.localName(i) {
	case "equals":
		sign, text = "=", number("value")
	case "higherhan":
		sign, text = ">=", number("minvalue")
	case "lowerthan":
		sign, text = "<=", number("maxvalue")
	case "range":
		from, to := number("minvalue"), number("maxvalue")
		if from == "" || to == "" {
			return ""
		}
		return from + ":" + to
	}
	if text == "" {
		return ""
	}
	return sign + text
}

func isNumber(s string) bool {
	_, ok := integer(s)
	return ok
}
