package sip

// Params are the ;name=value parameters of a URI or a header field as they
// are written, each with its semicolon. They are searched, not stored: few
// are asked for.
type Params string

// Get is the value of the first parameter of that name, without quotes; ""
// with ok for a parameter without a value. Names are case-insensitive
// (RFC 3261 s.7.3.1).
func (p Params) Get(name string) (value string, ok bool) {
	for rest := string(p); rest != ""; {
		var n, v string
		n, v, rest = cutParam(rest)
		if equalFold(n, name) {
			return unquote(v), true
		}
	}
	return "", false
}

// Has says whether there is a parameter of that name.
func (p Params) Has(name string) bool {
	_, ok := p.Get(name)
	return ok
}

// All calls yield with each parameter in order until it returns false; values
// are as written, quotes kept.
func (p Params) All(yield func(name, value string) bool) {
	for rest := string(p); rest != ""; {
		var name, value string
		name, value, rest = cutParam(rest)
		if name != "" && !yield(name, value) {
			return
		}
	}
}

// cutParam takes the first parameter off; a semicolon before it is skipped.
func cutParam(s string) (name, value, rest string) {
	if s[0] == ';' {
		s = s[1:]
	}
	equal, end := -1, len(s)
	for i := 0; i < end; i++ {
		switch s[i] {
		case '=':
			if equal < 0 {
				equal = i
			}
		case ';':
			end = i
		case '"':
			if n := quotedLen(s[i:]); n > 0 {
				i += n - 1
			}
		}
	}
	if equal < 0 || equal > end {
		return trim(s[:end]), "", s[end:]
	}
	return trim(s[:equal]), trim(s[equal+1 : end]), s[end:]
}
