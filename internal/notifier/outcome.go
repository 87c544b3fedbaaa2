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
		s.failures = 0
		if s.rare != nil {
			n.ratesAnswered(s, response)
		}
	case ends(code):
		n.drop(s)
	default: // that NOTIFY is lost, the subscription stays
		s.sent = 0
		after, given := retryAfter(response)
		switch {
		case given || code == 503: // RFC 3261 s.20.33, s.21.5.4: nothing before
			s.retry, s.dirty = n.now().add(after), true
		case code >= 500 && code < 600: // RFC 3261 s.21.5.1: "retry the request after several seconds"
			n.repeat(s)
		}
	}
}

// repeat has what was lost told again after a while, if nothing changes before:
// a watcher is not to be left with what is not so any more. The shard is locked.
func (n *Notifier) repeat(s *subscription) {
	if s.gone || s.dirty {
		return
	}
	pause := min(firstRepeat<<s.failures, longestRetry)
	s.failures = min(s.failures+1, mostDoublings)
	s.again, s.retry = true, n.now().add(pause)
	n.advance(s, n.now())
}

const (
	firstRepeat   = 10 * time.Second // and twice as long each time
	mostDoublings = 6
)

// failure is what a NOTIFY without a response does.
func failure(err error) (outcome, func(*Notifier, *subscription)) {
	switch {
	case errors.Is(err, transaction.ErrTimeout):
		// RFC 6665 s.4.2.2: Timer F removes the subscription.
		return timedOut, func(n *Notifier, s *subscription) { n.drop(s) }
	case errors.Is(err, transport.ErrClosed):
		return closed, func(n *Notifier, s *subscription) {
			s.sent = 0
			if n.suspendNow(s); s.suspend == 0 {
				n.repeat(s)
			}
		}
	case errors.Is(err, transaction.ErrTooLarge):
		return tooLarge, func(n *Notifier, s *subscription) { n.oversized(s) }
	}
	return notSent, func(n *Notifier, s *subscription) { s.sent = 0; n.repeat(s) }
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

// retryAfter is the response's Retry-After, within bounds (RFC 3261 s.20.33), or
// what stands for it where it has none.
func retryAfter(response []byte) (after time.Duration, given bool) {
	answer, err := sip.ParseResponse(response)
	if err != nil {
		return defaultRetry, false
	}
	value := answer.Header("Retry-After")
	if i := strings.IndexAny(value, " (;"); i >= 0 {
		value = value[:i]
	}
	seconds, err := strconv.Atoi(value)
	if err != nil || seconds < 0 {
		return defaultRetry, false
	}
	return min(time.Duration(seconds)*time.Second, longestRetry), true
}
