package main

import (
	"context"
	"time"

	"github.com/emiago/sipgo/sip"
)

// fetch asks for a presentity's presence once: a SUBSCRIBE with Expires 0
// outside a dialog, answered by one NOTIFY (RFC 6665 s.4.4.3).
func fetch(ctx context.Context, a *agent, operands []string) error {
	presentity, err := parsePrincipal(operands[0])
	if err != nil {
		return err
	}
	d := newDialog(a.account.uri, presentity, presentity)
	told := make(chan notification, 1)
	a.notified = func(r *sip.Request) reply { return fetched(d, r, told) }
	c := subscribeContent(a)
	c.fields = append(c.fields, expiresField(0))
	res, err := a.do(ctx, d, sip.SUBSCRIBE, c)
	if err != nil {
		return err
	}
	if !res.IsSuccess() {
		return refused(res)
	}
	d.confirm(res)
	select {
	case n := <-told:
		return a.showFetched(presentity, n)
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(a.options.timeout):
		return unreachable("%s accepted the SUBSCRIBE, but sent no NOTIFY", a.server)
	}
}

// fetched answers the NOTIFY of a fetch.
func fetched(d *dialog, r *sip.Request, told chan<- notification) reply {
	if code := d.accept(r); code != 0 {
		return reply{code: code, reason: "Subscription Does Not Exist"}
	}
	n, refusal := readNotification(r)
	if refusal.code != 0 {
		return refusal
	}
	return reply{code: 200, reason: "OK", after: func() {
		select {
		case told <- n:
		default: // one is enough
		}
	}}
}

func (a *agent) showFetched(presentity sip.Uri, n notification) error {
	switch {
	case n.presence == nil && (n.reason == "rejected" || n.reason == "noresource"):
		return failed("%s: %s", name(presentity), n.reason)
	case n.problem != "":
		return failed("%s %s", name(presentity), n.describe())
	}
	a.out.tell(n.event(presentity), "%s %s", name(presentity), n.describe())
	return nil
}
