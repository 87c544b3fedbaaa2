package xmlpatch

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

const space = " \t\r\n"

func isSpaceByte(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// blanks counts the white space at the start of s.
func blanks(s string) int {
	n := 0
	for n < len(s) && isSpaceByte(s[n]) {
		n++
	}
	return n
}

// maxName bounds names, in bytes.
const maxName = 4 << 10

// endsName has the bytes that no name has.
var endsName = func() (table [256]bool) {
	for c := range byte(' ' + 1) {
		table[c] = true
	}
	for _, c := range []byte("<>/=?&'\"") {
		table[c] = true
	}
	return table
}()

// nameAt is the length of the name, with its prefix, at the start of s; 0 if
// there is none.
func nameAt(s string) int {
	n, colon := 0, -1
	for n < len(s) && !endsName[s[n]] {
		if s[n] == ':' {
			if n == 0 || colon >= 0 {
				return 0
			}
			colon = n
		}
		n++
	}
	if n > maxName || colon == n-1 {
		return 0
	}
	return n
}

// attribute is an attribute or a namespace declaration as it stands in a tag.
type attribute struct {
	start, end    int // from the name to behind the closing quote; an end of -1: malformed
	prefix, local string
	value         string // with its references
}

// nextAttribute reads the attribute behind a place in a tag.
func nextAttribute(tag string, at int) (attribute, bool) {
	at += blanks(tag[at:])
	if at == len(tag) || tag[at] == '>' || tag[at] == '/' {
		return attribute{}, false
	}
	a := attribute{start: at, end: -1}
	name := nameAt(tag[at:])
	a.local = tag[at : at+name]
	at += name
	if colon := strings.IndexByte(a.local, ':'); colon > 0 {
		a.prefix, a.local = a.local[:colon], a.local[colon+1:]
	}
	at += blanks(tag[at:])
	if at == len(tag) || tag[at] != '=' {
		return a, true
	}
	at++
	at += blanks(tag[at:])
	if at == len(tag) || tag[at] != '"' && tag[at] != '\'' {
		return a, true
	}
	length := strings.IndexByte(tag[at+1:], tag[at])
	if length < 0 {
		return a, true
	}
	a.value, a.end = tag[at+1:at+1+length], at+length+2
	return a, true
}

// declares tells whether it is a namespace declaration.
func (a *attribute) declares() bool {
	return a.prefix == "xmlns" || a.prefix == "" && a.local == "xmlns"
}

// bound is the prefix that a declaration binds, "" for the default.
func (a *attribute) bound() string {
	if a.prefix == "" {
		return ""
	}
	return a.local
}

// attributes goes through those of an element, declarations included.
func (d *Document) attributes(i int32) func(yield func(attribute) bool) {
	return func(yield func(attribute) bool) {
		tag, at := d.raw(i), 1+int(d.nodes[i].name)
		for {
			a, ok := nextAttribute(tag, at)
			if !ok || !yield(a) {
				return
			}
			at = a.end
		}
	}
}

// addToTag writes an attribute into an element's tag.
func (d *Document) addToTag(i int32, name, value string) {
	tag := d.raw(i)
	end := len(tag) - len(">")
	if strings.HasSuffix(tag, "/>") {
		end--
	}
	d.write(i, tag[:end], " ", name, `="`, escape(value), `"`, tag[end:])
}

// setInTag changes the value of an attribute.
func (d *Document) setInTag(i int32, a attribute, value string) {
	tag := d.raw(i)
	d.write(i, tag[:a.end-2-len(a.value)], `"`, escape(value), `"`, tag[a.end:])
}

// cutFromTag removes an attribute.
func (d *Document) cutFromTag(i int32, a attribute) {
	tag := d.raw(i)
	d.write(i, strings.TrimRight(tag[:a.start], space), tag[a.end:])
}

// escape is a value as it stands between double quotes.
func escape(value string) string { return escaper.Replace(value) }

var escaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "\t", "&#9;", "\n", "&#10;", "\r", "&#13;")

// decode resolves the references in a value, and makes white space blanks (XML
// 1.0 s.3.3.3).
func decode(value string) string {
	plain := 0
	for plain < len(value) && value[plain] >= ' ' && value[plain] != '&' {
		plain++
	}
	if plain == len(value) {
		return value
	}
	out := append(make([]byte, 0, len(value)), value[:plain]...)
	for i := plain; i < len(value); i++ {
		switch c := value[i]; {
		case c == '&':
			r, n := reference(value[i:])
			out = utf8.AppendRune(out, r)
			i += max(n, 1) - 1
		case c == '\r' && strings.HasPrefix(value[i:], "\r\n"):
		case isSpaceByte(c):
			out = append(out, ' ')
		default:
			out = append(out, c)
		}
	}
	return string(out)
}

// decodeText resolves the references in character data, and makes line ends LF
// (XML 1.0 s.2.11).
func decodeText(text string) string {
	if !strings.ContainsAny(text, "&\r") {
		return text
	}
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '&':
			r, n := reference(text[i:])
			out = utf8.AppendRune(out, r)
			i += max(n, 1) - 1
		case c == '\r' && strings.HasPrefix(text[i:], "\r\n"):
		case c == '\r':
			out = append(out, '\n')
		default:
			out = append(out, c)
		}
	}
	return string(out)
}

// references checks those in a text or in a value, which has no "<".
func references(s string) *Error {
	for at := 0; at < len(s); at++ {
		switch s[at] {
		case '<':
			return failure(InvalidDiffFormat, "< in an attribute")
		case '&':
			_, n := reference(s[at:])
			if n == 0 {
				return failure(InvalidDiffFormat, "an undefined entity, or a bad character reference")
			}
			at += n - 1
		}
	}
	return nil
}

// maxReference is how far a reference's semicolon is looked for.
const maxReference = 40

// reference reads the reference at the start of s, which begins with "&": the
// character, and its length, which is 0 if there is no such reference.
func reference(s string) (rune, int) {
	end := strings.IndexByte(s[:min(len(s), maxReference)], ';')
	if end < 0 {
		return 0, 0
	}
	switch s[1:end] {
	case "amp":
		return '&', end + 1
	case "lt":
		return '<', end + 1
	case "gt":
		return '>', end + 1
	case "quot":
		return '"', end + 1
	case "apos":
		return '\'', end + 1
	}
	digits, found := strings.CutPrefix(s[1:end], "#")
	base := 10
	if hex, ok := strings.CutPrefix(digits, "x"); ok {
		digits, base = hex, 16
	}
	r, err := strconv.ParseUint(digits, base, 21)
	if !found || err != nil || !utf8.ValidRune(rune(r)) || r == 0 {
		return 0, 0
	}
	return rune(r), end + 1
}
