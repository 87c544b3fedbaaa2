package pidf

import "time"

// TimedStatus is a status of the past or the future (RFC 4481 s.3).
type TimedStatus struct {
	From       time.Time // one without it is not written
	Until      time.Time // zero: as long as the tuple is published
	Status     Status
	Note       *Note
	Extensions []Extension
}

func (d *Document) timedStatus(i int32) TimedStatus {
	t := TimedStatus{From: parseTimestamp(d.attribute(i, "from")), Until: parseTimestamp(d.attribute(i, "until"))}
	for c := d.firstChild(i); c >= 0; c = d.sibling(c) {
		switch {
		case d.is(c, nsTimedStatus, "basic") && t.Status == Unknown:
			t.Status = d.basic(c)
		case d.is(c, nsTimedStatus, "note") && t.Note == nil:
			note := d.typedNote(c)
			t.Note = &note
		default:
			t.Extensions = d.keep(t.Extensions, c, nsTimedStatus)
		}
	}
	return t
}

func (c *composer) timedStatus(t *TimedStatus) {
	from := formatTimestamp(t.From)
	if from == "" {
		return
	}
	c.bind("ts", NamespaceTimedStatus)
	c.literal(`<ts:timed-status from="` + from + `"`)
	c.timeAttribute("until", t.Until)
	c.literal(">")
	if t.Status == Open || t.Status == Closed {
		c.element("ts:basic", string(t.Status))
	}
	if t.Note != nil {
		c.out = appendNote(c.out, "ts:note", *t.Note)
	}
	c.wholes(t.Extensions, NamespaceTimedStatus)
	c.literal("</ts:timed-status>")
}
