package main

import (
	"context"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// hop is where a request is sent first: a host, and its port where one is
// known.
type hop struct {
	host    string // a name or a numeric address without brackets
	port    int    // 0: by SRV record, or the transport's default
	network string // "udp", "tcp" or "tls" where the URI says so; "": any
}

// hopOf is the hop that a URI names (RFC 3263 s.4).
func hopOf(u sip.Uri) hop {
	host := strings.Trim(u.Host, "[]")
	if maddr, ok := u.UriParams.Get("maddr"); ok && maddr != "" {
		host = strings.Trim(maddr, "[]")
	}
	network := strings.ToLower(u.UriParams.GetOr("transport", ""))
	switch {
	case u.IsEncrypted():
		network = "tls"
	case network != "udp" && network != "tcp" && network != "tls":
		network = ""
	}
	return hop{host: host, port: u.Port, network: network}
}

// parseHop reads HOST, HOST:PORT, [::1] or [::1]:PORT.
func parseHop(s string) (hop, error) {
	bare := s
	if strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]") {
		bare = s[1 : len(s)-1]
	}
	if a, err := netip.ParseAddr(bare); err == nil {
		return hop{host: a.String()}, nil
	}
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		host, port = s, "0"
	}
	n, err := strconv.ParseUint(port, 10, 16)
	_, numeric := netip.ParseAddr(host)
	if err != nil || host == "" || strings.ContainsAny(host, " /@[]") || numeric != nil && strings.Contains(host, ":") {
		return hop{}, usageError("--server %q is no HOST:PORT", s)
	}
	return hop{host: host, port: int(n)}, nil
}

// isHere says whether the host is this machine by its loopback.
func (h hop) isHere() bool {
	a, err := netip.ParseAddr(h.host)
	return err == nil && a.Unmap().IsLoopback() || strings.EqualFold(h.host, "localhost")
}

func (h hop) String() string {
	if h.port == 0 {
		return h.host
	}
	return net.JoinHostPort(h.host, strconv.Itoa(h.port))
}

// addresses resolves a hop, best address first: RFC 3263 s.4.2 without NAPTR.
func (h hop) addresses(ctx context.Context, network string) ([]netip.AddrPort, error) {
	port := h.port
	if port == 0 {
		port = sip.DefaultPort(network)
	}
	if a, err := netip.ParseAddr(h.host); err == nil {
		return []netip.AddrPort{netip.AddrPortFrom(a.Unmap(), uint16(port))}, nil
	}
	if strings.EqualFold(h.host, "localhost") { // this machine; no need to ask
		return []netip.AddrPort{netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(port))}, nil
	}
	if h.port == 0 {
		if found := service(ctx, network, h.host); len(found) > 0 {
			return found, nil
		}
	}
	found := lookup(ctx, h.host, port)
	if len(found) == 0 {
		return nil, unreachable("no address found for %s", printable(h.host))
	}
	return found, nil
}

// service follows SRV records (RFC 3263 s.4.2), in their order.
func service(ctx context.Context, network, host string) []netip.AddrPort {
	srv, proto := "sip", network
	if network == "tls" {
		srv, proto = "sips", "tcp"
	}
	_, records, err := net.DefaultResolver.LookupSRV(ctx, srv, proto, host)
	if err != nil {
		return nil
	}
	var found []netip.AddrPort
	for _, r := range records {
		found = append(found, lookup(ctx, r.Target, int(r.Port))...)
	}
	return found
}

func lookup(ctx context.Context, host string, port int) []netip.AddrPort {
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil
	}
	var found []netip.AddrPort
	for _, a := range addrs {
		found = append(found, netip.AddrPortFrom(a.Unmap(), uint16(port)))
	}
	return found
}
