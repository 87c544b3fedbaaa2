package main

import "fmt"

// operation is what a load consists of, as a workload file writes it.
type operation string

const (
	register         operation = "register"
	publishInitial   operation = "publish-initial"
	publishChanged   operation = "publish-changed" // until the last live watcher has seen it
	publishRefresh   operation = "publish-refresh"
	publishEnd       operation = "publish-end"
	subscribeInitial operation = "subscribe-initial" // until its 200 and its NOTIFY are here
	subscribeRefresh operation = "subscribe-refresh"
	subscribeEnd     operation = "subscribe-end"
	message          operation = "message" // until delivered and answered
	login            operation = "login"   // register, publish, subscribe to the buddies
	pause            operation = "pause"   // nothing: the server is watched

	registerEnd operation = "register-end" // when clearing up
)

var operations = []operation{register, publishInitial, publishChanged, publishRefresh, publishEnd,
	subscribeInitial, subscribeRefresh, subscribeEnd, message, login, pause}

func parseOperation(s string) (operation, error) {
	for _, op := range operations {
		if s == string(op) {
			return op, nil
		}
	}
	return "", fmt.Errorf("unknown operation %q (one of %v)", s, operations)
}

// begin starts the source's next operation. It is false when there is none to
// start on now: every subject is busy, or all are done.
func (g *generator) begin(src *source, due int64) bool {
	subject, sub, ok := g.pick(src)
	if !ok {
		return false
	}
	id, t := g.tasks.take()
	t.op, t.step, t.source, t.start = src.op, src.op, src, due
	t.principal, t.sub, t.expires = subject, sub, g.set.Expires
	switch src.op {
	case login:
		t.step = register
	case message:
		t.peer = (subject + 1) % int32(src.principals)
		t.awaits = 1
	}
	src.started++
	src.running++
	g.running++
	g.enter(id)
	if src.rate > 0 {
		g.measure(src, stepSent, t.sent-due)
	}
	return true
}

// enter begins the task's step: it claims its subject and sends the request.
func (g *generator) enter(id int32) {
	t := &g.tasks.slab[id]
	p := &g.world.principals[t.principal]
	switch t.step {
	case register, publishRefresh:
		p.task = id
	case registerEnd, publishEnd:
		p.task, t.expires = id, 0
	case publishInitial, publishChanged:
		p.task = id
		p.state++
		p.sent, p.remaining = t.start, p.watchers
		if t.op != login { // which waits for nobody else
			t.awaits = p.watchers
		}
	case subscribeInitial, subscribeRefresh, subscribeEnd:
		s := &g.world.subs[t.sub]
		s.task, s.notified = id, false
		t.awaits = 1
		if t.step == subscribeEnd {
			t.expires = 0
		}
	}
	g.transmit(id, "")
}

// tries bounds the search for somebody who is not busy.
const tries = 64

// pick chooses whom the next operation is about.
func (g *generator) pick(src *source) (subject, sub int32, ok bool) {
	switch src.op {
	case publishInitial:
		return g.next(src, func(p *principal) bool { return !p.published })
	case publishEnd:
		return g.next(src, func(p *principal) bool { return p.published })
	case registerEnd:
		return g.next(src, func(p *principal) bool { return p.registered })
	case login:
		return g.next(src, func(*principal) bool { return true })
	case register:
		return g.cycle(src, func(*principal) bool { return true })
	case publishChanged, publishRefresh:
		return g.cycle(src, func(p *principal) bool { return p.published })
	case message:
		subject = int32(src.cursor % src.principals)
		src.cursor++
		return subject, -1, true
	case subscribeInitial:
		if src.watchers > 0 && src.cursor >= src.principals*src.watchers {
			src.exhausted = true
			return 0, -1, false
		}
		presentity, watcher := pair(src.cursor, src.principals)
		src.cursor++
		return watcher, g.world.subscribe(presentity, watcher), true
	case subscribeRefresh, subscribeEnd:
		return g.pickSubscription(src)
	}
	return 0, -1, false
}

// next takes each principal once.
func (g *generator) next(src *source, fits func(*principal) bool) (int32, int32, bool) {
	for ; src.cursor < src.principals; src.cursor++ {
		g.world.grow(src.cursor + 1)
		if p := &g.world.principals[src.cursor]; p.task < 0 && fits(p) {
			src.cursor++
			return int32(src.cursor - 1), -1, true
		}
	}
	src.exhausted = true
	return 0, -1, false
}

// cycle takes the principals one after the other, for ever.
func (g *generator) cycle(src *source, fits func(*principal) bool) (int32, int32, bool) {
	g.world.grow(src.principals)
	for range g.search(src, src.principals) {
		i := src.cursor % src.principals
		src.cursor++
		if p := &g.world.principals[i]; p.task < 0 && fits(p) {
			return int32(i), -1, true
		}
	}
	g.desert(src)
	return 0, -1, false
}

// search is how many are looked at: all, where nobody can be busy.
func (g *generator) search(src *source, all int) int {
	if src.rate == 0 && g.running == 0 {
		return all
	}
	return min(tries, all)
}

// desert ends a closed loop in which nobody is busy and nobody was found:
// failures have left no one to go on with.
func (g *generator) desert(src *source) {
	if src.rate == 0 && g.running == 0 {
		src.exhausted, src.deserted = true, src.failed > 0
	}
}

// pickSubscription ends each dialog once, and refreshes them in turn.
func (g *generator) pickSubscription(src *source) (int32, int32, bool) {
	all := len(g.world.subs)
	if src.op == subscribeRefresh {
		all = g.search(src, all)
	}
	for range all {
		if src.op == subscribeEnd && src.cursor >= len(g.world.subs) {
			src.exhausted = true
			break
		}
		i := src.cursor % len(g.world.subs)
		src.cursor++
		if s := &g.world.subs[i]; s.state == active && s.task < 0 && !s.dead {
			return s.watcher, int32(i), true
		}
	}
	if len(g.world.subs) == 0 {
		src.exhausted = true
	}
	g.desert(src)
	return 0, -1, false
}
