package main

import (
	"strings"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"

	"presenced/pidf/partial"
	"presenced/watcherinfo"
)

// allowed are the methods that are answered here (RFC 3261 s.20.5).
const allowed = "MESSAGE, NOTIFY, OPTIONS"

// reply is the answer to a request that came in. after runs when it was sent.
type reply struct {
	code   int
	reason string
	fields []sip.Header
	after  func()
}

// serve makes the agent answer requests. sipgo runs a handler in a goroutine
// of its own for each request.
func (a *agent) serve() error {
	s, err := sipgo.NewServer(a.ua)
	if err != nil {
		return err
	}
	s.OnNotify(answerWith(func(r *sip.Request) reply {
		if a.notified == nil {
			return reply{code: 481, reason: "Subscription Does Not Exist"} // RFC 6665 s.4.1.3
		}
		return a.notified(r)
	}))
	s.OnMessage(answerWith(func(r *sip.Request) reply {
		if a.received == nil {
			return notAllowed(r)
		}
		return a.received(r)
	}))
	s.OnOptions(answerWith(func(*sip.Request) reply { // RFC 3261 s.11.2
		return reply{code: 200, reason: "OK", fields: []sip.Header{
			sip.NewHeader("Allow", allowed), sip.NewHeader("Accept", "text/plain, "+pidfType+", "+partial.ContentType+", "+watcherinfo.ContentType)}}
	}))
	s.OnCancel(answerWith(func(*sip.Request) reply { // RFC 3261 s.9.2
		return reply{code: 481, reason: "Call/Transaction Does Not Exist"}
	}))
	s.OnNoRoute(answerWith(notAllowed))
	return nil
}

func notAllowed(*sip.Request) reply {
	return reply{code: 405, reason: "Method Not Allowed", fields: []sip.Header{sip.NewHeader("Allow", allowed)}}
}

// answerWith turns a function into sipgo's kind of handler.
func answerWith(f func(*sip.Request) reply) sipgo.RequestHandler {
	return func(r *sip.Request, tx sip.ServerTransaction) {
		if r.IsAck() {
			return
		}
		p := reply{code: 400, reason: "From, To or Call-ID Missing"}
		if r.From() != nil && r.To() != nil && r.CallID() != nil {
			p = f(r)
		}
		res := sip.NewResponseFromRequest(r, p.code, p.reason, nil)
		for _, field := range p.fields {
			res.AppendHeader(field)
		}
		// When an answer cannot be sent the peer asks again; there is nobody else to tell.
		_ = tx.Respond(res)
		if p.after != nil {
			p.after()
		}
	}
}

// headerValue is a field's value, "" where there is none. sipgo does not find
// compact forms by their long names.
func headerValue(m interface{ GetHeader(string) sip.Header }, name string) string {
	h := m.GetHeader(name)
	if compact := map[string]string{"Event": "o", "Content-Type": "c", "Content-Encoding": "e"}[name]; h == nil && compact != "" {
		h = m.GetHeader(compact)
	}
	if h == nil {
		return ""
	}
	return strings.TrimSpace(h.Value())
}

// parameters splits a field's value into what stands before the first semicolon,
// in lower case, and the parameters by name.
func parameters(value string) (string, map[string]string) {
	head, rest, _ := strings.Cut(value, ";")
	found := map[string]string{}
	for _, p := range strings.Split(rest, ";") {
		k, v, _ := strings.Cut(p, "=")
		if k = strings.ToLower(strings.TrimSpace(k)); k != "" {
			found[k] = strings.Trim(strings.TrimSpace(v), `"`)
		}
	}
	return strings.ToLower(strings.TrimSpace(head)), found
}
