package config

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Listener is an address to listen on.
type Listener struct {
	// Address is an IP address and a port. The zero IP address is all interfaces, of both families where the
	// machine has both. Port 0 lets the machine choose.
	Address netip.AddrPort
	// Advertise is the host, or host and port, that stands in Via and Contact (RFC 3261 s.18.1.1 and
	// s.8.1.1.8), where the bound address is not what peers can reach: behind a wildcard, a NAT or a container.
	// Empty: the bound address; behind a wildcard the address that the machine uses towards the peer.
	Advertise string
	// Optional listeners may fail to bind where the machine lacks the address family. Only the default
	// listeners on [::1] are optional.
	Optional bool
}

// ListenAddress is the address in the form that package net listens on.
func (l Listener) ListenAddress() string {
	if !l.Address.Addr().IsValid() {
		return ":" + strconv.Itoa(int(l.Address.Port()))
	}
	return l.Address.String()
}

// Wildcard reports whether the listener is on all interfaces.
func (l Listener) Wildcard() bool {
	return !l.Address.Addr().IsValid() || l.Address.Addr().IsUnspecified()
}

// Loopback reports whether only this machine can reach the listener.
func (l Listener) Loopback() bool { return l.Address.Addr().Unmap().IsLoopback() }

// covers reports whether l receives what is sent to other's address.
func (l Listener) covers(other Listener) bool {
	a, b := l.Address.Addr(), other.Address.Addr()
	switch {
	case l.Address.Port() != other.Address.Port():
		return false
	case !a.IsValid() || a == b:
		return true
	}
	return a.IsUnspecified() && b.IsValid() && a.Is4() == b.Is4()
}

// sipListeners reads a list of addresses. Each is a string, or a table { address, advertise }.
func (r *reader) sipListeners(key string, to *[]Listener) {
	r.known[key+".address"], r.known[key+".advertise"] = true, true
	r.listeners(key, to)
}

// listeners reads a list of addresses. The keys of tables in it are known only to sipListeners.
func (r *reader) listeners(key string, to *[]Listener) {
	v, ok := r.lookup(key)
	if !ok {
		return
	}
	values, ok := v.([]any)
	if !ok {
		r.wrongKind(key, `a list of addresses such as ["127.0.0.1:5060"]`, v)
		return
	}
	out := make([]Listener, 0, len(values))
	for i, v := range values {
		if l, ok := r.listener(fmt.Sprintf("%s[%d]", key, i), v); ok {
			out = append(out, l)
		}
	}
	*to = out
}

func (r *reader) listener(element string, v any) (Listener, bool) {
	table, ok := v.(map[string]any)
	if !ok {
		table = map[string]any{"address": v}
	}
	address, ok := table["address"].(string)
	if !ok {
		r.fail(element, `takes an address such as "127.0.0.1:5060", or { address = "0.0.0.0:5060", advertise = "sip.example.com" }`)
		return Listener{}, false
	}
	parsed, err := parseListenAddress(address)
	if err != nil {
		r.fail(element, "%v", err)
		return Listener{}, false
	}
	l := Listener{Address: parsed}
	if v, ok := table["advertise"]; ok {
		if l.Advertise, err = parseAdvertise(v); err != nil {
			r.fail(element+".advertise", "%v", err)
			return Listener{}, false
		}
	}
	return l, true
}

func parseListenAddress(s string) (netip.AddrPort, error) {
	if port, ok := strings.CutPrefix(s, ":"); ok {
		if n, err := strconv.ParseUint(port, 10, 16); err == nil {
			return netip.AddrPortFrom(netip.Addr{}, uint16(n)), nil
		}
	}
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap, nil
	}
	if addr, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		return netip.AddrPort{}, fmt.Errorf("%q has no port; write %q", s, netip.AddrPortFrom(addr, 5060))
	}
	return netip.AddrPort{}, fmt.Errorf("%q is not an IP address and a port such as \"127.0.0.1:5060\", \"[::1]:5060\" or \":5060\" for all interfaces", s)
}

// parseAdvertise reads RFC 3261's sent-by: a host with or without a port.
func parseAdvertise(v any) (string, error) {
	s, ok := v.(string)
	if !ok {
		return "", fmt.Errorf("takes a string, not %s", kind(v))
	}
	host, port := s, ""
	if i := strings.LastIndexByte(s, ':'); strings.Count(s, ":") == 1 || strings.Contains(s, "]:") {
		host, port = s[:i], s[i:]
	}
	if port != "" {
		if n, err := strconv.ParseUint(port[1:], 10, 16); err != nil || n == 0 {
			return "", fmt.Errorf("%q has no valid port", s)
		}
	}
	canonical, err := canonicalHost(host)
	if err != nil {
		return "", err
	}
	if addr, err := netip.ParseAddr(strings.Trim(canonical, "[]")); err == nil && addr.IsUnspecified() {
		return "", fmt.Errorf("%q is no address that a peer could reach", s)
	}
	return canonical + port, nil
}
