package sip

import "strings"

// AOR is the canonical address-of-record that the URI names:
// sip:user@host, the user with no more escapes than it needs, the host in
// lower case, IPv6 references in brackets. Port, parameters, headers and
// password are dropped, and sips:, pres: and im: become sip:, because they
// name the same presentity or inbox (RFC 3261 s.10.3 step 5, RFC 3859 s.3,
// RFC 3860 s.3). "" for a URI without a user or of another scheme.
func (u *URI) AOR() string {
	if u.User == "" || u.Host == "" {
		return ""
	}
	host := canonicalHost(u.Host)
	b := make([]byte, 0, len("sip:@")+len(u.User)+len(host))
	b = append(b, "sip:"...)
	b = appendUser(b, u.User)
	b = append(b, '@')
	return view(append(b, host...))
}

// sameInbox says that both URIs have the same address-of-record, because they
// are written alike; false says nothing.
func (u *URI) sameInbox(v *URI) bool { return u.User == v.User && u.Host == v.Host }

// canonicalHost is a host as it is compared: lower case, without the root's
// dot, an IPv6 address in its shortest form (RFC 5118 s.4).
func canonicalHost(host string) string {
	if strings.HasPrefix(host, "[") {
		if a, ok := hostAddr(host); ok && a.Is6() {
			return "[" + a.String() + "]"
		} else if ok {
			return a.String()
		}
	}
	if len(host) > 1 {
		host = strings.TrimSuffix(host, ".")
	}
	return toLower(host)
}

// appendUser appends user with its escapes undone where the character may
// stand for itself, and done where it may not.
func appendUser(dst []byte, user string) []byte {
	for i := 0; i < len(user); i++ {
		c := user[i]
		if c == '%' && i+2 < len(user) {
			if hi, lo := unhex(user[i+1]), unhex(user[i+2]); hi < 16 && lo < 16 {
				c = hi<<4 | lo
				i += 2
			}
		}
		if userChar[c] {
			dst = append(dst, c)
		} else {
			dst = append(dst, '%', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return dst
}

const hexDigits = "0123456789ABCDEF"

// unhex is a hexadecimal digit's value; 16 where it is none.
func unhex(c byte) byte {
	switch c = lower(c); {
	case isDigit(c):
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	}
	return 16
}
