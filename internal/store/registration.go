package store

import "time"

// Binding is one place where an inbox can be reached (RFC 3261 s.10).
type Binding struct {
	Contact   string   // the Contact URI as it was given
	Params    string   // its parameters, without expires and q: ";+sip.instance=..."
	Q         uint16   // thousandths, 1000 where none was given
	Path      []string // RFC 3327, topmost first
	CallID    string
	CSeq      uint32
	Updated   int64  // Unix seconds of the engine's clock at the last change; set by the engine
	Agent     string // who holds the flow
	Flow      string // packed by the registrar; the engine does not look inside
	UserAgent string
	// Withdrawn: since this place was registered its program has taken back what
	// it had published, so that being registered says no more.
	Withdrawn bool
	TTL       time.Duration // granted when written, remaining when read
}

// withdrawnBit marks a withdrawn binding in PackedQ.
const withdrawnBit = 1 << 15

// PackedQ is Q and Withdrawn in one number, as engines write them.
func (b *Binding) PackedQ() uint16 {
	if b.Withdrawn {
		return b.Q | withdrawnBit
	}
	return b.Q
}

// UnpackQ reads what PackedQ gave.
func (b *Binding) UnpackQ(packed uint16) {
	b.Q, b.Withdrawn = packed&^withdrawnBit, packed&withdrawnBit != 0
}

// Registration is all live bindings of an inbox at one version. They are
// changed together in one step (BindingsChange), with nobody else's write in
// between. Each write changes the version, and so does the lapse of a binding.
// An empty list removes the registration.
//
// The engine sets Updated of a binding that is new (by Contact) or differs
// from the stored one in more than TTL and Updated; the others keep theirs.
// A binding written with a TTL of 0 or less is not stored.
//
// Registrations are watched as Key{aor, "registration"}, and the version there
// is this one.
type Registration struct {
	Version  Version
	Bindings []Binding // in the order in which they were written
}

// BindingsChange makes the next bindings of an inbox of its live ones. live is
// its own, to change and to return, but for the elements of a Path; strings
// that it puts there are kept, so that they must be no views of a buffer. Where it returns an error nothing
// changes, and the caller of the engine gets that error. It must not block or
// call the engine, and may be called again with what another writer made of the
// bindings meanwhile.
type BindingsChange func(live []Binding) (next []Binding, err error)

// RegistrationPackage is the Package of the Key under which the feed tells of
// an inbox's bindings.
const RegistrationPackage = "registration"
