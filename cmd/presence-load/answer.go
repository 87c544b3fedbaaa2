package main

import (
	"bytes"
	"strconv"
	"strings"

	"presenced/sip"
	"presenced/sip/digest"
)

const branchStart = "z9hG4bK" // RFC 3261 s.8.1.1.7

// answered takes a response of the server.
func (g *generator) answered(raw []byte) {
	code, branch, _, ok := sip.GlanceResponse(raw)
	rest, ours := bytes.CutPrefix(branch, []byte(branchStart+g.run))
	stamp, hex := parseHex(rest)
	if !ok || !ours || !hex {
		g.tally.Stray++
		return
	}
	id, t := g.tasks.of(stamp)
	switch {
	case t == nil || t.state != asked:
		g.tally.RepeatedAnswers++
	case code < 200:
		t.level = levels - 1 // RFC 3261 s.17.1.2.2: in "Proceeding" Timer E is T2
	case (code == 401 || code == 407) && g.set.Password != "" && !t.forced:
		g.authorize(id, raw)
	case code < 300:
		g.accepted(id, raw)
	default:
		g.fail(id, strconv.Itoa(code))
	}
}

// authorize repeats the request with credentials (RFC 3261 s.22.2).
func (g *generator) authorize(id int32, raw []byte) {
	t := &g.tasks.slab[id]
	asks, tells := "www-authenticate", "Authorization: "
	challenges := headerValues(raw, asks)
	if len(challenges) == 0 {
		asks, tells = "proxy-authenticate", "Proxy-Authorization: "
		challenges = headerValues(raw, asks)
	}
	start, _, _ := bytes.Cut(t.message, []byte(" SIP/2.0"))
	method, uri, _ := strings.Cut(string(start), " ")
	user := userPrefix + string(appendDigits(nil, uint32(t.principal), userDigits))
	value, err := digest.Authorize(challenges, method, uri, user, g.set.Password)
	if err != nil {
		g.fail(id, "challenge")
		return
	}
	t.forced = true
	g.tally.Challenges++
	g.transmit(id, tells+value+"\r\n")
}

// accepted takes a 2xx.
func (g *generator) accepted(id int32, raw []byte) {
	t := &g.tasks.slab[id]
	p := &g.world.principals[t.principal]
	g.measure(t.source, answerStep(t), g.now-g.startOf(t))
	if t.op != login && g.arrival != 0 {
		g.measure(t.source, stepAnswerWire, g.arrival-t.sent)
	}
	switch t.step {
	case register:
		if !p.registered {
			p.registered = true
			g.world.registered++
		}
	case registerEnd:
		p.registered = false
		g.world.registered--
	case publishInitial, publishChanged, publishRefresh:
		etag := headerValue(raw, "sip-etag", 0)
		if len(etag) == 0 { // RFC 3903 s.6, step 6: it MUST be there
			g.fail(id, "no SIP-ETag")
			return
		}
		if string(etag) != p.etag {
			p.etag = string(etag)
		}
		if !p.published {
			p.published = true
			g.world.published++
		}
		p.accepted = p.state
	case publishEnd:
		p.published, p.etag = false, ""
		g.world.published--
	case subscribeInitial, subscribeRefresh:
		g.established(t, raw)
	}
	t.state = waiting
	if t.awaits > 0 {
		g.schedule(&g.patience, g.set.Patience.Duration, id)
		return
	}
	g.done(id)
}

// established takes a dialog's remote side from a 2xx (RFC 3261 s.12.1.2).
func (g *generator) established(t *task, raw []byte) {
	s := &g.world.subs[t.sub]
	if s.tag == "" {
		if _, tag, found := bytes.Cut(headerValue(raw, "to", 't'), []byte(";tag=")); found {
			tag, _, _ = bytes.Cut(tag, []byte(";"))
			s.tag = ";tag=" + string(tag)
		}
		var routes strings.Builder
		recorded := headerValues(raw, "record-route")
		for i := len(recorded) - 1; i >= 0; i-- {
			routes.WriteString("Route: " + recorded[i] + "\r\n")
		}
		s.routes = g.world.intern(routes.String())
	}
	if _, target, found := bytes.Cut(headerValue(raw, "contact", 'm'), []byte("<")); found {
		target, _, _ = bytes.Cut(target, []byte(">"))
		s.target = g.world.intern(string(target))
	}
}

// startOf is when the task's step was due.
func (g *generator) startOf(t *task) int64 {
	if t.op == login && t.step != register {
		return t.sent
	}
	return t.start
}
