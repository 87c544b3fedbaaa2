package redis

import (
	"testing"
	"time"
)

// A sweep reads on where the last one ended, but for an overlap; and further
// back where the clock may have stepped back in between.
func TestSweepReadsOn(t *testing.T) {
	t.Parallel()
	const now = 1_800_000_000_000_000
	asked := time.Now()
	for _, c := range []struct {
		name    string
		passed  time.Duration // by our clock, until the answer
		further time.Duration // by Redis's clock
		back    time.Duration
	}{
		{"the clocks agree", time.Second, time.Second, sweepOverlap},
		{"the answer takes its time", 1100 * time.Millisecond, time.Second, sweepOverlap},
		{"a step within the overlap", time.Second, 850 * time.Millisecond, sweepOverlap},
		{"a step beyond it", time.Second, 700 * time.Millisecond, sweepInterval + clockStep},
		{"a step of a second", time.Second, 0, sweepInterval + clockStep},
		{"a step ahead", time.Second, time.Hour, sweepOverlap},
	} {
		last := swept{from: now, now: now, asked: asked}
		then := now + c.further.Microseconds()
		got := last.readOn(then, asked.Add(c.passed))
		if want := then - c.back.Microseconds(); got != want {
			t.Errorf("%s: from %d us before now, want %d", c.name, then-got, then-want)
		}
	}
}
