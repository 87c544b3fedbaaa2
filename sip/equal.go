package sip

// Equal compares two URIs as RFC 3261 s.19.1.4 does. pres: and im: URIs are
// compared by the same rules; of other schemes only what is written.
func (u *URI) Equal(v *URI) bool {
	if *u == *v { // a parameter that stands twice does not part a URI from itself
		return true
	}
	if u.Scheme != v.Scheme || u.Opaque != v.Opaque {
		return false
	}
	return equalEscaped(u.User, v.User) && equalEscaped(u.Password, v.Password) &&
		canonicalHost(u.Host) == canonicalHost(v.Host) && u.Port == v.Port &&
		paramsMatch(u.Params, v.Params) && paramsMatch(v.Params, u.Params) &&
		headersMatch(u.Headers, v.Headers) && headersMatch(v.Headers, u.Headers)
}

// paramsMatch compares each of a's parameters with b's. Parameters that only
// one URI has do not count, but for user, ttl, method, maddr and transport,
// which the RFC's text and its examples never ignore.
func paramsMatch(a, b Params) bool {
	for name, value := range a.All {
		other, ok := b.Get(string(unescape(name)))
		switch {
		case ok && !equalFold(string(unescape(value)), string(unescape(other))):
			return false
		case !ok && paramCounts(name):
			return false
		}
	}
	return true
}

func paramCounts(name string) bool {
	for _, counted := range [...]string{"user", "ttl", "method", "maddr", "transport"} {
		if equalFold(name, counted) {
			return true
		}
	}
	return false
}

// headersMatch says whether b has each of a's headers with the same value.
func headersMatch(a, b string) bool {
	for a != "" {
		var name, value string
		name, value, a = cutHeader(a)
		if !hasHeader(b, name, value) {
			return false
		}
	}
	return true
}

func hasHeader(headers, name, value string) bool {
	for headers != "" {
		var n, v string
		n, v, headers = cutHeader(headers)
		if equalFold(n, name) && equalEscaped(v, value) {
			return true
		}
	}
	return false
}

func cutHeader(s string) (name, value, rest string) {
	end := len(s)
	for i := 0; i < len(s); i++ {
		if s[i] == '&' {
			end, rest = i, s[i+1:]
			break
		}
	}
	for i := 0; i < end; i++ {
		if s[i] == '=' {
			return s[:i], s[i+1 : end], rest
		}
	}
	return s[:end], "", rest
}

// equalEscaped compares case-sensitively; an escaped character equals itself
// unescaped, but for the reserved ones (RFC 3261 s.19.1.4).
func equalEscaped(a, b string) bool {
	return a == b || string(unescape(a)) == string(unescape(b))
}

// reserved are the characters whose escape means something else than they do,
// RFC 2396 s.2.2; the percent sign itself is one of them here.
var reserved = charSet(";/?:@&=+$,%")

// unescape undoes every escape but those of reserved characters, whose
// digits become upper case.
func unescape(s string) []byte {
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			hi, lo := unhex(s[i+1]), unhex(s[i+2])
			if hi < 16 && lo < 16 {
				if c := hi<<4 | lo; reserved[c] {
					b = append(b, '%', hexDigits[hi], hexDigits[lo])
				} else {
					b = append(b, c)
				}
				i += 2
				continue
			}
		}
		b = append(b, s[i])
	}
	return b
}
