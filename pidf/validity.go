package pidf

import "time"

// holds tells whether a child of a tuple, a person or a device has not expired
// (RFC 4480 s.3.1, RFC 4481 s.3). Where time will change it, the composition
// ends then.
func (c *composer) holds(d *Document, i int32) bool {
	e := &d.elements[i]
	if c.now.IsZero() || e.attrCount == 0 || e.namespace != nsRPID && e.namespace != nsTimedStatus {
		return true
	}
	from, until := parseTimestamp(d.attribute(i, "from")), parseTimestamp(d.attribute(i, "until"))
	if e.namespace == nsTimedStatus {
		return c.ends(from)
	}
	if until.IsZero() || c.ends(until) {
		c.ends(from)
		return true
	}
	return false
}

// ends tells whether a time is still to come.
func (c *composer) ends(at time.Time) bool {
	if !at.After(c.now) {
		return false
	}
	if c.until.IsZero() || at.Before(c.until) {
		c.until = at
	}
	return true
}

// later tells whether an element begins in the future.
func (c *composer) later(d *Document, i int32) bool {
	if c.now.IsZero() || d.elements[i].attrCount == 0 || d.elements[i].namespace != nsRPID {
		return false
	}
	return parseTimestamp(d.attribute(i, "from")).After(c.now)
}

// Holds tells whether a time lies between the element's attributes from and
// until (RFC 4480 s.3.1), as far as it has them. The zero time lies everywhere.
func (e Element) Holds(now time.Time) bool {
	from, until := parseTimestamp(e.Attribute("from")), parseTimestamp(e.Attribute("until"))
	return now.IsZero() || !from.After(now) && (until.IsZero() || until.After(now))
}
