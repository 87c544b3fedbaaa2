package server

import (
	"runtime"
	"testing"
	"time"
)

// TestWhenMemoryIsGivenBack looks every ten seconds, from 09:00:00 on.
func TestWhenMemoryIsGivenBack(t *testing.T) {
	const mb = 1 << 20
	start := time.Date(2026, 1, 1, 9, 0, 0, 0, time.UTC)
	var m memory
	for _, look := range []struct {
		what string
		at   time.Duration
		heap
		due bool
	}{
		{"a small process", 0, heap{held: 8 * mb, live: 4 * mb, allocated: 8 * mb}, false},
		{"a storm", 10 * time.Second, heap{held: 1000 * mb, live: 450 * mb, allocated: 2000 * mb}, false},
		{"the end of it", 20 * time.Second, heap{held: 1000 * mb, live: 450 * mb, allocated: 2500 * mb}, false},
		{"quiet", 30 * time.Second, heap{held: 1000 * mb, live: 450 * mb, allocated: 2501 * mb}, true},
		{"given back", 40 * time.Second, heap{held: 420 * mb, live: 400 * mb, allocated: 2501 * mb}, false},
		{"another one", 50 * time.Second, heap{held: 900 * mb, live: 450 * mb, allocated: 3500 * mb}, false},
		{"quiet, within the minute", 80 * time.Second, heap{held: 900 * mb, live: 450 * mb, allocated: 3500 * mb}, false},
		{"quiet, after it", 90 * time.Second, heap{held: 900 * mb, live: 450 * mb, allocated: 3500 * mb}, true},
		{"a minute later", 150 * time.Second, heap{held: 440 * mb, live: 400 * mb, allocated: 3500 * mb}, true},
		{"two minutes later", 210 * time.Second, heap{held: 420 * mb, live: 400 * mb, allocated: 3500 * mb}, false},
		{"nothing new", time.Hour, heap{held: 420 * mb, live: 400 * mb, allocated: 3501 * mb}, false},
		{"all have lapsed without a word, and a collection shows it", 2 * time.Hour, heap{held: 420 * mb, live: 10 * mb, allocated: 3502 * mb}, true},
	} {
		if got := m.due(start.Add(look.at), look.heap); got != look.due {
			t.Errorf("%s: %v", look.what, got)
		}
	}
}

func TestReadHeap(t *testing.T) {
	before := readHeap()
	sink := make([]byte, 4<<20)
	after := readHeap()
	if after.allocated-before.allocated < uint64(len(sink)) || after.held < uint64(len(sink)) {
		t.Errorf("before %+v, after %+v", before, after)
	}
}

func TestCollectTellsWhatLives(t *testing.T) {
	const slab = 64 << 20
	before := collect()
	held := make([]byte, slab)
	with := collect()
	runtime.KeepAlive(held)
	held = nil
	after := collect()
	if with.Live < before.Live+slab/2 || with.Held < with.Live || after.Live > with.Live-slab/2 {
		t.Errorf("before %d, with %d (of %d held), after %d", before.Live, with.Live, with.Held, after.Live)
	}
}
