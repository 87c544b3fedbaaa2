package transport

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"time"

	"presenced/sip"
)

// datagramFlow picks the socket that sends to remote: the one with the
// address that the system would send from, else one of the same family and,
// for loopback, the same kind.
func (t *Transport) datagramFlow(remote netip.AddrPort) (sip.Flow, error) {
	sockets := *t.sockets.Load()
	var best *socket
	for _, s := range sockets {
		if !s.reaches(remote.Addr()) {
			continue
		}
		if best == nil || s.local.Addr().IsLoopback() == remote.Addr().IsLoopback() && !s.local.Addr().IsUnspecified() {
			best = s
		}
	}
	if best == nil {
		return sip.Flow{}, ErrNoSocket
	}
	flow := sip.Flow{Proto: sip.UDP, Local: best.local, Remote: remote}
	if best.batch == nil || len(sockets) == 1 && !best.local.Addr().IsUnspecified() {
		return flow, nil
	}
	from, err := t.routes.from(t.ctx, remote)
	if err != nil {
		return sip.Flow{}, err
	}
	for _, s := range sockets {
		if s.local.Addr() == from || s.local.Addr().IsUnspecified() && s.reaches(from) {
			flow.Local = netip.AddrPortFrom(from, s.local.Port())
			break
		}
	}
	return flow, nil
}

const (
	routeAge  = 30 * time.Second
	maxRoutes = 256
)

// routes remembers which of our addresses the system sends from to a peer.
type routes struct {
	mu    sync.Mutex
	known map[netip.Addr]route
}

type route struct {
	from  netip.Addr
	until time.Time
}

// from asks the system by connecting a UDP socket; nothing is sent.
func (r *routes) from(ctx context.Context, remote netip.AddrPort) (netip.Addr, error) {
	now := time.Now()
	r.mu.Lock()
	known := r.known[remote.Addr()]
	r.mu.Unlock()
	if now.Before(known.until) {
		return known.from, nil
	}
	var d net.Dialer
	nc, err := d.DialContext(ctx, "udp", remote.String())
	if err != nil {
		return netip.Addr{}, err
	}
	from := addrPort(nc.LocalAddr()).Addr()
	if err := nc.Close(); err != nil {
		return netip.Addr{}, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.known == nil || len(r.known) >= maxRoutes {
		r.known = make(map[netip.Addr]route)
	}
	r.known[remote.Addr()] = route{from, now.Add(routeAge)}
	return from, nil
}
