package server

import (
	"net"
	"net/netip"
	"strings"

	"presenced/sip"
)

// ours says whether a URI leads back to one of our own listeners: by its
// address, by any address of this machine where it listens on all, or by what
// it advertises.
func (s *sockets) ours(u *sip.URI) bool {
	port := uint16(u.Port)
	if port == 0 {
		port = defaultPort(u)
	}
	addr, numeric := u.Addr()
	for _, l := range s.known() {
		switch {
		case l.advertised != nil && strings.EqualFold(l.advertised.Host, u.Host) && portOf(l.advertised, l.bound.Port()) == port:
			return true
		case !numeric || l.bound.Port() != port:
		case l.bound.Addr().Unmap() == addr, l.bound.Addr().IsUnspecified() && isLocal(addr):
			return true
		}
	}
	return false
}

// name is how a listener is known.
type name struct {
	bound      netip.AddrPort
	advertised *sip.URI // nil: nothing is
}

func (s *sockets) known() []name {
	s.once.Do(func() {
		for _, p := range s.packets {
			s.names = append(s.names, nameOf(p.LocalAddr(), p.advertise))
		}
		for _, l := range s.streams {
			s.names = append(s.names, nameOf(l.Addr(), l.advertise))
		}
	})
	return s.names
}

func nameOf(bound net.Addr, advertise string) name {
	n := name{bound: addrPort(bound)}
	if u, err := sip.ParseURI("sip:" + advertise); err == nil && advertise != "" {
		n.advertised = u
	}
	return n
}

// defaultPort is RFC 3261 s.19.1.2's.
func defaultPort(u *sip.URI) uint16 {
	transport, _ := u.Params.Get("transport")
	if u.Scheme == "sips" || strings.EqualFold(transport, "tls") {
		return 5061
	}
	return 5060
}

func portOf(u *sip.URI, bound uint16) uint16 {
	if u.Port != 0 {
		return uint16(u.Port)
	}
	return bound
}

// isLocal says whether an address is one of this machine's.
func isLocal(addr netip.Addr) bool {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return false
	}
	for _, a := range all {
		if prefix, err := netip.ParsePrefix(a.String()); err == nil && prefix.Addr().Unmap() == addr {
			return true
		}
	}
	return false
}
