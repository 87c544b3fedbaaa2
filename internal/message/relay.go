package message

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strconv"

	"presenced/sip"
	"presenced/sip/transaction"
)

// Two agents, one store: a binding's flow may end at the other agent. The
// message goes there with
//
//	Route: <sip:TOKEN@agent;lr>
//
// where TOKEN is the flow and a proof that an agent wrote it (RFC 5626 s.5.2).
// The proof is an HMAC with a key that the agents share, over the flow and
// what tells this request from others. So a token that somebody saw is of no
// use for another message, and one that verifies says that a fellow agent has
// asked who sends.

const macSize = 16 // bytes of HMAC-SHA256 that are kept: 128 bits

var tokenText = base64.RawURLEncoding

// through sends the target to the agent at hop, which has its flow.
func (s *Service) through(r *sip.Request, t *target, hop string) bool {
	keys := s.FlowKeys()
	u, err := sip.ParseURI(hop)
	if err != nil || len(keys) == 0 {
		return false
	}
	token := appendProof(make([]byte, 0, 256), keys[0], r, t.requestURI, t.flow)
	token = append(token, t.flow...)
	route := *u
	route.User, route.Params = tokenText.EncodeToString(token), u.Params
	if !u.Params.Has("lr") {
		route.Params += ";lr"
	}
	t.routes = []string{"<" + route.String() + ">"}
	t.hop = transaction.Target{Route: u}
	return true
}

// appendProof appends the HMAC.
func appendProof(dst, key []byte, r *sip.Request, requestURI, flow string) []byte {
	m := hmac.New(sha256.New, key)
	text := make([]byte, 0, 512)
	for _, part := range [...]string{flow, requestURI, r.CallID(), r.Header("From")} {
		text = append(append(text, part...), '\n')
	}
	m.Write(strconv.AppendUint(text, uint64(r.CSeq()), 10))
	return m.Sum(dst)[:len(dst)+macSize]
}

// IsRelay says whether a fellow agent sends this request on through us: it has
// asked who sends, and the Request-URI is a contact, not an inbox.
func (s *Service) IsRelay(r *sip.Request) bool {
	_, ok := s.relayed(r)
	return ok
}

// relayed is the flow that the topmost Route names, if an agent wrote it for
// this request.
func (s *Service) relayed(r *sip.Request) (sip.Flow, bool) {
	if r.Method() != "MESSAGE" || !r.Has("Route") {
		return sip.Flow{}, false
	}
	routes := r.Routes("Route")
	if len(routes) == 0 {
		return sip.Flow{}, false
	}
	a, err := sip.ParseAddress(routes[0])
	if err != nil {
		return sip.Flow{}, false
	}
	token, err := tokenText.DecodeString(a.URI.User)
	if err != nil || len(token) <= macSize {
		return sip.Flow{}, false
	}
	flow := string(token[macSize:])
	for _, key := range s.FlowKeys() {
		if hmac.Equal(appendProof(nil, key, r, r.RequestURI(), flow), token[:macSize]) {
			parsed := sip.ParseFlow(flow)
			return parsed, !parsed.IsZero()
		}
	}
	return sip.Flow{}, false
}

// relay forwards to the one flow that the Route names (RFC 5626 s.5.3.1). What
// the other agent has let stand stays.
func (s *Service) relay(r *sip.Request, flow sip.Flow) (*sip.Response, error) {
	c := newCopied()
	if err := s.validate(c, r); err != nil {
		return nil, err
	}
	u, err := r.URI()
	if err != nil {
		return nil, sip.Errorf(sip.StatusBadRequest, "Malformed Request-URI").Because(err)
	}
	r.Identity.Trusted = true
	s.copyFields(c, r)
	c.routes = r.Routes("Route")[1:]
	f := s.fork("", []branch{{target: target{
		requestURI: r.RequestURI(), remote: remoteOf(u), hop: transaction.Target{Flow: flow},
	}}}, c)
	return &sip.Response{Later: f.deliver}, nil
}
