package main

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"
)

// subscription is a subscription to a presentity, through as many dialogs as
// it takes (RFC 6665 s.4.1.2).
//
// The states are the RFC's: notify_wait after a SUBSCRIBE, pending or active by
// the NOTIFYs, terminated by a NOTIFY, by the refusal of a refresh, or by Timer
// N, which runs out when a SUBSCRIBE is not followed by a NOTIFY.
type subscription struct {
	agent      *agent
	event      *eventPackage
	presentity sip.Uri
	hearer     hearer
	expires    uint
	again      chan time.Duration
	ended      chan error
	gone       chan struct{} // closed when the last NOTIFY came, after leave

	mu       sync.Mutex
	dialog   *dialog // nil: none
	since    time.Time
	failures int       // terminations in a row that came soon
	asked    time.Time // when full state was asked for last
	told     bool      // a NOTIFY came since the last SUBSCRIBE
	timerN   *time.Timer
	sooner   *time.Timer // a refresh that a NOTIFY's shorter expires asks for
	leaving  bool
}

// hearer is told what a subscription's NOTIFYs say. Calls come one at a time,
// and must not wait.
type hearer interface {
	// begin says that a dialog begins: what comes next owes nothing to what came before.
	begin()
	// hear says whether full state is missing, which a refresh brings.
	hear(n notification) (refresh bool)
}

func (a *agent) newSubscription(p *eventPackage, presentity sip.Uri, h hearer) *subscription {
	return &subscription{
		agent: a, event: p, presentity: presentity, hearer: h, expires: a.options.expires,
		again: make(chan time.Duration, 1), ended: make(chan error, 1), gone: make(chan struct{}),
	}
}

// obtain subscribes, or refreshes the subscription.
func (s *subscription) obtain(ctx context.Context) (time.Duration, error) {
	d, refresh := s.current()
	sent := time.Now()
	res, err := s.agent.lasting(ctx, d, sip.SUBSCRIBE, &s.expires, s.event.subscribeContent(s.agent))
	switch {
	case err != nil && exitStatus(err) == exitUnreachable: // RFC 5057 s.5.2: a timeout ends the usage
		s.drop(d)
		return 0, err
	case err != nil:
		return 0, err
	case res.IsSuccess():
		d.confirm(res)
		s.expect(d, s.agent.pace.timerN-time.Since(sent))
		return granted(res, s.expires), nil
	case refresh && endsSubscription(res.StatusCode):
		s.drop(d)
		s.agent.out.notice("the server has lost the subscription to %s (%d %s); subscribing anew",
			s.name(), res.StatusCode, printable(res.Reason))
		return s.obtain(ctx)
	}
	if !refresh { // else RFC 6665 s.4.1.2.2: the subscription is as it was
		s.drop(d)
	}
	return 0, refused(res)
}

// subscribeContent is what every SUBSCRIBE says (RFC 3856 s.6.7: the Accept).
func (p *eventPackage) subscribeContent(a *agent) content {
	return content{
		fields:  []sip.Header{sip.NewHeader("Event", p.name), sip.NewHeader("Accept", p.accept), sip.NewHeader("Allow", allowed)},
		contact: func(l *link) string { return "<" + l.contact(a.user) + ">" },
	}
}

// endsSubscription says whether the refusal of a refresh ends the
// subscription. RFC 6665 s.4.1.2.2.
func endsSubscription(code int) bool {
	return code >= 480 && code <= 485 || slices.Contains([]int{404, 405, 410, 416, 489, 501, 604}, code)
}

// current is the dialog to subscribe in, a new one where there is none.
func (s *subscription) current() (d *dialog, refresh bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if refresh = s.dialog != nil; !refresh {
		s.dialog = newDialog(s.agent.account.uri, s.presentity, s.presentity)
		s.since = s.agent.terminal.now()
		s.hearer.begin()
		if s.event.begin != nil {
			s.event.begin()
		}
	}
	s.told = false
	stop(s.sooner)
	return s.dialog, refresh
}

// expect starts what is left of Timer N, unless the NOTIFY came before the
// response. RFC 6665 s.4.1.2.4 starts it with the SUBSCRIBE; one that is not
// answered fails by its transaction.
func (s *subscription) expect(d *dialog, left time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.told || s.dialog != d {
		return
	}
	stop(s.timerN)
	s.timerN = time.AfterFunc(left, func() { s.unconfirmed(d) })
}

// unconfirmed is Timer N run out: no NOTIFY came, there is no subscription.
func (s *subscription) unconfirmed(d *dialog) {
	s.mu.Lock()
	lost := s.dialog == d && !s.told && !s.leaving
	s.mu.Unlock()
	if !lost {
		return
	}
	s.drop(d)
	s.agent.out.notice("no NOTIFY about %s came; subscribing anew", s.name())
	s.retry(0)
}

// drop forgets a dialog: its NOTIFYs get a 481 from now on.
func (s *subscription) drop(d *dialog) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dialog == d {
		s.dialog = nil
		stop(s.timerN)
		stop(s.sooner)
	}
}

func stop(t *time.Timer) {
	if t != nil {
		t.Stop()
	}
}

// retry has the subscription obtained again after a while.
func (s *subscription) retry(wait time.Duration) {
	select {
	case s.again <- wait:
	default: // it is asked for already
	}
}

// notify answers a NOTIFY (RFC 6665 s.4.1.3). One that overtakes the response
// to the SUBSCRIBE establishes the dialog.
func (s *subscription) notify(r *sip.Request) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dialog == nil {
		return reply{code: 481, reason: "Subscription Does Not Exist"}
	}
	switch s.dialog.accept(r) {
	case 481:
		return reply{code: 481, reason: "Subscription Does Not Exist"}
	case 400:
		return reply{code: 400, reason: "From Tag or CSeq Missing"}
	case 500:
		return reply{code: 500, reason: "CSeq Out of Order"}
	}
	n, refusal := s.event.readNotification(r)
	if refusal.code != 0 {
		return refusal
	}
	s.told = true
	stop(s.timerN)
	refresh := !s.leaving && s.hearer.hear(n)
	ok := reply{code: 200, reason: "OK"}
	switch {
	case n.state == "terminated":
		ok.after = s.terminated(n)
	case refresh:
		wait := s.hurry()
		ok.after = func() { s.retry(wait) }
	default:
		s.shorten(n.expires)
	}
	return ok
}

// name is what people call that which is subscribed to.
func (s *subscription) name() string { return s.event.what + name(s.presentity) }

// hurry is how long to wait before full state is asked for: not at all, unless
// it was just done. The caller holds the lock.
func (s *subscription) hurry() time.Duration {
	before := s.asked
	s.asked = s.agent.terminal.now()
	if s.asked.Sub(before) > s.agent.pace.first {
		return 0
	}
	return s.agent.pace.first
}

// shorten refreshes earlier where a NOTIFY says that less is left than the 200
// had said: what the NOTIFY says counts. The caller holds the lock.
func (s *subscription) shorten(left time.Duration) {
	if left <= 0 {
		return
	}
	stop(s.sooner)
	s.sooner = time.AfterFunc(s.agent.pace.refresh(left), func() { s.retry(0) })
}

// quickly is the life of a subscription below which its termination counts as
// a failure: subscribing again at once could go on for ever.
const quickly = time.Minute

// terminated ends the dialog, and returns what follows once the NOTIFY is
// answered: coming back when the RFC says so, or the end. The caller holds the
// lock.
func (s *subscription) terminated(n notification) func() {
	s.dialog = nil
	stop(s.sooner)
	if s.leaving {
		s.leaving = false
		return func() { close(s.gone) }
	}
	why := printable(n.reason)
	if why == "" {
		why = "no reason given"
	}
	s.agent.out.tell(event{
		Event: "subscription", Presentity: s.presentity.String(),
		State: n.state, Reason: n.reason, RetryAfter: int(n.retryAfter.Seconds()),
	}, "the subscription to %s is terminated (%s)", s.name(), why)
	wait, again := n.comeBack()
	switch {
	case again:
		wait = s.patience(n.reason, wait)
		return func() { s.retry(wait) }
	case n.reason == "invariant":
		return func() { s.ended <- nil }
	}
	return func() { s.ended <- failed("the subscription to %s is terminated: %s", s.name(), why) }
}

// patience is how long to wait before subscribing again: at least what the RFC
// says, and more where that does not help. The caller holds the lock.
func (s *subscription) patience(reason string, wait time.Duration) time.Duration {
	if s.agent.terminal.now().Sub(s.since) > quickly {
		s.failures = 0
	}
	s.failures++
	if s.failures == 1 && (reason == "deactivated" || reason == "timeout") {
		return wait
	}
	return max(wait, s.agent.pace.backoff(s.failures))
}

// leave unsubscribes and waits for the last NOTIFY (RFC 6665 s.4.1.2.3).
func (s *subscription) leave() error {
	s.mu.Lock()
	d := s.dialog
	s.leaving = d != nil
	stop(s.timerN)
	stop(s.sooner)
	s.mu.Unlock()
	if d == nil || !d.established() {
		return nil
	}
	ctx, cancel := s.agent.goodbye()
	defer cancel()
	c := s.event.subscribeContent(s.agent)
	c.fields = append(c.fields, expiresField(0))
	res, err := s.agent.do(ctx, d, sip.SUBSCRIBE, c)
	switch {
	case err != nil:
		return s.agent.parting(err, "unsubscribed")
	case !res.IsSuccess() && res.StatusCode != 481:
		return s.agent.parting(refused(res), "unsubscribed")
	case res.IsSuccess():
		select {
		case <-s.gone:
		case <-ctx.Done():
		}
	}
	return nil
}
