package message

import (
	"strconv"
	"strings"
	"sync"

	"presenced/sip"
	"presenced/sip/digest"
	"presenced/sip/transaction"
)

// copied is the request as it is forwarded, but for what differs between
// branches (RFC 3261 s.16.6).
type copied struct {
	hops    int // Max-Forwards
	breadth int // Max-Breadth of all branches together
	vias    []byte
	routes  []string // what the request's own Route leaves
	fields  []byte
	body    []byte
	scratch []byte
}

var copies = sync.Pool{New: func() any {
	return &copied{vias: make([]byte, 0, 256), fields: make([]byte, 0, 768), scratch: make([]byte, 0, 1536)}
}}

func newCopied() *copied { return copies.Get().(*copied) }

// maxPooled is the largest scratch that is kept, in bytes.
const maxPooled = 16 << 10

// free gives the memory back; nothing of c may be in use.
func (c *copied) free() {
	if cap(c.scratch) <= maxPooled {
		*c = copied{vias: c.vias[:0], fields: c.fields[:0], scratch: c.scratch[:0]}
		copies.Put(c)
	}
}

// copyFields is step 1: all fields in their order, but for those that the
// next steps write and those that were for us.
func (s *Service) copyFields(c *copied, r *sip.Request) {
	c.vias = r.AppendVias(c.vias)
	c.routes = s.routesLeft(r)
	for name, value := range r.Fields {
		if !s.stays(r, name, value) {
			continue
		}
		c.fields = append(append(c.fields, name...), ": "...)
		c.fields = append(append(c.fields, value...), "\r\n"...)
	}
}

func (s *Service) stays(r *sip.Request, name, value string) bool {
	switch name {
	case "Via", "Route", "Max-Forwards", "Content-Length":
		return false
	case "Proxy-Authorization", "Authorization":
		// RFC 3261 s.22.3: what is for our realm goes no further.
		credentials, err := digest.Parse(value)
		return err != nil || !s.Local(credentials.Realm)
	case "P-Preferred-Identity": // RFC 3325 s.6
		return r.Identity.Trusted
	case "P-Asserted-Identity":
		// RFC 3325 s.5: an untrusted sender asserts nothing; s.7: who asks for
		// privacy is not named to the recipients, whom we trust with nothing.
		return r.Identity.Trusted && !r.Identity.Anonymous
	}
	return !strings.EqualFold(name, "Max-Breadth")
}

// routesLeft is the request's Route without the values that indicate this
// agent (RFC 3261 s.16.4). Clients with an outbound proxy begin with it
// (linphone, baresip).
func (s *Service) routesLeft(r *sip.Request) []string {
	if !r.Has("Route") {
		return nil
	}
	routes := r.Routes("Route")
	for len(routes) > 0 {
		a, err := sip.ParseAddress(routes[0])
		if err != nil || !s.Ours(&a.URI) && (a.URI.User != "" || !s.Local(a.URI.Host)) {
			break
		}
		routes = routes[1:]
	}
	return routes
}

// outgoing is the request for one branch, with its share of Max-Breadth. It
// is valid until the next call.
func (c *copied) outgoing(t *target, breadth int) *transaction.Outgoing {
	b := append(c.scratch[:0], "MESSAGE "...)
	b = append(b, t.requestURI...)
	b = append(b, " SIP/2.0\r\n"...)
	start := len(b)
	b = append(b, c.vias...)
	b = appendRoutes(b, t.routes)
	b = appendRoutes(b, c.routes)
	b = append(b, "Max-Forwards: "...)
	b = strconv.AppendInt(b, int64(c.hops), 10)
	b = append(b, "\r\nMax-Breadth: "...)
	b = strconv.AppendInt(b, int64(breadth), 10)
	b = append(b, "\r\n"...)
	b = append(b, c.fields...)
	c.scratch = b
	return &transaction.Outgoing{
		Start: b[:start], Head: b[start:], Body: [][]byte{c.body}, Target: t.hop, RemoteTarget: t.remote,
	}
}

func appendRoutes(b []byte, routes []string) []byte {
	for _, route := range routes {
		b = append(append(b, "Route: "...), route...)
		b = append(b, "\r\n"...)
	}
	return b
}
