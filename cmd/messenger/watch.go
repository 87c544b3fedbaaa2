package main

import (
	"context"
	"errors"

	"github.com/emiago/sipgo/sip"
)

// watch subscribes to a presentity and prints each change until Ctrl-C, or
// until the subscription is ended for good.
func watch(ctx context.Context, a *agent, operands []string) error {
	presentity, err := parsePrincipal(operands[0])
	if err != nil {
		return err
	}
	return a.follow(ctx, a.newSubscription(&presencePackage, presentity, &presenceLog{out: a.out, presentity: presentity}))
}

// follow keeps a subscription until Ctrl-C, or until it is ended for good.
func (a *agent) follow(ctx context.Context, s *subscription) error {
	a.notified = s.notify
	err := a.keep(ctx, lease{name: "subscription", obtain: s.obtain, again: s.again, ended: s.ended})
	if errors.Is(err, errEnded) {
		return nil
	}
	if err != nil {
		return err
	}
	return s.leave()
}

// presenceLog prints what is new of a presentity.
type presenceLog struct {
	out        *output
	presentity sip.Uri
	shown      string
}

func (l *presenceLog) begin() {}

func (l *presenceLog) hear(n notification) (refresh bool) {
	if n.state == "terminated" && n.presence == nil {
		l.shown = "" // the termination is told: whatever follows is new
		return false
	}
	if text := n.describe(); text != l.shown {
		l.shown = text
		l.out.tell(n.event(l.presentity), "%s %s", name(l.presentity), text)
	}
	if n.state == "terminated" {
		l.shown = ""
	}
	return false
}
