package main

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
)

// largestDatagram is the size from which a request goes by TCP (RFC 3261
// s.18.1.1).
const largestDatagram = 1300

// unansweredNotice is how long nothing may come before the person is told.
const unansweredNotice = 3 * time.Second

// content is what a request says beyond its dialog.
type content struct {
	fields      []sip.Header
	contact     func(l *link) string // Contact field's value; nil: none
	contentType string
	body        []byte
}

func expiresField(seconds uint) sip.Header {
	return sip.NewHeader("Expires", strconv.FormatUint(uint64(seconds), 10))
}

// do sends a request of the dialog and returns its final response; a challenge
// is answered on the way. Any final response but a challenge is no error.
func (a *agent) do(ctx context.Context, d *dialog, method sip.RequestMethod, c content) (*sip.Response, error) {
	met := attempts{}
	for {
		res, err := a.attempt(ctx, d, method, c)
		if err != nil {
			return nil, err
		}
		ch := challengeIn(res)
		if ch == nil {
			return res, nil
		}
		if met.hopeless(ch) {
			return nil, wrongPassword(refused(res))
		}
		if err := a.account.answer(ctx, ch, string(method), d.uri()); err != nil {
			return nil, err
		}
	}
}

func wrongPassword(err error) error {
	var f *failure
	if errors.As(err, &f) {
		f.reason += " (wrong name or password)"
	}
	return err
}

// attempt sends a request once.
func (a *agent) attempt(ctx context.Context, d *dialog, method sip.RequestMethod, c content) (*sip.Response, error) {
	ctx, cancel := context.WithTimeout(ctx, a.options.timeout)
	defer cancel()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	l, err := a.way(ctx, d)
	if err != nil {
		return nil, a.unanswered(ctx, err)
	}
	r := d.request(method)
	if c.contact != nil {
		r.AppendHeader(sip.NewHeader("Contact", c.contact(l)))
	}
	for _, field := range c.fields {
		r.AppendHeader(sip.HeaderClone(field))
	}
	for _, field := range a.account.authorization(string(method), r.Recipient.String()) {
		r.AppendHeader(field)
	}
	if c.contentType != "" {
		r.AppendHeader(sip.NewHeader("Content-Type", c.contentType))
	}
	r.SetBody(c.body)
	if l.network == "udp" && len(r.String()) > largestDatagram {
		if res, err := a.byTCP(ctx, l, r); err == nil {
			return res, nil
		}
		r.RemoveHeader("Via")
	}
	res, err := a.exchange(ctx, r, l)
	return res, a.unanswered(ctx, err)
}

// way is the link for the next request of a dialog: to the server, unless the
// dialog's route set or target is elsewhere and no server was asked for.
func (a *agent) way(ctx context.Context, d *dialog) (*link, error) {
	home, err := a.home(ctx)
	if err != nil || !d.established() || a.proxied {
		return home, err
	}
	next, err := d.nextHop()
	if err != nil {
		return nil, err
	}
	network := a.transport
	if next.network != "" && network != "tls" { // what began on TLS stays on it
		network = next.network
	}
	addrs, err := next.addresses(ctx, network)
	if err != nil {
		return nil, err
	}
	if addrs[0] == home.remote && network == home.network {
		return home, nil
	}
	return a.connect(ctx, network, next)
}

// byTCP sends a request that is too large for a datagram. An error means that
// the peer does not take TCP, and that the request was not answered: RFC 3261
// s.18.1.1 has it tried by UDP then.
func (a *agent) byTCP(ctx context.Context, udp *link, r *sip.Request) (*sip.Response, error) {
	short, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	l, err := a.link(short, "tcp", udp.remote.Addr().String(), udp.remote)
	if err != nil {
		return nil, err
	}
	res, err := a.exchange(ctx, r, l)
	if errors.Is(err, sip.ErrTransactionTransport) {
		l.shut()
	}
	return res, err
}

// exchange sends a request on a link and waits for its final response.
func (a *agent) exchange(ctx context.Context, r *sip.Request, l *link) (*sip.Response, error) {
	via := &sip.ViaHeader{
		ProtocolName: "SIP", ProtocolVersion: "2.0", Transport: sip.NetworkToUpper(l.network),
		Host: l.local.Addr().String(), Port: int(l.local.Port()),
	}
	via.Params.Add("branch", sip.GenerateBranchN(16))
	via.Params.Add("rport", "") // RFC 3581 s.3
	r.PrependHeader(via)
	r.SetTransport(via.Transport)
	r.SetDestination(l.remote.String())
	if l.network == "udp" {
		r.Laddr = sip.Addr{IP: l.local.Addr().AsSlice(), Port: int(l.local.Port())}
	}
	asBuilt := func(*sipgo.Client, *sip.Request) error { return nil }
	tx, err := a.client.TransactionRequest(ctx, r, asBuilt)
	if err != nil {
		return nil, err
	}
	defer tx.Terminate()
	notice := time.AfterFunc(unansweredNotice, func() {
		a.out.notice("no answer from %s yet", l.remote)
	})
	defer notice.Stop()
	given, grace := ctx.Done(), (<-chan time.Time)(nil)
	for {
		select {
		case res := <-tx.Responses():
			notice.Stop()
			if !res.IsProvisional() {
				return res, nil
			}
		case <-tx.Done():
			return nil, tx.Err()
		case <-given:
			if !errors.Is(ctx.Err(), context.Canceled) {
				return nil, ctx.Err()
			}
			// Ctrl-C: what the server grants now has to be known, so that it can be given back.
			given, grace = nil, time.After(time.Second)
		case <-grace:
			return nil, ctx.Err()
		}
	}
}

// unanswered says in a person's words why there is no response.
func (a *agent) unanswered(ctx context.Context, err error) error {
	var f *failure
	switch {
	case err == nil || errors.As(err, &f):
		return err
	case errors.Is(err, sip.ErrTransactionTimeout), errors.Is(err, context.DeadlineExceeded):
		return unreachable("no answer from %s over %s", a.server, a.transport)
	case ctx.Err() != nil:
		return err
	}
	return unreachable("no answer from %s over %s: %s", a.server, a.transport, plain(err))
}

// minExpires is what a 423 asks for (RFC 3261 s.20.23), or 0.
func minExpires(res *sip.Response) uint {
	if res.StatusCode != sip.StatusIntervalToBrief {
		return 0
	}
	n, err := strconv.ParseUint(headerValue(res, "Min-Expires"), 10, 31)
	if err != nil {
		return 0
	}
	return uint(n)
}

// granted is how long what was asked for lasts: the response's Expires, or
// what was asked for where it has none.
func granted(res *sip.Response, asked uint) time.Duration {
	if n, err := strconv.ParseUint(headerValue(res, "Expires"), 10, 31); err == nil {
		asked = uint(n)
	}
	return time.Duration(asked) * time.Second
}

// lasting sends a request that asks for a duration, once more with the
// duration that a 423 demands.
func (a *agent) lasting(ctx context.Context, d *dialog, method sip.RequestMethod, seconds *uint, c content) (*sip.Response, error) {
	fields := c.fields
	for tries := 0; ; tries++ {
		c.fields = append(fields[:len(fields):len(fields)], expiresField(*seconds))
		res, err := a.do(ctx, d, method, c)
		if err != nil {
			return nil, err
		}
		least := minExpires(res)
		if least <= *seconds || tries > 0 {
			return res, nil
		}
		*seconds = least
	}
}
