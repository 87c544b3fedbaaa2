package pidf

import (
	"math"
	"strconv"
	"strings"
)

// keep adds an element to the extensions, if the schemas let it stand beside
// the elements of the target namespace.
func (d *Document) keep(to []Extension, i int32, target uint16) []Extension {
	if !d.isExtension(i, target) {
		return to
	}
	c := composers.Get().(*composer)
	defer c.release()
	c.alone = true
	c.extension(d, i)
	return append(to, Extension{Name: d.name(i), XML: string(c.out), MustUnderstand: d.must(i, 0)})
}

// demanding tells whether an element must not be interpreted here: it has one
// that must be understood and is of a namespace that is not (RFC 3863 s.4.2.3).
func (d *Document) demanding(i int32) bool { return d.must(i, uint16(len(wellKnown))) }

// must finds an element with mustUnderstand whose namespace's number is at
// least the given one.
func (d *Document) must(i int32, from uint16) bool {
	for j := i; j < d.elements[i].next; j++ {
		if e := &d.elements[j]; e.attrCount == 0 || e.namespace < from {
			continue
		}
		if value := strings.TrimSpace(d.qualifiedAttribute(j, nsPIDF, "mustUnderstand")); value == "true" || value == "1" {
			return true
		}
	}
	return false
}

func (d *Document) name(i int32) Name {
	return Name{d.namespace(d.elements[i].namespace), d.localName(i)}
}

// once takes an element's text where there is none yet.
func (d *Document) once(to *string, i int32) bool {
	if *to != "" {
		return false
	}
	*to = strings.TrimSpace(d.text(i))
	return true
}

// first takes a value where there is none yet.
func first[T any](to **T, value T) bool {
	if *to != nil {
		return false
	}
	*to = &value
	return true
}

func one(e *Enumeration) []Enumeration {
	if e == nil {
		return nil
	}
	return []Enumeration{*e}
}

// integer reads an xs:integer of at most nine digits.
func integer(s string) (int, bool) {
	s = strings.TrimSpace(s)
	if len(s) > 10 {
		return 0, false
	}
	n, err := strconv.Atoi(s)
	return n, err == nil
}

// any reads what has been read before, or is being written.
var unbounded = Reader{
	MaxSize: math.MaxInt32 / 2, MaxDepth: 1000, MaxElements: math.MaxInt32, MaxAttributes: math.MaxInt16, MaxNamespaces: math.MaxInt16,
}

// whole writes an extension as it was kept. It is false if it is not
// well-formed, not what its name says, or may not stand in an element of the
// target namespace.
func (c *composer) whole(x *Extension, target string) bool {
	if x.Name.Namespace == target || x.Name.Namespace == "" {
		return false
	}
	r := unbounded
	r.Root = x.Name
	d := new(Document)
	if r.ReadString(d, x.XML) != nil {
		return false
	}
	return c.extension(d, 0)
}

func (c *composer) wholes(list []Extension, target string) {
	for i := range list {
		c.whole(&list[i], target)
	}
}
