package sip

import (
	"context"
	"errors"
	"fmt"
)

// Handler answers requests. A non-INVITE request has exactly one final
// response (RFC 4320), so a handler is a function; the transaction layer
// sends what it returns, and turns an error into the response that it names.
//
// r is the handler's until it has returned and the Response's After has run:
// then the Request's memory may be given to another (Request.Recycle). Strings
// and bytes that came from it may be kept.
type Handler interface {
	ServeSIP(ctx context.Context, r *Request) (*Response, error)
}

// HandlerFunc is a function that is a Handler.
type HandlerFunc func(ctx context.Context, r *Request) (*Response, error)

// ServeSIP calls f.
func (f HandlerFunc) ServeSIP(ctx context.Context, r *Request) (*Response, error) { return f(ctx, r) }

// Error is a refusal: what the peer hears (Code, Reason, Header, Body) and what we
// log (Cause). An error of any other type is a 500 that tells the peer nothing.
type Error struct {
	Code   int
	Reason string  // empty: the code's own phrase
	Header []Field // for example Allow-Events beside a 489
	Body   []byte  // its Content-Type stands in Header
	Cause  error   // never shown to the peer
	// Stateless is the Response's: a challenge, or a refusal that a repeat of
	// the request hears again without being remembered.
	Stateless bool
}

// Errorf makes a refusal whose reason phrase is the formatted text, which the
// peer hears, an error's text in it too. A %w verb keeps its error as the
// cause; what only the log may hear goes by Because.
func Errorf(code int, format string, args ...any) *Error {
	if format == "" {
		return &Error{Code: code}
	}
	err := fmt.Errorf(format, args...)
	return &Error{Code: code, Reason: err.Error(), Cause: errors.Unwrap(err)}
}

// Unavailable is the refusal of a request that could not be served now: 503
// with Retry-After, after which it is worth another try (RFC 3261 s.21.5.4).
func Unavailable(cause error) *Error {
	return Errorf(StatusServiceUnavailable, "").With("Retry-After", "5").Because(cause)
}

// With adds a header field to the refusal and returns it.
func (e *Error) With(name, value string) *Error {
	e.Header = append(e.Header, Field{name, value})
	return e
}

// WithBody sets the refusal's body and its Content-Type, and returns it.
func (e *Error) WithBody(contentType string, body []byte) *Error {
	e.Body = body
	return e.With("Content-Type", contentType)
}

// Because sets what is logged and returns the refusal.
func (e *Error) Because(cause error) *Error {
	e.Cause = cause
	return e
}

func (e *Error) Error() string {
	s := fmt.Sprintf("%d %s", e.Code, e.phrase())
	if e.Cause != nil {
		s += ": " + e.Cause.Error()
	}
	return s
}

func (e *Error) Unwrap() error { return e.Cause }

func (e *Error) phrase() string {
	if e.Reason != "" {
		return e.Reason
	}
	return ReasonPhrase(e.Code)
}

// Response is the response that the error names.
func (e *Error) Response() *Response {
	return &Response{Code: e.Code, Reason: e.Reason, Header: e.Header, Body: e.Body, Stateless: e.Stateless}
}

// ResponseOf turns a handler's outcome into the one response that is sent.
func ResponseOf(res *Response, err error) *Response {
	if err == nil && res != nil {
		return res
	}
	if refusal := refusalOf(err); refusal != nil {
		return refusal.Response()
	}
	return &Response{Code: StatusInternalServerError}
}

// CodeOf is the code of ResponseOf.
func CodeOf(res *Response, err error) int {
	if err == nil && res != nil {
		return res.Code
	}
	if refusal := refusalOf(err); refusal != nil {
		return refusal.Code
	}
	return StatusInternalServerError
}

// refusalOf is nil where err names no response.
func refusalOf(err error) *Error {
	if refusal, ok := err.(*Error); ok {
		return refusal
	}
	var refusal *Error
	errors.As(err, &refusal)
	return refusal
}
