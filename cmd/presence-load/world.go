package main

import "strings"

// principal is a presentity, a watcher and an inbox in one. Its number is its
// index.
type principal struct {
	etag       string
	cseq       uint32
	task       int32 // its REGISTER or PUBLISH on the way, -1 for none
	link       int32 // its own; 0: one that it shares
	registered bool
	published  bool

	state     uint32 // number of the last state that was sent
	accepted  uint32 // number of the last state that the server accepted
	sent      int64  // when state was due
	watchers  int32  // active, and alive
	remaining int32  // of those, who have not seen state
}

// dialogState is how far a subscription is.
type dialogState byte

const (
	ended dialogState = iota
	starting
	active
)

// subscription is one dialog of a watcher.
type subscription struct {
	presentity, watcher int32
	task                int32 // its SUBSCRIBE on the way, -1 for none
	incarnation         uint32
	state               dialogState
	dead                bool // never answers
	notified            bool // since the last SUBSCRIBE
	tag, target, routes string
	cseq                uint32 // ours
	order               order  // of theirs
	since               uint32 // the presentity's state when it became active: nobody counts on this watcher for that one
	seen                uint32 // the newest state's number
}

func subStamp(index int32, s *subscription) uint64 {
	return uint64(uint32(index))<<32 | uint64(s.incarnation)
}

// world is what the generator believes that the server holds.
type world struct {
	principals []principal
	subs       []subscription
	free       []int32 // ended ones
	active     int     // subscriptions
	published  int
	registered int
	strings    map[string]string // remote targets and routes: few and repeated
}

// grow makes sure that principals 0 to n-1 are there.
func (w *world) grow(n int) {
	for len(w.principals) < n {
		w.principals = append(w.principals, principal{task: -1})
	}
}

func (w *world) intern(b string) string {
	s, known := w.strings[b]
	if !known {
		s = strings.Clone(b)
		if len(w.strings) < 1024 {
			w.strings[s] = s
		}
	}
	return s
}

// subscribe makes room for a new dialog.
func (w *world) subscribe(presentity, watcher int32) int32 {
	w.grow(int(max(presentity, watcher)) + 1)
	var id int32
	if n := len(w.free); n > 0 {
		id = w.free[n-1]
		w.free = w.free[:n-1]
	} else {
		id = int32(len(w.subs))
		w.subs = append(w.subs, subscription{})
	}
	w.subs[id] = subscription{presentity: presentity, watcher: watcher, task: -1, incarnation: w.subs[id].incarnation + 1, state: starting}
	return id
}

// activate counts on the watcher from the next state on.
func (w *world) activate(s *subscription) {
	if s.state == active {
		return
	}
	s.state = active
	w.active++
	p := &w.principals[s.presentity]
	p.watchers++
	s.since = p.state
}

// end forgets a dialog. It reports whether the presentity waited for this
// watcher to see its state.
func (w *world) end(id int32) (waited bool) {
	s := &w.subs[id]
	if s.state == ended {
		return false
	}
	if s.state == active {
		w.active--
		if !s.dead {
			waited = w.uncount(s)
		}
	}
	s.state = ended
	w.free = append(w.free, id)
	return waited
}

// die makes a watcher one that never answers.
func (w *world) die(s *subscription) {
	if s.state == active && !s.dead {
		w.uncount(s)
		s.dead = true
	}
}

func (w *world) uncount(s *subscription) (waited bool) {
	p := &w.principals[s.presentity]
	p.watchers--
	if s.seen < p.state && p.state > s.since && p.remaining > 0 {
		p.remaining--
		return true
	}
	return false
}

// missing counts the watchers that have not seen the last accepted state.
func (w *world) missing() (n int) {
	for i := range w.subs {
		s := &w.subs[i]
		if s.state == active && !s.dead && s.seen < w.principals[s.presentity].accepted {
			n++
		}
	}
	return n
}

// order follows the CSeq of one dialog's NOTIFYs: what comes again is told
// from what comes too late.
type order struct {
	highest uint32
	window  uint64 // bit i: highest-i was here
}

type arrival byte

const (
	fresh arrival = iota
	repeated
	late // lower than one before, and new (RFC 3261 s.12.2.2)
)

func (o *order) arrive(cseq uint32) arrival {
	switch {
	case o.window == 0 || cseq > o.highest:
		if shift := cseq - o.highest; o.window == 0 || shift >= 64 {
			o.window = 0
		} else {
			o.window <<= shift
		}
		o.highest = cseq
		o.window |= 1
		return fresh
	case o.highest-cseq >= 64:
		return repeated
	}
	bit := uint64(1) << (o.highest - cseq)
	if o.window&bit != 0 {
		return repeated
	}
	o.window |= bit
	return late
}
