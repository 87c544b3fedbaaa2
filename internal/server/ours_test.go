package server

import (
	"net"
	"testing"

	"presenced/sip"
)

type fixedConn struct {
	net.PacketConn
	addr string
}

func (c fixedConn) LocalAddr() net.Addr { return fixedAddr(c.addr) }

type fixedAddr string

func (fixedAddr) Network() string  { return "udp" }
func (a fixedAddr) String() string { return string(a) }

func TestOurs(t *testing.T) {
	s := &sockets{packets: []packetSocket{
		{fixedConn{addr: "192.0.2.1:5070"}, "Sip.example.com:5060"},
		{fixedConn{addr: "0.0.0.0:5080"}, "proxy.example.com"},
	}}
	for uri, want := range map[string]bool{
		"sip:192.0.2.1:5070":                true,
		"sip:bob@192.0.2.1:5070":            true,
		"sip:bob@192.0.2.1":                 false,
		"sip:sip.example.com":               true,
		"sip:sip.example.com:5070":          false,
		"sips:sip.example.com":              false,
		"sip:proxy.example.com:5080":        true,
		"sip:127.0.0.1:5080":                true,
		"sip:127.0.0.1:5081":                false,
		"sip:198.51.100.7:5080":             false,
		"sip:bob@example.com;transport=tls": false,
	} {
		u, err := sip.ParseURI(uri)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.ours(u); got != want {
			t.Errorf("%s: %v, want %v", uri, got, want)
		}
	}
}
