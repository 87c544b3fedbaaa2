package pidf

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
	"unsafe"
)

// Limits that hold where a Reader's field is zero. A document of a real client
// has about 1 kB, 15 elements and 10 namespaces.
const (
	DefaultMaxSize       = 64 << 10 // bytes
	DefaultMaxDepth      = 32       // elements inside each other
	DefaultMaxElements   = 2000     // elements in the document
	DefaultMaxAttributes = 64       // attributes of one element, declarations included
	DefaultMaxNamespaces = 64       // namespaces of the document, and prefixes in scope at once
)

// ErrTooLarge is what a SyntaxError wraps when the document was not even
// looked at because of its size.
var ErrTooLarge = errors.New("document too large")

// ErrRoot is what a SyntaxError wraps when the root element is another than
// the one that was expected.
var ErrRoot = errors.New("another root element")

// SyntaxError says why a document was refused and where.
type SyntaxError struct {
	Line    int    // line of the document, from 1
	Element string // the element being read, as written; "" outside the root
	Reason  string

	wrapped error
}

func (e *SyntaxError) Error() string {
	if e.Element == "" {
		return fmt.Sprintf("pidf: line %d: %s", e.Line, e.Reason)
	}
	return fmt.Sprintf("pidf: line %d: element %s: %s", e.Line, e.Element, e.Reason)
}

// Unwrap returns ErrTooLarge, ErrRoot or nil.
func (e *SyntaxError) Unwrap() error { return e.wrapped }

// Reader reads documents within limits; a limit of zero means the default.
// The zero value is ready, and may be used by several goroutines.
type Reader struct {
	MaxSize       int // bytes, at most 1 GiB
	MaxDepth      int
	MaxElements   int
	MaxAttributes int
	MaxNamespaces int

	// Root is the root element that is expected; the zero Name stands for PIDF's
	// presence. Other formats over the same limits are read as [Element]s.
	Root Name
}

// Parse reads a document with the default limits. The body is copied and may
// be reused. Any error is a *SyntaxError.
func Parse(body []byte) (*Document, error) {
	d := new(Document)
	if err := (&Reader{}).Read(d, body); err != nil {
		return nil, err
	}
	return d, nil
}

// Read fills d from a body, reusing d's memory but for the copy of the body.
// After an error d is empty. Any error is a *SyntaxError.
func (r *Reader) Read(d *Document, body []byte) error {
	if limit := r.withDefaults().MaxSize; len(body) > limit {
		d.Reset()
		return tooLarge(limit)
	}
	return r.ReadString(d, string(body))
}

func tooLarge(limit int) error {
	return &SyntaxError{Line: 1, Reason: fmt.Sprintf("more than %d bytes", limit), wrapped: ErrTooLarge}
}

// ReadShared is Read without the copy: d's text is a part of body, which must
// not change as long as anything that was read from d is in use.
func (r *Reader) ReadShared(d *Document, body []byte) error {
	return r.ReadString(d, unsafe.String(unsafe.SliceData(body), len(body)))
}

// ReadString is Read without the copy: d's text is a part of body.
func (r *Reader) ReadString(d *Document, body string) error {
	limits := r.withDefaults()
	d.Reset()
	if len(body) > limits.MaxSize {
		return tooLarge(limits.MaxSize)
	}
	d.body = strings.TrimPrefix(body, "\uFEFF")
	if cap(d.elements) == 0 {
		tags := min(strings.Count(d.body, "<"), limits.MaxElements)
		d.elements = make([]element, 0, tags/2+2)
		d.attrs = make([]attribute, 0, tags/4+2)
		d.bindings = make([]binding, 0, 6)
	}
	s := scanner{doc: d, s: d.body, current: -1, scope: -1, limits: limits}
	if reason := s.document(); reason != "" {
		err := s.failure(reason)
		d.Reset()
		return err
	}
	return nil
}

func (r *Reader) withDefaults() Reader {
	pick := func(value, standard int) int {
		if value <= 0 {
			return standard
		}
		return value
	}
	root := r.Root
	if root == (Name{}) {
		root = Name{Namespace, "presence"} // RFC 3863 s.4.1.1
	}
	return Reader{
		Root:          root,
		MaxSize:       min(pick(r.MaxSize, DefaultMaxSize), 1<<30),
		MaxDepth:      min(pick(r.MaxDepth, DefaultMaxDepth), 1<<15),
		MaxElements:   pick(r.MaxElements, DefaultMaxElements),
		MaxAttributes: min(pick(r.MaxAttributes, DefaultMaxAttributes), 1<<15),
		MaxNamespaces: min(pick(r.MaxNamespaces, DefaultMaxNamespaces), 1<<15),
	}
}

// Reset empties d, whose memory the next Read uses again.
func (d *Document) Reset() {
	clear(d.foreign)
	d.body, d.elements, d.attrs, d.bindings, d.foreign = "", d.elements[:0], d.attrs[:0], d.bindings[:0], d.foreign[:0]
}

// scanner is the state of one pass. Its methods return why they failed, ""
// if they did not.
type scanner struct {
	doc     *Document
	s       string
	i       int
	current int32 // the open element, -1 outside the root
	scope   int32 // innermost binding in scope
	limits  Reader
	cause   error // what the SyntaxError wraps
}

const (
	commentOpen  = "<!--"
	commentClose = "-->"
	cdataOpen    = "<![CDATA["
	cdataClose   = "]]>"
)

// document reads the whole body (XML 1.0 production 1).
func (s *scanner) document() string {
	if reason := s.declaration(); reason != "" {
		return reason
	}
	for s.i < len(s.s) {
		var reason string
		if s.s[s.i] == '<' {
			reason = s.markup()
		} else {
			reason = s.text()
		}
		if reason != "" {
			return reason
		}
	}
	if s.current >= 0 {
		return "not closed"
	}
	if len(s.doc.elements) == 0 {
		return "no root element"
	}
	return ""
}

// markup reads what begins with "<".
func (s *scanner) markup() string {
	rest := s.s[s.i:]
	if len(rest) < 2 {
		return "unfinished tag"
	}
	switch rest[1] {
	case '/':
		return s.endTag()
	case '?':
		return "processing instruction"
	case '!':
		switch {
		case strings.HasPrefix(rest, commentOpen):
			return s.comment()
		case strings.HasPrefix(rest, cdataOpen):
			return s.cdata()
		}
		return "DOCTYPE or other declaration"
	}
	return s.startTag()
}

// text reads character data up to the next markup or reference.
func (s *scanner) text() string {
	str, i := s.s, s.i
	for i < len(str) && class[str[i]]&classText != 0 {
		i++
	}
	if s.current < 0 {
		if s.space(); s.i < i {
			return "text outside the root element"
		}
	}
	s.i = i
	if i == len(str) || str[i] == '<' {
		return ""
	}
	if s.current < 0 {
		return "text outside the root element"
	}
	if str[i] == ']' {
		if strings.HasPrefix(str[i:], cdataClose) {
			return "]]> in text"
		}
		s.i++
		return ""
	}
	return s.special()
}

// special steps over a reference or a character beyond ASCII.
func (s *scanner) special() string {
	if s.s[s.i] == '&' {
		_, n := reference(s.s[s.i:])
		if n == 0 {
			return "undefined entity or bad character reference"
		}
		s.i += n
		return ""
	}
	r, n := utf8.DecodeRuneInString(s.s[s.i:])
	if r == utf8.RuneError && n <= 1 {
		return "not UTF-8"
	}
	if !isChar(r) {
		return "character that XML does not allow"
	}
	s.i += n
	return ""
}

// comment reads a comment (XML 1.0 production 15).
func (s *scanner) comment() string {
	start := s.i + len(commentOpen)
	end := strings.Index(s.s[start:], "--")
	if end < 0 {
		return "unfinished comment"
	}
	if !strings.HasPrefix(s.s[start+end:], commentClose) {
		return "-- in a comment"
	}
	return s.opaque(start, start+end, len(commentClose))
}

// cdata reads a CDATA section (XML 1.0 production 18).
func (s *scanner) cdata() string {
	if s.current < 0 {
		return "text outside the root element"
	}
	start := s.i + len(cdataOpen)
	end := strings.Index(s.s[start:], cdataClose)
	if end < 0 {
		return "unfinished CDATA section"
	}
	return s.opaque(start, start+end, len(cdataClose))
}

// opaque checks the characters from start to end, and steps over them and over
// the delimiter behind them.
func (s *scanner) opaque(start, end, delimiter int) string {
	s.i = start
	for s.i < end {
		if b := s.s[s.i]; b == '&' || class[b]&(classText|classValue) != 0 || b == '<' {
			s.i++
		} else if reason := s.special(); reason != "" {
			return reason
		}
	}
	s.i = end + delimiter
	return ""
}

// maxNamed bounds how much of a hostile name an error repeats, in bytes.
const maxNamed = 60

func (s *scanner) failure(reason string) *SyntaxError {
	err := &SyntaxError{Line: s.doc.line(s.i), Reason: reason, wrapped: s.cause}
	if s.current >= 0 {
		e := &s.doc.elements[s.current]
		start := e.start + 1
		length := int32(e.prefix) + int32(e.name)
		if e.prefix > 0 {
			length++
		}
		err.Element = strings.ToValidUTF8(s.s[start:start+min(length, maxNamed)], "")
	}
	return err
}
