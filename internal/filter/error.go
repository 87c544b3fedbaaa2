package filter

import (
	"errors"
	"fmt"

	"presenced/pidf"
)

// Statuses of an Error.
const (
	BadRequest    = 400 // the body is not well-formed, or hostile
	TooLarge      = 413 // the body is larger than MaxSize
	NotAcceptable = 488 // the filter is understood as one, but not accepted (RFC 4660 s.3.3.4 and s.5.4)
)

// Error says why a filter-set was refused, where, and with which answer. [Parse]
// and [Merge] find everything out before the answer, which is never a 202: that
// is the only one after which a subscription may end with reason badfilter (RFC
// 4660 s.5.3 and s.5.4), and ours never does. What the rules do not let the
// watcher see is not in what filters apply to, and no reason to refuse them
// (s.5.3.1).
type Error struct {
	Status int    // BadRequest, TooLarge or NotAcceptable
	Line   int    // line of the offending element's tag, from 1; 0 where a refresh and the filters before it are in conflict
	Reason string // begins with the element's name, where there is one
}

func (e *Error) Error() string {
	if e.Line == 0 {
		return "filter: " + e.Reason
	}
	return fmt.Sprintf("filter: line %d: %s", e.Line, e.Reason)
}

// refused is what the reader of XML has against a document. Another root is
// well-formed, but not aligned with the schema (RFC 4660 s.5.4).
func refused(err error) *Error {
	e := &Error{Status: BadRequest, Line: 1, Reason: err.Error()}
	var syntax *pidf.SyntaxError
	if errors.As(err, &syntax) {
		e.Line, e.Reason = syntax.Line, syntax.Reason
		if syntax.Element != "" {
			e.Reason = syntax.Element + ": " + syntax.Reason
		}
	}
	switch {
	case errors.Is(err, pidf.ErrTooLarge):
		e.Status = TooLarge
	case errors.Is(err, pidf.ErrRoot):
		e.Status = NotAcceptable
	}
	return e
}

// notAcceptable is an error without a line.
func notAcceptable(format string, args ...any) *Error {
	return &Error{Status: NotAcceptable, Reason: fmt.Sprintf(format, args...)}
}
