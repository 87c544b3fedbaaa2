package pidf

import (
	"slices"
	"strconv"
	"strings"
)

// outcome is what comes of editing the children of an element.
type outcome int

const (
	same   outcome = iota // the content is the new one
	spaced                // but for what stands between the elements
	failed                // it cannot be said by operations, or not shortly
)

// child is a child element of either document, and the text behind it.
type child struct {
	doc   *Document
	index int32
	gap   string
	match int  // its place in the other list, -1 for none
	keep  bool // stays where it is
}

// room is the memory for the lists of one pair of elements.
type room struct{ olds, news, now []child }

func (c *child) raw() string { return c.doc.raw(c.index) }

func (c *child) id() string { return c.doc.attribute(c.index, "id") }

func (c *child) sameName(d *child) bool {
	return c.doc.localName(c.index) == d.doc.localName(d.index) &&
		c.doc.namespace(c.doc.elements[c.index].namespace) == d.doc.namespace(d.doc.elements[d.index].namespace)
}

// children edits the children of an element: removes those that are gone or
// have moved, then adds and edits in the order of the new ones, so that every
// selector counts what is there when it is evaluated (RFC 5261 s.7).
func (x *differ) children(o, n int32) outcome {
	if x.depth == len(x.rooms) {
		x.rooms = append(x.rooms, room{})
	}
	r := x.rooms[x.depth]
	olds, lead := listChildren(r.olds[:0], x.old, o)
	news, newLead := listChildren(r.news[:0], x.new, n)
	now := append(r.now[:0], olds...)
	x.rooms[x.depth] = room{olds, news, now}
	x.depth++
	defer func() { x.depth-- }()
	if !x.match(olds, news) {
		return failed
	}
	hold(olds, news)
	now = append(now[:0], olds...)
	now, lead = x.remove(now, lead)
	now, ok := x.fill(now, news)
	if !ok || len(x.out) >= x.limit {
		return failed
	}
	if lead != newLead {
		return spaced
	}
	for i := range now {
		if now[i].gap != news[i].gap {
			return spaced
		}
	}
	return same
}

// listChildren lists the children of an element, and returns the text before
// the first.
func listChildren(list []child, d *Document, parent int32) ([]child, string) {
	e := &d.elements[parent]
	lead, at := "", e.open
	for i := d.firstChild(parent); i >= 0; i = d.sibling(i) {
		gap := d.body[at:d.elements[i].start]
		if len(list) == 0 {
			lead = gap
		} else {
			list[len(list)-1].gap = gap
		}
		list = append(list, child{doc: d, index: i, match: -1})
		at = d.elements[i].end
	}
	if gap := d.body[at:max(at, e.close)]; len(list) == 0 {
		lead = gap
	} else {
		list[len(list)-1].gap = gap
	}
	return list, lead
}

// match pairs old with new children: equal ones at both ends, then those with
// the same name and id, then those without an id by content and by name.
func (x *differ) match(olds, news []child) bool {
	first, last, newLast := 0, len(olds), len(news)
	pair := func(i, j int) { olds[i].match, news[j].match = j, i }
	for ; first < min(last, newLast) && olds[first].raw() == news[first].raw(); first++ {
		pair(first, first)
	}
	for ; last > first && newLast > first && olds[last-1].raw() == news[newLast-1].raw(); last, newLast = last-1, newLast-1 {
		pair(last-1, newLast-1)
	}
	if x.work += (last - first) * (newLast - first); x.work > maxDiffWork {
		return false
	}
	for _, alike := range [...]func(a, b *child) bool{
		func(a, b *child) bool { return a.raw() == b.raw() },
		func(a, b *child) bool { return a.sameName(b) && a.id() == b.id() },
	} {
		for j := first; j < newLast; j++ {
			for i := first; i < last && news[j].match < 0; i++ {
				if olds[i].match < 0 && alike(&olds[i], &news[j]) {
					pair(i, j)
				}
			}
		}
	}
	return true
}

// hold finds the most pairs that stand in the same order in both lists: the
// others are removed and added again.
func hold(olds, news []child) {
	best := make([]int, 0, 12) // for news[j]: how many can be held up to it
	before := make([]int, 0, 12)
	end, most := -1, 0
	for j := range news {
		length, from := 0, -1
		if news[j].match >= 0 {
			length = 1
			for k := j - 1; k >= 0 && length <= most; k-- { // mostly the first k is the best
				if news[k].match >= 0 && news[k].match < news[j].match && best[k] >= length {
					length, from = best[k]+1, k
				}
			}
		}
		best, before = append(best, length), append(before, from)
		if length > most {
			end, most = j, length
		}
	}
	for ; end >= 0; end = before[end] {
		news[end].keep, olds[news[end].match].keep = true, true
	}
}

// remove writes the removal of the old children that do not stay, with the white
// space behind them.
func (x *differ) remove(now []child, lead string) ([]child, string) {
	for i := 0; i < len(now) && len(x.out) < x.limit; {
		if now[i].keep {
			i++
			continue
		}
		outer := x.step(now, i)
		x.begin("remove", "")
		x.sel = x.sel[:outer]
		switch gap := now[i].gap; {
		case gap == "":
		case isBlank(gap):
			x.out = append(x.out, ` ws="after"`...)
		case i == 0:
			lead += gap
		default:
			now[i-1].gap += gap
		}
		x.empty()
		now = slices.Delete(now, i, i+1)
	}
	return now, lead
}

// fill edits the children that stayed and adds the new ones between them.
func (x *differ) fill(now, news []child) ([]child, bool) {
	for i := 0; i < len(news) && len(x.out) < x.limit; i++ {
		if news[i].keep {
			if now[i].raw() == news[i].raw() {
				continue
			}
			outer := x.step(now, i)
			ok := x.edit(now[i].index, news[i].index)
			x.sel = x.sel[:outer]
			if !ok {
				return now, false
			}
			continue
		}
		end := i + 1
		for end < len(news) && !news[end].keep {
			end++
		}
		x.add(now, i, news[i:end])
		now = slices.Insert(now, i, news[i:end]...)
		i = end - 1
	}
	return now, len(now) == len(news)
}

// add writes new children before the i-th of those that are there now, or at
// the end.
func (x *differ) add(now []child, i int, added []child) {
	outer := len(x.sel)
	if i < len(now) {
		x.step(now, i)
	}
	x.begin("add", "")
	x.sel = x.sel[:outer]
	if i < len(now) {
		x.out = append(x.out, ` pos="before"`...)
	}
	x.out = append(x.out, '>')
	for k := range added {
		x.out = append(append(x.out, added[k].raw()...), added[k].gap...)
	}
	x.end("add")
}

// step appends to the selector the step to the i-th of the children that are
// there now: by name and id, or by its position among those of its name, or,
// where the diff has no name for it, among all. It returns the length before.
func (x *differ) step(now []child, i int) int {
	outer := len(x.sel)
	x.work += len(now)
	if x.work > maxDiffWork {
		x.limit = 0
	}
	c := &now[i]
	x.sel = append(x.sel, '/')
	e := &c.doc.elements[c.index]
	name := Element{c.doc, c.index}.QualifiedName()
	usable := x.nameable(e.prefix, name, c.doc.namespace(e.namespace))
	if e.prefix == 0 {
		usable = e.namespace == nsPIDF
	}
	if !usable {
		x.sel = append(x.sel, "*["...)
		x.sel = strconv.AppendInt(x.sel, int64(i+1), 10)
		x.sel = append(x.sel, ']')
		return outer
	}
	x.sel = append(x.sel, name...)
	id := c.id()
	total, place, sameID := 0, 0, 0
	for k := range now {
		if now[k].sameName(c) {
			total++
			if k <= i {
				place++
			}
			if id != "" && now[k].id() == id {
				sameID++
			}
		}
	}
	switch {
	case sameID == 1 && !strings.ContainsAny(id, "'\t\r\n"):
		x.sel = append(x.sel, "[@id='"...)
		x.sel = AppendValue(x.sel, id)
		x.sel = append(x.sel, "']"...)
	case total > 1:
		x.sel = append(x.sel, '[')
		x.sel = strconv.AppendInt(x.sel, int64(place), 10)
		x.sel = append(x.sel, ']')
	}
	return outer
}
