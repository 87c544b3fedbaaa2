package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"strings"
)

// link is a socket or connection to the server. Only the loop uses it.
type link interface {
	proto() string // "udp", "tcp" or "tls"
	local() string // host:port, for Via and Contact
	fd() int       // readable when receive has something
	queue(message []byte)
	flush() error
	// receive calls handle for what has arrived, and does not wait. The message
	// is valid during the call. arrived is the wall clock's when the kernel got
	// it, in ns since 1970; 0 where that is not known.
	receive(handle func(message []byte, arrived int64)) error
	close() error
}

// address is where the server listens: "udp:127.0.0.1:5060".
type address struct {
	proto string
	to    netip.AddrPort
}

func parseAddress(s string) (address, error) {
	proto, to, found := strings.Cut(s, ":")
	if !found || proto != "udp" && proto != "tcp" && proto != "tls" {
		return address{}, fmt.Errorf("server %q is not udp:ADDRESS:PORT, tcp:... or tls:...", s)
	}
	ap, err := netip.ParseAddrPort(to)
	if err != nil {
		return address{}, fmt.Errorf("server %q: %w", s, err)
	}
	return address{proto, ap}, nil
}

// guard refuses networks that may be somebody else's: load is an attack there.
func (a address) guard(owned bool) error {
	if a.to.Addr().IsLoopback() || owned {
		return nil
	}
	return fmt.Errorf("%s is not a loopback address: say --i-own-this-network if you may load it", a.to)
}

func dial(ctx context.Context, a address, rcvbuf int) (link, error) {
	if a.proto == "udp" {
		return openUDP(a.to, rcvbuf)
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", a.to.String())
	if err != nil {
		return nil, err
	}
	if a.proto == "tls" {
		// The load is on a server of one's own, often with a certificate of its own making.
		secure := tls.Client(conn, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12})
		if err := secure.HandshakeContext(ctx); err != nil {
			conn.Close()
			return nil, err
		}
		conn = secure
	}
	return openStream(a.proto, conn)
}
