package config

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Local reports whether host is one of the domains. The case, a trailing dot, and the spelling and brackets of
// an IPv6 address do not matter.
func (c *Config) Local(host string) bool {
	host = strings.TrimSuffix(host, ".")
	if strings.IndexByte(host, ':') >= 0 {
		canonical, err := canonicalHost(host)
		return err == nil && slices.Contains(c.Domains, canonical)
	}
	for _, d := range c.Domains {
		if strings.EqualFold(d, host) {
			return true
		}
	}
	return false
}

func (r *reader) domains(key string, to *[]string) {
	names, ok := r.strings(key)
	if !ok {
		return
	}
	if len(names) == 0 {
		r.fail(key, "is empty; a node without a domain has no principals")
	}
	out := make([]string, 0, len(names))
	for i, name := range names {
		element := fmt.Sprintf("%s[%d]", key, i)
		host, err := canonicalHost(name)
		switch {
		case err != nil:
			r.fail(element, "%v", err)
		case slices.Contains(out, host):
			r.fail(element, "%q stands there twice", host)
		}
		out = append(out, host)
	}
	*to = out
}

// canonicalHost returns a host in lower case and without a trailing dot, an IPv6 address shortened and in
// brackets (RFC 3261 s.19.1.4 compares hosts without regard to case).
func canonicalHost(s string) (string, error) {
	if inner, ok := strings.CutPrefix(s, "["); ok {
		inner, closed := strings.CutSuffix(inner, "]")
		addr, err := netip.ParseAddr(inner)
		if !closed || err != nil || !addr.Is6() || addr.Zone() != "" {
			return "", fmt.Errorf("%q is not an IPv6 address in brackets", s)
		}
		return "[" + addr.String() + "]", nil
	}
	if addr, err := netip.ParseAddr(s); err == nil {
		if addr.Zone() != "" {
			return "", fmt.Errorf("%q has a zone, which means nothing on another machine", s)
		}
		if addr.Is6() {
			return "[" + addr.String() + "]", nil
		}
		return addr.String(), nil
	}
	host := strings.ToLower(strings.TrimSuffix(s, "."))
	if err := checkName(host); err != nil {
		return "", fmt.Errorf("%q %w", s, err)
	}
	return host, nil
}

// checkName accepts RFC 3261's hostname (s.25.1): labels of letters, digits and hyphens, the last not a number.
func checkName(host string) error {
	if host == "" || len(host) > 253 {
		return fmt.Errorf("is not a host name")
	}
	labels := strings.Split(host, ".")
	for _, label := range labels {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return fmt.Errorf("is not a host name")
		}
		for _, c := range label {
			switch {
			case c > 0x7f:
				return fmt.Errorf("is not ASCII; write its xn-- form")
			case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-':
			default:
				return fmt.Errorf("is not a host name")
			}
		}
	}
	last := labels[len(labels)-1]
	if strings.Trim(last, "0123456789") == "" {
		return fmt.Errorf("is neither an IP address nor a host name")
	}
	return nil
}
