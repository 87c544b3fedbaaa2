package embedded

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"presenced/internal/store"
)

// Between Hold and Take nobody in Next is woken; what Take leaves, Next gets.
func TestHoldAndTake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := openTest(t, Config{})
		const keys = 20
		told := make(chan store.Key, keys)
		go func() {
			for {
				key, err := e.Next(t.Context())
				if err != nil {
					return
				}
				told <- key
			}
		}()
		synctest.Wait() // it waits in Next
		e.Hold()
		e.Hold() // another goroutine's
		for i := range keys {
			key := store.Key{AOR: fmt.Sprintf("sip:%d@example.com", i), Package: "presence"}
			e.Watch(key, 0)
			must(t, e.Publish(t.Context(), key, initial(fmt.Sprint(i), time.Hour)))
		}
		synctest.Wait()
		if len(told) != 0 {
			t.Fatalf("%d told while held", len(told))
		}
		taken := e.Take(nil)
		synctest.Wait()
		if len(taken) != takeMost || len(told) != keys-takeMost {
			t.Fatalf("%d taken, %d told", len(taken), len(told))
		}
		e.Seen(taken[0], 0) // not what is stored: it comes again, to who holds
		if again := e.Take(nil); len(again) != 1 || again[0] != taken[0] {
			t.Errorf("taken again: %v", again)
		}
		e.Seen(taken[1], 0)
		synctest.Wait()
		if len(told) != keys-takeMost+1 {
			t.Errorf("%d told at the end", len(told))
		}
	})
}
