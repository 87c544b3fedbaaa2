package policy

import (
	"slices"
	"strings"
)

// equivalent tells whether two URIs of services or devices are equivalent, as
// RFC 5025 s.3.3.1 wants it: sip: and sips: by RFC 3261 s.19.1.4, others by
// case and percent-encoding normalization (RFC 3986 s.6.2.2). URIs of different
// schemes are not. In doubt they are not either: that hides, and shows nothing.
func equivalent(a, b string) bool {
	a, b = strings.TrimSpace(a), strings.TrimSpace(b)
	if a == b {
		return a != ""
	}
	schemeA, restA, _ := strings.Cut(a, ":")
	schemeB, restB, _ := strings.Cut(b, ":")
	if !strings.EqualFold(schemeA, schemeB) {
		return false
	}
	restA, restB = normalEscapes(restA), normalEscapes(restB)
	switch strings.ToLower(schemeA) {
	case "sip", "sips":
		return equivalentSIP(restA, restB)
	case "urn":
		return normalURN(restA) == normalURN(restB)
	case "mailto", "pres", "im", "xmpp":
		return normalHost(restA, strings.LastIndexByte(restA, '@')+1) == normalHost(restB, strings.LastIndexByte(restB, '@')+1)
	}
	return normalAuthority(restA) == normalAuthority(restB)
}

// normalEscapes decodes the escapes of unreserved characters, and writes the
// others in upper case (RFC 3986 s.6.2.2).
func normalEscapes(s string) string {
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	const digits = "0123456789ABCDEF"
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '%' || i+2 >= len(s) {
			out = append(out, s[i])
			continue
		}
		high, low := strings.IndexByte(digits, upper(s[i+1])), strings.IndexByte(digits, upper(s[i+2]))
		if high < 0 || low < 0 {
			out = append(out, s[i])
			continue
		}
		if c := byte(high<<4 | low); isUnreserved(c) {
			out = append(out, c)
		} else {
			out = append(out, '%', digits[high], digits[low])
		}
		i += 2
	}
	return string(out)
}

// isUnreserved is RFC 3986 s.2.3.
func isUnreserved(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~", c) >= 0
}

func upper(c byte) byte {
	if c >= 'a' && c <= 'z' {
		return c - 'a' + 'A'
	}
	return c
}

// equivalentSIP compares what follows sip: or sips:.
func equivalentSIP(a, b string) bool {
	a, headersA, _ := strings.Cut(a, "?")
	b, headersB, _ := strings.Cut(b, "?")
	userA, hostA := cutUser(a)
	userB, hostB := cutUser(b)
	if userA != userB || !sameHeaders(headersA, headersB) {
		return false
	}
	// RFC 3261 s.19.1.4: all but the user is compared without case.
	partsA, partsB := strings.Split(strings.ToLower(hostA), ";"), strings.Split(strings.ToLower(hostB), ";")
	return partsA[0] == partsB[0] && coveredBy(partsA[1:], partsB[1:]) && coveredBy(partsB[1:], partsA[1:])
}

// cutUser splits at the last @, which it leaves to the user: a user that is
// empty is another than none.
func cutUser(s string) (user, rest string) {
	i := strings.LastIndexByte(s, '@') + 1
	return s[:i], s[i:]
}

// coveredBy tells whether each parameter is matched by one of the others. One
// that stands in only one URI is ignored, but for those that may lead to
// another resource (RFC 3261 s.19.1.4).
func coveredBy(params, others []string) bool {
	for _, p := range params {
		name, _, _ := strings.Cut(p, "=")
		other := slices.IndexFunc(others, func(o string) bool {
			n, _, _ := strings.Cut(o, "=")
			return n == name
		})
		if other >= 0 && others[other] != p {
			return false
		}
		if other < 0 && slices.Contains([]string{"user", "ttl", "method", "maddr", "transport"}, name) {
			return false
		}
	}
	return true
}

// sameHeaders compares the header components, in any order.
func sameHeaders(a, b string) bool {
	if a == b {
		return true
	}
	headersA, headersB := strings.Split(a, "&"), strings.Split(b, "&")
	slices.Sort(headersA)
	slices.Sort(headersB)
	return slices.Equal(headersA, headersB)
}

// normalURN lowers what is compared without case: a URN's namespace identifier,
// and all of a UUID. Equality is by the rules of the URN's own namespace, where
// these are known (RFC 5626 s.4.1).
func normalURN(s string) string {
	nid, nss, _ := strings.Cut(s, ":")
	if nid = strings.ToLower(nid); nid == "uuid" {
		nss = strings.ToLower(nss)
	}
	return nid + ":" + nss
}

// normalAuthority lowers the host of a hierarchical URI.
func normalAuthority(s string) string {
	if !strings.HasPrefix(s, "//") {
		return s
	}
	end := len(s)
	if i := strings.IndexAny(s[2:], "/?#"); i >= 0 {
		end = 2 + i
	}
	return normalHost(s[:end], strings.LastIndexByte(s[:end], '@')+1) + s[end:]
}

func normalHost(s string, host int) string { return s[:host] + strings.ToLower(s[host:]) }
