package pidf

import (
	"strings"
	"unicode/utf8"
)

// Classes of bytes, by XML 1.0 (fifth edition). A byte from 0x80 on belongs to
// a character that is looked at by itself.
const (
	classSpace     uint8 = 1 << iota // production 3
	classNameStart                   // production 4, without the colon
	className                        // production 4a, without the colon
	classText                        // may stand in character data as it is
	classValue                       // may stand in a quoted value as it is
	classURI                         // may stand in a path or query of a URI, and in XML as it is
)

var class = func() (table [256]uint8) {
	for c := range 0x80 {
		b := byte(c)
		if isSpace(b) {
			table[c] |= classSpace
		}
		letter := b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b == '_'
		if letter {
			table[c] |= classNameStart
		}
		if letter || b >= '0' && b <= '9' || b == '-' || b == '.' {
			table[c] |= className
		}
		if b >= 0x20 || isSpace(b) {
			if b != '<' && b != '&' {
				table[c] |= classValue
			}
			if b != '<' && b != '&' && b != ']' {
				table[c] |= classText
			}
		}
	}
	for b := range table {
		if strings.IndexByte("-._~:/?@!$'()*+,;=", byte(b)) >= 0 || table[b]&className != 0 {
			table[b] |= classURI // RFC 3986 s.2.2 and s.2.3, without &, #, [ and ]
		}
	}
	table['"'] &^= classValue
	table['\''] &^= classValue
	return table
}()

func isSpace(b byte) bool { return b == ' ' || b == '\t' || b == '\n' || b == '\r' }

// isChar is XML 1.0 production 2.
func isChar(r rune) bool {
	switch {
	case r < 0x20:
		return r == '\t' || r == '\n' || r == '\r'
	case r < 0xD800:
		return true
	}
	return r >= 0xE000 && r <= 0xFFFD || r >= 0x10000 && r <= 0x10FFFF
}

// isNameStart is XML 1.0 production 4 beyond ASCII.
func isNameStart(r rune) bool {
	switch {
	case r < 0x80:
		return class[byte(r)]&classNameStart != 0
	case r < 0x300:
		return r >= 0xC0 && r != 0xD7 && r != 0xF7
	case r < 0x2000:
		return r >= 0x370 && r != 0x37E
	}
	return r >= 0x200C && r <= 0x200D || r >= 0x2070 && r <= 0x218F || r >= 0x2C00 && r <= 0x2FEF ||
		r >= 0x3001 && r <= 0xD7FF || r >= 0xF900 && r <= 0xFDCF || r >= 0xFDF0 && r <= 0xFFFD ||
		r >= 0x10000 && r <= 0xEFFFF
}

// isName is XML 1.0 production 4a beyond ASCII.
func isName(r rune) bool {
	if r < 0x80 {
		return class[byte(r)]&className != 0
	}
	return isNameStart(r) || r == 0xB7 || r >= 0x300 && r <= 0x36F || r >= 0x203F && r <= 0x2040
}

// reference reads the entity or character reference at the start of s, which
// begins with "&". It returns the character and the reference's length; a
// length of 0 means that there is no such reference. Only the five entities
// that need no declaration exist, since a DOCTYPE is refused.
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
	r, ok := characterReference(s[1:end])
	if !ok {
		return 0, 0
	}
	return r, end + 1
}

// maxReference is how far a reference's semicolon is looked for: leading zeros
// are allowed, but nobody needs thirty.
const maxReference = 40

func characterReference(s string) (rune, bool) {
	if len(s) < 2 || s[0] != '#' {
		return 0, false
	}
	digits, base := s[1:], rune(10)
	if digits[0] == 'x' {
		digits, base = digits[1:], 16
	}
	var r rune
	for _, c := range []byte(digits) {
		v, ok := hexDigit(c)
		if !ok || rune(v) >= base {
			return 0, false
		}
		if r = r*base + rune(v); r > utf8.MaxRune {
			return 0, false
		}
	}
	return r, digits != "" && isChar(r)
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}
