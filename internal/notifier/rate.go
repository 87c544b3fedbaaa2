package notifier

import (
	"math"
	"strconv"
	"strings"
	"time"

	"presenced/sip"
	"presenced/sip/event"
)

// rates are what a watcher has asked for by RFC 6446, beside the package's pace:
// the slower one wins.
type rates struct {
	max      rate // s.5
	min      rate // s.6
	adaptive rate // s.7
}

// rate is a number of NOTIFYs in 10,000,000,000 seconds, which is what the
// grammar can tell (RFC 6446 s.9.2); 0: none.
type rate uint64

const rateUnit = 1e10

// Names of the parameters, in Event and in Subscription-State.
const (
	maxRate      = "max-rate"
	minRate      = "min-rate"
	adaptiveRate = "adaptive-min-rate"
)

func (r *rates) named() [3]struct {
	name string
	rate *rate
} {
	return [...]struct {
		name string
		rate *rate
	}{{maxRate, &r.max}, {minRate, &r.min}, {adaptiveRate, &r.adaptive}}
}

// ratesIn are those of an Event field; 400 for one that is no rate.
func ratesIn(value string) (r rates, err error) {
	_, params, given := strings.Cut(value, ";")
	for given {
		var p string
		p, params, given = strings.Cut(params, ";")
		name, value, _ := strings.Cut(p, "=")
		name = strings.ToLower(strings.TrimSpace(name))
		for _, known := range r.named() {
			if name != known.name {
				continue
			}
			var ok bool
			if *known.rate, ok = parseRate(strings.TrimSpace(value)); !ok {
				return r, sip.Errorf(sip.StatusBadRequest, "Malformed %s", name)
			}
		}
	}
	return r, nil
}

// parseRate reads 1*2DIGIT ["." 1*10DIGIT], which must not be zero.
func parseRate(s string) (rate, bool) {
	whole, fraction, point := strings.Cut(s, ".")
	if len(whole) < 1 || len(whole) > 2 || len(fraction) > 10 || point && fraction == "" {
		return 0, false
	}
	n, err := strconv.ParseUint(whole+fraction+"0000000000"[len(fraction):], 10, 64)
	return rate(n), err == nil && n > 0
}

func (r rate) append(dst []byte) []byte {
	dst = strconv.AppendUint(dst, uint64(r/rateUnit), 10)
	if r%rateUnit == 0 {
		return dst
	}
	fraction := strconv.FormatUint(uint64(r%rateUnit)+rateUnit, 10)[1:]
	return append(append(dst, '.'), strings.TrimRight(fraction, "0")...)
}

// interval is the rate's reciprocal.
func (r rate) interval() time.Duration {
	const second = uint64(time.Second) * rateUnit
	return time.Duration(min(second/uint64(r), math.MaxInt64/4))
}

// rateOf is the rate of an interval, the slowest where that is too slow.
func rateOf(every time.Duration) rate {
	const second = uint64(time.Second) * rateUnit
	return rate(max(second/uint64(every), 1))
}

// shortestRepeat is the least time between two NOTIFYs that only a least rate
// has sent, at no faster pace than the package's: they mostly tell what is known.
const shortestRepeat = time.Second

// within are the rates as they are granted, for a subscription that lasts
// seconds.
func (r rates) within(p pace, seconds uint32) rates {
	slowest := rateOf(max(shortestRepeat, p.interval))
	r.min, r.adaptive = min(r.min, slowest), min(r.adaptive, slowest)
	if r.max > 0 {
		if seconds > 0 { // RFC 6446 s.5.3: at least one before the end
			r.max = max(r.max, rateOf(lifetime(seconds)))
		}
		r.min, r.adaptive = min(r.min, r.max), min(r.adaptive, r.max) // RFC 6446 s.8
	}
	return r
}

// appendTo writes the parameters of Subscription-State (RFC 6446 s.4.2).
func (r rates) appendTo(dst []byte) []byte {
	for _, known := range r.named() {
		if *known.rate > 0 {
			dst = append(append(append(dst, ';'), known.name...), '=')
			dst = known.rate.append(dst)
		}
	}
	return dst
}

// least is the longest time without a NOTIFY, 0 where there is none. A least
// rate that is not below the adaptive one does not count (RFC 6446 s.8).
func (r *rare) least(now instant) time.Duration {
	rates := r.terms.rates
	var every time.Duration
	if r.history != nil {
		every = r.history.timeout(rates.adaptive, now)
	}
	if rates.min > 0 && (rates.adaptive == 0 || rates.min < rates.adaptive) {
		if least := rates.min.interval(); every == 0 || least < every {
			every = least
		}
	}
	if rates.max > 0 && every > 0 { // RFC 6446 s.7.4, equation 2
		every = max(every, rates.max.interval())
	}
	return every
}

// repeatAt is when s must be told although nothing has changed (RFC 6446 s.6.2);
// false where it need not be, or is about to be.
func (s *subscription) repeatAt() (instant, bool) {
	if s.rare == nil || s.rare.terms == nil || !s.left || s.dirty || s.suspend != 0 || s.waits() {
		return 0, false
	}
	if s.rare.terms.dormant || s.given != 0 { // RFC 5839 s.6.3 suppresses it
		return 0, false
	}
	every := s.least(s.last)
	return s.last.add(every), every > 0
}

// notBefore is when the watcher lets the next NOTIFY of a change leave (RFC 6446
// s.5.2).
func (s *subscription) notBefore() instant {
	if s.rare == nil || s.rare.terms == nil || s.rare.terms.rates.max == 0 || !s.left {
		return 0
	}
	return s.last.add(s.rare.terms.rates.max.interval())
}

// leftAt notes that a NOTIFY leaves.
func (n *Notifier) leftAt(s *subscription, now instant) {
	if s.rare == nil || s.rare.terms == nil || s.rare.terms.rates == (rates{}) {
		return
	}
	s.last, s.left = now, true
	if adaptive := s.rare.terms.rates.adaptive; adaptive > 0 {
		if s.history == nil {
			s.history = newHistory(adaptive, now)
		}
		s.history.add(now)
	}
	n.wakeAt(s, s.expires)
}

// periods is how many times the adaptive rate's reciprocal the rolling average
// spans (RFC 6446 s.7.4).
const periods = 10

// history is when the last NOTIFYs left, for an adaptive rate.
type history struct {
	times [4 * periods]instant
	next  int
}

// newHistory is one with as many NOTIFYs as the rate would have brought until
// now (RFC 6446 s.7.2, step 1).
func newHistory(r rate, now instant) *history {
	h := new(history)
	for i := range h.times {
		h.times[i] = math.MinInt64 / 2
	}
	for i := periods - 1; i > 0; i-- {
		h.add(now.add(time.Duration(-i) * r.interval()))
	}
	return h
}

// add notes a NOTIFY.
func (h *history) add(now instant) {
	h.times[h.next%len(h.times)] = now
	h.next++
}

// timeout is RFC 6446 s.7.4, equation 1: count / (rate^2 * period).
func (h *history) timeout(r rate, now instant) time.Duration {
	every := r.interval()
	count := 0
	begin := now.add(-periods * every)
	for _, at := range h.times {
		if at > begin {
			count++
		}
	}
	return every / periods * time.Duration(count)
}

// ratesAnswered takes the rates of a 2xx response to a NOTIFY, from a watcher
// that has asked for one (RFC 6446 s.4.1, s.9.3). The shard is locked.
func (n *Notifier) ratesAnswered(s *subscription, response []byte) {
	before := s.termsOf()
	if before == nil || !before.rated || s.gone {
		return
	}
	answer, err := sip.ParseResponse(response)
	if err != nil {
		return
	}
	value := answer.Header("Event")
	if value == "" || event.ParseType(value).Package != s.topic.key.Package {
		return
	}
	asked, err := ratesIn(value)
	if err != nil {
		return
	}
	now := n.now()
	asked = asked.within(s.topic.pkg.pace, uint32(s.expires.seconds(now)))
	if asked == before.rates {
		return
	}
	t := *before
	t.rates = asked
	n.reagree(s, &t)
	n.advance(s, now)
}

// reagree changes the rates of s, which the store hears of.
func (n *Notifier) reagree(s *subscription, t *terms) {
	dialog, rest, err := event.UnpackDialog(s.dialog)
	if err != nil {
		return
	}
	given, shown := s.given, s.shown
	s.agree(t)
	s.given, s.shown = given, shown
	_, attempt := split(rest)
	s.dialog = packed(&dialog, t.pack()+attempt)
	s.id = partOf(s.dialog, s.id)
	n.reserve(s)
}
