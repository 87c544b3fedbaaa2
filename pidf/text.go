package pidf

import (
	"strings"
	"unicode/utf8"
)

// decodeText returns the character data of an element's content that the
// reader has found well-formed: references and CDATA sections resolved, line
// ends made LF (XML 1.0 s.2.11), tags and comments left out.
func decodeText(s string) string {
	if strings.IndexByte(s, '<') < 0 && strings.IndexByte(s, '&') < 0 && strings.IndexByte(s, '\r') < 0 {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); {
		switch {
		case s[i] == '&':
			r, n := reference(s[i:])
			out = utf8.AppendRune(out, r)
			i += max(n, 1)
		case strings.HasPrefix(s[i:], cdataOpen):
			n := strings.Index(s[i:], cdataClose)
			out = appendLines(out, s[i+len(cdataOpen):i+n])
			i += n + len(cdataClose)
		case strings.HasPrefix(s[i:], commentOpen):
			i += strings.Index(s[i+len(commentOpen):], commentClose) + len(commentOpen) + len(commentClose)
		case s[i] == '<':
			i += tagLength(s[i:])
		default:
			n := strings.IndexAny(s[i:], "<&")
			if n < 0 {
				n = len(s) - i
			}
			out = appendLines(out, s[i:i+n])
			i += n
		}
	}
	return string(out)
}

func appendLines(dst []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		if s[i] != '\r' {
			dst = append(dst, s[i])
		} else if i+1 == len(s) || s[i+1] != '\n' {
			dst = append(dst, '\n')
		}
	}
	return dst
}

// tagLength measures a tag, minding ">" in attribute values.
func tagLength(s string) int {
	var quote byte
	for i := range len(s) {
		switch c := s[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '>':
			return i + 1
		}
	}
	return len(s)
}

// decodeAttribute resolves references and normalizes white space (XML 1.0
// s.3.3.3) in the value of an attribute.
func decodeAttribute(s string) string {
	plain := 0
	for plain < len(s) && s[plain] >= ' ' && s[plain] != '&' {
		plain++
	}
	if plain == len(s) {
		return s
	}
	out := append(make([]byte, 0, len(s)), s[:plain]...)
	for i := plain; i < len(s); {
		switch c := s[i]; {
		case c == '&':
			r, n := reference(s[i:])
			out = utf8.AppendRune(out, r)
			i += max(n, 1)
			continue
		case c == '\r' && i+1 < len(s) && s[i+1] == '\n':
		case isSpace(c):
			out = append(out, ' ')
		default:
			out = append(out, c)
		}
		i++
	}
	return string(out)
}

// AppendText writes a string as character data or as an attribute value in
// double quotes. What XML cannot hold becomes U+FFFD.
func AppendText(dst []byte, s string) []byte {
	for i := 0; i < len(s); {
		plain := i
		for i < len(s) && isPlain(s[i]) {
			i++
		}
		dst = append(dst, s[plain:i]...)
		if i == len(s) {
			break
		}
		c := s[i]
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			if !isChar(r) {
				r = utf8.RuneError
			}
			dst = utf8.AppendRune(dst, r)
			i += n
			continue
		}
		switch c {
		case '&':
			dst = append(dst, "&amp;"...)
		case '<':
			dst = append(dst, "&lt;"...)
		case '>':
			dst = append(dst, "&gt;"...)
		case '"':
			dst = append(dst, "&quot;"...)
		case '\r':
			dst = append(dst, "&#13;"...)
		default:
			if isChar(rune(c)) {
				dst = append(dst, c)
			} else {
				dst = utf8.AppendRune(dst, utf8.RuneError)
			}
		}
		i++
	}
	return dst
}

// isPlain tells whether a byte is written as it is by AppendText.
func isPlain(b byte) bool {
	return b >= ' ' && b < utf8.RuneSelf && b != '&' && b != '<' && b != '>' && b != '"'
}

// AppendValue is AppendText for attribute values, in which white space other
// than a blank must be written as a reference to survive.
func AppendValue(dst []byte, s string) []byte {
	for {
		i := strings.IndexAny(s, "\t\n")
		if i < 0 {
			return AppendText(dst, s)
		}
		dst = AppendText(dst, s[:i])
		if s[i] == '\t' {
			dst = append(dst, "&#9;"...)
		} else {
			dst = append(dst, "&#10;"...)
		}
		s = s[i+1:]
	}
}
