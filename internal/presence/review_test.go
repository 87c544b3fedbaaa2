package presence

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// What is due is reviewed at its instant, and who nobody asks about any more is
// forgotten.
func TestReviews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r reviews
		r.init()
		ctx, stop := context.WithCancel(t.Context())
		start := time.Now()
		var mu sync.Mutex
		var seen []string
		var wait sync.WaitGroup
		wait.Go(func() {
			r.run(ctx, func(aor string) {
				mu.Lock()
				defer mu.Unlock()
				seen = append(seen, aor+" "+time.Since(start).String())
			})
		})
		expect := func(want ...string) {
			t.Helper()
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			if len(seen) != len(want) {
				t.Fatalf("reviewed %q, want %q", seen, want)
			}
			for i := range want {
				if seen[i] != want[i] {
					t.Errorf("reviewed %q, want %q", seen, want)
				}
			}
			seen = nil
		}
		r.enter("a", "", start.Add(10*time.Minute))
		r.enter("b", "home", start.Add(5*time.Minute))
		if sphere := r.enter("b", "work", start.Add(time.Hour)); sphere != "home" {
			t.Errorf("decided in %q beside another decision in home", sphere)
		}
		time.Sleep(10 * time.Minute)
		expect("b 5m0s", "a 10m0s")
		r.shift("b", "work")
		r.shift("b", "work")
		expect("b 10m0s")
		if sphere, known := r.sphere("b"); !known || sphere != "work" {
			t.Errorf("in %q, %v", sphere, known)
		}
		r.enter("a", "", start.Add(100*time.Hour)) // asked again, for a time that is far
		time.Sleep(15 * time.Minute)
		expect("a 25m0s")
		time.Sleep(15 * time.Minute)
		expect()
		if len(r.byAOR) != 0 || len(r.queue) != 0 {
			t.Errorf("%d and %d left that nobody asks about", len(r.byAOR), len(r.queue))
		}
		stop()
		wait.Wait()
	})
}
