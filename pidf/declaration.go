package pidf

import "strings"

// declaration reads the XML declaration, if there is one (XML 1.0 production
// 23). RFC 3863 s.4.1 demands one; clients that leave it out are understood.
func (s *scanner) declaration() string {
	const open = "<?xml"
	if !strings.HasPrefix(s.s, open) || len(s.s) == len(open) || !isSpace(s.s[len(open)]) {
		return ""
	}
	s.i = len(open)
	seen := 0
	for {
		spaced := s.space()
		if strings.HasPrefix(s.s[s.i:], "?>") {
			s.i += 2
			if seen == 0 {
				return "XML declaration without a version"
			}
			return ""
		}
		name, value, ok := s.pseudoAttribute()
		if !ok || !spaced {
			return "malformed XML declaration"
		}
		switch {
		case name == "version" && seen == 0:
			seen = 1
			if value != "1.0" {
				return "XML version is not 1.0"
			}
		case name == "encoding" && seen == 1:
			seen = 2
			if !strings.EqualFold(value, "UTF-8") && !strings.EqualFold(value, "US-ASCII") {
				return "encoding is not UTF-8 or US-ASCII"
			}
		case name == "standalone" && (seen == 1 || seen == 2) && (value == "yes" || value == "no"):
			seen = 3
		default:
			return "malformed XML declaration"
		}
	}
}

func (s *scanner) pseudoAttribute() (name, value string, ok bool) {
	start := s.i
	for s.i < len(s.s) && s.s[s.i] >= 'a' && s.s[s.i] <= 'z' {
		s.i++
	}
	name = s.s[start:s.i]
	if !s.equals() {
		return "", "", false
	}
	quote := s.s[s.i]
	end := strings.IndexByte(s.s[s.i+1:], quote)
	if end < 0 {
		return "", "", false
	}
	value = s.s[s.i+1 : s.i+1+end]
	s.i += end + 2
	return name, value, true
}

// space steps over white space and tells whether there was any.
func (s *scanner) space() bool {
	start := s.i
	for s.i < len(s.s) && class[s.s[s.i]]&classSpace != 0 {
		s.i++
	}
	return s.i > start
}

// equals steps over "=" with white space around it, to the quote behind it. It
// is false if there is no such thing.
func (s *scanner) equals() bool {
	s.space()
	if s.i >= len(s.s) || s.s[s.i] != '=' {
		return false
	}
	s.i++
	s.space()
	return s.i < len(s.s) && (s.s[s.i] == '"' || s.s[s.i] == '\'')
}
