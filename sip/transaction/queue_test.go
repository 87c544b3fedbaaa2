package transaction

import (
	"testing"
	"time"
)

func TestQueueKeepsOrderAndGivesMemoryBack(t *testing.T) {
	q := queue[int]{delay: 10}
	next := 0
	for i := range 10_000 {
		q.push(time.Duration(i), i)
		if i%3 == 0 {
			got, ok := q.due(time.Duration(i + 10))
			if !ok || got != next {
				t.Fatalf("due %d %v, want %d", got, ok, next)
			}
			next++
		}
	}
	if at, ok := q.wake(); !ok || at != time.Duration(next+10) {
		t.Fatalf("wake %v %v", at, ok)
	}
	if _, ok := q.due(time.Duration(next + 9)); ok {
		t.Fatal("taken too early")
	}
	for q.count > 0 {
		if got, _ := q.pop(); got != next {
			t.Fatalf("popped %d, want %d", got, next)
		}
		next++
	}
	want(t, "entries", next, 10_000)
	if len(q.ring) > 2*smallestRing {
		t.Errorf("an empty queue keeps %d places", len(q.ring))
	}
	if _, ok := q.pop(); ok {
		t.Error("popped from an empty queue")
	}
}

func TestQueueTrim(t *testing.T) {
	var q queue[int]
	for i := range 100 {
		q.push(0, i)
	}
	q.trim(func(i int) bool { return i < 60 })
	got, _ := q.pop()
	want(t, "first", got, 60)
}

func TestBranch(t *testing.T) {
	b := branch{0xfedcba98, 1, 0x0123456789abcdef}
	text := b.append(nil)
	want(t, "length", len(text), branchLength)
	got, ok := parseBranch(text)
	want(t, "ours", ok, true)
	want(t, "branch", got, b)
	for _, bad := range []string{"", "z9hG4bK", string(text[1:]), string(text) + "0", "z9hG4bKg" + string(text[8:])} {
		if _, ok := parseBranch(bad); ok {
			t.Errorf("%q passes for ours", bad)
		}
	}
}

func TestIntervals(t *testing.T) {
	want(t, "until T2", DefaultTimers.trying(), 3500*time.Millisecond)
	tests := []struct {
		timers Timers
		count  int
	}{
		{DefaultTimers, 4},
		{Timers{T1: time.Second, T2: time.Second}, 2},
		{Timers{T1: time.Second, T2: 3 * time.Second}, 3},
	}
	for _, test := range tests {
		list := test.timers.intervals()
		want(t, "intervals", len(list), test.count)
		want(t, "first", list[0], test.timers.T1)
		want(t, "last", list[len(list)-1], test.timers.T2)
	}
}
