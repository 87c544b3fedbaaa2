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
	via, seen := r.Via(), ""
	if !r.Forwarded() {
		seen = r.Flow.Remote.Addr().String()
	} else {
		vias := r.List("Via")
		last, err := sip.ParseVia(vias[len(vias)-1])
		if err != nil {
			return ""
		}
		via, seen = last, last.Host
		if received, ok := via.Params.Get("received"); ok {
			seen = received
		}
	}
	// A name would not do: programs in browsers make a new one at each start
	// (RFC 7118 s.5).
	own, err := netip.ParseAddr(strings.Trim(via.Host, "[]"))
	if err != nil || own.String() == seen || own.IsUnspecified() {
		return seen
	}
	return seen + " " + own.String()
}
