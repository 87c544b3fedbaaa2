package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"time"
)

// generator is the load's loop with all it knows. One goroutine does all: many
// dialogs a socket, no lock, no timer and no goroutine per dialog.
type generator struct {
	ctx       context.Context
	set       *settings
	run       string // makes the names of this run unlike those of others
	server    address
	links     []link // the dead's come after the shared ones
	shared    int
	templates []*templates
	poll      *poller
	epoch     time.Time

	now      int64 // ns since epoch, when the loop last looked
	wall     int64 // the same moment in ns since 1970
	arrival  int64 // ns since epoch, when the kernel got what is being handled; 0 if nobody knows
	idle     int64 // ns spent waiting
	tasks    tasks
	running  int
	timerE   [levels]queue
	timerF   queue
	patience queue
	world    world
	shape    shape
	tally    *tally
	inbound  inbound
	scratch  []byte

	progress func() // each second, if not nil
	nextTick int64
}

// tally counts what happens in a phase besides finished operations.
type tally struct {
	Failures         map[string]int `json:"failures,omitempty"` // by request and code
	Retransmissions  int            `json:"retransmissions"`
	Challenges       int            `json:"challenges"`
	Notifies         int            `json:"notifies"`   // each counted once
	Deliveries       int            `json:"deliveries"` // MESSAGEs at their inbox, each counted once
	RepeatedNotifies int            `json:"repeated_notifies"`
	RepeatedAnswers  int            `json:"repeated_answers"`
	RepeatedMessages int            `json:"repeated_messages"`
	Unanswered       int            `json:"unanswered"`      // NOTIFYs that dead watchers got
	EndedByServer    int            `json:"ended_by_server"` // subscriptions
	Stray            int            `json:"stray"`           // for no dialog or request of ours
	Disorder         int            `json:"cseq_disorder"`
	Superseded       int            `json:"superseded"` // an older state after a newer
	Unnotified       int            `json:"unnotified"` // NOTIFYs and deliveries not seen in time
	Missing          int            `json:"missing"`    // watchers without the last state at the end
}

func newTally() *tally { return &tally{Failures: map[string]int{}} }

func newGenerator(ctx context.Context, set *settings) (*generator, error) {
	server, err := parseAddress(set.Server)
	if err != nil {
		return nil, err
	}
	if err := server.guard(set.OwnNetwork); err != nil {
		return nil, err
	}
	var name [3]byte
	rand.Read(name[:])
	g := &generator{ctx: ctx, set: set, server: server, shared: max(set.Sockets, 1), run: hex.EncodeToString(name[:]), epoch: time.Now(), tally: newTally()}
	g.world.strings = map[string]string{}
	for range g.shared {
		if err := g.open(); err != nil {
			g.close()
			return nil, err
		}
	}
	g.poll = newPoller(g.links)
	return g, nil
}

// open makes one link more.
func (g *generator) open() error {
	l, err := dial(g.ctx, g.server, g.set.RcvBuf)
	if err != nil {
		return err
	}
	g.links = append(g.links, l)
	t, err := newTemplates(g.set, l, g.run)
	g.templates = append(g.templates, t)
	return err
}

func (g *generator) close() {
	for _, l := range g.links {
		l.close()
	}
}

func (g *generator) clock() int64 { return int64(time.Since(g.epoch)) }

// look takes the time.
func (g *generator) look() {
	t := time.Now()
	g.now, g.wall = int64(t.Sub(g.epoch)), t.UnixNano()
}

// arrives notes when a message came, in ns since 1970, 0 if nobody knows.
func (g *generator) arrives(at int64) {
	g.arrival = at
	if at != 0 {
		g.arrival += g.now - g.wall
	}
}

// loop feeds the sources and takes what comes until over says so.
func (g *generator) loop(sources []*source, over func() bool) error {
	for g.look(); !over(); {
		if err := g.ctx.Err(); err != nil {
			return err
		}
		g.look()
		for _, s := range sources {
			g.feed(s)
		}
		g.expire()
		for _, l := range g.links {
			if err := l.flush(); err != nil {
				return fmt.Errorf("send: %w", err)
			}
		}
		if err := g.wait(sources); err != nil {
			return err
		}
		for i, l := range g.links {
			if !g.poll.ready(i) {
				continue
			}
			if err := l.receive(func(raw []byte, at int64) { g.arrives(at); g.received(l, raw) }); err != nil {
				return fmt.Errorf("receive: %w", err)
			}
		}
	}
	return nil
}

// longest is how long the loop waits at most, so that over is asked.
const longest = 20 * time.Millisecond

func (g *generator) wait(sources []*source) error {
	before := g.clock()
	wake := before + int64(longest)
	for _, s := range sources {
		wake = min(wake, s.wakes(before))
	}
	void := func(d deadline) bool {
		t := &g.tasks.slab[d.task]
		return t.generation != d.generation || t.state == idle
	}
	for i := range g.timerE {
		wake = min(wake, g.timerE[i].next(void))
	}
	wake = min(wake, g.timerF.next(void), g.patience.next(void))
	if err := g.poll.wait(time.Duration(wake - before)); err != nil {
		return err
	}
	g.look()
	g.idle += g.now - before
	if g.now >= g.nextTick && g.progress != nil {
		g.nextTick = g.now + int64(time.Second)
		g.progress()
		g.look()
	}
	return nil
}
