package filter

import (
	"math/bits"

	"presenced/pidf"
)

// find goes through what a path selects, in document order. It passes the
// document once: where it stands it knows which steps of the path may match.
func (t tree) find(p *path, visit func(finding)) {
	if len(p.steps) > 0 {
		t.descend(p, 0, 1, visit)
	}
}

// descend looks at an element and its descendants. In active, bit i says that
// the steps before step i have led here.
func (t tree) descend(p *path, i int32, active uint64, visit func(finding)) {
	below := active & p.descend
	last := len(p.steps) - 1
	for rest := active; rest != 0; rest &= rest - 1 {
		at := bits.TrailingZeros64(rest)
		if s := &p.steps[at]; s.attribute || !s.names(t[i].name) || !t.meets(s, finding{node: i}) {
			continue
		}
		if at == last {
			visit(finding{node: i})
		} else {
			below |= 1 << (at + 1)
		}
	}
	if p.steps[last].attribute && below&(1<<last) != 0 {
		t.attributes(&p.steps[last], i, visit)
	}
	if below == 0 {
		return
	}
	for child := t.firstChild(i); child >= 0; child = t.sibling(child) {
		t.descend(p, child, below, visit)
	}
}

// attributes goes through the attributes of an element that a step selects.
func (t tree) attributes(s *step, i int32, visit func(finding)) {
	number := 0
	for a := range t[i].Attributes() {
		f := finding{node: i, number: number, attribute: a}
		if number++; a.Name == s.name && t.meets(s, f) {
			visit(f)
		}
	}
}

// meets tells whether a node meets the condition of a step.
func (t tree) meets(s *step, f finding) bool {
	if len(s.where) == 0 {
		return true
	}
	for _, every := range s.where {
		if t.meetsAll(every, f) {
			return true
		}
	}
	return false
}

func (t tree) meetsAll(every conjunction, f finding) bool {
	for i := range every {
		if !t.holds(&every[i], f) {
			return false
		}
	}
	return true
}

func (t tree) holds(c *comparison, f finding) bool {
	switch {
	case c.parent && f.isAttribute():
		return c.compare(t.text(f.node))
	case c.parent:
		// The root's parent has its text and no other (XPath 1.0 s.5.1).
		return c.compare(t.text(max(t[f.node].parent, 0)))
	case len(c.steps) == 0:
		return c.compare(t.value(f))
	case f.isAttribute():
		return false
	}
	return t.reaches(c, c.steps, f.node)
}

// reaches tells whether the steps lead to something that compares well.
func (t tree) reaches(c *comparison, steps []step, i int32) bool {
	if len(steps) == 0 {
		return c.compare(t.text(i))
	}
	if steps[0].attribute {
		return t.attributeCompares(c, steps[0].name, i)
	}
	for child := t.firstChild(i); child >= 0; child = t.sibling(child) {
		if steps[0].names(t[child].name) && t.reaches(c, steps[1:], child) {
			return true
		}
	}
	return false
}

func (t tree) attributeCompares(c *comparison, name pidf.Name, i int32) bool {
	for a := range t[i].Attributes() {
		if a.Name == name {
			return c.compare(collapse(t[i].Value(a)))
		}
	}
	return false
}

// compare compares a value, its white space collapsed. What is not a number is neither
// less nor more than one, nor equal.
func (c *comparison) compare(value string) bool {
	if !c.numeric {
		return value == c.value
	}
	number, ok := decimal(value)
	switch c.operator {
	case '<':
		return ok && number < c.number
	case '>':
		return ok && number > c.number
	}
	return ok && number == c.number
}
