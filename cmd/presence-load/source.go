package main

import "time"

// step is a latency that is measured.
type step int

const (
	stepSent       step = iota // due to sent, in open loop: how late the generator is
	stepAnswer                 // request to final response
	stepAnswerWire             // the same without what the generator takes: sent to its arrival in the socket
	stepNotify                 // SUBSCRIBE to its NOTIFY; PUBLISH to each NOTIFY
	stepWire                   // PUBLISH sent to NOTIFY in the socket
	stepLast                   // PUBLISH to the last NOTIFY
	stepDelivery               // MESSAGE to its arrival at the inbox
	stepRegister               // of a log-in
	stepPublish                // of a log-in
	stepSubscribe              // of a log-in
	stepWhole                  // the whole operation
	steps
)

var stepNames = [steps]string{"sent", "answer", "answer on the wire", "notify", "notify on the wire", "last notify", "delivery", "register", "publish", "subscribe", "whole"}

func answerStep(t *task) step {
	if t.op != login {
		return stepAnswer
	}
	switch t.step {
	case register:
		return stepRegister
	case publishInitial:
		return stepPublish
	}
	return stepSubscribe
}

// source starts operations of one kind: closed loop with so many on their way,
// or open loop at a rate, whatever comes back.
type source struct {
	op         operation
	principals int
	watchers   int
	inFlight   int
	rate       float64 // per second; 0 is closed loop
	limit      int     // operations; 0 is none

	cursor    int
	exhausted bool // nobody is left to start on
	deserted  bool // because of failures
	stuck     bool // all are busy: until something comes in
	began     int64
	due       int64 // the next, in open loop
	planned   int   // by the rate
	started   int
	running   int
	finished  int
	failed    int
	withheld  int // due, but all subjects were busy

	latency [steps]histogram
}

// burst bounds what is started before the loop looks at what came in.
const burst = 64

// over: nothing will be started any more.
func (s *source) over() bool {
	return s.op == pause || s.exhausted || s.limit > 0 && s.started+s.withheld >= s.limit
}

// feed starts what the source wants now.
func (g *generator) feed(s *source) {
	if s.rate == 0 {
		s.stuck = false
		for n := 0; n < burst && s.running < s.inFlight && !s.over() && !s.stuck; n++ {
			s.stuck = !g.begin(s, g.now)
		}
		return
	}
	for n := 0; n < burst && s.due <= g.now && !s.over(); n++ {
		if g.running >= g.set.MaxInFlight || !g.begin(s, s.due) {
			s.withheld++
		}
		s.planned++
		s.due = s.began + int64(float64(s.planned)*float64(time.Second)/s.rate)
	}
}

// wakes is when feed has something to do without anything coming in.
func (s *source) wakes(now int64) int64 {
	switch {
	case s.over():
		return never
	case s.rate > 0:
		return s.due
	case s.running < s.inFlight && !s.stuck:
		return now
	}
	return never
}

func (g *generator) measure(s *source, what step, ns int64) { s.latency[what].add(ns) }

// done ends a task well, or takes a log-in to its next step.
func (g *generator) done(id int32) {
	t := &g.tasks.slab[id]
	g.let(t)
	if t.op == login && g.advance(id) {
		return
	}
	t.source.finished++
	if t.op == login || t.awaitsMore() {
		g.measure(t.source, stepWhole, g.now-t.start)
	}
	g.leave(id)
}

// awaitsMore: the operation is more than an answer.
func (t *task) awaitsMore() bool {
	switch t.op {
	case subscribeInitial, subscribeRefresh, subscribeEnd, message:
		return true
	}
	return false
}

// advance takes a log-in to its next step.
func (g *generator) advance(id int32) bool {
	t := &g.tasks.slab[id]
	t.forced = false
	switch t.step {
	case register:
		t.step = publishInitial
		if g.world.principals[t.principal].published {
			t.step = publishChanged
		}
	default:
		if int(t.buddy) >= t.source.watchers || t.source.principals < 2 {
			return false
		}
		t.buddy++
		t.step = subscribeInitial
		t.sub = g.world.subscribe((t.principal+t.buddy)%int32(t.source.principals), t.principal)
	}
	t.awaits = 0
	g.enter(id)
	return true
}

// fail ends a task that went wrong.
func (g *generator) fail(id int32, why string) {
	t := &g.tasks.slab[id]
	g.tally.Failures[string(t.step)+" "+why]++
	t.source.failed++
	p := &g.world.principals[t.principal]
	switch t.step {
	case publishInitial, publishChanged, publishRefresh, publishEnd:
		if p.published && why != "incomplete" { // whether the entity-tag still holds is unknown
			p.published, p.etag = false, ""
			g.world.published--
		}
	case subscribeInitial, subscribeRefresh, subscribeEnd:
		if t.state == asked || t.step != subscribeRefresh {
			g.endSubscription(t.sub)
		}
	}
	g.let(t)
	g.leave(id)
}

// let frees the step's subject.
func (g *generator) let(t *task) {
	switch t.step {
	case subscribeInitial, subscribeRefresh:
		s := &g.world.subs[t.sub]
		s.task = -1
		if s.state == starting && s.notified {
			g.world.activate(s)
		}
	case subscribeEnd:
		g.world.subs[t.sub].task = -1
		g.endSubscription(t.sub)
	case message:
	default:
		g.world.principals[t.principal].task = -1
	}
}

func (g *generator) leave(id int32) {
	g.tasks.slab[id].source.running--
	g.running--
	g.tasks.release(id)
}
