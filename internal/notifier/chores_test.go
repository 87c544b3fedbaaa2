package notifier

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"presenced/internal/store"
)

func TestChoresOfOneKeyFollowOneAnotherAndOthersDoNotWait(t *testing.T) {
	alice := store.Key{AOR: "sip:alice@example.com", Package: "presence"}
	bob := store.Key{AOR: "sip:bob@example.com", Package: "presence"}
	synctest.Test(t, func(t *testing.T) {
		var c chores
		c.init()
		if c.of(alice) == c.of(bob) {
			t.Fatal("both keys have one lane: take another name")
		}
		ctx, cancel := context.WithCancel(t.Context())
		go c.run(ctx)
		var done []int
		for i := range 3 {
			c.of(alice).add(func(context.Context) {
				time.Sleep(time.Second)
				done = append(done, i)
			})
		}
		start, took := time.Now(), time.Duration(0)
		c.of(bob).add(func(context.Context) { took = time.Since(start) })
		time.Sleep(4 * time.Second)
		synctest.Wait()
		if want := []int{0, 1, 2}; !slices.Equal(done, want) || took != 0 {
			t.Errorf("done %v, want %v; the other key waited %v", done, want, took)
		}
		cancel()
		synctest.Wait()
	})
}
