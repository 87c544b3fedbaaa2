package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
)

// agent is the user agent that all commands stand on: it sends requests for
// one principal and answers those that come in.
type agent struct {
	options   *options
	account   *account
	out       *output
	terminal  *terminal
	trace     *trace
	tls       *tls.Config
	ua        *sipgo.UserAgent
	client    *sipgo.Client
	transport string
	server    hop
	proxied   bool   // --server was given: every request goes there
	user      string // of our Contact, known to nobody else
	pace      pace

	mu    sync.Mutex
	links map[string]*link // by network and remote address
	main  *link            // the link to the server

	notified func(*sip.Request) reply // NOTIFY; nil: not expected
	received func(*sip.Request) reply // MESSAGE; nil: no inbox
}

// prepareSipgo sets what sipgo keeps in variables of the package. Without it,
// requests over 1300 bytes cannot go by UDP, and bad packets are logged whole.
var prepareSipgo = sync.OnceFunc(func() {
	const most = 65507 // payload of a datagram
	sip.UDPMTUSize = most + 200
	sip.TransportBufferReadSize = 65535
	sip.SetDefaultLogger(slog.New(slog.DiscardHandler))
})

// errForeignDial refuses connections that sipgo would open by itself: they
// would be unknown to links.
var errForeignDial = errors.New("the connection is gone")

func newAgent(o *options, principal string, out *output, t *terminal) (*agent, error) {
	prepareSipgo()
	acc, err := newAccount(principal, o.user, t)
	if err != nil {
		return nil, err
	}
	a := &agent{
		options: o, account: acc, out: out, terminal: t, trace: &trace{now: t.now},
		links: map[string]*link{}, user: sip.GenerateTagN(12), pace: t.pace,
	}
	if o.verbose {
		a.trace.w = t.stderr
	}
	if err := a.choose(); err != nil {
		return nil, err
	}
	refuseDial := func(net.Addr) net.Dialer {
		return net.Dialer{Control: func(string, string, syscall.RawConn) error { return errForeignDial }}
	}
	a.ua, err = sipgo.NewUA(
		sipgo.WithUserAgent("messenger"),
		sipgo.WithUserAgentTransactionLayerOptions(sip.WithTransactionLayerTerminateOnConnClose()),
		sipgo.WithUserAgentTransportLayerOptions(sip.WithTransportLayerTransports(sip.TransportsConfig{
			TCP: &sip.TransportTCP{DialerCreate: refuseDial},
			TLS: &sip.TransportTLS{TransportTCP: &sip.TransportTCP{DialerCreate: refuseDial}},
		})))
	if err != nil {
		return nil, err
	}
	if a.client, err = sipgo.NewClient(a.ua); err != nil {
		return nil, err
	}
	return a, a.serve()
}

// choose settles transport, server and TLS by the flags and the principal.
func (a *agent) choose() (err error) {
	o, u := a.options, &a.account.uri
	a.server = hopOf(*u)
	switch a.transport = strings.ToLower(o.transport); {
	case a.transport != "":
	case a.server.network != "":
		a.transport = a.server.network
	default:
		a.transport = "udp"
	}
	if a.transport != "udp" && a.transport != "tcp" && a.transport != "tls" {
		return usageError("--transport is udp, tcp or tls, not %q", a.transport)
	}
	if o.server != "" {
		a.proxied = true
		if a.server, err = parseHop(o.server); err != nil {
			return err
		}
	}
	// The port said where the server is; an address-of-record has none (RFC 3261 s.10.3, step 5).
	u.Port, u.UriParams, u.Headers = 0, nil, nil
	a.tls = &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: o.tlsInsecure}
	if o.tlsCA == "" {
		return nil
	}
	pem, err := os.ReadFile(o.tlsCA)
	if err != nil {
		return usageError("--tls-ca: %s", err)
	}
	a.tls.RootCAs = x509.NewCertPool()
	if !a.tls.RootCAs.AppendCertsFromPEM(pem) {
		return usageError("--tls-ca %s: no certificate in it", o.tlsCA)
	}
	return nil
}

func (a *agent) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, l := range a.links {
		l.shut()
	}
	if a.ua != nil {
		// Everything was closed above; what remains to fail is of no use to anybody.
		_ = a.ua.Close()
	}
}

// home is the link to the server, opened anew where it is gone.
func (a *agent) home(ctx context.Context) (*link, error) {
	a.mu.Lock()
	l := a.main
	a.mu.Unlock()
	if l != nil && l.alive() {
		return l, nil
	}
	l, err := a.connect(ctx, a.transport, a.server)
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	a.main = l
	a.mu.Unlock()
	return l, nil
}

// connect returns a link to one of the hop's addresses, an open one if there
// is one.
func (a *agent) connect(ctx context.Context, network string, to hop) (*link, error) {
	addrs, err := to.addresses(ctx, network)
	for _, addr := range addrs {
		var l *link
		if l, err = a.link(ctx, network, to.host, addr); err == nil {
			return l, nil
		}
	}
	return nil, err
}

func (a *agent) link(ctx context.Context, network, host string, remote netip.AddrPort) (*link, error) {
	key := network + " " + remote.String()
	a.mu.Lock()
	l := a.links[key]
	a.mu.Unlock()
	if l != nil && l.alive() {
		return l, nil
	}
	l, err := a.dial(ctx, network, host, remote)
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	a.links[key] = l
	a.mu.Unlock()
	go l.attend()
	return l, nil
}

// forget closes the link to the server, so that the next request opens a new
// one: another address, or another network, may serve better.
func (a *agent) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.main != nil {
		a.main.shut()
		a.main = nil
	}
}

// lost is closed when the connection to the server is.
func (a *agent) lost() <-chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.main == nil {
		return nil
	}
	return a.main.closed
}

// goodbye is the context for what is sent after Ctrl-C: there is little
// patience left.
func (a *agent) goodbye() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), min(a.options.timeout, 2*time.Second))
}
