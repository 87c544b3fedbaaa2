package embedded

import (
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"presenced/internal/store/storetest"
)

var _ storetest.Engine = (*Engine)(nil)

func memoryHarness(*testing.T) storetest.Harness {
	return storetest.Harness{
		Open: func(t *testing.T, agent string) storetest.Engine {
			return openTest(t, Config{Agent: agent})
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

// TestContractInFiles is the contract with a log and a durable.db behind it.
// The bubble's clock starts at a fixed time, so every state begins alike.
func TestContractInFiles(t *testing.T) {
	storetest.RunInBubble(t, func(t *testing.T) storetest.Harness {
		h := memoryHarness(t)
		path := t.TempDir()
		h.Open = func(t *testing.T, agent string) storetest.Engine {
			return openTest(t, Config{Agent: agent, Path: path})
		}
		return h
	})
}

// openTest opens an engine that is closed when the test ends.
func openTest(t *testing.T, c Config) *Engine {
	t.Helper()
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	e, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}
