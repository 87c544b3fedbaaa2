package notifier

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"presenced/sip"
	"presenced/sip/event"
	"presenced/sip/transaction"
	"presenced/sip/transport"
)

// outcome is what became of a NOTIFY: its final response's code, or one of
// these.
type outcome uint16

const (
	unknown    outcome = iota // none has been sent, or none has been answered yet
	timedOut                  // Timer F
	closed                    // its connection has gone
	tooLarge                  // for UDP
	notSent                   // another fault of the transport
	superseded                // by a SUBSCRIBE, or by the end of the subscription
)

var outcomes = [...]string{"", "timeout", "closed", "too large", "transport", "superseded"}

func (o outcome) String() string {
	switch {
	case int(o) < len(outcomes):
		return outcomes[o]
	case o == sip.StatusOK: // nearly always
		return "200"
	}
	return strconv.Itoa(int(o))
}

// ends says whether a response to a NOTIFY ends the subscription: RFC 6665
// s.4.2.2, and RFC 5057 s.5.1 for those that end the whole dialog (502).
func ends(code int) bool {
	switch code {
	case 404, 405, 410, 416, 480, 481, 482, 483, 484, 485, 489, 501, 502, 604:
		return true
	case 408: // as if Timer F had fired
		return true
	}
	return false
}

// judge is what a final response does to the subscription. The shard is
// locked.
func (n *Notifier) judge(s *subscription, code int, response []byte) {
	switch {
	case code < 300:
		if s.rare != nil {
			n.ratesAnswered(s, response)
		}
	case ends(code):
		n.drop(s)
	case code == 503: // RFC 3261 s.21.5.4: later
		s.retry, s.dirty, s.sent = n.now().add(retryAfter(response)), true, 0
	default:
		// That NOTIFY is lost, the subscription stays; the next change is
		// sent whatever it says.
		s.sent = 0
	}
}

// failure is what a NOTIFY without a response does.
func failure(err error) (outcome, func(*Notifier, *subscription)) {
	switch {
	case errors.Is(err, transaction.ErrTimeout):
		// RFC 6665 s.4.2.2: Timer F removes the subscription.
		return timedOut, func(n *Notifier, s *subscription) { n.drop(s) }
	case errors.Is(err, transport.ErrClosed):
		return closed, func(n *Notifier, s *subscription) { s.sent = 0; n.suspendNow(s) }
	case errors.Is(err, transaction.ErrTooLarge):
		return tooLarge, func(n *Notifier, s *subscription) { n.oversized(s) }
	}
	return notSent, func(_ *Notifier, s *subscription) { s.sent = 0 }
}

// oversized ends a subscription whose NOTIFY fits in no datagram: probation,
// because a smaller state may come. The last NOTIFY has no body. The shard is
// locked.
func (n *Notifier) oversized(s *subscription) {
	if !s.gone {
		n.Log.Warn("a subscription ended: its NOTIFY is too large for UDP", "id", s.id, "aor", s.topic.key.AOR)
		n.terminate(s, event.Probation)
	}
}

// suspendNow keeps s without sending: its connection is gone, and no other
// one is its own. A refresh resumes it. The shard is locked.
func (n *Notifier) suspendNow(s *subscription) {
	if s.gone || s.suspend != 0 || s.routed {
		return
	}
	s.suspend, s.dirty = n.now().add(n.Grace), true
	n.advance(s, n.now())
}

const (
	defaultRetry = 30 * time.Second
	longestRetry = 10 * time.Minute
)

// retryAfter is the response's Retry-After, within bounds (RFC 3261 s.20.33).
func retryAfter(response []byte) time.Duration {
	answer, err := sip.ParseResponse(response)
	if err != nil {
		return defaultRetry
	}
	value := answer.Header("Retry-After")
	if i := strings.IndexAny(value, " (;"); i >= 0 {
		value = value[:i]
	}
	seconds, err := strconv.Atoi(value)
	if err != nil || seconds < 0 {
		return defaultRetry
	}
	return min(time.Duration(seconds)*time.Second, longestRetry)
}
