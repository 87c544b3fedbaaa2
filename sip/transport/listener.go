package transport

import (
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"time"

	"presenced/sip"
)

// listener accepts connections.
type listener struct {
	t         *Transport
	ln        net.Listener
	proto     sip.Proto
	local     netip.AddrPort
	advertise string
}

// Serve accepts TCP or TLS connections on ln (whose connections speak TLS
// already where proto is TLS) until Close, and returns at once. advertise is
// what stands in Via and Contact, a host with or without a port; empty: the
// connection's own address.
func (t *Transport) Serve(ln net.Listener, proto sip.Proto, advertise string) {
	l := &listener{t: t, ln: ln, proto: proto, local: addrPort(ln.Addr()), advertise: advertise}
	t.mu.Lock()
	t.listeners = append(t.listeners, l)
	t.mu.Unlock()
	if !t.start(l.accept) {
		l.close()
	}
}

func (l *listener) sentBy(local netip.AddrPort) string {
	if l.advertise != "" {
		return l.advertise
	}
	return local.String()
}

// serves says whether a peer of ours that is reached from address a can reach
// this listener.
func (l *listener) serves(a netip.Addr) bool {
	bound := l.local.Addr()
	return bound == a || bound.IsUnspecified() && (bound.Is6() || a.Is4())
}

func (l *listener) close() {
	if err := l.ln.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		l.t.Log.Debug("closing a listener", "listener", l.local, "err", err)
	}
}

// accept lives until the listener is closed. Any other error (no file
// descriptors left, a connection that was reset while it waited) passes, so it
// pauses and goes on.
func (l *listener) accept() {
	pause := time.Duration(0)
	for {
		nc, err := l.ln.Accept()
		if err == nil {
			pause = 0
			l.admit(nc)
			continue
		}
		if errors.Is(err, net.ErrClosed) || l.t.ctx.Err() != nil {
			return
		}
		l.t.warnings.warn("accepting connections", "listener", l.local, "err", err)
		pause = min(max(2*pause, 5*time.Millisecond), time.Second)
		if !l.t.sleep(pause) {
			return
		}
	}
}

// sleep is false when Close began meanwhile.
func (t *Transport) sleep(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-t.ctx.Done():
		return false
	}
}

// admit holds a new connection to the limits and starts it.
func (l *listener) admit(nc net.Conn) {
	remote := addrPort(nc.RemoteAddr())
	release, err := l.t.reserve(remote.Addr(), l.t.ConnectionsPerAddress)
	if err != nil {
		l.t.warnings.warn("connection refused", "remote", remote, "err", err)
		closeQuietly(nc)
		return
	}
	l.t.stats.Accepted.Add(1)
	ok := l.t.start(func() {
		defer release()
		if err := l.t.handshake(nc); err != nil {
			l.t.stats.HandshakeFailures.Add(1)
			l.t.Log.Debug("TLS handshake", "remote", remote, "err", err)
			closeQuietly(nc)
			return
		}
		c := l.t.newConnection(nc, l.proto)
		c.listener = l
		if !l.t.register(c) {
			closeQuietly(nc)
			return
		}
		c.run()
	})
	if !ok {
		release()
		closeQuietly(nc)
	}
}

// handshake runs TLS's handshake, if nc speaks TLS, within ReadTimeout.
func (t *Transport) handshake(nc net.Conn) error {
	tc, ok := nc.(*tls.Conn)
	if !ok {
		return nil
	}
	if err := nc.SetDeadline(time.Now().Add(t.ReadTimeout)); err != nil {
		return err
	}
	if err := tc.HandshakeContext(t.ctx); err != nil {
		return err
	}
	return nc.SetDeadline(time.Time{})
}

// closeQuietly closes a connection that nobody has seen.
func closeQuietly(nc net.Conn) {
	if tc, ok := nc.(*tls.Conn); ok {
		nc = tc.NetConn()
	}
	if err := nc.Close(); err != nil {
		return // there is nothing to lose in it
	}
}

// reserve counts a connection from or to addr, and fails where a limit is
// reached. perAddress 0 is no limit.
func (t *Transport) reserve(addr netip.Addr, perAddress int) (release func(), err error) {
	exempt := t.ConnectionExempt(addr)
	source := sourceOf(addr)
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case exempt:
	case t.MaxConnections > 0 && t.live >= t.MaxConnections:
		t.stats.RefusedTotal.Add(1)
		return nil, ErrConnections
	case perAddress > 0 && t.perAddress[source] >= perAddress:
		t.stats.RefusedPerAddress.Add(1)
		return nil, ErrConnections
	}
	t.live++
	if perAddress > 0 {
		t.perAddress[source]++
	}
	t.stats.Connections.Add(1)
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.live--
		t.stats.Connections.Add(-1)
		if perAddress > 0 {
			if t.perAddress[source]--; t.perAddress[source] == 0 {
				delete(t.perAddress, source)
			}
		}
	}, nil
}

// sourceOf is whom an address counts for: one who has an IPv6 address has
// its whole /64.
func sourceOf(a netip.Addr) netip.Prefix {
	bits := 32
	if a.Is6() {
		bits = 64
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}
