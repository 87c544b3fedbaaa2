package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
)

// steps are the table's columns, in order.
var steps = []string{"register", "pending", "online", "offline", "back", "ASCII", "UTF-8", "1200 B", "log-out"}

// text is what a message step sends; it tells who sent it, because both ways
// are played at once.
func text(step, sender string) string {
	switch step {
	case "ASCII":
		return sender + ": Hello, is anybody there?"
	case "UTF-8":
		return sender + ": Grüße 你好 🙂"
	}
	return (sender + ": " + strings.Repeat("0123456789", 120))[:1200]
}

// game is one pair over one transport.
type game struct {
	score
	stacks [2]string
	users  [2]string
}

// schedule lists the games. Every game has principals of its own, so that
// games can be played at the same time.
func schedule(s settings) []match {
	var games []match
	for _, transport := range s.transports {
		for _, pair := range s.pairs {
			n := len(games)
			games = append(games, &game{score: newScore(pair, transport), stacks: pair,
				users: [2]string{fmt.Sprintf("alice%d", n), fmt.Sprintf("bob%d", n)}})
		}
	}
	return games
}

func (g *game) principals() []string { return g.users[:] }

func (g *game) outcome() *score { return &g.score }

func (g *game) presence() bool { return stacks[g.stacks[0]].presence && stacks[g.stacks[1]].presence }

// play does every step; one that fails does not keep later ones from being
// tried, except for registering.
func (g *game) play(ctx context.Context, s settings, server *agent) {
	var phones [2]*phone
	defer func() {
		for _, p := range phones {
			if p != nil && p.control != nil {
				// A complaint here says that it is gone already.
				_ = p.control.quit()
			}
		}
	}()
	for i := range phones {
		p, err := g.phone(ctx, s, server, i)
		if err != nil {
			g.results["register"] = err
			return
		}
		phones[i] = p
	}
	a, b := phones[0], phones[1]
	g.step("register", both(func(p, _ *phone) error { return p.untilRegistered(ctx) }, a, b))
	if g.results["register"] != nil {
		return
	}
	if g.presence() {
		g.playPresence(ctx, server, a, b)
	}
	for _, step := range []string{"ASCII", "UTF-8", "1200 B"} {
		g.step(step, both(func(from, to *phone) error {
			if err := from.control.send(to.aor(), text(step, from.user)); err != nil {
				return err
			}
			return to.untilGot(ctx, text(step, from.user))
		}, a, b))
	}
	if g.presence() {
		g.step("log-out", func() error {
			if err := a.control.quit(); err != nil {
				return err
			}
			return b.untilSees(ctx, a.aor(), "closed")
		})
	}
}

// playPresence: each sees the other once it may, sees it go and come back.
func (g *game) playPresence(ctx context.Context, server *agent, a, b *phone) {
	see := func(basic string) func(p, other *phone) error {
		return func(p, other *phone) error {
			if err := p.control.publish(basic); err != nil {
				return err
			}
			return other.untilSees(ctx, p.aor(), basic)
		}
	}
	g.step("pending", both(func(p, other *phone) error { return g.ask(ctx, server, p, other) }, a, b))
	g.step("online", both(func(p, other *phone) error { return g.approve(ctx, server, p, other) }, a, b))
	for _, turn := range [][2]*phone{{a, b}, {b, a}} {
		g.step("offline", func() error { return see("closed")(turn[0], turn[1]) })
		g.step("back", func() error {
			if err := see("open")(turn[0], turn[1]); err != nil {
				return err
			}
			// Who logs in anew has to find its own watchings again.
			return errors.Join(turn[0].untilRegistered(ctx), turn[0].untilSees(ctx, turn[1].aor(), "open"))
		})
	}
}

// both does something in both directions at once.
func both(do func(p, other *phone) error, a, b *phone) func() error {
	return func() error {
		var wait sync.WaitGroup
		var there, back error
		wait.Go(func() { there = do(a, b) })
		wait.Go(func() { back = do(b, a) })
		wait.Wait()
		return errors.Join(there, back)
	}
}

func (g *game) step(name string, do func() error) { g.note(name, do()) }

// phone starts the softphone of one side.
func (g *game) phone(ctx context.Context, s settings, server *agent, side int) (*phone, error) {
	a := account{user: g.users[side], localHost: loopback, transport: g.transport, buddy: "sip:" + g.users[1-side] + "@" + s.domain}
	return start(ctx, s, server, g.stacks[side], a, fmt.Sprintf("%s-%s-%s", g.pair, g.transport, g.users[side]))
}
