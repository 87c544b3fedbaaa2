package transport

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"presenced/sip"
)

// ErrUnresolved is what Resolve fails with where a URI names nowhere to go.
// The lookup's error, if there is one, is wrapped beside it.
var ErrUnresolved = errors.New("transport: no next hop")

// maxHops bounds what one name may resolve to.
const maxHops = 16

// target is what RFC 3263 s.4 looks at in a URI.
type target struct {
	host   string     // lower case, no brackets, no final dot; "" where addr is valid
	addr   netip.Addr // of a numeric host
	port   uint16     // 0: none was written
	secure bool       // sips, or TLS was asked for
	proto  sip.Proto  // 0: none was written
}

// Resolve finds where a request for uri goes: hops in the order in which they
// are to be tried (RFC 3263 s.4, without NAPTR). Hops over UDP that none of
// our sockets can reach are left out. pres: and im: URIs resolve as the sip:
// URI of the same host; the SRV records of RFC 3861 are not looked for.
// Answers of the DNS are kept for 30 s.
func (t *Transport) Resolve(ctx context.Context, uri *sip.URI) ([]Hop, error) {
	tg, err := parseTarget(uri)
	if err != nil {
		return nil, err
	}
	hops, err := t.names.hops(ctx, tg)
	if err != nil {
		return nil, err
	}
	usable := hops[:0]
	for _, h := range hops {
		if h.Addr.Port() != 0 && (h.Proto != sip.UDP || t.hasSocketFor(h.Addr.Addr())) {
			usable = append(usable, h)
		}
	}
	if len(usable) == 0 {
		return nil, fmt.Errorf("%w for %q", ErrUnresolved, uri.Host)
	}
	return usable[:min(len(usable), maxHops)], nil
}

func (t *Transport) hasSocketFor(a netip.Addr) bool {
	for _, s := range *t.sockets.Load() {
		if s.reaches(a) {
			return true
		}
	}
	return false
}

func parseTarget(uri *sip.URI) (target, error) {
	var tg target
	switch uri.Scheme {
	case "sips":
		tg.secure = true
	case "sip", "pres", "im":
	default:
		return tg, fmt.Errorf("%w: scheme %q", ErrUnresolved, uri.Scheme)
	}
	if uri.Port < 0 || uri.Port > 65535 {
		return tg, fmt.Errorf("%w: port %d", ErrUnresolved, uri.Port)
	}
	tg.port = uint16(uri.Port)
	if name, ok := uri.Params.Get("transport"); ok {
		if err := tg.setProto(name); err != nil {
			return tg, err
		}
	}
	host := uri.Host
	if maddr, ok := uri.Params.Get("maddr"); ok && maddr != "" {
		host = maddr // RFC 3263 s.4: TARGET is the maddr parameter, if there is one
	}
	if a, ok := (&sip.URI{Host: host}).Addr(); ok {
		tg.addr = a
		return tg, nil
	}
	if a, err := netip.ParseAddr(host); err == nil {
		tg.addr = a.Unmap() // an IPv6 address without brackets, as some write maddr
		return tg, nil
	}
	tg.host = strings.ToLower(strings.TrimSuffix(host, "."))
	if tg.host == "" {
		return tg, fmt.Errorf("%w: no host", ErrUnresolved)
	}
	return tg, nil
}

// setProto takes the transport parameter. With sips, TCP means TLS over TCP
// (RFC 3261 s.26.2.2).
func (tg *target) setProto(name string) error {
	switch strings.ToLower(name) {
	case "udp":
		tg.proto = sip.UDP
	case "tcp":
		tg.proto = sip.TCP
	case "tls":
		tg.secure = true
	default:
		return fmt.Errorf("%w: transport %q", ErrUnresolved, name)
	}
	if tg.secure {
		if tg.proto == sip.UDP {
			return fmt.Errorf("%w: sips over UDP", ErrUnresolved)
		}
		tg.proto = sip.TLS
	}
	return nil
}

// fallback is the protocol where neither the URI nor the DNS names one
// (RFC 3263 s.4.1).
func (tg target) fallback() sip.Proto {
	switch {
	case tg.proto != 0:
		return tg.proto
	case tg.secure:
		return sip.TLS
	}
	return sip.UDP
}

// hops follows RFC 3263 s.4.1 and 4.2.
func (n *names) hops(ctx context.Context, tg target) ([]Hop, error) {
	proto := tg.fallback()
	switch {
	case tg.addr.IsValid():
		return []Hop{newHop(proto, tg.addr, tg.port, tg.addr.String())}, nil
	case tg.port != 0:
		return n.hopsOfHost(ctx, proto, tg.host, tg.port, tg.host)
	}
	hops, err := n.hopsOfServices(ctx, tg)
	if len(hops) > 0 || err != nil {
		return hops, err
	}
	return n.hopsOfHost(ctx, proto, tg.host, 0, tg.host)
}

// hopsOfServices asks for SRV records of the wanted transport, or of those
// that we have, and takes the first that has any. A domain without is not an
// error. The certificate must name the domain that was asked for, not the
// target that the DNS gave (RFC 5922 s.7.3).
func (n *names) hopsOfServices(ctx context.Context, tg target) ([]Hop, error) {
	if tg.host == "localhost" || strings.HasSuffix(tg.host, ".localhost") {
		return nil, nil
	}
	protos := []sip.Proto{sip.UDP, sip.TCP, sip.TLS}
	if p := tg.fallback(); tg.proto != 0 || tg.secure {
		protos = []sip.Proto{p}
	}
	for _, p := range protos {
		service, over := serviceOf(p)
		records, err := n.services(ctx, service, over, tg.host)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			continue // the addresses may be found all the same
		}
		var hops []Hop
		for _, r := range records {
			name := strings.ToLower(strings.TrimSuffix(r.Target, "."))
			more, err := n.hopsOfHost(ctx, p, name, r.Port, tg.host)
			if err == nil {
				hops = append(hops, more...)
			}
		}
		if len(hops) > 0 {
			return hops, nil
		}
	}
	return nil, nil
}

func serviceOf(p sip.Proto) (service, over string) {
	switch p {
	case sip.UDP:
		return "sip", "udp"
	case sip.TLS:
		return "sips", "tcp"
	}
	return "sip", "tcp"
}

func (n *names) hopsOfHost(ctx context.Context, p sip.Proto, host string, port uint16, name string) ([]Hop, error) {
	addrs, err := n.addresses(ctx, host)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnresolved, err)
	}
	hops := make([]Hop, len(addrs))
	for i, a := range addrs {
		hops[i] = newHop(p, a, port, name)
	}
	return hops, nil
}

// newHop sets the protocol's default port where none is given (RFC 3261
// s.19.1.2), and the name that only TLS needs.
func newHop(p sip.Proto, a netip.Addr, port uint16, name string) Hop {
	if port == 0 {
		port = 5060
		if p == sip.TLS {
			port = 5061
		}
	}
	if p != sip.TLS {
		name = ""
	}
	return Hop{Proto: p, Addr: netip.AddrPortFrom(a, port), Name: name}
}
