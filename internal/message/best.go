package message

import (
	"presenced/sip"
)

// statusFlowFailed is RFC 5626's (s.11.5): the flow that a token names is gone.
// It is said between agents; senders hear 480.
const statusFlowFailed = 430

// best chooses among the failures (RFC 3261 s.16.7 step 6).
func best(failures []outcome) (*sip.Response, error) {
	chosen := failures[0]
	for _, o := range failures[1:] {
		if rank(o) < rank(chosen) {
			chosen = o
		}
	}
	switch chosen.code {
	case sip.StatusServiceUnavailable:
		// "If the only response that was received is a 503, the proxy SHOULD
		// generate a 500": a 503 would say that we serve nobody.
		return nil, sip.Errorf(sip.StatusInternalServerError, "")
	case sip.StatusRequestTimeout: // RFC 4320 s.4.2
		return nil, sip.Errorf(sip.StatusTemporarilyUnavailable, "")
	case sip.StatusUnauthorized, sip.StatusProxyAuthRequired:
		return chosen.challenged(failures)
	}
	return chosen.forwarded()
}

// rank orders failures, the best first: 6xx, then the lowest class; in 4xx
// what tells how to send again before the rest, and what we made up last; 503
// after all.
func rank(o outcome) int {
	switch class := o.code / 100; {
	case class == 6:
		return 0
	case o.code == sip.StatusServiceUnavailable:
		return 1000
	case class != 4:
		return class * 10
	}
	switch o.code {
	case sip.StatusUnauthorized, sip.StatusProxyAuthRequired:
		return 41
	case sip.StatusUnsupportedMediaType, sip.StatusBadExtension, sip.StatusAddressIncomplete:
		return 42
	case sip.StatusRequestTimeout:
		return 45
	}
	if o.response == nil {
		return 45
	}
	return 43
}

// forwarded is the outcome as the sender hears it (RFC 3261 s.16.7 step 9).
func (o outcome) forwarded() (*sip.Response, error) {
	if o.response == nil {
		return nil, sip.Errorf(o.code, "")
	}
	a, err := sip.ParseResponse(o.response)
	if err != nil { // it was matched by a glance; what is in it nobody can tell
		return &sip.Response{Code: o.code}, nil
	}
	res := &sip.Response{Code: a.Code, Reason: a.Reason, Header: make([]sip.Field, 0, 8), Body: a.Body()}
	if to, err := a.To(); err == nil {
		res.ToTag = to.Tag()
	}
	for name, value := range a.Fields {
		if passes(name, o.code) {
			res.Header = append(res.Header, sip.Field{Name: name, Value: value})
		}
	}
	return res, nil
}

// passes keeps what the response's new frame does not bring itself. Contact
// may not stand in a 2xx (RFC 3428 s.7) and would tell where the recipient is
// (RFC 2779 s.5.1.18 for watchers); in a 3xx it is what the recipient wants to be told.
func passes(name string, code int) bool {
	switch name {
	case "Via", "From", "To", "Call-ID", "CSeq", "Content-Length", "Record-Route":
		return false
	case "Contact":
		return code/100 == 3
	}
	return true
}

// challenged is a 401 or 407 with the challenges of all of them (step 7).
func (o outcome) challenged(failures []outcome) (*sip.Response, error) {
	res, err := o.forwarded()
	if err != nil {
		return nil, err
	}
	kept := res.Header[:0]
	for _, f := range res.Header {
		if !isChallenge(f.Name) {
			kept = append(kept, f)
		}
	}
	res.Header = kept
	for _, other := range failures {
		if other.code != sip.StatusUnauthorized && other.code != sip.StatusProxyAuthRequired {
			continue
		}
		a, err := sip.ParseResponse(other.response)
		if err != nil {
			continue
		}
		for name, value := range a.Fields {
			if isChallenge(name) {
				res.Header = append(res.Header, sip.Field{Name: name, Value: value})
			}
		}
	}
	return res, nil
}

func isChallenge(name string) bool {
	return name == "WWW-Authenticate" || name == "Proxy-Authenticate"
}
