package store

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
)

func TestNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := NewNews()
		want := func(aor, name string) {
			t.Helper()
			gotAOR, gotName, err := n.Next(t.Context())
			if err != nil || gotAOR != aor || gotName != name {
				t.Fatalf("got %q, %q, %v; want %q, %q", gotAOR, gotName, err, aor, name)
			}
		}
		n.Tell("a", "rules")
		n.Tell("b", "rules")
		n.Tell("a", "rules") // coalesced
		n.Tell("a", "list")
		want("a", "rules")
		n.Tell("a", "rules")
		want("b", "rules")
		want("a", "list")
		want("a", "rules")

		n.Tell("a", "rules")
		n.TellAll()
		n.Tell("b", "rules")
		want("", "")
		want("a", "rules")
		want("b", "rules")

		for i := range maxNews + 1 {
			n.Tell(fmt.Sprint(i), "rules")
		}
		want("", "")
		ctx, cancel := context.WithCancel(t.Context())
		go func() { synctest.Wait(); cancel() }()
		if _, _, err := n.Next(ctx); !errors.Is(err, context.Canceled) {
			t.Fatalf("error %v", err)
		}
		go func() { synctest.Wait(); n.Close() }()
		if _, _, err := n.Next(t.Context()); !errors.Is(err, ErrUnavailable) {
			t.Fatalf("error %v", err)
		}
	})
}
