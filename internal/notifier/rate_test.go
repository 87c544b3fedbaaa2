package notifier

import (
	"testing"
	"time"
)

// RFC 6446 s.9.2: 1*2DIGIT ["." 1*10DIGIT], and s.5.1: not zero.
func TestRates(t *testing.T) {
	for _, c := range []struct{ event, want string }{
		{"presence", ""},
		{"presence;id=3;past", ""},
		{"presence;max-rate=1", ";max-rate=1"},
		{"presence; MAX-RATE = 0.50 ; min-rate=0.0000000001", ";max-rate=0.5;min-rate=0.0000000001"},
		{"presence;adaptive-min-rate=99.9999999999", ";adaptive-min-rate=99.9999999999"},
		{"presence;max-rate=07.25", ";max-rate=7.25"},
		{"presence;max-rate=0", "malformed"},
		{"presence;max-rate=0.0000000000", "malformed"},
		{"presence;max-rate=100", "malformed"},
		{"presence;max-rate=1.", "malformed"},
		{"presence;max-rate=.5", "malformed"},
		{"presence;max-rate=-1", "malformed"},
		{"presence;max-rate=+1", "malformed"},
		{"presence;max-rate=1e1", "malformed"},
		{"presence;min-rate=0.00000000001", "malformed"},
		{"presence;min-rate", "malformed"},
		{"presence;adaptive-min-rate=often", "malformed"},
	} {
		r, err := ratesIn(c.event)
		got := string(r.appendTo(nil))
		if err != nil {
			got = "malformed"
		}
		if got != c.want {
			t.Errorf("%q: %q, want %q", c.event, got, c.want)
		}
	}
}

// FuzzRates reads a peer's parameters: what is granted reads as it was written.
func FuzzRates(f *testing.F) {
	f.Add("presence;max-rate=0.1;min-rate=0.05")
	f.Add("presence;adaptive-min-rate=12.0000000001")
	f.Fuzz(func(t *testing.T, event string) {
		r, err := ratesIn(event)
		if err != nil {
			return
		}
		again, err := ratesIn("presence" + string(r.appendTo(nil)))
		if err != nil || again != r {
			t.Errorf("%q: %+v came back as %+v, %v", event, r, again, err)
		}
		for _, known := range r.named() {
			if *known.rate > 0 && known.rate.interval() <= 0 {
				t.Errorf("%q: interval %v", event, known.rate.interval())
			}
		}
		r.within(pace{interval: 5 * time.Second}, 60)
	})
}

func TestRatesGranted(t *testing.T) {
	const one = rate(rateUnit)
	for _, c := range []struct {
		why         string
		asked, want rates
		pace        time.Duration
		seconds     uint32
	}{
		{why: "none"},
		{"as asked", rates{one / 10, one / 100, one / 50}, rates{one / 10, one / 100, one / 50}, 5 * time.Second, 3600},
		{"s.5.3: one before the end", rates{max: one / 1000}, rates{max: one / 100}, 0, 100},
		{"a fetch has no end", rates{max: one / 1000}, rates{max: one / 1000}, 0, 0},
		{"s.8: not below the least", rates{one / 10, one, one}, rates{one / 10, one / 10, one / 10}, 0, 3600},
		{"s.6.3: no faster than the pace", rates{min: one, adaptive: one}, rates{min: one / 5, adaptive: one / 5}, 5 * time.Second, 3600},
		{"s.6.3: nor than one in a second", rates{min: 9 * one}, rates{min: one}, 0, 3600},
	} {
		if got := c.asked.within(pace{interval: c.pace}, c.seconds); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.why, got, c.want)
		}
	}
}

// RFC 6446 s.7.4: timeout = count / (rate^2 * period), with a period of ten
// times the rate's reciprocal.
func TestAdaptiveTimeout(t *testing.T) {
	const r = rate(rateUnit / 10) // once in 10 s; the period is 100 s
	now := instant(time.Hour)
	h := newHistory(r, now)
	h.add(now)
	if got := h.timeout(r, now); got != 10*time.Second {
		t.Errorf("at first %v", got)
	}
	for range 10 { // a burst, while the history of 20 s leaves the period
		now = now.add(2 * time.Second)
		h.add(now)
	}
	if got := h.timeout(r, now); got != 18*time.Second {
		t.Errorf("after a burst %v", got)
	}
	now = now.add(99 * time.Second)
	h.add(now)
	if got := h.timeout(r, now); got != 2*time.Second {
		t.Errorf("after a pause %v", got)
	}
	for range 1000 {
		h.add(now)
	}
	if got := h.timeout(r, now); got != 40*time.Second {
		t.Errorf("of more than are kept %v", got)
	}
}
