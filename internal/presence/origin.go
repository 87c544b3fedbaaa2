package presence

import (
	"net/netip"
	"strings"

	"presenced/sip"
)

// origin is the host that a publication came from, for telling one device from
// another. Behind proxies it is the one that the bottommost Via names. Where the
// sender takes itself for another address, as behind a NAT, that follows: a
// household's phones have one address outside.
func origin(r *sip.Request) string {
	if !r.Forwarded() {
		return behind(r.Via().Host, r.Flow.Remote.Addr(), r.Flow.Remote.Addr().String())
	}
	vias := r.List("Via")
	via, err := sip.ParseVia(vias[len(vias)-1])
	if err != nil {
		return ""
	}
	seen, ok := via.Params.Get("received")
	if !ok {
		return via.Host
	}
	address, _ := netip.ParseAddr(strings.Trim(seen, "[]")) // none, where it is a name
	return behind(via.Host, address, seen)
}

// behind is whom is seen, and behind it the address that it has for itself
// where that is another. A name would not do: programs in browsers make a new
// one at each start (RFC 7118 s.5).
func behind(host string, address netip.Addr, seen string) string {
	own, err := netip.ParseAddr(strings.Trim(host, "[]"))
	if err != nil || own == address || own.IsUnspecified() {
		return seen
	}
	return seen + " " + own.String()
}
