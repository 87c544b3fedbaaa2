package main

import (
	"context"
	"time"

	"github.com/emiago/sipgo/sip"
)

// fetch asks for a presentity's presence once (RFC 6665 s.4.4.3).
func fetch(ctx context.Context, a *agent, operands []string) error {
	presentity, err := parsePrincipal(operands[0])
	if err != nil {
		return err
	}
	n, err := a.fetchOnce(ctx, presentity, &presencePackage)
	if err != nil {
		return err
	}
	return a.showFetched(presentity, n)
}

// fetchOnce sends a SUBSCRIBE with Expires 0 outside a dialog, and returns what
// the NOTIFY says.
func (a *agent) fetchOnce(ctx context.Context, presentity sip.Uri, p *eventPackage) (notification, error) {
	d := newDialog(a.account.uri, presentity, presentity)
	told := make(chan notification, 1)
	a.notified = func(r *sip.Request) reply { return fetched(p, d, r, told) }
	c := p.subscribeContent(a)
	c.fields = append(c.fields, expiresField(0))
	res, err := a.do(ctx, d, sip.SUBSCRIBE, c)
	if err != nil {
		return notification{}, err
	}
	if !res.IsSuccess() {
		return notification{}, refused(res)
	}
	d.confirm(res)
	select {
	case n := <-told:
		return n, nil
	case <-ctx.Done():
		return notification{}, ctx.Err()
	case <-time.After(a.options.timeout):
		return notification{}, unreachable("%s accepted the SUBSCRIBE, but sent no NOTIFY", a.server)
	}
}

// fetched answers the NOTIFY of a fetch.
func fetched(p *eventPackage, d *dialog, r *sip.Request, told chan<- notification) reply {
	if code := d.accept(r); code != 0 {
		return reply{code: code, reason: "Subscription Does Not Exist"}
	}
	n, refusal := p.readNotification(r)
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
	n.show(a.out, presentity, a.options.raw)
	return nil
}
