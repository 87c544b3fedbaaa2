package digest

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"
)

func use(cnonce string, nc uint32) *Credentials {
	return &Credentials{Username: "alice", Realm: "example.test", Nonce: "n", CNonce: cnonce, Qop: "auth", NonceCount: fmt.Sprintf("%08x", nc)}
}

func TestWindow(t *testing.T) {
	type step struct {
		nc   uint32
		want bool
	}
	for name, steps := range map[string][]step{
		"rising":               {{1, true}, {2, true}, {3, true}},
		"repeated":             {{1, true}, {1, false}, {2, true}, {2, false}, {1, false}},
		"reordered":            {{1, true}, {4, true}, {2, true}, {3, true}, {3, false}},
		"begins late":          {{900, true}, {899, true}, {901, true}},
		"at the edge":          {{1, true}, {64, true}, {1, false}, {2, true}},
		"behind the edge":      {{1, true}, {66, true}, {2, false}, {3, true}},
		"a jump of 63":         {{10, true}, {73, true}, {10, false}, {11, true}},
		"a jump of 64":         {{10, true}, {74, true}, {10, false}, {11, true}},
		"a jump over all":      {{10, true}, {1 << 31, true}, {10, false}, {1<<31 - 63, true}, {1<<31 - 64, false}},
		"zero":                 {{0, true}, {0, false}, {1, true}},
		"the highest there is": {{1<<32 - 1, true}, {1<<32 - 1, false}, {1<<32 - 2, true}, {1, false}},
	} {
		t.Run(name, func(t *testing.T) {
			w := NewWindow(100, time.Hour)
			for i, s := range steps {
				if got := w.Accept(use("c", s.nc), epoch); got != s.want {
					t.Fatalf("step %d, nc %d: %v", i+1, s.nc, got)
				}
			}
		})
	}
}

// The window must agree with a memory of everything.
func TestWindowAgainstASet(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	w := NewWindow(100, time.Hour)
	used := map[uint32]bool{}
	highest := uint32(0)
	for range 20000 {
		nc := max(1, highest+uint32(random.IntN(80))-uint32(min(70, highest)))
		want := !used[nc] && nc+WindowWidth > highest
		if got := w.Accept(use("c", nc), epoch); got != want {
			t.Fatalf("nc %d after %d: %v, want %v", nc, highest, got, want)
		}
		used[nc] = true
		highest = max(highest, nc)
	}
}

func TestWindowKey(t *testing.T) {
	w := NewWindow(1000, time.Hour)
	for _, change := range []func(*Credentials){
		func(c *Credentials) {},
		func(c *Credentials) { c.Nonce = "m" },
		func(c *Credentials) { c.CNonce = "d" },
		func(c *Credentials) { c.Username = "bob" }, // COMPAT: two twinkles started in one second
		func(c *Credentials) { c.Realm = "example.com" },
		func(c *Credentials) { c.Nonce, c.CNonce = "nc", "" },
	} {
		c := use("c", 1)
		change(c)
		if !w.Accept(c, epoch) {
			t.Errorf("refused at first: %+v", c)
		}
		if w.Accept(c, epoch) {
			t.Errorf("accepted twice: %+v", c)
		}
	}
	if w.Accept(&Credentials{NonceCount: "x"}, epoch) {
		t.Error("accepted a count that is no number")
	}
}

func TestWindowForgetsAfterItsLifetime(t *testing.T) {
	w := NewWindow(1000, time.Hour)
	start := epoch.Add(59 * time.Minute)
	neighbour := use("first", 1)
	for i := 0; w.key(neighbour)%windowShards != w.key(use("c", 1))%windowShards; i++ {
		neighbour = use(fmt.Sprint(i), 1)
	}
	w.Accept(neighbour, epoch)
	w.Accept(use("c", 1), start)
	for after := time.Duration(0); after < time.Hour; after += time.Minute {
		if w.Accept(use("c", 1), start.Add(after)) {
			t.Fatalf("forgotten after %v", after)
		}
	}
	w.Accept(use("c", 2), start.Add(2*time.Hour))
	if w.size() != 1 {
		t.Errorf("%d entries: the neighbour was last used three hours ago", w.size())
	}
	if !w.Accept(use("c", 2), start.Add(5*time.Hour)) {
		t.Error("not forgotten three lifetimes after its last use")
	}
}

func TestWindowIsBounded(t *testing.T) {
	const entries = 3200
	w := NewWindow(entries, time.Hour)
	alive := use("alive", 1)
	for i := range 10 * entries {
		w.Accept(use(fmt.Sprint(i), 1), epoch)
		if i%50 == 0 {
			alive = use("alive", uint32(i/50+1))
			if !w.Accept(alive, epoch) {
				t.Fatal("a count that rises was refused")
			}
		}
		if size := w.size(); i%1000 == 0 && size > entries {
			t.Fatalf("%d entries", size)
		}
	}
	if w.Accept(alive, epoch) {
		t.Error("an entry in steady use was dropped")
	}
	if w.Accept(use(fmt.Sprint(10*entries-1), 1), epoch) {
		t.Error("the newest entry was dropped")
	}
	if !w.Accept(use("0", 1), epoch) {
		t.Error("the oldest entry was not dropped")
	}
}

func TestWindowIsUsedOnceByMany(t *testing.T) {
	w := NewWindow(1000, time.Hour)
	var wg sync.WaitGroup
	accepted := make(chan uint32, 1000)
	for range 8 {
		wg.Go(func() {
			for nc := range uint32(50) {
				if w.Accept(use("c", nc), epoch) {
					accepted <- nc
				}
			}
		})
	}
	wg.Wait()
	close(accepted)
	seen := map[uint32]bool{}
	for nc := range accepted {
		if seen[nc] {
			t.Errorf("nc %d was accepted twice", nc)
		}
		seen[nc] = true
	}
	if len(seen) != 50 {
		t.Errorf("%d counts were accepted, want 50", len(seen))
	}
}

func (w *Window) size() int {
	n := 0
	for i := range w.shards {
		n += len(w.shards[i].younger) + len(w.shards[i].elder)
	}
	return n
}

func BenchmarkWindow(b *testing.B) {
	w := NewWindow(1<<18, time.Hour)
	c := use("c", 1)
	b.ReportAllocs()
	for b.Loop() {
		w.Accept(c, epoch)
	}
}
