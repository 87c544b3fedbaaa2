package pidf

import (
	"slices"
	"strings"
)

// Activity is what a person is doing (RFC 4480 s.3.2): one of the RFC's words,
// or a text of one's own.
type Activity string

const (
	Away       Activity = "away"
	Busy       Activity = "busy"
	Meeting    Activity = "meeting"
	OnThePhone Activity = "on-the-phone"
	NotKnown   Activity = "unknown" // stands alone
)

// words are the activities that have an element in the schema, RFC 4480 s.5.1.
// The RFC also describes lunch, but its schema forgets it: it is written as a
// text.
var words = []Activity{
	"appointment", Away, "breakfast", Busy, "dinner", "holiday", "in-transit", "looking-for-work", "meal",
	Meeting, OnThePhone, "performance", "permanent-absence", "playing", "presentation", "shopping", "sleeping",
	"spectator", "steering", "travel", "tv", "vacation", "working", "worship",
}

// activities reads an activities element. An activity of another namespace is
// given by its local name, RPID's "other" by its text.
func (d *Document) activities(i int32) []Activity {
	var found []Activity
	for c := d.firstChild(i); c >= 0; c = d.sibling(c) {
		switch {
		case d.is(c, nsRPID, "note"):
		case d.is(c, nsRPID, "other"):
			found = append(found, Activity(strings.TrimSpace(d.text(c))))
		default:
			found = append(found, Activity(d.localName(c)))
		}
	}
	return found
}

func appendActivities(dst []byte, activities []Activity) []byte {
	if len(activities) == 0 {
		return dst
	}
	dst = append(dst, "<rpid:activities>"...)
	written := false
	for _, a := range activities {
		switch {
		case a == NotKnown:
			continue
		case slices.Contains(words, a):
			dst = append(dst, "<rpid:"+a+"/>"...)
		default:
			dst = appendElement(dst, "rpid:other", string(a))
		}
		written = true
	}
	if !written {
		dst = append(dst, "<rpid:unknown/>"...)
	}
	return append(dst, "</rpid:activities>"...)
}
