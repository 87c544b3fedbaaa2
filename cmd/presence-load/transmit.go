package main

import "time"

// transmit sends the request of the task's step in a new transaction. extra is
// header lines more: credentials.
func (g *generator) transmit(id int32, extra string) {
	t := &g.tasks.slab[id]
	t.generation++
	t.state, t.level = asked, 0
	p := &g.world.principals[t.principal]
	link := g.linkOf(t.principal)
	kind := g.templates[link]
	v := values{user: t.principal, stamp: stampOf(id, t), expires: t.expires, extra: extra}
	var prepared template
	switch t.step {
	case register, registerEnd:
		p.cseq++
		v.cseq, prepared = p.cseq, kind.register
	case publishInitial, publishChanged, publishRefresh, publishEnd:
		p.cseq++
		v.cseq, v.seq, prepared = p.cseq, p.state, kind.publish
		if t.step != publishInitial { // RFC 3903 s.4.1, table 1
			v.extra += "SIP-If-Match: " + p.etag + "\r\n"
		}
		if t.step == publishRefresh || t.step == publishEnd {
			prepared = kind.publishEmpty
		}
	case subscribeInitial, subscribeRefresh, subscribeEnd:
		s := &g.world.subs[t.sub]
		s.cseq++
		v.peer, v.sub, v.cseq, prepared = s.presentity, subStamp(t.sub, s), s.cseq, kind.subscribe
		v.target, v.tag, v.extra = s.target, s.tag, v.extra+s.routes
		if s.target == "" {
			v.target = g.aor(s.presentity)
		}
	case message:
		p.cseq++
		v.peer, v.cseq, prepared = t.peer, p.cseq, kind.message
	}
	t.message = prepared.append(t.message[:0], &v)
	t.sent = g.now
	g.links[link].queue(t.message)
	if g.links[link].proto() == "udp" {
		g.schedule(&g.timerE[0], t1, id)
	}
	g.schedule(&g.timerF, timerF, id)
}

func (g *generator) schedule(q *queue, after time.Duration, id int32) {
	q.push(deadline{at: g.now + int64(after), task: id, generation: g.tasks.slab[id].generation})
}

// aor is the Request-URI outside of a dialog.
func (g *generator) aor(number int32) string {
	return "sip:" + userPrefix + string(appendDigits(nil, uint32(number), userDigits)) + "@" + g.set.Domain
}

// expire does what is due: retransmissions, time-outs.
func (g *generator) expire() {
	for level := range g.timerE {
		for {
			d, due := g.timerE[level].pop(g.now)
			if !due {
				break
			}
			g.retransmit(d, level)
		}
	}
	for {
		d, due := g.timerF.pop(g.now)
		if !due {
			break
		}
		if t := &g.tasks.slab[d.task]; t.state == asked && t.generation == d.generation {
			g.fail(d.task, "timeout")
		}
	}
	for {
		d, due := g.patience.pop(g.now)
		if !due {
			break
		}
		if t := &g.tasks.slab[d.task]; t.state == waiting && t.generation == d.generation {
			g.tally.Unnotified += int(t.awaits)
			g.fail(d.task, "incomplete")
		}
	}
}

// retransmit: Timer E doubles from T1 to T2 (RFC 3261 s.17.1.2.2).
func (g *generator) retransmit(d deadline, level int) {
	t := &g.tasks.slab[d.task]
	if t.state != asked || t.generation != d.generation {
		return
	}
	g.tally.Retransmissions++
	g.links[g.linkOf(t.principal)].queue(t.message)
	if t.level == levels-1 { // a provisional response came
		level = levels - 1
	}
	next := min(level+1, levels-1)
	g.schedule(&g.timerE[next], min(t1<<next, t2), d.task)
}
