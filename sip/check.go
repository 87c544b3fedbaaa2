package sip

import (
	"math"
	"strings"
)

// check refuses a request whose fields every request needs are missing,
// doubled or malformed. RFC 3261 s.8.1.1; a missing Max-Forwards passes, as
// RFC 2543 had none (RFC 3261 s.16.3 step 3).
func (r *Request) check() *Error {
	from, to, id, cseq := r.get(fieldFrom), r.get(fieldTo), r.get(fieldCallID), r.get(fieldCSeq)
	var fromOK, toOK bool // first, because a refusal needs the tags too
	r.fromTag, r.fromURI, fromOK = r.from.cutTagged(from)
	r.toTag, r.toURI, toOK = r.to.cutTagged(to)
	switch {
	case r.via.gaps:
		return badRequest("Malformed Via")
	case from == "":
		return badRequest("Missing From")
	case to == "":
		return badRequest("Missing To")
	case id == "":
		return badRequest("Missing Call-ID")
	case cseq == "":
		return badRequest("Missing CSeq")
	case r.double != fieldOther:
		return badRequest("More than one " + r.double.String())
	case !fromOK:
		return badRequest("Malformed From")
	case !toOK:
		return badRequest("Malformed To")
	case containsAny(id, &notInCallID):
		return badRequest("Malformed Call-ID")
	}
	if fault := r.checkCSeq(cseq); fault != nil {
		return fault
	}
	if r.has(fieldMaxForwards) {
		if _, over, ok := number(r.get(fieldMaxForwards), math.MaxUint8); over || !ok { // RFC 3261 s.20.22
			return badRequest("Malformed Max-Forwards")
		}
	}
	if r.method == "SUBSCRIBE" && r.get(fieldContact) == "" { // RFC 6665 s.4.1.2.1, RFC 3261 s.8.1.1.8
		return badRequest("Missing Contact")
	}
	return r.checkLength()
}

// cutTagged begins to read a From or To: its tag and its URI, which is not
// parsed; ok is false where it is no address. Of the URI only the scheme is
// looked at: any may stand here (RFC 3261 s.8.2.2.1), and only who uses it
// reads the rest.
func (a *Address) cutTagged(value string) (tag, uri string, ok bool) {
	display, uri, params, ok := cutAddress(value)
	a.Display, a.Params = display, Params(params)
	tag, _ = a.Params.Get("tag")
	return tag, uri, ok && isScheme(uri[:max(0, strings.IndexByte(uri, ':'))])
}

// checkCSeq: RFC 3261 s.8.1.1.5, a number below 2**31 and the request's method.
// s.20.16 would take 32 bits; the narrower one is what senders must keep.
func (r *Request) checkCSeq(value string) *Error {
	n, method, ok := cutCSeq(value, math.MaxInt32)
	if !ok {
		return badRequest("Malformed CSeq")
	}
	if r.method != "" && method != r.method {
		return badRequest("CSeq has another method")
	}
	r.cseq = n
	return nil
}

// cutCSeq reads 1*DIGIT LWS Method; a number above limit is malformed.
func cutCSeq(value string, limit uint64) (n uint32, method string, ok bool) {
	i := 0
	for i < len(value) && !isSpace(value[i]) {
		i++
	}
	v, over, ok := number(value[:i], limit)
	method = trim(value[i:])
	return uint32(v), method, ok && !over && isToken(method)
}

// checkLength cuts the body to Content-Length. RFC 3261 s.18.3: more bytes in
// a datagram are discarded, fewer are an error; without the field the body
// reaches to the datagram's end, and a stream's message must have it.
func (r *Request) checkLength() *Error {
	body, fault := cutBody(&r.message, r.Flow.Proto)
	r.body = body
	return fault
}

func cutBody(m *message, proto Proto) ([]byte, *Error) {
	if !m.has(fieldContentLength) {
		if proto == TCP || proto == TLS {
			return nil, badRequest("Missing Content-Length")
		}
		return m.body, nil
	}
	n, over, ok := number(m.get(fieldContentLength), math.MaxInt32)
	if !ok {
		return nil, badRequest("Malformed Content-Length")
	}
	if over || int(n) > len(m.body) {
		return nil, badRequest("Content-Length beyond the message")
	}
	return m.body[:n], nil
}
