package main

import (
	"context"
	"errors"
	"io"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// step is what one attempt to obtain a lease comes to.
type step struct {
	life time.Duration
	err  error
}

func TestKeep(t *testing.T) {
	down := unreachable("down")
	busy := &failure{exit: exitFailed, what: "PUBLISH", code: 503, reason: "Busy", retryAfter: 90 * time.Second}
	forbidden := &failure{exit: exitFailed, what: "PUBLISH", code: 403, reason: "Forbidden"}
	tests := []struct {
		name  string
		steps []step
		at    []time.Duration // when each attempt is made
		err   error
	}{
		{"refresh at half", []step{{life: 100 * time.Second}, {life: 100 * time.Second}, {err: forbidden}},
			[]time.Duration{0, 50 * time.Second, 100 * time.Second}, forbidden},
		{"a long life is refreshed at nine tenths", []step{{life: time.Hour}, {err: forbidden}},
			[]time.Duration{0, 54 * time.Minute}, forbidden},
		{"the first failure is final", []step{{err: down}}, []time.Duration{0}, down},
		{"later ones are waited out, longer and longer",
			[]step{{life: 20 * time.Second}, {err: down}, {err: down}, {err: down}, {life: 20 * time.Second}, {err: forbidden}},
			[]time.Duration{0, 10 * time.Second, 11 * time.Second, 13 * time.Second, 17 * time.Second, 27 * time.Second}, forbidden},
		{"Retry-After is heeded", []step{{life: 20 * time.Second}, {err: busy}, {err: forbidden}},
			[]time.Duration{0, 10 * time.Second, 100 * time.Second}, forbidden},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				var at []time.Duration
				a := &agent{pace: defaultPace(), out: &output{stdout: io.Discard, stderr: io.Discard, now: time.Now}}
				err := a.keep(t.Context(), lease{name: "test", obtain: func(context.Context) (time.Duration, error) {
					at = append(at, time.Since(began))
					s := test.steps[len(at)-1]
					return s.life, s.err
				}})
				if !errors.Is(err, test.err) {
					t.Errorf("ended with %v, want %v", err, test.err)
				}
				near := func(got, want time.Duration) bool { // each wait varies by a fifth
					return (got - want).Abs() <= 2*time.Second
				}
				if !slices.EqualFunc(at, test.at, near) {
					t.Errorf("attempts at %v, want about %v", at, test.at)
				}
			})
		})
	}
}

func TestKeepEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		a := &agent{pace: defaultPace(), out: &output{stdout: io.Discard, stderr: io.Discard, now: time.Now}}
		time.AfterFunc(time.Minute, cancel)
		attempts := 0
		err := a.keep(ctx, lease{obtain: func(context.Context) (time.Duration, error) {
			attempts++
			return time.Hour, nil
		}})
		if err != nil || attempts != 1 {
			t.Errorf("%v after %d attempts", err, attempts)
		}
	})
}

func TestBackoffIsBounded(t *testing.T) {
	p := defaultPace()
	for failures := 1; failures < 100; failures++ {
		if d := p.backoff(failures); d <= 0 || d > p.most+p.most/5 {
			t.Fatalf("%v after %d failures", d, failures)
		}
	}
}
