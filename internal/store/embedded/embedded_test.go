package embedded

import (
	"testing"
	"testing/synctest"
	"time"

	"presenced/internal/store/storetest"
)

var _ storetest.Engine = (*Engine)(nil)

func memoryHarness(t *testing.T) storetest.Harness {
	return storetest.Harness{
		Open: func(t *testing.T, agent string) storetest.Engine {
			e, err := Open(Config{Agent: agent})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := e.Close(); err != nil {
					t.Error(err)
				}
			})
			return e
		},
		Advance: func(d time.Duration) {
			time.Sleep(d)
			synctest.Wait()
		},
	}
}

func TestContractInMemory(t *testing.T) {
	storetest.RunInBubble(t, memoryHarness)
}
