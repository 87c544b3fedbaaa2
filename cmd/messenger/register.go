package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"
)

// registration keeps the principal's inbox reachable (RFC 3261 s.10.2).
type registration struct {
	agent    *agent
	dialog   *dialog
	expires  uint
	contact  string // as registered last; "" before
	reported bool
}

func (a *agent) newRegistration() *registration {
	aor := a.account.uri
	domain := aor // RFC 3261 s.10.2: no userinfo in the Request-URI
	domain.User = ""
	return &registration{agent: a, dialog: newDialog(aor, aor, domain), expires: a.options.expires}
}

// register keeps the principal registered until Ctrl-C.
func register(ctx context.Context, a *agent, _ []string) error {
	return a.newRegistration().hold(ctx)
}

// hold keeps the registration until ctx ends, and removes it then.
func (r *registration) hold(ctx context.Context) error {
	err := r.agent.keep(ctx, lease{name: "registration", obtain: r.obtain})
	if err != nil || r.contact == "" {
		return err
	}
	return r.remove()
}

// obtain adds or refreshes the binding (RFC 3261 s.10.2.1, s.10.2.4).
func (r *registration) obtain(ctx context.Context) (time.Duration, error) {
	var sent string
	res, err := r.agent.lasting(ctx, r.dialog, sip.REGISTER, &r.expires, content{
		fields: []sip.Header{sip.NewHeader("Allow", allowed)},
		contact: func(l *link) string {
			sent = l.contact(r.agent.user)
			value := fmt.Sprintf("<%s>;expires=%d", sent, r.expires)
			if r.contact != "" && r.contact != sent {
				// The old connection is gone; its binding leads nowhere (RFC 3261 s.10.2.2).
				value += fmt.Sprintf(", <%s>;expires=0", r.contact)
			}
			return value
		},
	})
	if err != nil {
		return 0, err
	}
	if !res.IsSuccess() {
		return 0, refused(res)
	}
	life := bindingLife(res, sent, granted(res, r.expires))
	if r.contact != sent || !r.reported {
		r.agent.out.tell(event{Event: "registered", URI: r.agent.account.uri.String(), Contact: sent, Expires: int(life.Seconds())},
			"%s is registered", name(r.agent.account.uri))
	}
	r.contact, r.reported = sent, true
	return life, nil
}

// remove takes our binding away, and no other's.
func (r *registration) remove() error {
	ctx, cancel := r.agent.goodbye()
	defer cancel()
	res, err := r.agent.do(ctx, r.dialog, sip.REGISTER, content{
		fields:  []sip.Header{expiresField(0)},
		contact: func(*link) string { return "<" + r.contact + ">;expires=0" },
	})
	if err != nil {
		return r.agent.parting(err, "unregistered")
	}
	if !res.IsSuccess() {
		return r.agent.parting(refused(res), "unregistered")
	}
	r.agent.out.tell(event{Event: "unregistered", URI: r.agent.account.uri.String()}, "%s is unregistered", name(r.agent.account.uri))
	return nil
}

// parting is for what failed after Ctrl-C: it is told, but the person wanted to
// leave, and what is left behind lapses by itself.
func (a *agent) parting(err error, what string) error {
	a.out.trouble(err, "not %s: %s; it lapses by itself", what, err)
	return nil
}

// bindingLife finds our binding in the response to a REGISTER, which lists all
// (RFC 3261 s.10.3, step 8), and returns its duration.
func bindingLife(res *sip.Response, contact string, otherwise time.Duration) time.Duration {
	for _, h := range append(res.GetHeaders("Contact"), res.GetHeaders("m")...) {
		for _, element := range splitList(h.Value()) {
			uri, rest, ok := strings.Cut(element, ">")
			_, uri, _ = strings.Cut(uri, "<")
			if !ok || !strings.EqualFold(uri, contact) {
				continue
			}
			_, parameters := parameters(rest)
			if n, err := strconv.ParseUint(parameters["expires"], 10, 31); err == nil {
				return time.Duration(n) * time.Second
			}
		}
	}
	return otherwise
}
