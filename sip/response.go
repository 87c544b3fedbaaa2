package sip

import (
	"strconv"
	"strings"
)

// Field is one header field of a message that we write.
type Field struct{ Name, Value string }

// Response is a final response as a handler returns it. Via, From, To,
// Call-ID and CSeq are copied from the request when it is written.
type Response struct {
	Code   int
	Reason string // empty: the code's own phrase
	// ToTag is the tag of the dialog that the response establishes or belongs
	// to; empty: the transaction layer gives one that is a function of the
	// request (RFC 3261 s.8.2.7).
	ToTag  string
	Header []Field
	Body   []byte // its Content-Type stands in Header
	// Stateless marks a response that is the same function of the request
	// each time (a challenge, a refusal of form): it is not kept for
	// retransmissions.
	Stateless bool
	// Silent marks a request that is never answered (ACK, RFC 3261 s.17), or not
	// now: what its sender sends again is a new request.
	Silent bool
	// Later marks a response that is not known yet: the handler has asked
	// somebody else, and nobody waits meanwhile. It is called once, and calls
	// answer once, at any time and on any goroutine. Nothing else is set.
	Later func(answer func(*Response, error))
	// After runs once the response's bytes are written: there starts the
	// NOTIFY that follows a SUBSCRIBE's 200.
	After func()
}

// NewResponse makes a response with header fields. A few of them lie in the
// response's own memory.
func NewResponse(code int, header ...Field) *Response {
	r := new(struct {
		Response
		room [4]Field
	})
	r.Code, r.Header = code, append(r.room[:0], header...)
	return &r.Response
}

// AppendResponse writes res, the answer to r, to dst. tag is the To tag used
// where neither the request's To nor res has one.
// RFC 3261 s.8.2.6.2, received and rport as RFC 3261 s.18.2.1 and RFC 3581 s.4.
func AppendResponse(dst []byte, r *Request, res *Response, tag string) []byte {
	dst = append(dst, "SIP/2.0 "...)
	dst = strconv.AppendInt(dst, int64(res.Code), 10)
	dst = append(dst, ' ')
	if res.Reason != "" {
		dst = appendOneLine(dst, res.Reason)
	} else {
		dst = append(dst, ReasonPhrase(res.Code)...)
	}
	dst = append(dst, "\r\n"...)
	dst = r.appendVias(dst)
	dst = r.appendSame(dst, fieldFrom)
	if res.ToTag != "" {
		tag = res.ToTag
	}
	dst = r.appendTo(dst, res.Code, tag)
	dst = r.appendSame(dst, fieldCallID)
	dst = r.appendSame(dst, fieldCSeq)
	if res.Code == StatusTrying { // RFC 3261 s.8.2.6.1
		dst = r.appendSame(dst, fieldTimestamp)
	}
	for _, f := range res.Header {
		dst = appendField(dst, f.Name, f.Value)
	}
	dst = append(dst, "Content-Length: "...)
	dst = strconv.AppendInt(dst, int64(len(res.Body)), 10)
	dst = append(dst, "\r\n\r\n"...)
	return append(dst, res.Body...)
}

// appendTo copies To with the tag that it lacks. A 100 needs none.
// RFC 3261 s.8.2.6.2.
func (r *Request) appendTo(dst []byte, code int, tag string) []byte {
	if !r.has(fieldTo) {
		return dst
	}
	dst = append(dst, "To: "...)
	dst = r.appendValue(dst, r.get(fieldTo))
	if r.toTag == "" && code != StatusTrying {
		dst = append(dst, ";tag="...)
		dst = appendOneLine(dst, tag)
	}
	return append(dst, "\r\n"...)
}

// appendSame copies a field of the request. One that is missing stays so:
// then the response is the 400 that says so.
func (r *Request) appendSame(dst []byte, f field) []byte {
	if !r.has(f) {
		return dst
	}
	dst = append(dst, f.String()...)
	dst = append(dst, ": "...)
	dst = r.appendValue(dst, r.get(f))
	return append(dst, "\r\n"...)
}

// appendValue writes a part of a header field of the request. It has no LF,
// which would have ended it, and a CR only where the request is refused.
func (r *Request) appendValue(dst []byte, s string) []byte {
	if r.clean {
		return append(dst, s...)
	}
	return appendOneLine(dst, s)
}

func appendField(dst []byte, name, value string) []byte {
	dst = append(dst, name...)
	dst = append(dst, ": "...)
	dst = appendOneLine(dst, value)
	return append(dst, "\r\n"...)
}

// appendOneLine writes s with CR and LF as spaces: no value that came from a
// peer can start a line of its own.
func appendOneLine(dst []byte, s string) []byte {
	if strings.IndexByte(s, '\r') < 0 && strings.IndexByte(s, '\n') < 0 {
		return append(dst, s...)
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; c == '\r' || c == '\n' {
			dst = append(dst, ' ')
		} else {
			dst = append(dst, c)
		}
	}
	return dst
}
