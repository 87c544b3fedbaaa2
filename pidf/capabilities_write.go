package pidf

import (
	"slices"
	"strings"
)

// capabilities writes servcaps or devcaps in the order of RFC 5196 s.6.
func (c *composer) capabilities(k *Capabilities, abilities []ability) {
	if k == nil {
		return
	}
	name := "caps:servcaps>"
	if len(abilities) == len(deviceCapabilities) {
		name = "caps:devcaps>"
	}
	c.bind("caps", NamespaceCapabilities)
	c.literal("<" + name)
	for i := range abilities {
		c.ability(k, &abilities[i])
	}
	c.wholes(k.Extensions, NamespaceCapabilities)
	c.literal("</" + name)
}

func (c *composer) ability(k *Capabilities, a *ability) {
	switch {
	case a.name == description:
		for _, n := range k.Descriptions {
			c.out = appendNote(c.out, "caps:description", n)
		}
	case a.name == mediaTypes:
		for _, t := range k.Types {
			c.element("caps:type", t)
		}
	case a.isSet():
		s, said := k.Sets[a.name]
		if !said {
			return
		}
		c.literal("<caps:" + a.name + ">")
		c.support("supported", s.Supported, a)
		c.support("notsupported", s.NotSupported, a)
		c.literal("</caps:" + a.name + ">")
	default:
		if yes, said := k.Flags[a.name]; said {
			value := "false"
			if yes {
				value = "true"
			}
			c.element("caps:"+a.name, value)
		}
	}
}

func (c *composer) support(name string, values []string, a *ability) {
	start := len(c.out)
	c.literal("<caps:" + name + ">")
	content := len(c.out)
	switch {
	case a.item != "":
		for _, value := range values {
			c.element("caps:"+a.item, value)
		}
	case a.name == priority:
		for _, form := range a.words {
			c.priorities(values, form)
		}
	default:
		for _, word := range a.words {
			if slices.Contains(values, word) {
				c.literal("<caps:" + word + "/>")
			}
		}
	}
	if len(c.out) == content {
		c.out = c.out[:start]
		return
	}
	c.literal("</caps:" + name + ">")
}

// priorities writes those of the values that one of the schema's elements says.
func (c *composer) priorities(values []string, form string) {
	for _, value := range values {
		from, to, isRange := strings.Cut(value, ":")
		isRange = isRange && isNumber(from) && isNumber(to)
		attribute := ""
		switch {
		case form == "equals" && isNumber(strings.TrimPrefix(value, "=")) && value[0] == '=':
			attribute = `value="` + value[1:]
		case form == "higherhan" && strings.HasPrefix(value, ">=") && isNumber(value[2:]):
			attribute = `minvalue="` + value[2:]
		case form == "lowerthan" && strings.HasPrefix(value, "<=") && isNumber(value[2:]):
			attribute = `maxvalue="` + value[2:]
		case form == "range" && isRange:
			attribute = `minvalue="` + from + `" maxvalue="` + to
		default:
			continue
		}
		c.literal("<caps:" + form + " " + attribute + `"/>`)
	}
}
