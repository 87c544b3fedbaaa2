package sip

import "strings"

// cutElement takes the first element off a comma list. Quoted strings and
// <...> hold no separators. more says that a comma followed.
func cutElement(list string) (element, rest string, more bool) {
	if strings.IndexByte(list, ',') < 0 {
		return trim(list), "", false
	}
	if i := indexOutside(list, ','); i >= 0 {
		return trim(list[:i]), list[i+1:], true
	}
	return trim(list), "", false
}

func appendElements(dst []string, list string) []string {
	for {
		element, rest, more := cutElement(list)
		if element != "" {
			dst = append(dst, element)
		}
		if !more {
			return dst
		}
		list = rest
	}
}

// elementCount is how many elements a comma list has.
func elementCount(list string) (n int) {
	for more := true; more; {
		var element string
		if element, list, more = cutElement(list); element != "" {
			n++
		}
	}
	return n
}

// indexOutside finds c outside of quoted strings and <...>; -1 if it is not
// there. A quote or bracket that is never closed reaches to the end.
func indexOutside(s string, c byte) int {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case c:
			return i
		case '"':
			n := quotedLen(s[i:])
			if n < 0 {
				return -1
			}
			i += n - 1
		case '<':
			n := strings.IndexByte(s[i:], '>')
			if n < 0 {
				return -1
			}
			i += n
		}
	}
	return -1
}

// quotedLen is the length of the quoted string that s starts with, both
// quotes included; -1 where it is not closed. RFC 3261 s.25.1.
func quotedLen(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return -1
}

// unquote gives what a quoted string says; anything else is returned as it is.
func unquote(s string) string {
	if len(s) < 2 || s[0] != '"' || quotedLen(s) != len(s) {
		return s
	}
	s = s[1 : len(s)-1]
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b = append(b, s[i])
	}
	return view(b)
}
