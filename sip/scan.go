package sip

import (
	"bytes"
	"iter"
	"math"
	"strings"
)

const (
	inlineEntries = 20            // header fields indexed without a further allocation
	maxFields     = math.MaxUint8 // header fields in one message, against a flood of tiny ones
)

// entry is where one header field lies in a message.
type entry struct {
	nameStart  uint32
	valueStart uint32
	valueEnd   uint32
	nameLen    uint16
	field      field
	folded     bool
}

// message is the index of a request's or a response's bytes.
type message struct {
	raw     []byte
	body    []byte
	entries []entry              // inline until it is full
	first   [fieldCount]uint8    // 1 + the number of the field's first entry
	double  field                // a field that stands twice and may not
	clean   bool                 // no CR stands in a value
	inline  [inlineEntries]entry // memory of entries
}

// line cuts the line that starts at pos: its content lies in raw[pos:end], the
// next line starts at next. A bare LF ends a line too, as most elements take
// it. ok is false where no line end follows.
func (m *message) line(pos int) (end, next int, ok bool) {
	n := bytes.IndexByte(m.raw[pos:], '\n')
	if n < 0 {
		return len(m.raw), len(m.raw), false
	}
	end, next = pos+n, pos+n+1
	if end > pos && m.raw[end-1] == '\r' {
		end--
	}
	return end, next, true
}

// skipEmptyLines passes over empty lines before the start line.
// RFC 3261 s.7.5.
func (m *message) skipEmptyLines() int {
	pos := 0
	for pos < len(m.raw) && (m.raw[pos] == '\r' || m.raw[pos] == '\n') {
		pos++
	}
	return pos
}

// index notes every header field from pos, where the start line has ended, to
// the empty line, and takes what follows as the body. The end of the message
// after a whole line stands for the empty line: what is meant is plain. It
// goes on after a fault, so that a refusal can be answered, and returns the
// first.
func (m *message) index(pos int) (fault *Error) {
	m.entries = m.inline[:0]
	start := pos
	crs := 0      // CRs that end a line
	open := false // the last line was a field that may go on
	for {
		if pos == len(m.raw) { // RFC 5118 s.4.10's own message ends like this
			return first(fault, m.checkLineEnds(start, pos, crs))
		}
		end, next, ok := m.line(pos)
		if !ok {
			return first(fault, badRequest("The header is cut short"))
		}
		if end == pos {
			m.body = m.raw[next:]
			return first(fault, m.checkLineEnds(start, pos, crs))
		}
		crs += next - end - 1
		if c := m.raw[pos]; c == ' ' || c == '\t' { // RFC 3261 s.7.3.1, folding
			if open {
				last := &m.entries[len(m.entries)-1]
				last.valueEnd, last.folded = uint32(end), true
			} else {
				fault = first(fault, badRequest("Malformed header field"))
			}
		} else {
			var f *Error
			f, open = m.add(pos, end)
			fault = first(fault, f)
		}
		pos = next
	}
}

func first(a, b *Error) *Error {
	if a != nil {
		return a
	}
	return b
}

// add notes the field in raw[pos:end].
func (m *message) add(pos, end int) (fault *Error, ok bool) {
	colon := bytes.IndexByte(m.raw[pos:end], ':')
	if colon < 0 {
		return badRequest("Malformed header field"), false
	}
	nameEnd := pos + colon
	for nameEnd > pos && (m.raw[nameEnd-1] == ' ' || m.raw[nameEnd-1] == '\t') { // HCOLON
		nameEnd--
	}
	name := view(m.raw[pos:nameEnd])
	f := fieldOf(name)
	if f == fieldOther && (!isToken(name) || len(name) > math.MaxUint16) {
		return badRequest("Malformed header field name"), false
	}
	if len(m.entries) == maxFields {
		return badRequest("Too many header fields"), false
	}
	start := pos + colon + 1
	for end > start && isSpace(m.raw[end-1]) { // once, for all who read it
		end--
	}
	for start < end && isSpace(m.raw[start]) {
		start++
	}
	m.entries = append(m.entries, entry{
		nameStart: uint32(pos), nameLen: uint16(len(name)), field: f,
		valueStart: uint32(start), valueEnd: uint32(end),
	})
	if m.first[f] == 0 {
		m.first[f] = uint8(len(m.entries))
	} else if single[f] {
		m.double = f
	}
	return nil, true
}

// checkLineEnds refuses a CR that ends no line: RFC 3261 s.25.1 allows it
// nowhere, and elements behind us may take it for one. A NUL passes: it may
// stand in a quoted string.
func (m *message) checkLineEnds(start, end, ending int) *Error {
	m.clean = bytes.Count(m.raw[start:end], carriageReturn) == ending
	if !m.clean {
		return badRequest("CR without LF in the header")
	}
	return nil
}

var carriageReturn = []byte{'\r'}

func badRequest(reason string) *Error {
	return &Error{Code: StatusBadRequest, Reason: reason}
}

// value is an entry's value, unfolded and trimmed: a view of raw unless it
// was folded.
func (m *message) value(e *entry) string {
	v := view(m.raw[e.valueStart:e.valueEnd])
	if !e.folded {
		return v // add has trimmed it
	}
	return unfold(trim(v))
}

// unfold makes each fold one space. RFC 3261 s.7.3.1.
func unfold(v string) string {
	if !strings.ContainsAny(v, "\r\n") {
		return v
	}
	b := make([]byte, 0, len(v))
	for i := 0; i < len(v); i++ {
		if v[i] != '\r' && v[i] != '\n' {
			b = append(b, v[i])
			continue
		}
		for len(b) > 0 && isSpace(b[len(b)-1]) {
			b = b[:len(b)-1]
		}
		for i+1 < len(v) && isSpace(v[i+1]) {
			i++
		}
		b = append(b, ' ')
	}
	return view(b)
}

// get is the first value of a known field, "" if there is none.
func (m *message) get(f field) string {
	if i := m.first[f]; i > 0 {
		return m.value(&m.entries[i-1])
	}
	return ""
}

func (m *message) has(f field) bool { return m.first[f] > 0 }

// Each goes through the values of every field of that name in order.
func (m *message) Each(name string) iter.Seq[string] {
	return func(yield func(string) bool) { m.each(name, yield) }
}

func (m *message) each(name string, yield func(value string) bool) {
	f := fieldOf(name)
	if f != fieldOther && m.first[f] == 0 {
		return
	}
	for i := range m.entries {
		e := &m.entries[i]
		if e.field == f && (f != fieldOther || equalFold(m.name(e), name)) && !yield(m.value(e)) {
			return
		}
	}
}

func (m *message) name(e *entry) string {
	return view(m.raw[e.nameStart : e.nameStart+uint32(e.nameLen)])
}

// Header is the value of the first field of that name, unfolded and trimmed;
// "" where there is none. The name is the long one; the message may have the
// compact form and any case.
func (m *message) Header(name string) string {
	f := fieldOf(name)
	if f != fieldOther {
		return m.get(f)
	}
	for i := range m.entries {
		if e := &m.entries[i]; e.field == fieldOther && equalFold(m.name(e), name) {
			return m.value(e)
		}
	}
	return ""
}

// Has says whether there is a field of that name, even an empty one.
func (m *message) Has(name string) bool {
	f := fieldOf(name)
	if f != fieldOther {
		return m.has(f)
	}
	for i := range m.entries {
		if e := &m.entries[i]; e.field == fieldOther && equalFold(m.name(e), name) {
			return true
		}
	}
	return false
}

// Values are the values of every field of that name in order.
func (m *message) Values(name string) (values []string) {
	for v := range m.Each(name) {
		values = append(values, v)
	}
	return values
}

// List are the elements of the comma lists in every field of that name, in
// order, trimmed; commas in quotes and in <> divide nothing, and empty
// elements are left out. RFC 3261 s.7.3.1.
func (m *message) List(name string) (elements []string) {
	for v := range m.Each(name) {
		elements = appendElements(elements, v)
	}
	return elements
}

// Body is the message's body as Content-Length cuts it. It must not be
// changed.
func (m *message) Body() []byte { return m.body }

// BodyText is the body as a string, without a copy.
func (m *message) BodyText() string { return view(m.body) }

// Raw is the whole message as it came. It must not be changed.
func (m *message) Raw() []byte { return m.raw }
