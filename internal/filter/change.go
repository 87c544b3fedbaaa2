package filter

import "presenced/pidf"

// Triggers tells whether the change from one document to the next is one that
// the filter waits for: all criteria of one of its triggers are met (RFC 4661
// s.3.6). It is true without triggers, and where old is nil: the first NOTIFY
// ignores them (RFC 4660 s.5.3.1). Old must be the document from which the last
// NOTIFY that was sent was made, before filters (RFC 4661 s.3.6.1): not the
// last one that there was.
//
// The RFCs leave open which element of the one document is which of the other.
// Here it is the one that has the same parent, name, id attribute and, among
// those that are alike in this, place. An element that has no counterpart is
// added or removed. For changed, elements without a counterpart are taken
// for one another in document order, because a tuple of another id may well be
// the same service (a presentity that was offline); and one that is new has
// changed "to" its value if there is no from or by: the example in RFC 4661
// s.6.3 waits so for watchers that become pending, which are new (RFC 3857
// s.4.7.1).
//
// An element's value is its content: with its child elements and their
// attributes, where it has any. White space around and between words does not
// count.
func (f *Filter) Triggers(old, current *pidf.Document) bool {
	if f == nil || len(f.triggers) == 0 || old == nil {
		return true
	}
	before, after := newTree(old), newTree(current)
	defer before.free()
	defer after.free()
	c := change{old: before.nodes, current: after.nodes, was: make([]int32, len(after.nodes))}
	for i := range c.was {
		c.was[i] = -1
	}
	c.pair(0, 0)
	for _, t := range f.triggers {
		if c.meets(t) {
			return true
		}
	}
	return false
}

// change is two documents, and which element of one is which of the other.
type change struct {
	old, current tree
	was          []int32   // by index in current: the index in old, or -1
	verdicts     []verdict // by index in current, once one was asked for
}

// ident is what brothers are told apart by.
type ident struct {
	name pidf.Name
	id   string
}

func (t tree) ident(i int32) ident { return ident{t[i].name, t[i].Attribute("id")} }

// pair takes two elements for the same one, and looks for the same among their
// children. Most children stand in the same order as before.
func (c *change) pair(old, current int32) {
	c.was[current] = old
	o, n := c.old.firstChild(old), c.current.firstChild(current)
	for o >= 0 && n >= 0 && c.old.ident(o) == c.current.ident(n) {
		c.pair(o, n)
		o, n = c.old.sibling(o), c.current.sibling(n)
	}
	if o < 0 || n < 0 {
		return
	}
	rest := make(map[ident][]int32)
	for ; o >= 0; o = c.old.sibling(o) {
		id := c.old.ident(o)
		rest[id] = append(rest[id], o)
	}
	for ; n >= 0; n = c.current.sibling(n) {
		id := c.current.ident(n)
		if same := rest[id]; len(same) > 0 {
			c.pair(same[0], n)
			rest[id] = same[1:]
		}
	}
}

func (c *change) meets(t trigger) bool {
	for i := range t {
		var met bool
		switch t[i].kind {
		case changed:
			met = c.changed(&t[i])
		case added:
			met = c.added(&t[i].path)
		case removed:
			met = c.removed(&t[i].path)
		}
		if !met {
			return false
		}
	}
	return true
}

// added tells whether the path selects something that was not there before.
func (c *change) added(p *path) bool {
	found := false
	c.current.find(p, func(f finding) {
		was := c.was[f.node]
		found = found || was < 0 || f.isAttribute() && !c.old.has(was, f.attribute.Name)
	})
	return found
}

// removed tells whether the path selected something that is no more.
func (c *change) removed(p *path) bool {
	is := c.successors()
	found := false
	c.old.find(p, func(f finding) {
		found = found || is[f.node] < 0 || f.isAttribute() && !c.current.has(is[f.node], f.attribute.Name)
	})
	return found
}

// successors is was, the other way round.
func (c *change) successors() []int32 {
	is := make([]int32, len(c.old))
	for i := range is {
		is[i] = -1
	}
	for current, old := range c.was {
		if old >= 0 {
			is[old] = int32(current)
		}
	}
	return is
}

// changed tells whether something that the path selects has changed as the
// criterion wants it.
func (c *change) changed(k *criterion) bool {
	met := false
	var fresh []finding
	same := make(map[finding]bool) // what both documents have, by its place in old
	c.current.find(&k.path, func(f finding) {
		was, known := c.counterpart(f)
		if !known {
			fresh = append(fresh, f)
			return
		}
		same[was.place()] = true
		met = met || c.differs(k, was, f)
	})
	if met || len(fresh) == 0 {
		return met
	}
	c.old.find(&k.path, func(was finding) {
		if !same[was.place()] && len(fresh) > 0 {
			met = met || c.differs(k, was, fresh[0])
			fresh = fresh[1:]
		}
	})
	if !k.to.given || k.from.given || k.by.given {
		return met
	}
	for _, f := range fresh {
		met = met || sameAs(c.current, f, k.to.value)
	}
	return met
}

func sameAs(t tree, f finding, want string) bool {
	return same(f.name(t), t.value(f), want)
}

// counterpart is the element or attribute in old that is one in current.
func (c *change) counterpart(f finding) (finding, bool) {
	was := c.was[f.node]
	if was < 0 {
		return finding{}, false
	}
	if !f.isAttribute() {
		return finding{node: was}, true
	}
	for a := range c.old[was].Attributes() {
		if a.Name == f.attribute.Name {
			return finding{node: was, attribute: a}, true
		}
	}
	return finding{}, false
}

func (c *change) differs(k *criterion, was, is finding) bool {
	if !is.isAttribute() {
		if c.sameContent(was.node, is.node) {
			return false
		}
		return k.met(is.name(c.current), c.old.value(was), c.current.value(is))
	}
	before, after := c.old.value(was), c.current.value(is)
	return before != after && k.met(is.name(c.current), before, after)
}

// verdict is whether an element contains the same as one of old.
type verdict struct {
	old  int32 // its index and one: 0 for no verdict
	same bool
}

// sameContent compares what two elements contain: text, or children with their
// attributes. The verdict is kept: criteria may ask for an element, and for all
// around it, many times.
func (c *change) sameContent(old, current int32) bool {
	o, n := c.old.firstChild(old), c.current.firstChild(current)
	if o < 0 && n < 0 {
		return c.old.text(old) == c.current.text(current)
	}
	if c.verdicts == nil {
		c.verdicts = make([]verdict, len(c.current))
	}
	known := &c.verdicts[current]
	if known.old == old+1 {
		return known.same
	}
	for o >= 0 && n >= 0 && c.sameChild(o, n) {
		o, n = c.old.sibling(o), c.current.sibling(n)
	}
	*known = verdict{old + 1, o < 0 && n < 0}
	return known.same
}

func (c *change) sameChild(o, n int32) bool {
	return c.old[o].name == c.current[n].name && sameAttributes(&c.old[o], &c.current[n]) && c.sameContent(o, n)
}

func sameAttributes(a, b *node) bool {
	count := 0
	for one := range a.Attributes() {
		count++
		if value, has := b.attribute(one.Name); !has || collapse(a.Value(one)) != value {
			return false
		}
	}
	for range b.Attributes() {
		count--
	}
	return count == 0
}

// attribute returns the value of an attribute, its white space collapsed.
func (n *node) attribute(name pidf.Name) (string, bool) {
	for a := range n.Attributes() {
		if a.Name == name {
			return collapse(n.Value(a)), true
		}
	}
	return "", false
}
