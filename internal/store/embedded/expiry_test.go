package embedded

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"presenced/internal/store"
)

// TestDeadlinesAgainstASortedModel adds, prolongs, shortens and ends records
// at random, and compares what lapses first with a search through all.
func TestDeadlinesAgainstASortedModel(t *testing.T) {
	e := openTest(t, Config{})
	random := rand.New(rand.NewPCG(1, 2))
	sh := e.enter(0)
	defer sh.leave()
	var list []*binding
	due := map[*binding]time.Duration{}
	for step := range 20_000 {
		ttl := time.Duration(random.IntN(1000)+1) * time.Hour
		switch i := random.IntN(len(list) + 1); {
		case i == len(list) || len(list) < 20:
			i = len(list)
			list = append(list, &binding{})
			sh.live(list[i], ttl)
			due[list[i]] = sh.now.mono + ttl
		case random.IntN(3) == 0:
			sh.end(list[i])
			list = append(list[:i], list[i+1:]...)
		default:
			sh.prolong(list[i], ttl)
			due[list[i]] = sh.now.mono + ttl
		}
		first := due[list[0]]
		for _, b := range list {
			first = min(first, due[b])
			if sh.deadlines[b.index].rec != b || sh.deadlines[b.index].at != due[b] {
				t.Fatalf("step %d: a record is not in its place", step)
			}
		}
		if len(sh.deadlines) != len(list) || sh.deadlines[0].at != first {
			t.Fatalf("step %d: first of %d is %v, want %v of %d", step, len(sh.deadlines), sh.deadlines[0].at, first, len(list))
		}
	}
	for len(list) > 0 {
		sh.end(list[0])
		list = list[1:]
	}
}

// TestLapseIsToldAtItsDeadline: to the nanosecond, whatever else has a
// deadline in the shard.
func TestLapseIsToldAtItsDeadline(t *testing.T) {
	for _, minutes := range [][]int{{1, 2, 3}, {3, 2, 1}, {2, 3, 1}} {
		t.Run(fmt.Sprint(minutes), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := openTest(t, Config{})
				start := time.Now()
				for _, m := range minutes {
					must(t, e.Publish(t.Context(), alice, initial(fmt.Sprint(m), time.Duration(m)*time.Minute)))
				}
				e.Watch(alice, stateOf(t, e).publications.Version)
				for m := range 3 {
					if _, err := e.Next(t.Context()); err != nil {
						t.Fatal(err)
					}
					if passed := time.Since(start); passed != time.Duration(m+1)*time.Minute {
						t.Fatalf("told after %v, want %d min", passed, m+1)
					}
					p := stateOf(t, e).publications
					if len(p.List) != 2-m {
						t.Fatalf("%d publications left after %d min", len(p.List), m+1)
					}
					e.Seen(alice, p.Version)
				}
			})
		})
	}
}

func TestLifetimeWithoutEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := Config{Path: t.TempDir()}
		e := openTest(t, c)
		time.Sleep(time.Hour)
		must(t, e.Publish(t.Context(), alice, initial("a", 1<<63-1)))
		must(t, e.Close())
		e = openTest(t, c)
		time.Sleep(100 * 365 * 24 * time.Hour)
		if p := stateOf(t, e).publications; len(p.List) != 1 || p.Version == store.Version(0) {
			t.Fatalf("got %+v", p)
		}
	})
}
