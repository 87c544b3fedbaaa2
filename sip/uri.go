package sip

import (
	"errors"
	"math"
	"net/netip"
	"strconv"
	"strings"
)

// URI is a URI as SIP uses it. sip:, sips:, pres: and im: URIs are taken apart
// (RFC 3261 s.19.1.1, RFC 3859 s.3, RFC 3860 s.3); of any other scheme only
// the scheme is known and Opaque holds the rest.
type URI struct {
	Scheme   string // lower case
	User     string // as written, escapes kept; "" where there is none
	Password string
	Host     string // as written; an IPv6 reference keeps its brackets
	Port     int    // 0 where none is written
	Params   Params
	Headers  string // what follows the question mark
	Opaque   string
}

var (
	errURI       = errors.New("malformed URI")
	errURIScheme = errors.New("malformed URI: no scheme")
	errURIUser   = errors.New("malformed URI: user")
	errURIHost   = errors.New("malformed URI: host")
	errURIPort   = errors.New("malformed URI: port")
)

// ParseURI takes a URI apart. It accepts bytes above 127 in the user part,
// which clients send unescaped; it refuses white space, controls, quotes and
// angle brackets, escapes that are none, and hosts that are neither a name
// nor an address.
func ParseURI(s string) (*URI, error) {
	u := new(URI)
	if err := u.parse(s); err != nil {
		return nil, err
	}
	return u, nil
}

func (u *URI) parse(s string) error {
	colon := strings.IndexByte(s, ':')
	if colon <= 0 || !isScheme(s[:colon]) {
		return errURIScheme
	}
	if containsAny(s, &notInURI) {
		return errURI
	}
	u.Scheme = toLower(s[:colon])
	rest := s[colon+1:]
	switch u.Scheme {
	case "sip", "sips", "pres", "im":
		return u.parseHierarchy(rest)
	}
	if rest == "" {
		return errURI
	}
	u.Opaque = rest
	return nil
}

func isScheme(s string) bool {
	for i := 0; i < len(s); i++ {
		c := lower(s[i])
		letter := 'a' <= c && c <= 'z'
		if !letter && (i == 0 || !isDigit(c) && c != '+' && c != '-' && c != '.') {
			return false
		}
	}
	return s != ""
}

// parseHierarchy reads [userinfo "@"] hostport params [headers].
func (u *URI) parseHierarchy(s string) error {
	// The user may hold ; and ?, the rest may hold no @ (RFC 3261 s.25.1).
	if at := strings.IndexByte(s, '@'); at >= 0 {
		if err := u.parseUserinfo(s[:at]); err != nil {
			return err
		}
		s = s[at+1:]
	}
	if i := strings.IndexByte(s, '?'); i >= 0 {
		u.Headers, s = s[i+1:], s[:i]
		if strings.IndexByte(u.Headers, '@') >= 0 {
			return errURI
		}
	}
	if i := strings.IndexByte(s, ';'); i >= 0 {
		u.Params, s = Params(s[i:]), s[:i]
	}
	if strings.IndexByte(string(u.Params), '@') >= 0 || !escapesValid(string(u.Params)) || !escapesValid(u.Headers) {
		return errURI
	}
	host, port, err := cutHostPort(s)
	u.Host, u.Port = host, port
	return err
}

func (u *URI) parseUserinfo(s string) error {
	u.User = s
	if i := strings.IndexByte(s, ':'); i >= 0 {
		u.User, u.Password = s[:i], s[i+1:]
	}
	if u.User == "" || !escapesValid(s) {
		return errURIUser
	}
	return nil
}

func escapesValid(s string) bool {
	for i := strings.IndexByte(s, '%'); i >= 0 && i < len(s); i++ {
		if s[i] == '%' && (i+2 >= len(s) || unhex(s[i+1]) > 15 || unhex(s[i+2]) > 15) {
			return false
		}
	}
	return true
}

// cutHostPort reads host [":" port] of a URI or a Via. White space around the
// colon is the caller's business.
func cutHostPort(s string) (host string, port int, err error) {
	host = s
	after := ""
	if strings.HasPrefix(s, "[") {
		end := strings.IndexByte(s, ']')
		if end < 0 {
			return "", 0, errURIHost
		}
		host, after = s[:end+1], s[end+1:]
	} else if i := strings.IndexByte(s, ':'); i >= 0 {
		host, after = s[:i], s[i:]
	}
	if !isHost(host) {
		return "", 0, errURIHost
	}
	if after == "" {
		return host, 0, nil
	}
	n, over, ok := number(after[1:], math.MaxUint16)
	if after[0] != ':' || !ok || over {
		return "", 0, errURIPort
	}
	return host, int(n), nil
}

// isHost takes a name of letters, digits, dots, hyphens and underscores (which
// RFC 3261 s.25.1 lacks and real networks have), or an IPv6 reference.
func isHost(s string) bool {
	if strings.HasPrefix(s, "[") {
		a, ok := parseIPv6(s)
		return ok && a.Zone() == ""
	}
	for i := 0; i < len(s); i++ {
		c := lower(s[i])
		if (c < 'a' || c > 'z') && !isDigit(c) && c != '.' && c != '-' && c != '_' {
			return false
		}
	}
	return s != ""
}

// Addr is the host where it is an IP address.
func (u *URI) Addr() (netip.Addr, bool) { return hostAddr(u.Host) }

func hostAddr(host string) (netip.Addr, bool) {
	if host == "" || host[0] != '[' && !isDigit(host[0]) {
		return netip.Addr{}, false
	}
	if host[0] == '[' {
		a, ok := parseIPv6(host)
		return a.Unmap(), ok
	}
	a, err := netip.ParseAddr(host)
	return a.Unmap(), err == nil
}

// parseIPv6 reads an IPv6 reference with its brackets. The three colons that
// RFC 3261's grammar makes of two before an IPv4 part must be tolerated
// (RFC 5118 s.4.10).
func parseIPv6(reference string) (netip.Addr, bool) {
	if len(reference) < 4 || reference[len(reference)-1] != ']' {
		return netip.Addr{}, false
	}
	a, err := netip.ParseAddr(reference[1 : len(reference)-1])
	if err != nil && strings.Contains(reference, ":::") && strings.Contains(reference, ".") {
		return parseIPv6(strings.Replace(reference, ":::", "::", 1))
	}
	return a, err == nil && a.Is6()
}

// String writes the URI as RFC 3261 s.19.1.1 does; what was parsed comes out
// as it went in, but for the case of the scheme.
func (u *URI) String() string {
	b := make([]byte, 0, len(u.Scheme)+len(u.User)+len(u.Password)+len(u.Host)+len(u.Params)+len(u.Headers)+len(u.Opaque)+12)
	return view(u.AppendTo(b))
}

// AppendTo appends what String writes.
func (u *URI) AppendTo(dst []byte) []byte {
	dst = append(append(dst, u.Scheme...), ':')
	if u.Opaque != "" {
		return append(dst, u.Opaque...)
	}
	if u.User != "" {
		dst = append(dst, u.User...)
		if u.Password != "" {
			dst = append(append(dst, ':'), u.Password...)
		}
		dst = append(dst, '@')
	}
	dst = append(dst, u.Host...)
	if u.Port != 0 {
		dst = strconv.AppendInt(append(dst, ':'), int64(u.Port), 10)
	}
	dst = append(dst, u.Params...)
	if u.Headers != "" {
		dst = append(append(dst, '?'), u.Headers...)
	}
	return dst
}
