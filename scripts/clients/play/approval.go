package main

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// promptly is how soon a watcher that was waiting must see what it may see.
const promptly = time.Second

// ask waits until other waits for p's decision, and does not see p yet.
func (g *game) ask(ctx context.Context, server *agent, p, other *phone) error {
	if err := p.control.publish("open"); err != nil {
		return err
	}
	if err := server.until(ctx, " bytes ", server.show(p)...); err != nil {
		return fmt.Errorf("%s: publishes: %w", p.user, err)
	}
	if err := server.until(ctx, "pending", server.decide(p, "watchers")...); err != nil {
		return fmt.Errorf("%s: has to be approved by %s: %w", other.user, p.user, err)
	}
	other.mu.Lock()
	defer other.mu.Unlock()
	if other.sees[p.aor()] == "open" {
		return fmt.Errorf("%s sees %s before it was approved", other.user, p.user)
	}
	return nil
}

// approve has p allow other, who then sees it at once.
func (g *game) approve(ctx context.Context, server *agent, p, other *phone) error {
	if _, err := server.run(ctx, server.decide(p, "allow", other.aor())...); err != nil {
		return err
	}
	return other.until(ctx, promptly, "is approved by "+p.user, func() bool { return other.sees[p.aor()] == "open" })
}

// show is presenced's command that says what is published for a phone.
func (a *agent) show(p *phone) []string {
	return []string{a.binary, "show", "--config", a.config, p.aor()}
}

// decide is a command of messenger for the principal of a phone.
func (a *agent) decide(p *phone, command string, args ...string) []string {
	return append([]string{a.messenger, command, p.aor(), "--user", p.user, "--server", fmt.Sprintf("127.0.0.1:%d", a.port),
		"--http", fmt.Sprintf("http://127.0.0.1:%d", a.xcap)}, args...)
}

// run is the output of a command that ends by itself. Principals' passwords
// follow from their names.
func (a *agent) run(ctx context.Context, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	c := exec.CommandContext(ctx, args[0], args[1:]...)
	for i, arg := range args {
		if arg == "--user" {
			c.Env = append(c.Environ(), "PRESENCED_PASSWORD="+password(args[i+1]))
		}
	}
	out, err := c.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, out)
	}
	return string(out), err
}

// until runs a command until it says a word, as long as a softphone may take
// to subscribe after its login.
func (a *agent) until(ctx context.Context, word string, args ...string) error {
	ctx, cancel := context.WithTimeout(ctx, 25*time.Second)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		out, err := a.run(ctx, args...)
		if err == nil && strings.Contains(out, word) {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("never %s: %s (%v)", word, out, err)
		}
	}
}
