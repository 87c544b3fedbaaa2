package pidf

import (
	"slices"
	"strings"
	"time"
)

// Mark is what most elements of RFC 4480 have (s.3.1): a name of their own, and
// the time for which they hold. Where an element has none, its type has none.
type Mark struct {
	ID          string    // made a valid and unique one when written; "" for none
	From, Until time.Time // zero for no such bound
}

// Enumeration is one element of RFC 4480 that says one or several things of a
// list: activities, mood, place-type, privacy, relationship, service-class or
// sphere. Mark counts for none of relationship and service-class, Notes for all
// but sphere.
type Enumeration struct {
	Mark
	Notes []Note
	// Values are words of the RFC, of RFC 4589 in a place-type. Written, any
	// other value becomes one of Others; of several in an element that holds one
	// the first counts, and "unknown" stands alone.
	Values []string
	// Others are texts of one's own. Privacy, service-class and sphere have no
	// place for them: COMPAT: RFC 4480's own example has a text in a sphere; it
	// is read, and not written.
	Others []Note
	// Extensions are values of other namespaces (RFC 4480 s.6).
	Extensions []Extension
}

// All are the values, texts and local names of extensions, for showing them.
func (e *Enumeration) All() []string {
	all := slices.Clone(e.Values)
	for _, n := range e.Others {
		all = append(all, n.Text)
	}
	for _, x := range e.Extensions {
		all = append(all, x.Name.Local)
	}
	return all
}

// PlaceIs says what the place is like where a person is (RFC 4480 s.3.6), each
// in one of the RFC's words, "" for nothing said.
type PlaceIs struct {
	Mark
	Notes []Note
	Audio string // noisy, ok, quiet or unknown
	Video string // toobright, ok, dark or unknown
	Text  string // uncomfortable, inappropriate, ok or unknown
}

// Icon is a status-icon (RFC 4480 s.3.12).
type Icon struct {
	Mark
	URI string
}

// TimeOffset is how far a person's clock is from UTC (RFC 4480 s.3.13).
type TimeOffset struct {
	Mark
	Minutes     int    // positive east of Greenwich
	Description string // for people, "" for none
}

// UserInput says whether something is in use (RFC 4480 s.3.14).
type UserInput struct {
	ID            string
	Idle          bool
	IdleThreshold time.Duration // written in seconds; 0 for none
	LastInput     time.Time     // zero for none
}

func (d *Document) mark(i int32) Mark {
	return Mark{ID: d.attribute(i, "id"), From: parseTimestamp(d.attribute(i, "from")), Until: parseTimestamp(d.attribute(i, "until"))}
}

// enumeration reads an enumeration, in whatever order its parts stand.
//
// COMPAT: the words of RFC 4589 count in RPID's namespace too.
func (d *Document) enumeration(i int32, v *vocabulary) Enumeration {
	e := Enumeration{}
	if v.spans {
		e.Mark = d.mark(i)
	}
	for c := d.firstChild(i); c >= 0; c = d.sibling(c) {
		switch local := d.localName(c); {
		case v.notes && d.is(c, nsRPID, "note"):
			e.Notes = append(e.Notes, d.typedNote(c))
		case d.is(c, nsRPID, "other"):
			e.Others = append(e.Others, d.ownText(c))
		case v.places && d.elements[c].namespace == nsPlace && v.has(local), d.elements[c].namespace == nsRPID && (!v.places || v.has(local)):
			e.Values = append(e.Values, local)
		default:
			e.Extensions = d.keep(e.Extensions, c, nsRPID)
		}
	}
	return e
}

func (d *Document) ownText(i int32) Note {
	return Note{Text: strings.TrimSpace(d.text(i)), Lang: d.language(i)}
}

// sphere reads a sphere, and one that is a text.
func (d *Document) sphere(i int32) Enumeration {
	e := d.enumeration(i, &sphereWords)
	if text := d.ownText(i); d.firstChild(i) < 0 && text.Text != "" {
		e.Others = []Note{text}
	}
	return e
}

func (d *Document) placeIs(i int32) PlaceIs {
	p := PlaceIs{Mark: d.mark(i)}
	for c := d.firstChild(i); c >= 0; c = d.sibling(c) {
		switch word := d.firstChild(c); {
		case d.is(c, nsRPID, "note"):
			p.Notes = append(p.Notes, d.typedNote(c))
		case word < 0:
		case d.is(c, nsRPID, "audio"):
			p.Audio = d.localName(word)
		case d.is(c, nsRPID, "video"):
			p.Video = d.localName(word)
		case d.is(c, nsRPID, "text"):
			p.Text = d.localName(word)
		}
	}
	return p
}

func (d *Document) icon(i int32) Icon {
	return Icon{Mark: d.mark(i), URI: strings.TrimSpace(d.text(i))}
}

func (d *Document) timeOffset(to *[]TimeOffset, i int32) bool {
	minutes, ok := integer(d.text(i))
	if !ok {
		return false
	}
	*to = append(*to, TimeOffset{Mark: d.mark(i), Minutes: minutes, Description: d.attribute(i, "description")})
	return true
}

func (d *Document) userInput(to **UserInput, i int32) bool {
	state := strings.TrimSpace(d.text(i))
	u := UserInput{ID: d.attribute(i, "id"), Idle: strings.EqualFold(state, "idle"), LastInput: parseTimestamp(d.attribute(i, "last-input"))}
	if seconds, ok := integer(d.attribute(i, "idle-threshold")); ok && seconds > 0 && seconds < 1<<31 {
		u.IdleThreshold = time.Duration(seconds) * time.Second
	}
	return (u.Idle || strings.EqualFold(state, "active")) && first(to, u)
}
