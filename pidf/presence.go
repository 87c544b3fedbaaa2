package pidf

import (
	"strings"
	"time"
)

// Status is the basic status of a tuple (RFC 3863 s.4.1.4).
type Status string

const (
	Open    Status = "open"   // ready to accept instant messages or other communication
	Closed  Status = "closed" // not ready
	Unknown Status = ""       // the tuple does not say
)

// Presence is presence information for programs that want to read or write the
// usual parts of it. It does not hold extensions; [Compose] keeps them.
type Presence struct {
	Entity string // the presentity's URI
	Tuples []Tuple
	Notes  []Note // about the presentity
	Person *Person
}

// Tuple is one service of a presentity (RFC 3863 s.4.1.2, RFC 4479 s.3.3).
type Tuple struct {
	ID        string // made a valid and unique one when written
	Status    Status // Unknown is written as closed
	Contact   string // a URI, "" for none
	Priority  string // of the contact, "0" to "1" with up to three digits; "" for none
	DeviceID  string // a URN, "" for none
	Notes     []Note
	Timestamp time.Time // zero for none
}

// Note is a comment for people (RFC 3863 s.4.1.6).
type Note struct {
	Text string
	Lang string // language tag, "" for none
}

// Person is the human behind a presentity (RFC 4479 s.3.2).
type Person struct {
	ID         string
	Activities []Activity
	Notes      []Note
	Timestamp  time.Time // zero for none
}

// Presence returns the usual parts of a document. Of several person elements
// it is the last.
func (d *Document) Presence() *Presence {
	p := &Presence{Entity: d.Entity()}
	for i := d.firstChild(0); i >= 0; i = d.sibling(i) {
		switch d.kind(i) {
		case KindTuple:
			p.Tuples = append(p.Tuples, d.typedTuple(i))
		case KindNote:
			p.Notes = append(p.Notes, d.typedNote(i))
		case KindPerson:
			p.Person = d.typedPerson(i)
		}
	}
	return p
}

func (d *Document) typedTuple(i int32) Tuple {
	t := d.tuple(i)
	typed := Tuple{
		ID:        d.attribute(i, "id"),
		Status:    t.state,
		Contact:   t.textOf(t.contact),
		DeviceID:  t.textOf(t.deviceID),
		Timestamp: parseTimestamp(t.textOf(t.timestamp)),
	}
	if t.contact >= 0 {
		if priority := strings.TrimSpace(d.attribute(t.contact, "priority")); isPriority(priority) {
			typed.Priority = priority
		}
	}
	for c := d.firstChild(i); c >= 0; c = d.sibling(c) {
		if d.is(c, nsPIDF, "note") {
			typed.Notes = append(typed.Notes, d.typedNote(c))
		}
	}
	return typed
}

func (d *Document) typedNote(i int32) Note { return Note{Text: d.text(i), Lang: d.language(i)} }

func (d *Document) typedPerson(i int32) *Person {
	p := &Person{ID: d.attribute(i, "id")}
	for c := d.firstChild(i); c >= 0; c = d.sibling(c) {
		switch {
		case d.is(c, nsRPID, "activities"):
			p.Activities = append(p.Activities, d.activities(c)...)
		case d.is(c, nsDataModel, "note"):
			p.Notes = append(p.Notes, d.typedNote(c))
		case d.is(c, nsDataModel, "timestamp"):
			p.Timestamp = parseTimestamp(d.text(c))
		}
	}
	return p
}

// parseTimestamp takes a time without a zone for UTC.
func parseTimestamp(s string) time.Time {
	s = normalTimestamp(s)
	for _, layout := range [...]string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999"} {
		if at, err := time.Parse(layout, s); err == nil {
			return at
		}
	}
	return time.Time{}
}

// Append appends the presence information to dst as a document that is valid
// by pidf.xsd, data-model.xsd and rpid.xsd. Without a tuple, a note or a person
// it is an empty presence element.
func (p *Presence) Append(dst []byte) []byte {
	ids := identifiers{next: make(map[string]int)}
	dst = appendRoot(dst, p.Entity, p.scope())
	for i := range p.Tuples {
		dst = p.Tuples[i].append(dst, &ids)
	}
	for _, n := range p.Notes {
		dst = append(appendNote(dst, "note", n), '\n')
	}
	if p.Person != nil {
		dst = p.Person.append(dst, &ids)
	}
	return append(dst, rootClose...)
}

func (p *Presence) scope() []declared {
	var scope []declared
	model := p.Person != nil
	for i := range p.Tuples {
		model = model || p.Tuples[i].DeviceID != ""
	}
	if model {
		scope = append(scope, declared{"dm", NamespaceDataModel})
	}
	if p.Person != nil && len(p.Person.Activities) > 0 {
		scope = append(scope, declared{"rpid", NamespaceRPID})
	}
	return scope
}

func (t *Tuple) append(dst []byte, ids *identifiers) []byte {
	status := t.Status
	if status != Open {
		status = Closed
	}
	dst = append(dst, `<tuple id="`...)
	dst = ids.append(dst, strings.TrimSpace(t.ID), "t")
	dst = append(dst, `"><status>`...)
	dst = appendElement(dst, "basic", string(status))
	dst = append(dst, "</status>"...)
	if t.DeviceID != "" {
		dst = append(dst, "<dm:deviceID>"...)
		dst = append(AppendURI(dst, t.DeviceID), "</dm:deviceID>"...)
	}
	if t.Contact != "" {
		dst = append(dst, "<contact"...)
		if isPriority(t.Priority) {
			dst = append(dst, ` priority="`+t.Priority+`"`...)
		}
		dst = append(AppendURI(append(dst, '>'), t.Contact), "</contact>"...)
	}
	for _, n := range t.Notes {
		dst = appendNote(dst, "note", n)
	}
	dst = appendTimestamp(dst, "timestamp", t.Timestamp)
	return append(dst, "</tuple>\n"...)
}

func (p *Person) append(dst []byte, ids *identifiers) []byte {
	dst = append(dst, `<dm:person id="`...)
	dst = ids.append(dst, strings.TrimSpace(p.ID), "p")
	dst = append(dst, `">`...)
	dst = appendActivities(dst, p.Activities)
	for _, n := range p.Notes {
		dst = appendNote(dst, "dm:note", n)
	}
	dst = appendTimestamp(dst, "dm:timestamp", p.Timestamp)
	return append(dst, "</dm:person>\n"...)
}

// appendTimestamp writes a time in UTC, to the second (RFC 3863 s.4.1.7).
func appendTimestamp(dst []byte, name string, at time.Time) []byte {
	if at.IsZero() {
		return dst
	}
	return appendElement(dst, name, at.UTC().Format(time.RFC3339))
}

// appendNote writes a note. A language that is no language tag is left out.
func appendNote(dst []byte, name string, n Note) []byte {
	dst = append(dst, '<')
	dst = append(dst, name...)
	if IsLanguage(n.Lang) {
		dst = append(dst, ` xml:lang="`...)
		dst = append(dst, n.Lang...)
		dst = append(dst, '"')
	}
	dst = append(dst, '>')
	dst = AppendText(dst, n.Text)
	dst = append(dst, "</"...)
	dst = append(dst, name...)
	return append(dst, '>')
}

// IsLanguage checks for xs:language: groups of up to eight letters, digits too
// from the second group on.
func IsLanguage(s string) bool {
	for first := true; ; first = false {
		group, rest, more := strings.Cut(s, "-")
		if group == "" || len(group) > 8 {
			return false
		}
		for _, c := range []byte(group) {
			letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
			if !letter && (first || c < '0' || c > '9') {
				return false
			}
		}
		if !more {
			return true
		}
		s = rest
	}
}
