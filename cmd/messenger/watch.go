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
	p := &presencePackage
	if a.options.partial {
		p = partialPresence()
	}
	return a.follow(ctx, a.newSubscription(p, presentity, &presenceLog{out: a.out, raw: a.options.raw, presentity: presentity}))
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
	raw        bool // the documents are printed
	presentity sip.Uri
	shown      string
}

func (l *presenceLog) begin() {}

func (l *presenceLog) hear(n notification) (refresh bool) {
	if n.state == "terminated" && n.presence == nil {
		l.shown = "" // the termination is told: whatever follows is new
		return false
	}
	if n.lost && n.problem == "" {
		l.out.notice("a change of %s was lost; asking for all", name(l.presentity))
		return true
	}
	text := n.describe()
	if l.raw {
		text += n.document
	}
	if text != l.shown {
		l.shown = text
		n.show(l.out, l.presentity, l.raw)
	}
	if n.state == "terminated" {
		l.shown = ""
	}
	return n.lost
}

// show prints what a NOTIFY says: in words, or the document if there is one.
func (n notification) show(out *output, presentity sip.Uri, raw bool) {
	if raw && n.document != "" {
		out.raw(n.event(presentity), n.document)
		return
	}
	out.tell(n.event(presentity), "%s %s", name(presentity), n.describe())
}
