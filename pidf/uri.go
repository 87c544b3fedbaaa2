package pidf

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// AppendURI writes a URI as an attribute value or character data such that it
// is of type xs:anyURI: what may not stand in a URI (RFC 3986 s.2) is
// percent-encoded, characters beyond ASCII too. An IPv6 address in brackets is kept, although libxml2 does
// not know it in a sip: URI: a contact must stay reachable.
func AppendURI(dst []byte, s string) []byte {
	s = strings.TrimSpace(s)
	scheme := schemeLength(s)
	dst = append(dst, s[:scheme]...)
	s = s[scheme:]
	if scheme > 0 && isPlainURI(s) {
		return append(dst, s...)
	}
	dst = slices.Grow(dst, 3*len(s))
	path := strings.IndexAny(s, "/?#")
	if path < 0 {
		path = len(s)
	}
	port := -1
	authority := strings.HasPrefix(s, "//")
	if authority {
		path = 2 + authorityLength(s[2:])
		port = portOf(s[:path])
	}
	userinfo := strings.LastIndexByte(s[:path], '@')
	fragment := false
	bracket := -1 // the end of the address in brackets that was begun
	for i := range len(s) {
		switch c := s[i]; {
		case c >= utf8.RuneSelf:
			dst = appendURIByte(dst, c)
		case c == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]):
			dst = append(dst, c)
		case c == '#' && !fragment:
			fragment = true
			dst = append(dst, c)
		case c == '[' && i < path && bracket < 0 && addressLength(s[i:]) > 0 && beginsHost(s[:i]):
			bracket = i + addressLength(s[i:]) - 1
			dst = append(dst, c)
		case c == ']' && i == bracket:
			dst = append(dst, c)
		case c == ':' && i >= bracket && (scheme == 0 || authority && i < path && i != port && i > userinfo):
			dst = append(dst, "%3A"...)
		case c == '@' && authority && i < userinfo:
			dst = append(dst, "%40"...)
		default:
			dst = appendURIByte(dst, c)
		}
	}
	return dst
}

func appendURIByte(dst []byte, c byte) []byte {
	switch {
	case class[c]&classURI != 0:
		return append(dst, c)
	case c == '&':
		return append(dst, "&amp;"...)
	}
	const digits = "0123456789ABCDEF"
	return append(dst, '%', digits[c>>4], digits[c&15])
}

// isPlainURI tells whether a URI behind its scheme has no authority and nothing
// to encode, as most contacts.
func isPlainURI(s string) bool {
	for i := range len(s) {
		if class[s[i]]&classURI == 0 {
			return false
		}
	}
	return !strings.HasPrefix(s, "//")
}

func isHex(c byte) bool {
	_, ok := hexDigit(c)
	return ok
}

// schemeLength counts a scheme and its colon (RFC 3986 s.3.1), 0 for none.
func schemeLength(s string) int {
	for i := range len(s) {
		c := s[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		switch {
		case letter:
		case i == 0:
			return 0
		case c == ':':
			return i + 1
		case c < '0' && c != '+' && c != '-' && c != '.', c > '9':
			return 0
		}
	}
	return 0
}

func authorityLength(s string) int {
	if i := strings.IndexAny(s, "/?#"); i >= 0 {
		return i
	}
	return len(s)
}

// portOf returns where the colon before a port of up to five digits stands at
// the end of an authority, -1 for nowhere.
func portOf(s string) int {
	digits := len(s) - len(strings.TrimRight(s, "0123456789"))
	colon := len(s) - digits - 1
	if colon < 0 || s[colon] != ':' || digits == 0 || digits > 5 {
		return -1
	}
	return colon
}

// addressLength counts an IPv6 address in brackets at the start of s, 0 for none.
func addressLength(s string) int {
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == ']' && i > 2:
			return i + 1
		case isHex(c) || c == ':' || c == '.':
		default:
			return 0
		}
	}
	return 0
}

// beginsHost tells whether a host may follow: after the scheme, "//" or "@".
func beginsHost(before string) bool {
	return before == "" || before == "//" || strings.HasSuffix(before, "@")
}
