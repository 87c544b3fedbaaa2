package pidf

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

func (c *composer) enumerations(list []Enumeration, v *vocabulary) {
	for i := range list {
		c.enumeration(&list[i], v)
	}
}

// enumeration writes an enumeration as rpid.xsd orders it: notes, then values,
// texts and extensions. One that the schema does not let be empty is left out.
func (c *composer) enumeration(e *Enumeration, v *vocabulary) {
	start := len(c.out)
	c.bind("rpid", NamespaceRPID)
	c.literal("<rpid:" + v.name)
	if v.spans {
		c.mark(&e.Mark)
	}
	c.literal(">")
	if v.notes {
		for _, n := range e.Notes {
			c.out = appendNote(c.out, "rpid:note", n)
		}
	}
	if content := len(c.out); !c.values(e, v) {
		c.out = c.out[:content]
		switch {
		case v.unknown && (!v.empty || slices.Contains(e.Values, NotKnown)):
			c.literal("<rpid:unknown/>")
		case !v.empty:
			c.out = c.out[:start]
			return
		}
	}
	c.literal("</rpid:" + v.name + ">")
}

// values writes what an enumeration holds besides "unknown". It is false for
// nothing.
func (c *composer) values(e *Enumeration, v *vocabulary) bool {
	words, others := v.sort(e)
	start := len(c.out)
	for _, word := range words {
		if v.places {
			c.bind("lt", NamespacePlace)
			c.literal("<lt:" + word + "/>")
		} else {
			c.literal("<rpid:" + word + "/>")
		}
		if v.single {
			return true
		}
	}
	exclusive := v.single || v.places // the schema's choice: a text, or elements of other namespaces
	for _, n := range others {
		if v.places && (len(words) > 0 || len(e.Extensions) > 0) {
			break
		}
		c.out = appendNote(c.out, "rpid:other", n)
		if exclusive {
			return true
		}
	}
	c.wholes(e.Extensions, NamespaceRPID)
	return len(c.out) > start
}

// sort tells the words that may be written from texts.
func (v *vocabulary) sort(e *Enumeration) (words []string, others []Note) {
	for _, value := range e.Values {
		switch {
		case value == NotKnown && v.unknown || slices.Contains(words, value):
		case v.has(value):
			words = append(words, value)
		case v.other:
			others = append(others, Note{Text: value})
		}
	}
	if v.ordered {
		slices.SortFunc(words, func(a, b string) int { return slices.Index(v.words, a) - slices.Index(v.words, b) })
	}
	if v.other {
		others = append(others, e.Others...)
	}
	return words, others
}

// mark writes the attributes from, until and id.
func (c *composer) mark(m *Mark) {
	c.timeAttribute("from", m.From)
	c.timeAttribute("until", m.Until)
	c.identify(m.ID)
}

func (c *composer) timeAttribute(name string, at time.Time) {
	if text := formatTimestamp(at); text != "" {
		c.literal(" " + name + `="` + text + `"`)
	}
}

func (c *composer) identify(id string) {
	if id = strings.TrimSpace(id); id != "" {
		c.literal(` id="`)
		c.id(id, "x")
		c.literal(`"`)
	}
}

func (c *composer) placeIs(p *PlaceIs) {
	c.bind("rpid", NamespaceRPID)
	c.literal("<rpid:place-is")
	c.mark(&p.Mark)
	c.literal(">")
	for _, n := range p.Notes {
		c.out = appendNote(c.out, "rpid:note", n)
	}
	for _, is := range [...]struct {
		name, word string
		words      []string
	}{{"audio", p.Audio, placeAudio}, {"video", p.Video, placeVideo}, {"text", p.Text, placeText}} {
		if slices.Contains(is.words, is.word) {
			c.literal("<rpid:" + is.name + "><rpid:" + is.word + "/></rpid:" + is.name + ">")
		}
	}
	c.literal("</rpid:place-is>")
}

func (c *composer) class(name string) {
	if name == "" {
		return
	}
	c.bind("rpid", NamespaceRPID)
	c.element("rpid:class", strings.Join(strings.Fields(name), " ")) // xs:token
}

func (c *composer) icons(icons []Icon) {
	for i := range icons {
		c.bind("rpid", NamespaceRPID)
		c.literal("<rpid:status-icon")
		c.mark(&icons[i].Mark)
		c.literal(">")
		c.out = append(AppendURI(c.out, icons[i].URI), "</rpid:status-icon>"...)
	}
}

func (c *composer) timeOffset(t *TimeOffset) {
	c.bind("rpid", NamespaceRPID)
	c.literal("<rpid:time-offset")
	c.mark(&t.Mark)
	if t.Description != "" {
		c.literal(` description="`)
		c.out = append(AppendValue(c.out, t.Description), '"')
	}
	c.literal(">" + strconv.Itoa(t.Minutes) + "</rpid:time-offset>")
}

func (c *composer) userInput(u *UserInput) {
	if u == nil {
		return
	}
	c.bind("rpid", NamespaceRPID)
	c.literal("<rpid:user-input")
	if seconds := int64(u.IdleThreshold / time.Second); seconds > 0 {
		c.literal(` idle-threshold="` + strconv.FormatInt(seconds, 10) + `"`)
	}
	c.timeAttribute("last-input", u.LastInput)
	c.identify(u.ID)
	state := "active"
	if u.Idle {
		state = "idle"
	}
	c.literal(">" + state + "</rpid:user-input>")
}
