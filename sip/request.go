package sip

import (
	"errors"
	"math"
	"strings"
)

// Request is a lazy view over the bytes of one request. Typed access parses
// on demand and remembers; so a Request belongs to one goroutine at a time,
// and is handed on as a pointer, never copied. The strings that it returns are
// views of its bytes: they keep the whole message alive, so what is stored for
// long is cloned first. What it returns as a pointer or a slice of addresses
// is a part of the Request and must not be changed.
type Request struct {
	Flow     Flow     // what it came on
	Identity Identity // who asks; set by the guard in front of the handlers

	message
	method     string
	requestURI string
	via        Via
	fromTag    string
	toTag      string
	cseq       uint32

	fromURI, toURI string // as written
	memory
}

// memory is what was parsed because somebody asked for it. It lies in the
// Request, so that asking costs no allocation.
type memory struct {
	uri                       URI
	from, to                  Address
	aor, fromAOR, toAOR       string
	contact                   [1]Address // memory of contacts
	contacts                  []Address  // nil: not asked for yet
	uriRead, fromRead, toRead bool
}

// ParseRequest indexes and checks one request. raw belongs to the Request
// from now on and must never change. The error is an *Error and names the
// response: 400 with a reason that names the header field, or 505. The
// Request is nil only where no answer is possible because no top Via could be
// read; then the message is dropped.
func ParseRequest(raw []byte, flow Flow) (*Request, error) {
	if IsResponse(raw) {
		return nil, badRequest("A response, not a request")
	}
	r := requests.Get().(*Request)
	fault := r.parse(raw, flow)
	switch {
	case fault == nil:
		return r, nil
	case r.via.Proto == "":
		return nil, fault
	}
	return r, fault
}

// parse fills an empty Request. Its top Via has no Proto where it could not be
// read.
func (r *Request) parse(raw []byte, flow Flow) *Error {
	r.Flow, r.raw = flow, raw
	pos := r.skipEmptyLines()
	end, next, _ := r.line(pos)
	fault := r.parseRequestLine(view(raw[pos:end]))
	fault = first(fault, r.index(next))
	top, _, _ := cutElement(r.get(fieldVia))
	if !r.via.parse(top) {
		r.via = Via{}
		return first(fault, badRequest("Missing or malformed Via"))
	}
	return first(fault, r.check())
}

// IsResponse says whether a message's start line is a Status-Line, by its
// first bytes.
func IsResponse(raw []byte) bool {
	for len(raw) > 0 && (raw[0] == '\r' || raw[0] == '\n') {
		raw = raw[1:]
	}
	return len(raw) >= 4 && equalFold(view(raw[:4]), "SIP/")
}

// parseRequestLine reads Method SP Request-URI SP SIP-Version. RFC 3261
// s.7.1: single spaces, and no other white space.
func (r *Request) parseRequestLine(line string) *Error {
	var version string
	var ok bool
	if r.method, line, ok = strings.Cut(line, " "); !ok || !isToken(r.method) {
		r.method = ""
		return badRequest("Malformed Request-Line")
	}
	last := strings.LastIndexByte(line, ' ')
	if last < 0 {
		return badRequest("Malformed Request-Line")
	}
	r.requestURI, version = line[:last], line[last+1:]
	if !isVersion(version) {
		return badRequest("Malformed Request-Line")
	}
	if !equalFold(version, "SIP/2.0") {
		return &Error{Code: StatusVersionNotSupported}
	}
	if r.requestURI == "" || containsAny(r.requestURI, &notInURI) {
		return badRequest("Malformed Request-URI")
	}
	return nil
}

// isVersion takes "SIP" "/" 1*DIGIT "." 1*DIGIT in any case.
func isVersion(s string) bool {
	if len(s) < 4 || !equalFold(s[:4], "SIP/") {
		return false
	}
	major, minor, _ := strings.Cut(s[4:], ".")
	_, _, ok1 := number(major, math.MaxUint32)
	_, _, ok2 := number(minor, math.MaxUint32)
	return ok1 && ok2
}

// Method is the method as on the wire; methods are case-sensitive.
func (r *Request) Method() string { return r.method }

// RequestURI is the Request-URI as on the wire.
func (r *Request) RequestURI() string { return r.requestURI }

// URI is the parsed Request-URI.
func (r *Request) URI() (*URI, error) {
	if !r.uriRead {
		if err := r.uri.parse(r.requestURI); err != nil {
			r.uri = URI{}
			return nil, err
		}
		r.uriRead = true
	}
	return &r.uri, nil
}

// AOR is the canonical address-of-record of the Request-URI, "" if it is none.
func (r *Request) AOR() string {
	if u, err := r.URI(); err == nil && r.aor == "" {
		r.aor = r.AOROf(u)
	}
	return r.aor
}

// FromAOR is the canonical address-of-record of From's URI, "" if it is none.
func (r *Request) FromAOR() string {
	if a, err := r.From(); err == nil && r.fromAOR == "" {
		r.fromAOR = r.AOROf(&a.URI)
	}
	return r.fromAOR
}

// ToAOR is the canonical address-of-record of To's URI, "" if it is none.
func (r *Request) ToAOR() string {
	if a, err := r.To(); err == nil && r.toAOR == "" {
		r.toAOR = r.AOROf(&a.URI)
	}
	return r.toAOR
}

// AOROf is u.AOR(). Most requests are somebody's about himself: one string
// serves all that are written alike.
func (r *Request) AOROf(u *URI) string {
	switch {
	case r.aor != "" && r.uri.sameInbox(u):
		return r.aor
	case r.fromAOR != "" && r.from.URI.sameInbox(u):
		return r.fromAOR
	case r.toAOR != "" && r.to.URI.sameInbox(u):
		return r.toAOR
	}
	return u.AOR()
}

// Via is the top Via. It must not be changed.
func (r *Request) Via() *Via { return &r.via }

// CallID is the Call-ID.
func (r *Request) CallID() string { return r.get(fieldCallID) }

// CSeq is the CSeq's number; its method is the request's.
func (r *Request) CSeq() uint32 { return r.cseq }

// FromTag is From's tag, "" where there is none (RFC 2543).
func (r *Request) FromTag() string { return r.fromTag }

// ToTag is To's tag; "" outside of a dialog.
func (r *Request) ToTag() string { return r.toTag }

// From is the From field. Its URI may be of any scheme.
func (r *Request) From() (*Address, error) {
	return r.from.complete(r.get(fieldFrom), r.fromURI, &r.fromRead)
}

// To is the To field. Its URI may be of any scheme.
func (r *Request) To() (*Address, error) {
	return r.to.complete(r.get(fieldTo), r.toURI, &r.toRead)
}

// Contacts are the addresses in all Contact fields; "*" gives one with Star.
// One that is malformed makes all an error.
func (r *Request) Contacts() ([]Address, error) {
	if r.contacts != nil {
		return r.contacts, nil
	}
	addresses := r.contact[:0]
	for i := range r.entries {
		e := &r.entries[i]
		if e.field != fieldContact {
			continue
		}
		for rest, more := r.value(e), true; more; {
			var element string
			if element, rest, more = cutElement(rest); element == "" {
				continue
			}
			addresses = append(addresses, Address{})
			if err := addresses[len(addresses)-1].parse(element); err != nil {
				return nil, err
			}
		}
	}
	r.contacts = addresses
	return addresses, nil
}

// Routes are the elements of Route, Record-Route or Path, each as written,
// with its <>.
func (r *Request) Routes(name string) []string { return r.List(name) }

// MaxForwards is Max-Forwards, 0 to 255; ok is false where it is missing.
func (r *Request) MaxForwards() (n int, ok bool) {
	v, _, ok := number(r.get(fieldMaxForwards), math.MaxUint8)
	return int(v), ok
}

var errExpires = errors.New("malformed Expires")

// Expires is the Expires field in seconds; a value above 2^32-1 is taken as
// that (RFC 3261 s.20.19 and, for the saturation, s.10.2.1.1). ok is false
// where it is missing.
func (r *Request) Expires() (seconds uint32, ok bool, err error) {
	if !r.has(fieldExpires) {
		return 0, false, nil
	}
	n, _, valid := number(r.get(fieldExpires), math.MaxUint32)
	if !valid {
		return 0, true, errExpires
	}
	return uint32(n), true, nil
}

// EventPackage is the Event field's type in lower case, with its template;
// "" where there is none. RFC 6665 s.8.2.1.
func (r *Request) EventPackage() string {
	name, _, _ := strings.Cut(r.get(fieldEvent), ";")
	return toLower(trim(name))
}

// ContentType is the body's media type in lower case, without white space
// around the slash, and its parameters; "" where there is none.
func (r *Request) ContentType() (mediaType string, params Params) {
	v := r.get(fieldContentType)
	if i := strings.IndexByte(v, ';'); i >= 0 {
		v, params = v[:i], Params(v[i:])
	}
	mediaType = toLower(trim(v))
	if strings.ContainsAny(mediaType, " \t") {
		major, minor, _ := strings.Cut(mediaType, "/")
		mediaType = trim(major) + "/" + trim(minor)
	}
	return mediaType, params
}
