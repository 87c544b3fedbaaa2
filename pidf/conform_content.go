package pidf

import "slices"

// rule tells whether an element is what stands at one place of a sequence.
type rule func(d *Document, i int32) bool

// conforms tells whether an enumeration is one by rpid.xsd (RFC 4480 s.5.1):
// notes first, then what the vocabulary lets stand beside each other.
func (v *vocabulary) conforms(d *Document, i int32) bool {
	if v.spans && !d.hasSpan(i) || !v.spans && d.elements[i].attrCount > 0 || !d.hasElementsOnly(i) {
		return false
	}
	words, texts, unknowns, others, last := 0, 0, 0, 0, -1
	for c := d.firstChild(i); c >= 0; c = d.sibling(c) {
		local, own := d.localName(c), d.elements[c].namespace == nsRPID
		switch {
		case own && local == "note" && v.notes && words+texts+unknowns+others == 0 && d.isNote(c):
		case own && local == "other" && v.other && d.isNote(c):
			texts++
		case own && v.places:
			return false
		case own && local == NotKnown && v.unknown && d.isEmpty(c):
			unknowns++
		case own && slices.Contains(v.words, local) && d.isEmpty(c):
			at := slices.Index(v.words, local)
			if v.ordered && (at <= last || others > 0) {
				return false
			}
			last = at
			words++
		case !own && d.isExtension(c, nsRPID) && d.conforms(c):
			others++
		default:
			return false
		}
	}
	switch all := words + texts + unknowns + others; {
	case all == 0:
		return v.empty
	case unknowns > 0:
		return all == 1
	case v.single || v.places:
		return all == 1 || all == others
	}
	return true
}

// conformsPlaceIs: notes, audio, video, text, each with one of its words.
func (d *Document) conformsPlaceIs(i int32) bool {
	if !d.hasSpan(i) || !d.hasElementsOnly(i) {
		return false
	}
	s := sequence{d: d, next: d.firstChild(i)}
	s.all(nsRPID, "note", (*Document).isNote)
	s.optional(nsRPID, "audio", saysOf(placeAudio))
	s.optional(nsRPID, "video", saysOf(placeVideo))
	s.optional(nsRPID, "text", saysOf(placeText))
	return s.ended()
}

// saysOf is the rule of what holds one word.
func saysOf(words []string) rule {
	return func(d *Document, i int32) bool {
		word := d.firstChild(i)
		return word >= 0 && d.sibling(word) < 0 && d.elements[i].attrCount == 0 && d.hasElementsOnly(i) &&
			d.elements[word].namespace == nsRPID && slices.Contains(words, d.localName(word)) && d.isEmpty(word)
	}
}

func (d *Document) conformsUserInput(i int32) bool {
	if state := d.content(i); state != "active" && state != "idle" || !d.isOpen(i) || !d.isTimeAttribute(i, "last-input") {
		return false
	}
	seconds, has := d.find(i, "idle-threshold")
	return !has || isPositive(seconds)
}

// conformsTimedStatus: basic, note, extensions (RFC 4481 s.5).
func (d *Document) conformsTimedStatus(i int32) bool {
	if from, has := d.find(i, "from"); !has || !isDateTime(from) || !d.isTimeAttribute(i, "until") ||
		!d.hasOnly(i, "from", "until") || !d.hasElementsOnly(i) {
		return false
	}
	s := sequence{d: d, next: d.firstChild(i)}
	s.optional(nsTimedStatus, "basic", func(d *Document, i int32) bool {
		basic := d.content(i)
		return d.elements[i].attrCount == 0 && (basic == string(Open) || basic == string(Closed))
	})
	s.optional(nsTimedStatus, "note", (*Document).isNote)
	s.others(nsTimedStatus)
	return s.ended()
}

// conformsDataModel: extensions, the deviceID of a device, notes, timestamp
// (RFC 4479 s.5.1.2).
func (d *Document) conformsDataModel(i int32, device bool) bool {
	if _, has := d.find(i, "id"); !has || !d.hasOnly(i, "id") || !d.hasElementsOnly(i) {
		return false
	}
	s := sequence{d: d, next: d.firstChild(i)}
	s.others(nsDataModel)
	if device {
		s.optional(nsDataModel, "deviceID", (*Document).isURI)
	}
	s.all(nsDataModel, "note", (*Document).isNote)
	s.optional(nsDataModel, "timestamp", func(d *Document, i int32) bool { return d.isString(i) && isDateTime(d.content(i)) })
	return s.ended() && (!device || d.deviceIDOf(i) != "")
}

// conformsCapabilities follows the order of the schema (RFC 5196 s.6).
func (d *Document) conformsCapabilities(i int32, abilities []ability) bool {
	if !d.isOpen(i) || !d.hasElementsOnly(i) {
		return false
	}
	s := sequence{d: d, next: d.firstChild(i)}
	for k := range abilities {
		switch a := &abilities[k]; {
		case a.name == description:
			s.all(nsCapabilities, a.name, (*Document).isNote)
		case a.name == mediaTypes:
			s.all(nsCapabilities, a.name, (*Document).isString)
		case a.isSet():
			s.optional(nsCapabilities, a.name, a.conforms)
		default:
			s.optional(nsCapabilities, a.name, func(d *Document, i int32) bool { return d.isString(i) && isBoolean(d.content(i)) })
		}
	}
	s.others(nsCapabilities)
	return s.ended()
}

func (a *ability) conforms(d *Document, i int32) bool {
	s := sequence{d: d, next: d.firstChild(i)}
	s.optional(nsCapabilities, "supported", a.conformsValues)
	s.optional(nsCapabilities, "notsupported", a.conformsValues)
	return s.ended() && d.hasOnly(i) && d.hasElementsOnly(i)
}

func (a *ability) conformsValues(d *Document, i int32) bool {
	s := sequence{d: d, next: d.firstChild(i)}
	switch {
	case a.item != "":
		s.all(nsCapabilities, a.item, (*Document).isString)
		if s.next == d.firstChild(i) {
			return false
		}
	case a.name == priority:
		for _, form := range a.words {
			s.all(nsCapabilities, form, (*Document).conformsPriority)
		}
		s.others(nsCapabilities)
	default:
		for _, word := range a.words {
			s.optional(nsCapabilities, word, (*Document).isString)
		}
		s.others(nsCapabilities)
	}
	return s.ended() && d.hasOnly(i) && d.hasElementsOnly(i)
}

func (d *Document) conformsPriority(i int32) bool {
	if d.elements[i].open != d.elements[i].close || d.priority(i) == "" {
		return false
	}
	switch d.localName(i) {
	case "equals":
		return d.hasOnly(i, "value")
	case "higherhan":
		return d.hasOnly(i, "minvalue")
	case "lowerthan":
		return d.hasOnly(i, "maxvalue")
	}
	return d.hasOnly(i, "minvalue", "maxvalue")
}

// sequence goes through an element's children in the order of its schema. One
// that breaks its rule is where it stops.
type sequence struct {
	d      *Document
	next   int32
	broken bool
}

func (s *sequence) ended() bool { return s.next < 0 && !s.broken }

func (s *sequence) optional(namespace uint16, name string, r rule) bool {
	if s.next < 0 || s.broken || !s.d.is(s.next, namespace, name) {
		return false
	}
	if s.broken = !r(s.d, s.next); !s.broken {
		s.next = s.d.sibling(s.next)
	}
	return !s.broken
}

func (s *sequence) all(namespace uint16, name string, r rule) {
	for s.optional(namespace, name, r) {
		continue
	}
}

// others passes over extensions.
func (s *sequence) others(target uint16) {
	for s.next >= 0 && !s.broken && s.d.isExtension(s.next, target) {
		if s.broken = !s.d.conforms(s.next); !s.broken {
			s.next = s.d.sibling(s.next)
		}
	}
}
