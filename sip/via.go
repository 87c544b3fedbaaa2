package sip

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"
)

// Via is one Via value (RFC 3261 s.20.42).
type Via struct {
	Proto  string // "UDP" as written, without the "SIP/2.0/"
	SentBy string // host [":" port] as written
	Host   string // of SentBy; an IPv6 reference keeps its brackets
	Port   int    // of SentBy; 0 where none is written
	Branch string // "" where there is none (RFC 2543)
	Params Params
	RPort  bool // the sender asks for symmetric response routing (RFC 3581)
	gaps   bool // a parameter is empty: ";;"
}

var errVia = errors.New("malformed Via")

// ParseVia reads one Via value. It is lax on the protocol's name and version, on
// white space and on empty parameters.
func ParseVia(s string) (*Via, error) {
	v := new(Via)
	if !v.parse(trim(s)) {
		return nil, errVia
	}
	return v, nil
}

func (v *Via) parse(s string) bool {
	name, rest, ok := strings.Cut(s, "/")
	if !ok || !isToken(trim(name)) { // RFC 3261 s.25.1, protocol-name: RFC 8262 s.1.4.1 has "SIPS"
		return false
	}
	version, rest, ok := strings.Cut(rest, "/")
	if !ok || trim(version) == "" {
		return false
	}
	rest = trim(rest)
	end := 0
	for end < len(rest) && tokenChar[rest[end]] {
		end++
	}
	if end == 0 || end == len(rest) || !isSpace(rest[end]) {
		return false
	}
	v.Proto = rest[:end]
	rest = rest[end:]
	if i := strings.IndexByte(rest, ';'); i >= 0 {
		v.Params, rest = Params(rest[i:]), rest[:i]
	}
	v.SentBy = trim(rest)
	for params := string(v.Params); params != ""; {
		var name, value string
		name, value, params = cutParam(params)
		switch {
		case name == "":
			v.gaps = true
		case equalFold(name, "branch") && v.Branch == "":
			v.Branch = value
		case equalFold(name, "rport"):
			v.RPort = true
		}
	}
	return v.parseSentBy()
}

// parseSentBy divides the sent-by, where white space around the colon is
// allowed (RFC 3261 s.25.1, COLON).
func (v *Via) parseSentBy() bool {
	host, port, err := cutHostPort(v.SentBy)
	if err == nil {
		v.Host, v.Port = host, port
		return true
	}
	colon := strings.LastIndexByte(v.SentBy, ':')
	if colon < 0 {
		return false
	}
	name, number := trim(v.SentBy[:colon]), trim(v.SentBy[colon+1:])
	host, none, err := cutHostPort(name)
	if err != nil || none != 0 || number == "" {
		return false
	}
	v.Host = host
	_, v.Port, err = cutHostPort("x:" + number)
	return err == nil
}

// ReplyTo is where the request's responses go. RFC 3261 s.18.2.2: a reliable
// transport's go back on the same connection. UDP's go to the source address
// (which is always what "received" says), with rport to the source port
// (RFC 3581 s.4), else to the port in sent-by, 5060 where it has none. maddr is ignored: an agent that
// obeyed it would send its answers wherever a stranger likes.
func (r *Request) ReplyTo() Flow {
	if r.Flow.Proto != UDP || r.via.RPort {
		return r.Flow
	}
	to, port := r.Flow, uint16(r.via.Port)
	if port == 0 {
		port = 5060
	}
	to.Remote = netip.AddrPortFrom(to.Remote.Addr(), port)
	return to
}

// appendVias writes every Via of the request, the top one with what we know
// of its source.
func (r *Request) appendVias(dst []byte) []byte {
	top := true
	for i := range r.entries {
		e := &r.entries[i]
		if e.field != fieldVia {
			continue
		}
		value := r.value(e)
		dst = append(dst, "Via: "...)
		if top {
			element, rest, more := cutElement(value)
			dst = r.appendTopVia(dst, element)
			if value = rest; more {
				dst = append(dst, ',')
			}
			top = false
		}
		dst = r.appendValue(dst, value)
		dst = append(dst, "\r\n"...)
	}
	return dst
}

// appendTopVia writes the top Via with "received" where the sent-by is not
// the source's address (RFC 3261 s.18.2.1), and always beside "rport", which
// is given the source port where it was asked for (RFC 3581 s.4). Values that
// the sender put there itself are replaced.
func (r *Request) appendTopVia(dst []byte, via string) []byte {
	head, params := via, ""
	if i := strings.IndexByte(via, ';'); i >= 0 {
		head, params = via[:i], via[i:]
	}
	dst = r.appendValue(dst, trim(head))
	for params != "" {
		var name, value string
		name, value, params = cutParam(params)
		if name == "" || equalFold(name, "received") || equalFold(name, "rport") {
			continue
		}
		dst = r.appendValue(append(dst, ';'), name)
		if value != "" {
			dst = r.appendValue(append(dst, '='), value)
		}
	}
	source := r.Flow.Remote.Addr().Unmap().WithZone("")
	if !source.IsValid() {
		return dst
	}
	host, numeric := hostAddr(r.via.Host)
	if r.via.RPort || !numeric || host != source {
		dst = source.AppendTo(append(dst, ";received="...))
	}
	if r.via.RPort {
		dst = strconv.AppendUint(append(dst, ";rport="...), uint64(r.Flow.Remote.Port()), 10)
	}
	return dst
}

// Forwarded says whether the request came by a proxy: it has more than one
// Via.
func (r *Request) Forwarded() bool {
	vias := 0
	for i := range r.entries {
		if r.entries[i].field == fieldVia {
			vias += elementCount(r.value(&r.entries[i]))
		}
	}
	return vias > 1
}

// FlowTo is the flow to the sender's Contact: the one that the request came
// on. A client on UDP that does not ask for rport may send from another port
// than it listens on (RFC 3581 s.1); one whose Contact is its source address is
// behind no NAT, and the Contact says where it listens.
func (r *Request) FlowTo(contact *URI) Flow {
	flow := r.Flow
	if flow.Proto != UDP || r.Via().RPort || r.Forwarded() {
		return flow
	}
	host, ok := contact.Addr()
	if !ok || host != flow.Remote.Addr().Unmap() {
		return flow
	}
	port := uint16(contact.Port)
	if port == 0 { // RFC 3261 s.19.1.2
		port = 5060
	}
	flow.Remote = netip.AddrPortFrom(flow.Remote.Addr(), port)
	return flow
}
