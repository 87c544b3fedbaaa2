package event

import (
	"strconv"
	"strings"

	"presenced/sip"
)

// Dialog is the notifier's side of a dialog (RFC 3261 s.12): all that a NOTIFY
// needs but the sequence number and what it reports.
type Dialog struct {
	CallID     string
	LocalTag   string
	RemoteTag  string
	Local      string // our From, without the tag: the SUBSCRIBE's To
	Remote     string // our To, with the tag: the SUBSCRIBE's From
	Target     string // the remote target, a URI
	Routes     []string
	Contact    string // ours, as a Contact field's value
	Event      Type
	RemoteCSeq uint32
}

// NewDialog makes the dialog that a 200 to r establishes.
// RFC 3261 s.12.1.1; our own tag and Contact are the caller's.
func NewDialog(r *sip.Request, localTag, contact string) (Dialog, error) {
	target, err := RemoteTarget(r)
	if err != nil {
		return Dialog{}, err
	}
	return Dialog{
		CallID:     r.CallID(),
		LocalTag:   localTag,
		RemoteTag:  r.FromTag(),
		Local:      r.Header("To"),
		Remote:     r.Header("From"),
		Target:     target.String(),
		Routes:     r.Routes("Record-Route"),
		Contact:    contact,
		Event:      ParseType(r.Header("Event")),
		RemoteCSeq: r.CSeq(),
	}, nil
}

// RemoteTarget is the URI of the request's one Contact.
// RFC 6665 s.3.1.1 and RFC 3261 s.12.1.1: exactly one, a sip: or sips: URI.
func RemoteTarget(r *sip.Request) (*sip.URI, error) {
	contacts, err := r.Contacts()
	if err != nil || len(contacts) != 1 || contacts[0].Star {
		return nil, sip.Errorf(sip.StatusBadRequest, "One Contact needed").Because(err)
	}
	if s := contacts[0].URI.Scheme; s != "sip" && s != "sips" {
		return nil, sip.Errorf(sip.StatusBadRequest, "Contact is not a SIP URI")
	}
	return &contacts[0].URI, nil
}

// Matches says whether r belongs to the dialog (RFC 3261 s.12).
func (d *Dialog) Matches(r *sip.Request) bool {
	return d.CallID == r.CallID() && d.LocalTag == r.ToTag() && d.RemoteTag == r.FromTag()
}

// Refresh takes over what a request inside the dialog brings: its sequence
// number and, from a target refresh request, the remote target.
// RFC 3261 s.12.2.2: a lower number than the last is out of order, 500. The
// route set stays (RFC 3261 s.12.2).
func (d *Dialog) Refresh(r *sip.Request) error {
	if r.CSeq() < d.RemoteCSeq {
		return sip.Errorf(sip.StatusInternalServerError, "CSeq lower than the last in this dialog")
	}
	target, err := RemoteTarget(r)
	if err != nil {
		return err
	}
	d.RemoteCSeq, d.Target = r.CSeq(), target.String()
	return nil
}

// NextHop is the URI whose host a NOTIFY is sent to where there is a route
// set; "" where there is none. RFC 3261 s.12.2.1.1.
func (d *Dialog) NextHop() string {
	if len(d.Routes) == 0 {
		return ""
	}
	return uriOf(d.Routes[0])
}

// AppendStart writes the request line of a request inside the dialog, with
// its CRLF. RFC 3261 s.12.2.1.1: a strict router (a first route without lr)
// stands in the Request-URI itself.
func (d *Dialog) AppendStart(dst []byte, method string) []byte {
	dst = append(dst, method...)
	dst = append(dst, ' ')
	if d.strict() {
		dst = append(dst, uriOf(d.Routes[0])...)
	} else {
		dst = append(dst, d.Target...)
	}
	return append(dst, " SIP/2.0\r\n"...)
}

// AppendHead writes the header fields of a request inside the dialog that
// follow Via, each with its CRLF.
func (d *Dialog) AppendHead(dst []byte, method string, cseq uint32) []byte {
	routes := d.Routes
	if d.strict() {
		routes = routes[1:]
	}
	for _, route := range routes {
		dst = appendField(dst, "Route: ", route)
	}
	if d.strict() {
		dst = append(dst, "Route: <"...)
		dst = append(dst, d.Target...)
		dst = append(dst, ">\r\n"...)
	}
	dst = append(dst, "Max-Forwards: 70\r\nFrom: "...)
	dst = append(dst, d.Local...)
	dst = append(dst, ";tag="...)
	dst = append(dst, d.LocalTag...)
	dst = append(dst, "\r\n"...)
	dst = appendField(dst, "To: ", d.Remote)
	dst = appendField(dst, "Call-ID: ", d.CallID)
	dst = append(dst, "CSeq: "...)
	dst = strconv.AppendUint(dst, uint64(cseq), 10)
	dst = append(dst, ' ')
	dst = append(dst, method...)
	dst = append(dst, "\r\n"...)
	dst = appendField(dst, "Contact: ", d.Contact)
	dst = append(dst, "Event: "...)
	dst = append(dst, d.Event.Package...)
	if d.Event.ID != "" {
		dst = append(dst, ";id="...)
		dst = append(dst, d.Event.ID...)
	}
	return append(dst, "\r\n"...)
}

func (d *Dialog) strict() bool {
	return len(d.Routes) > 0 && !looseRoute(d.Routes[0])
}

func looseRoute(route string) bool {
	for _, p := range strings.Split(uriOf(route), ";")[1:] {
		if k, _, _ := strings.Cut(p, "="); strings.EqualFold(k, "lr") {
			return true
		}
	}
	return false
}

// uriOf is the URI of a name-addr.
func uriOf(nameAddr string) string {
	if i := strings.LastIndexByte(nameAddr, '<'); i >= 0 {
		nameAddr = nameAddr[i+1:]
	}
	uri, _, _ := strings.Cut(nameAddr, ">")
	return uri
}

func appendField(dst []byte, name, value string) []byte {
	dst = append(dst, name...)
	dst = append(dst, value...)
	return append(dst, "\r\n"...)
}
