package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"sync/atomic"

	"presenced/internal/config"
	"presenced/sip"
)

// Network is where a node listens; nil in Options is the machine's own.
type Network interface {
	ListenPacket(address string) (net.PacketConn, error)
	Listen(address string) (net.Listener, error)
	Dial(ctx context.Context, address netip.AddrPort) (net.Conn, error)
}

// machine is the network of this machine.
type machine struct{}

func (machine) ListenPacket(address string) (net.PacketConn, error) {
	return net.ListenPacket("udp", address)
}

func (machine) Listen(address string) (net.Listener, error) { return net.Listen("tcp", address) }

func (machine) Dial(ctx context.Context, address netip.AddrPort) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "tcp", address.String())
}

// sockets is what a node listens on, bound and not yet served.
type sockets struct {
	packets []packetSocket
	streams []streamSocket
	http    []net.Listener
	xcap    []net.Listener

	once  sync.Once
	names []name // ours knows them by
}

type packetSocket struct {
	net.PacketConn
	advertise string
}

type streamSocket struct {
	net.Listener
	proto     sip.Proto
	advertise string
}

// bind opens all listeners, or none.
func bind(c *config.Config, network Network, certificates *certificates) (s *sockets, skipped []string, err error) {
	s = &sockets{}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	try := func(l config.Listener, what string, open func(address string) error) error {
		err := open(l.ListenAddress())
		switch {
		case err == nil:
			return nil
		case l.Optional:
			skipped = append(skipped, what+" "+l.ListenAddress())
			return nil
		}
		return fmt.Errorf("%s %s: %w", what, l.ListenAddress(), err)
	}
	var errs []error
	for i, l := range c.Listen.UDP {
		errs = append(errs, try(l, "udp", func(address string) error {
			return s.bindPair(c, network, l, i, address)
		}))
	}
	for i, l := range c.Listen.TCP {
		if i < len(c.Listen.UDP) && paired(c.Listen.UDP[i], l) {
			continue
		}
		errs = append(errs, try(l, "tcp", func(address string) error {
			return s.stream(network, address, sip.TCP, l.Advertise, nil)
		}))
	}
	for _, l := range c.Listen.TLS {
		errs = append(errs, try(l, "tls", func(address string) error {
			return s.stream(network, address, sip.TLS, l.Advertise, certificates)
		}))
	}
	for _, l := range c.Listen.HTTP {
		errs = append(errs, try(l, "http", func(address string) error {
			ln, err := network.Listen(address)
			if err == nil {
				s.http = append(s.http, ln)
			}
			return err
		}))
	}
	for _, l := range c.Listen.XCAP {
		errs = append(errs, try(l, "xcap", func(address string) error {
			return s.principals(network, address, nil)
		}))
	}
	for _, l := range c.Listen.XCAPS {
		errs = append(errs, try(l, "xcaps", func(address string) error {
			return s.principals(network, address, certificates)
		}))
	}
	return s, skipped, errors.Join(errs...)
}

// paired says whether UDP and TCP share an address: then they share the port
// too, even one that the system picks (RFC 3261 s.18.2.1).
func paired(udp, tcp config.Listener) bool { return udp.Address == tcp.Address }

const pairAttempts = 20

// bindPair opens a UDP socket and, if the same address is configured for TCP,
// the listener beside it.
func (s *sockets) bindPair(c *config.Config, network Network, l config.Listener, i int, address string) error {
	both := i < len(c.Listen.TCP) && paired(l, c.Listen.TCP[i])
	for attempt := 1; ; attempt++ {
		pc, err := network.ListenPacket(address)
		if err != nil {
			return err
		}
		if both {
			err = s.stream(network, pc.LocalAddr().String(), sip.TCP, c.Listen.TCP[i].Advertise, nil)
		}
		if err == nil {
			s.packets = append(s.packets, packetSocket{pc, l.Advertise})
			return nil
		}
		pc.Close()
		if l.Address.Port() != 0 || attempt == pairAttempts {
			return err
		}
	}
}

func (s *sockets) stream(network Network, address string, proto sip.Proto, advertise string, c *certificates) error {
	ln, err := network.Listen(address)
	if err != nil {
		return err
	}
	if c != nil {
		ln = tls.NewListener(ln, c.server())
	}
	s.streams = append(s.streams, streamSocket{ln, proto, advertise})
	return nil
}

// principals opens a listener of the HTTP API.
func (s *sockets) principals(network Network, address string, c *certificates) error {
	ln, err := network.Listen(address)
	if err != nil {
		return err
	}
	ln = newGate(ln)
	if c != nil {
		ln = tls.NewListener(ln, c.server())
	}
	s.xcap = append(s.xcap, ln)
	return nil
}

func (s *sockets) close() {
	for _, p := range s.packets {
		p.Close()
	}
	for _, l := range s.streams {
		l.Close()
	}
	for _, l := range slices.Concat(s.http, s.xcap) {
		l.Close()
	}
}

// hop is where fellow agents reach this one, as host:port;transport=x.
func (s *sockets) hop() string {
	if len(s.packets) > 0 {
		p := s.packets[0]
		return either(p.advertise, p.LocalAddr()) + ";transport=udp"
	}
	for _, l := range s.streams {
		if l.proto == sip.TCP {
			return either(l.advertise, l.Addr()) + ";transport=tcp"
		}
	}
	return ""
}

func either(advertise string, a net.Addr) string {
	if advertise != "" {
		return advertise
	}
	return a.String()
}

// certificates are the TLS files, loaded anew on SIGHUP: connections that are
// open keep what they have.
type certificates struct {
	current atomic.Pointer[tls.Config]
}

// load reads the files of the configuration; without any there is no TLS.
func (c *certificates) load(files config.TLS) error {
	if files.Cert == "" {
		return nil
	}
	pair, err := tls.LoadX509KeyPair(files.Cert, files.Key)
	if err != nil {
		return fmt.Errorf("[tls] %w", err)
	}
	next := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}}
	if files.ClientCA != "" {
		pem, err := os.ReadFile(files.ClientCA)
		if err != nil {
			return fmt.Errorf("[tls] client_ca: %w", err)
		}
		next.ClientCAs = x509.NewCertPool()
		if !next.ClientCAs.AppendCertsFromPEM(pem) {
			return fmt.Errorf("[tls] client_ca: no certificate in %s", files.ClientCA)
		}
		next.ClientAuth = tls.VerifyClientCertIfGiven
	}
	c.current.Store(next)
	return nil
}

// server is the configuration of a listener: it asks for the present files at
// each handshake.
func (c *certificates) server() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			return c.current.Load(), nil
		},
	}
}
