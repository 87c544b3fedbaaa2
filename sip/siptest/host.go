package siptest

import (
	"context"
	"net"
	"net/netip"
)

// Host is one machine on a network: where a node or an agent listens and
// dials from.
type Host interface {
	ListenPacket(address string) (net.PacketConn, error)
	Listen(address string) (net.Listener, error)
	Dial(ctx context.Context, address netip.AddrPort) (net.Conn, error)
}

// Host is a machine of this network with the address addr.
func (n *Network) Host(addr netip.Addr) Host { return memoryHost{n, addr} }

type memoryHost struct {
	network *Network
	addr    netip.Addr
}

func (h memoryHost) ListenPacket(address string) (net.PacketConn, error) {
	return h.network.ListenPacket(address), nil
}

func (h memoryHost) Listen(address string) (net.Listener, error) {
	return h.network.Listen(address), nil
}

func (h memoryHost) Dial(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	return h.network.dial(ctx, netip.AddrPortFrom(h.addr, 0).String(), to)
}

// Loopback is this machine by one of its loopback addresses.
func Loopback(addr netip.Addr) Host { return loopbackHost{addr} }

type loopbackHost struct{ addr netip.Addr }

func (loopbackHost) ListenPacket(address string) (net.PacketConn, error) {
	return net.ListenPacket("udp", address)
}

func (loopbackHost) Listen(address string) (net.Listener, error) {
	return net.Listen("tcp", address)
}

func (h loopbackHost) Dial(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	d := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(h.addr, 0))}
	return d.DialContext(ctx, "tcp", to.String())
}
