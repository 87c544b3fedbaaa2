package pidf

import "time"

// Status is the basic status of a tuple (RFC 3863 s.4.1.4).
type Status string

const (
	Open    Status = "open"   // ready to accept instant messages or other communication
	Closed  Status = "closed" // not ready
	Unknown Status = ""       // the tuple does not say
)

// Presence is presence information for programs that want to read or write it
// part by part: services, persons and devices (RFC 4479) with their rich
// presence. What this package has no type for stands in Extensions.
type Presence struct {
	Entity     string // the presentity's URI
	Tuples     []Tuple
	Notes      []Note // about the presentity
	Persons    []Person
	Devices    []Device
	Extensions []Extension
}

// Tuple is one service of a presentity (RFC 3863 s.4.1.2, RFC 4479 s.3.3). The
// elements of RFC 4480 that it has are those of the table in s.3.1 there.
type Tuple struct {
	ID               string      // made a valid and unique one when written
	Status           Status      // Unknown is written as closed where the status has nothing else
	StatusExtensions []Extension // of the status: the location of RFC 4119, for one
	Contact          string      // a URI, "" for none
	Priority         string      // of the contact, "0" to "1" with up to three digits; "" for none
	DeviceIDs        []string    // URNs (RFC 4480 s.3.4)
	Class            string
	Privacy          []Enumeration
	Relationship     *Enumeration
	ServiceClass     *Enumeration
	StatusIcons      []Icon
	UserInput        *UserInput
	Card             *Card
	TimedStatus      []TimedStatus
	Capabilities     *Capabilities // servcaps
	Extensions       []Extension
	Notes            []Note
	Timestamp        time.Time // zero for none
}

// Person is the human behind a presentity (RFC 4479 s.3.2). Of what can change
// with time there may be several, whose times should not overlap.
type Person struct {
	ID          string
	Activities  []Enumeration
	Moods       []Enumeration
	PlaceIs     []PlaceIs
	PlaceTypes  []Enumeration
	Privacy     []Enumeration
	Spheres     []Enumeration
	StatusIcons []Icon
	TimeOffsets []TimeOffset
	Class       string
	UserInput   *UserInput
	Card        *Card
	Extensions  []Extension
	Notes       []Note
	Timestamp   time.Time // zero for none
}

// Device is something that services run on (RFC 4479 s.3.4).
type Device struct {
	ID           string
	DeviceID     string // a URN; a device without one is not written
	Class        string
	UserInput    *UserInput
	Capabilities *Capabilities // devcaps
	Extensions   []Extension
	Notes        []Note
	Timestamp    time.Time // zero for none
}

// Note is a comment for people (RFC 3863 s.4.1.6).
type Note struct {
	Text string
	Lang string // language tag, "" for none
}

// Extension is an element kept whole: of another namespace than those that
// have types here, or one of theirs that the types cannot hold.
type Extension struct {
	Name Name
	XML  string // the element, with every namespace bound that it uses
	// MustUnderstand says that it has an element without which the whole must
	// not be interpreted (RFC 3863 s.4.2.3). It is kept all the same.
	MustUnderstand bool
}

// Presence returns what a document says, in the order in which it says it. It
// leaves out what the schemas have no place for: elements without a namespace,
// and unknown ones of PIDF's own and the data model's.
func (d *Document) Presence() *Presence {
	p := &Presence{Entity: d.Entity()}
	for i := d.firstChild(0); i >= 0; i = d.sibling(i) {
		switch d.kind(i) {
		case KindTuple:
			p.Tuples = append(p.Tuples, d.typedTuple(i))
		case KindNote:
			p.Notes = append(p.Notes, d.typedNote(i))
		case KindPerson:
			p.Persons = append(p.Persons, d.typedPerson(i))
		case KindDevice:
			p.Devices = append(p.Devices, d.typedDevice(i))
		default:
			p.Extensions = d.keep(p.Extensions, i, nsPIDF)
		}
	}
	return p
}

// Append appends the presence information to dst as a document that is valid
// by the schemas of the RFCs above. Extensions are mended as [Composition.Append]
// does, and left out where they are not well-formed. Without any
// part it is an empty presence element. Equal inputs give equal bytes.
func (p *Presence) Append(dst []byte) []byte {
	w := composers.Get().(*composer)
	defer w.release()
	w.strict = true
	for i := range p.Tuples {
		w.typedTuple(&p.Tuples[i])
	}
	for _, n := range p.Notes {
		w.out = append(appendNote(w.out, "note", n), '\n')
	}
	for i := range p.Persons {
		w.typedPerson(&p.Persons[i])
	}
	for i := range p.Devices {
		w.typedDevice(&p.Devices[i])
	}
	for i := range p.Extensions {
		if w.whole(&p.Extensions[i], Namespace) {
			w.literal("\n")
		}
	}
	return w.document(dst, p.Entity)
}
