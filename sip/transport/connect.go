package transport

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/netip"
	"strings"

	"presenced/sip"
)

// Hop is where a request is sent next. It is comparable.
type Hop struct {
	Proto sip.Proto
	Addr  netip.AddrPort
	Name  string // for TLS: whom the certificate must name (RFC 5922 s.7.3)
}

// dial is a connection that is being opened; others who want it wait.
type dial struct {
	done chan struct{}
	flow sip.Flow
	err  error
}

// Connect returns a flow to the hop. For UDP it is at hand. For TCP and TLS
// it is a connection that we opened ourselves to that hop, now or earlier,
// never one that a peer opened: whoever connected from that address need not
// be who listens there. It waits for the connection until ctx is done.
func (t *Transport) Connect(ctx context.Context, hop Hop) (sip.Flow, error) {
	hop.Addr = unmap(hop.Addr)
	if hop.Proto == sip.UDP {
		return t.datagramFlow(hop.Addr)
	}
	t.mu.Lock()
	if t.closed {
		t.mu.Unlock()
		return sip.Flow{}, ErrClosed
	}
	if c := t.outgoing[hop]; c != nil && c.open() {
		t.mu.Unlock()
		return c.flow, nil
	}
	d := t.dials[hop]
	if d == nil {
		d = &dial{done: make(chan struct{})}
		t.dials[hop] = d
		t.work.Go(func() { t.dial(hop, d) })
	}
	t.mu.Unlock()
	select {
	case <-d.done:
		return d.flow, d.err
	case <-ctx.Done():
		return sip.Flow{}, ctx.Err()
	}
}

// dial opens a connection within ReadTimeout, tells those who wait, and then
// is the connection's goroutine.
func (t *Transport) dial(hop Hop, d *dial) {
	c, release, err := t.open(hop)
	if err == nil && !t.register(c) {
		closeQuietly(c.nc)
		release()
		err = ErrClosed
	}
	d.err = err
	if err == nil {
		d.flow = c.flow
		t.stats.Dialled.Add(1)
	} else {
		t.stats.DialFailures.Add(1)
	}
	t.mu.Lock()
	delete(t.dials, hop)
	t.mu.Unlock()
	close(d.done)
	if err == nil {
		c.run()
		release()
	}
}

func (t *Transport) open(hop Hop) (c *connection, release func(), err error) {
	release, err = t.reserve(hop.Addr.Addr(), 0)
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithTimeout(t.ctx, t.ReadTimeout)
	defer cancel()
	nc, err := t.Dial(ctx, hop.Addr)
	if err != nil {
		release()
		return nil, nil, err
	}
	if hop.Proto == sip.TLS {
		tc := tls.Client(nc, t.clientTLS(hop))
		if err := t.handshake(tc); err != nil {
			t.stats.HandshakeFailures.Add(1)
			closeQuietly(nc)
			release()
			return nil, nil, err
		}
		nc = tc
	}
	c = t.newConnection(nc, hop.Proto)
	c.hop, c.proven = hop, true
	return c, release, nil
}

func (t *Transport) clientTLS(hop Hop) *tls.Config {
	config := t.TLSClient.Clone()
	config.ServerName = hop.Name
	if config.ServerName == "" {
		config.ServerName = hop.Addr.Addr().String()
	}
	return config
}

func (t *Transport) newConnection(nc net.Conn, proto sip.Proto) *connection {
	remote := addrPort(nc.RemoteAddr())
	id := t.nextID.Add(1)
	if id == 0 { // 0 names no connection
		id = t.nextID.Add(1)
	}
	limit := t.WriteQueue
	if t.ConnectionExempt(remote.Addr()) {
		limit *= 8
	}
	return &connection{
		t: t, nc: nc, limit: limit,
		flow: sip.Flow{Proto: proto, Local: addrPort(nc.LocalAddr()), Remote: remote, Conn: id},
	}
}

// register makes the connection known to Send; false after Close.
func (t *Transport) register(c *connection) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return false
	}
	t.connections[c.flow.Conn] = c
	if c.listener == nil {
		t.outgoing[c.hop] = c
	}
	return true
}

// forget is the end of a registered connection.
func (t *Transport) forget(c *connection) {
	t.mu.Lock()
	delete(t.connections, c.flow.Conn)
	if t.outgoing[c.hop] == c {
		delete(t.outgoing, c.hop)
	}
	listeners := t.onClosed
	t.mu.Unlock()
	for _, f := range listeners {
		f(c.flow)
	}
}

// connection is the one that the flow names, or nil.
func (t *Transport) connection(flow sip.Flow) *connection {
	t.mu.RLock()
	defer t.mu.RUnlock()
	c := t.connections[flow.Conn]
	if c == nil || c.flow != flow {
		return nil
	}
	return c
}

// PeerCertificate is the certificate that a TLS peer proved itself with, or
// nil where it showed none or one that was not verified.
func (t *Transport) PeerCertificate(flow sip.Flow) *x509.Certificate {
	c := t.connection(flow)
	if c == nil {
		return nil
	}
	tc, ok := c.nc.(*tls.Conn)
	if !ok {
		return nil
	}
	chains := tc.ConnectionState().VerifiedChains
	if len(chains) == 0 || len(chains[0]) == 0 {
		return nil
	}
	return chains[0][0]
}

// PeerNames are the SIP domain identities in a TLS peer's verified
// certificate, in lower case: its sip: URIs without a user, or, without such,
// its DNS names. The common name is not looked at (RFC 5922 s.7.1 allows it
// for old certificates).
func (t *Transport) PeerNames(flow sip.Flow) []string {
	cert := t.PeerCertificate(flow)
	if cert == nil {
		return nil
	}
	var names []string
	for _, u := range cert.URIs {
		host := u.Opaque
		if !strings.EqualFold(u.Scheme, "sip") || host == "" || strings.Contains(host, "@") {
			continue
		}
		host, _, _ = strings.Cut(host, ";")
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		names = append(names, strings.ToLower(host))
	}
	if len(names) > 0 {
		return names
	}
	for _, name := range cert.DNSNames {
		names = append(names, strings.ToLower(name))
	}
	return names
}
