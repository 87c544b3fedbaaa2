package transaction

import "presenced/sip"

// trying is an exchange that is due a 100, with what stays readable while its
// handler runs.
type trying struct {
	exchange *exchange
	raw      []byte
	flow     sip.Flow
}

// try sends the 100 that RFC 4320 s.4.1 demands once Timer E has reached T2,
// and not earlier. The request is parsed anew because the handler owns its
// own view of it.
func (s *serverShard) try(t trying) {
	r, err := sip.ParseRequest(t.raw, t.flow)
	if err != nil {
		return
	}
	response := &sip.Response{Code: sip.StatusTrying}
	s.mu.Lock()
	done := t.exchange.done
	if !done {
		s.open[t.exchange.key] = keep(response)
	}
	s.mu.Unlock()
	if !done {
		s.layer.reply(r, t.exchange.key, response)
	}
}
