package policy

import (
	"net/netip"
	"slices"
	"strings"
)

// canonical is the form in which two URIs of one identity are equal, and
// whether the URI names an identity at all. sip:, sips:, pres: and im: become
// sip:user@host without port and parameters, the form of our
// addresses-of-record (RFC 3859 s.3, RFC 3860 s.3), since they name one
// principal. Other schemes are never equal to it (RFC 5025 s.3.1.1.2).
func canonical(uri string) (string, bool) {
	scheme, rest, found := strings.Cut(strings.Trim(uri, spaces), ":")
	scheme = strings.ToLower(scheme)
	if !found || !isScheme(scheme) || rest == "" || strings.ContainsAny(rest, "<>\" \t\r\n") {
		return "", false
	}
	switch scheme {
	case "sip", "sips", "pres", "im":
		return canonicalSIP(rest)
	case "tel":
		return canonicalTel(rest)
	}
	return scheme + ":" + rest, true
}

func isScheme(s string) bool {
	for i, c := range []byte(s) {
		letter := c >= 'a' && c <= 'z'
		if !letter && (i == 0 || !strings.ContainsRune("0123456789+-.", rune(c))) {
			return false
		}
	}
	return s != ""
}

// canonicalSIP reads [user [":" password] "@"] host [":" port] [parameters].
// A user may hold ; and ?, and only one @ can stand in the URI (RFC 3261
// s.25.1).
func canonicalSIP(s string) (string, bool) {
	user, host, found := strings.Cut(s, "@")
	if !found {
		user, host = "", s
	}
	if i := strings.IndexAny(host, ";?"); i >= 0 {
		host = host[:i]
	}
	user, _, _ = strings.Cut(user, ":")
	host, ok := canonicalHost(host)
	if !ok || found && user == "" || strings.Contains(host, "@") {
		return "", false
	}
	if !found {
		return "sip:" + host, true
	}
	b := append(make([]byte, 0, len("sip:@")+len(s)), "sip:"...)
	if b, ok = appendUser(b, user); !ok {
		return "", false
	}
	return string(append(append(b, '@'), host...)), true
}

// canonicalHost drops the port and the root's dot, and lowers the case.
func canonicalHost(s string) (string, bool) {
	if strings.HasPrefix(s, "[") {
		end := strings.IndexByte(s, ']')
		addr, err := netip.ParseAddr(strings.Trim(s[:end+1], "[]"))
		if end < 0 || err != nil || !addr.Is6() {
			return "", false
		}
		if addr.Is4In6() {
			return addr.Unmap().String(), true
		}
		return "[" + addr.String() + "]", true
	}
	s, _, _ = strings.Cut(s, ":")
	if len(s) > 1 {
		s = strings.TrimSuffix(s, ".")
	}
	s = strings.ToLower(s)
	for _, c := range []byte(s) {
		if c >= 0x80 || !strings.ContainsRune(hostCharacters, rune(c)) {
			return "", false
		}
	}
	return s, s != ""
}

const (
	hostCharacters = "abcdefghijklmnopqrstuvwxyz0123456789.-_"
	// userMarks stand unescaped in a user, RFC 3261 s.25.1.
	userMarks = "-_.!~*'()&=+$,;?/"
)

// appendUser undoes the escapes that are not needed, and escapes what may not
// stand for itself. It is false where an escape is malformed.
func appendUser(dst []byte, user string) ([]byte, bool) {
	for i := 0; i < len(user); i++ {
		c := user[i]
		if c == '%' {
			if i+2 >= len(user) || unhex(user[i+1]) > 15 || unhex(user[i+2]) > 15 {
				return dst, false
			}
			c = unhex(user[i+1])<<4 | unhex(user[i+2])
			i += 2
		}
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte(userMarks, c) >= 0 {
			dst = append(dst, c)
		} else {
			const digits = "0123456789ABCDEF"
			dst = append(dst, '%', digits[c>>4], digits[c&15])
		}
	}
	return dst, true
}

// unhex is a hexadecimal digit's value; 16 where it is none.
func unhex(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10
	}
	return 16
}

// canonicalTel compares as RFC 3966 s.4 does: without visual separators and
// case, and with the parameters in any order.
func canonicalTel(s string) (string, bool) {
	separators := strings.NewReplacer("-", "", ".", "", "(", "", ")", "")
	params := strings.Split(strings.ToLower(s), ";")
	number := separators.Replace(params[0])
	if strings.Trim(number, "+") == "" {
		return "", false
	}
	params = params[1:]
	for i, p := range params {
		if key, value, _ := strings.Cut(p, "="); key == "ext" || key == "phone-context" && strings.HasPrefix(value, "+") {
			params[i] = key + "=" + separators.Replace(value)
		}
	}
	slices.Sort(params)
	return strings.Join(append([]string{"tel:" + number}, params...), ";"), true
}

// domain is the part of an address-of-record behind its @, "" without one.
func domain(aor string) string {
	_, host, _ := strings.Cut(aor, "@")
	return host
}

// canonicalDomain is a domain as RFC 4745 s.7.1.3 compares it: escapes undone,
// in lower case. Beyond ASCII it would have to be converted by RFC 3490, which
// is not done here: false.
func canonicalDomain(s string) (string, bool) {
	unescaped := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '%' && i+2 < len(s) && unhex(s[i+1]) < 16 && unhex(s[i+2]) < 16 {
			c = unhex(s[i+1])<<4 | unhex(s[i+2])
			i += 2
		}
		unescaped = append(unescaped, c)
	}
	if strings.Contains(string(unescaped), ":") && !strings.HasPrefix(s, "[") {
		return "", false // a host with a port is no domain
	}
	return canonicalHost(string(unescaped))
}
