package config

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Trusted are the peers whose P-Asserted-Identity is believed, and which no limit per source holds for.
type Trusted struct {
	Prefixes []netip.Prefix // Their addresses; a single address is a prefix of full length.
	Names    []string       // The names in their TLS client certificates, in lower case.
}

// Address reports whether a peer at addr is trusted.
func (t Trusted) Address(addr netip.Addr) bool {
	addr = addr.Unmap().WithZone("")
	for _, p := range t.Prefixes {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// Name reports whether a peer whose verified certificate carries name is trusted.
func (t Trusted) Name(name string) bool {
	return slices.ContainsFunc(t.Names, func(n string) bool { return strings.EqualFold(n, name) })
}

func (r *reader) trusted(key string, to *Trusted) {
	words, _ := r.strings(key)
	for i, w := range words {
		element := fmt.Sprintf("%s[%d]", key, i)
		prefix, err := parsePrefix(w)
		switch {
		case err != nil:
			name := strings.ToLower(strings.TrimSuffix(w, "."))
			if checkName(name) != nil {
				r.fail(element, "%q is not an IP address, a prefix such as \"10.0.0.0/24\", or a TLS name", w)
				continue
			}
			to.Names = append(to.Names, name)
		case prefix.Bits() == 0:
			r.fail(element, "%q trusts everybody to say who they are", w)
		case prefix != prefix.Masked():
			r.fail(element, "%q has bits set behind the prefix; write %q", w, prefix.Masked())
		default:
			to.Prefixes = append(to.Prefixes, prefix)
		}
	}
}

func parsePrefix(s string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(s); err == nil && addr.Zone() == "" {
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	return netip.ParsePrefix(s)
}
