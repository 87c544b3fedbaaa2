package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
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

// game is one pair over one transport, and how it went.
type game struct {
	pair      [2]string
	transport string
	users     [2]string
	results   map[string]error // by step; no entry: the pair cannot do it
	took      time.Duration
}

// schedule lists the games. Every game has principals of its own, so that
// games can be played at the same time.
func schedule(s settings) []*game {
	var games []*game
	for _, transport := range s.transports {
		for _, pair := range s.pairs {
			n := len(games)
			games = append(games, &game{pair: pair, transport: transport, results: make(map[string]error),
				users: [2]string{fmt.Sprintf("alice%d", n), fmt.Sprintf("bob%d", n)}})
		}
	}
	return games
}

func playAll(ctx context.Context, s settings, server *agent, games []*game) {
	var wait sync.WaitGroup
	places := make(chan struct{}, s.parallel)
	for _, g := range games {
		places <- struct{}{}
		wait.Go(func() {
			defer func() { <-places }()
			begin := time.Now()
			g.play(ctx, s, server)
			g.took = time.Since(begin)
			fmt.Fprintf(os.Stderr, "%-20s %s  %s\n", g.name(), g.transport, g.verdict())
		})
	}
	wait.Wait()
}

func (g *game) name() string { return g.pair[0] + "-" + g.pair[1] }

func (g *game) verdict() string {
	for _, step := range steps {
		if err := g.results[step]; err != nil {
			return "FAILED"
		}
	}
	return "ok"
}

func (g *game) presence() bool { return stacks[g.pair[0]].presence && stacks[g.pair[1]].presence }

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

// step notes how a step went; a step done twice is as good as its worse half.
func (g *game) step(name string, do func() error) {
	g.results[name] = errors.Join(g.results[name], do())
}

// phone starts the softphone of one side.
func (g *game) phone(ctx context.Context, s settings, server *agent, side int) (*phone, error) {
	folder := filepath.Join(s.logs, fmt.Sprintf("%s-%s-%s", g.name(), g.transport, g.users[side]))
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	p := newPhone(account{user: g.users[side], domain: s.domain, password: password(g.users[side]),
		transport: g.transport, proxyHost: "127.0.0.1", proxyPort: server.port, localPort: port,
		folder: folder, buddy: "sip:" + g.users[1-side] + "@" + s.domain}, stacks[g.pair[side]])
	p.control, err = p.stack.start(ctx, p, s.drivers)
	if err != nil {
		return nil, fmt.Errorf("%s: %s: %w", p.user, g.pair[side], err)
	}
	return p, nil
}
