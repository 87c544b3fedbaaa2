package transport

import (
	"net/netip"
	"sync"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// maxSources bounds the cache of control messages; a machine has few
// addresses.
const maxSources = 256

// packetInfo reads and writes the control messages IP_PKTINFO and
// IPV6_PKTINFO, on sockets that are bound to every address: which of ours a
// datagram was sent to, and which one an answer leaves from. Without it the
// system picks a source by its routes, and a client behind a NAT drops what
// comes from an address that it never sent to.
type packetInfo struct {
	on  bool
	six bool

	mu      sync.Mutex
	sources map[netip.Addr][]byte
}

func (p *packetInfo) enable4(s *socket, pc *ipv4.PacketConn) {
	if !s.local.Addr().IsUnspecified() {
		return
	}
	p.set(s, pc.SetControlMessage(ipv4.FlagDst, true))
}

func (p *packetInfo) enable6(s *socket, pc *ipv6.PacketConn) {
	if !s.local.Addr().IsUnspecified() {
		return
	}
	p.six = true
	p.set(s, pc.SetControlMessage(ipv6.FlagDst, true))
}

func (p *packetInfo) set(s *socket, err error) {
	if err != nil {
		s.t.Log.Warn("the address that a datagram was sent to stays unknown", "socket", s.local, "err", err)
		return
	}
	p.on = true
	p.sources = make(map[netip.Addr][]byte)
}

// buffer is room for one datagram's control messages.
func (p *packetInfo) buffer() []byte {
	switch {
	case !p.on:
		return nil
	case p.six:
		return ipv6.NewControlMessage(ipv6.FlagDst)
	}
	return ipv4.NewControlMessage(ipv4.FlagDst)
}

// destination is the address that a datagram was sent to; invalid where it
// cannot be the source of an answer (multicast, broadcast).
func (p *packetInfo) destination(oob []byte) netip.Addr {
	var dst []byte
	if p.six {
		var cm ipv6.ControlMessage
		if cm.Parse(oob) == nil {
			dst = cm.Dst
		}
	} else {
		var cm ipv4.ControlMessage
		if cm.Parse(oob) == nil {
			dst = cm.Dst
		}
	}
	a, ok := netip.AddrFromSlice(dst)
	a = a.Unmap()
	if !ok || a.IsMulticast() || a.IsUnspecified() || a == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
		return netip.Addr{}
	}
	return a
}

// source is the control message that sends from a; nil for an invalid a.
// IPv4 on a socket for both families takes the IPv4 form.
func (p *packetInfo) source(a netip.Addr) []byte {
	if !a.IsValid() {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if oob, ok := p.sources[a]; ok {
		return oob
	}
	var oob []byte
	if a.Is4() {
		oob = (&ipv4.ControlMessage{Src: a.AsSlice()}).Marshal()
	} else {
		oob = (&ipv6.ControlMessage{Src: a.AsSlice()}).Marshal()
	}
	if len(p.sources) < maxSources {
		p.sources[a] = oob
	}
	return oob
}
