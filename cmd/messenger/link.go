package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"github.com/emiago/sipgo/sip"
)

// keepAlive is how often a silent line is kept open through NATs: the least
// of RFC 5626 s.4.4.1's 24 to 29 seconds, good for UDP too.
const keepAlive = 24 * time.Second

// link is a way to a server: a UDP socket, or a TCP or TLS connection that we
// opened. The server's requests come in on it too.
type link struct {
	network string // "udp", "tcp", "tls"
	local   netip.AddrPort
	remote  netip.AddrPort
	closed  chan struct{} // closed when the connection is gone; never by itself with UDP
	ping    func() error
	shut    func()
}

// dial opens a link. name is what a TLS server must prove to be.
func (a *agent) dial(ctx context.Context, network, name string, remote netip.AddrPort) (*link, error) {
	if network == "udp" {
		return a.dialUDP(ctx, remote)
	}
	d := net.Dialer{Timeout: a.options.timeout}
	conn, err := d.DialContext(ctx, "tcp", remote.String())
	if err == nil && network == "tls" {
		c := a.tls.Clone()
		c.ServerName = name
		secure := tls.Client(conn, c)
		if err = secure.HandshakeContext(ctx); err != nil {
			conn.Close()
		}
		conn = secure
	}
	var untrusted *tls.CertificateVerificationError
	switch {
	case errors.As(err, &untrusted): // it will not be another one the next time
		return nil, failed("the certificate of %s is not believed: %s", remote, untrusted.Err)
	case err != nil:
		return nil, unreachable("no connection to %s over %s: %s", remote, network, plain(err))
	}
	return a.adopt(network, conn, remote), nil
}

// plain is an error without the addresses that net puts in front.
func plain(err error) error {
	if op := (*net.OpError)(nil); errors.As(err, &op) {
		return op.Err
	}
	return err
}

// adopt hands a connection over to sipgo. It goes by way of a listener that
// accepts it and nothing else, because sipgo says nothing of the end of a
// connection that it dialled itself.
func (a *agent) adopt(network string, conn net.Conn, remote netip.AddrPort) *link {
	traced := &tracedConn{Conn: conn, trace: a.trace, closed: make(chan struct{})}
	l := &soleListener{conn: traced, adopted: make(chan struct{})}
	serve := a.ua.TransportLayer().ServeTCP
	if network == "tls" {
		serve = a.ua.TransportLayer().ServeTLS
	}
	go func() {
		// It ends with the connection, and says no more than that.
		_ = serve(l)
	}()
	<-l.adopted
	return &link{
		network: network,
		local:   conn.LocalAddr().(*net.TCPAddr).AddrPort(),
		remote:  remote,
		closed:  traced.closed,
		ping: func() error { // RFC 5626 s.3.5.1; RFC 3261 s.7.5 has everybody ignore it
			_, err := traced.Write([]byte("\r\n\r\n"))
			return err
		},
		shut: func() { traced.Close() },
	}
}

// soleListener accepts one connection.
type soleListener struct {
	conn    *tracedConn
	asked   bool
	adopted chan struct{} // closed when the first connection has been taken in
}

func (l *soleListener) Accept() (net.Conn, error) {
	if !l.asked {
		l.asked = true
		return l.conn, nil
	}
	close(l.adopted)
	<-l.conn.closed
	return nil, net.ErrClosed
}

func (l *soleListener) Close() error   { return nil }
func (l *soleListener) Addr() net.Addr { return l.conn.LocalAddr() }

// dialUDP opens a socket at the address from which the server is reached. A
// server that is not there is noticed at once where the network says so.
func (a *agent) dialUDP(ctx context.Context, remote netip.AddrPort) (*link, error) {
	probe, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(remote))
	if err != nil {
		return nil, unreachable("no way to %s: %s", remote, plain(err))
	}
	defer probe.Close()
	if absent(probe) {
		return nil, unreachable("nothing listens at %s over udp", remote)
	}
	from := probe.LocalAddr().(*net.UDPAddr)
	conn, err := (&net.ListenConfig{}).ListenPacket(ctx, "udp", net.JoinHostPort(from.IP.String(), "0"))
	if err != nil {
		return nil, failed("no socket: %s", plain(err))
	}
	traced := &tracedPacketConn{PacketConn: conn, trace: a.trace}
	local := conn.LocalAddr().(*net.UDPAddr).AddrPort()
	tp := a.ua.TransportLayer()
	// ServeUDP adds the socket only when its goroutine runs; a request may be earlier.
	tp.Pool("udp").Add(local.String(), &sip.UDPConnection{PacketConn: traced, PacketAddr: local.String(), Listener: true})
	go func() {
		// It ends with the socket, and says no more than that.
		_ = tp.ServeUDP(traced)
	}()
	closed := make(chan struct{})
	var once sync.Once
	return &link{
		network: "udp",
		local:   local,
		remote:  remote,
		closed:  closed,
		ping: func() error {
			_, err := conn.WriteTo([]byte("\r\n\r\n"), net.UDPAddrFromAddrPort(remote))
			return err
		},
		shut: func() {
			once.Do(func() { close(closed) })
			conn.Close()
		},
	}, nil
}

// absent sends a keep-alive and says whether an ICMP message came back that
// tells that nobody listens there. Loopback tells at once; silence says nothing.
func absent(probe *net.UDPConn) bool {
	if _, err := probe.Write([]byte("\r\n\r\n")); err != nil {
		return errors.Is(err, syscall.ECONNREFUSED)
	}
	if err := probe.SetReadDeadline(time.Now().Add(20 * time.Millisecond)); err != nil {
		return false
	}
	_, err := probe.Read(make([]byte, 1))
	return errors.Is(err, syscall.ECONNREFUSED)
}

// attend keeps the link open until it is closed.
func (l *link) attend() {
	tick := time.NewTicker(keepAlive)
	defer tick.Stop()
	for {
		select {
		case <-l.closed:
			return
		case <-tick.C:
			if l.ping() != nil && l.network != "udp" {
				l.shut()
			}
		}
	}
}

// alive says whether requests can go out on the link.
func (l *link) alive() bool {
	select {
	case <-l.closed:
		return false
	default:
		return true
	}
}

// contact is the URI at which the link is reached (RFC 3261 s.8.1.1.8).
func (l *link) contact(user string) string {
	uri := fmt.Sprintf("sip:%s@%s", user, l.local)
	if l.network != "udp" {
		uri += ";transport=" + l.network
	}
	return uri
}
