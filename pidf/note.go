package pidf

import "strings"

func (d *Document) typedNote(i int32) Note { return Note{Text: d.text(i), Lang: d.language(i)} }

// appendNote writes a note. A language that is no language tag is left out.
func appendNote(dst []byte, name string, n Note) []byte {
	dst = append(dst, '<')
	dst = append(dst, name...)
	if IsLanguage(n.Lang) {
		dst = append(dst, ` xml:lang="`...)
		dst = append(dst, n.Lang...)
		dst = append(dst, '"')
	}
	dst = append(dst, '>')
	dst = AppendText(dst, n.Text)
	dst = append(dst, "</"...)
	dst = append(dst, name...)
	return append(dst, '>')
}

// IsLanguage checks for xs:language: groups of up to eight letters, digits too
// from the second group on.
func IsLanguage(s string) bool {
	for first := true; ; first = false {
		group, rest, more := strings.Cut(s, "-")
		if group == "" || len(group) > 8 {
			return false
		}
		for _, c := range []byte(group) {
			letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
			if !letter && (first || c < '0' || c > '9') {
				return false
			}
		}
		if !more {
			return true
		}
		s = rest
	}
}
