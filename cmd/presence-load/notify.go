package main

import (
	"bytes"
	"strings"
)

// received takes a message of the server.
func (g *generator) received(l link, raw []byte) {
	if bytes.HasPrefix(raw, []byte("SIP/2.0 ")) {
		g.answered(raw)
		return
	}
	in := &g.inbound
	if !in.scan(raw) {
		if len(bytes.TrimSpace(raw)) > 0 {
			g.tally.Stray++
		}
		return
	}
	switch string(in.method) {
	case "NOTIFY":
		g.notified(l, in)
	case "MESSAGE":
		g.delivered(l, in)
	case "OPTIONS":
		g.reply(l, in, "200 OK")
	case "ACK":
	default:
		g.reply(l, in, "501 Not Implemented")
	}
}

func (g *generator) reply(l link, in *inbound, status string) {
	g.scratch = in.appendAnswer(g.scratch[:0], status)
	l.queue(g.scratch)
}

// subscriptionOf finds the dialog by the user part of its Contact, which is
// the NOTIFY's Request-URI (RFC 6665 s.4.4.1).
func (g *generator) subscriptionOf(user []byte) (int32, *subscription) {
	rest, ours := bytes.CutPrefix(user, []byte("s"))
	stamp, hex := parseHex(rest)
	if !ours || !hex || string(rest[16:]) != g.run || stamp>>32 >= uint64(len(g.world.subs)) {
		return -1, nil
	}
	id := int32(stamp >> 32)
	if s := &g.world.subs[id]; s.incarnation == uint32(stamp) {
		return id, s
	}
	return -1, nil
}

func (g *generator) notified(l link, in *inbound) {
	id, s := g.subscriptionOf(in.user)
	if s == nil {
		g.tally.Stray++
		g.reply(l, in, "481 Subscription Does Not Exist") // RFC 6665 s.4.1.3
		return
	}
	if s.dead {
		g.tally.Unanswered++
		return
	}
	g.reply(l, in, "200 OK")
	switch s.order.arrive(in.cseq) {
	case repeated:
		g.tally.RepeatedNotifies++
		return
	case late:
		g.tally.Disorder++
		return
	}
	g.tally.Notifies++
	over := bytes.HasPrefix(in.state, []byte("terminated"))
	if !over {
		g.see(s, in.body)
	}
	if t := g.awaiting(s); t != nil && !s.notified && (over || t.step != subscribeEnd) {
		s.notified = true
		g.measure(t.source, stepNotify, g.now-g.startOf(t))
		g.notice(s.task)
		return
	}
	if over && s.state == active {
		g.tally.EndedByServer++
		g.endSubscription(id)
	}
}

func (g *generator) awaiting(s *subscription) *task {
	if s.task < 0 {
		return nil
	}
	return &g.tasks.slab[s.task]
}

// see notes which state a watcher has now.
func (g *generator) see(s *subscription, body []byte) {
	number := stateNumber(body)
	if number == 0 {
		return
	}
	if number < s.seen {
		g.tally.Superseded++
		return
	}
	p := &g.world.principals[s.presentity]
	if number > s.seen && number == p.state && number > s.since && s.state == active {
		s.seen = number
		g.arrived(p)
	}
	s.seen = number
}

// arrived: one watcher more has the presentity's newest state.
func (g *generator) arrived(p *principal) {
	if p.task < 0 || p.remaining == 0 {
		return
	}
	t := &g.tasks.slab[p.task]
	p.remaining--
	g.measure(t.source, stepNotify, g.now-p.sent)
	if t.op != login && g.arrival != 0 {
		g.measure(t.source, stepWire, g.arrival-t.sent)
	}
	if p.remaining == 0 {
		g.measure(t.source, stepLast, g.now-p.sent)
	}
	g.notice(p.task)
}

// notice counts one of what a task waits for.
func (g *generator) notice(id int32) {
	t := &g.tasks.slab[id]
	if t.awaits > 0 {
		t.awaits--
	}
	if t.awaits == 0 && t.state == waiting {
		g.done(id)
	}
}

// endSubscription forgets a dialog, and lets its presentity's PUBLISH not wait
// for it.
func (g *generator) endSubscription(id int32) {
	p := &g.world.principals[g.world.subs[id].presentity]
	if g.world.end(id) && p.task >= 0 {
		g.notice(p.task)
	}
}

// delivered is a MESSAGE at its inbox.
func (g *generator) delivered(l link, in *inbound) {
	g.reply(l, in, "200 OK")
	stamp, hex := parseHex(in.body)
	if !hex || !strings.HasPrefix(string(in.body[16:]), g.run) {
		g.tally.Stray++
		return
	}
	id, t := g.tasks.of(stamp)
	if t == nil || t.step != message || t.awaits == 0 {
		g.tally.RepeatedMessages++
		return
	}
	g.tally.Deliveries++
	g.measure(t.source, stepDelivery, g.now-t.start)
	g.notice(id)
}
