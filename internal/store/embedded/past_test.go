package embedded

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"presenced/internal/store"
)

// model is the readable recent past of a key, stalest first, that the packed
// one must equal.
type model []visited

func (m model) place(v visited) model {
	m = slices.DeleteFunc(m, func(old visited) bool { return old.Watcher == v.Watcher })
	m = append(m, v)
	slices.SortStableFunc(m, func(a, b visited) int { return cmp.Compare(a.last, b.last) })
	return m
}

func TestPastIsAsItsModel(t *testing.T) {
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 1))
		e, err := Open(Config{})
		must(t, err)
		sh := e.enterAOR(alice.AOR)
		now := sh.now.mono.Truncate(time.Microsecond)
		var want model
		for range 300 {
			now += time.Duration(random.IntN(1000)) * time.Millisecond
			sh.now.mono = now
			v := randomVisit(random)
			sh.placeVisit(alice, v)
			want = want.place(visited{v, now - v.Last, now + v.TTL})
			if random.IntN(4) == 0 && len(want) > 0 {
				all := sh.visits.Get(alice)
				sh.takeVisit(all, 0, all.packed.stalest())
				want = want[1:]
			}
			sh.expire()
			want = slices.DeleteFunc(want, func(v visited) bool { return v.deadline <= now })
			var got model
			for _, one := range sh.pastOf(alice).all() {
				v := one.read()
				v.Last, v.TTL = now-v.last, v.deadline-now
				got = append(got, v)
			}
			for i, v := range want {
				want[i].Last, want[i].TTL = now-v.last, v.deadline-now
			}
			if len(got)+len(want) > 0 && !reflect.DeepEqual(got, want) {
				t.Fatalf("seed %d:\n%+v\nwant\n%+v", seed, got, want)
			}
			if n := len(sh.deadlines); n != min(1, len(want)) {
				t.Fatalf("seed %d: %d deadlines for one key of %d", seed, n, len(want))
			}
		}
		sh.leave()
		must(t, e.Close())
	}
}

// randomVisit is of one of 12 watchers, with entries short and long.
func randomVisit(random *rand.Rand) store.Visit {
	v := store.Visit{
		Watcher: fmt.Sprint(random.IntN(12)), Display: strings.Repeat("d", random.IntN(200)), Fetches: random.Uint32(),
		Last: time.Duration(random.IntN(3)) * time.Second, TTL: time.Duration(1+random.IntN(20_000)) * time.Millisecond,
	}
	for i := range random.IntN(store.MaxEnded + 1) {
		v.Ended = append(v.Ended, store.Ended{ID: fmt.Sprint(i), Event: uint8(i)})
	}
	return v
}

func TestVisitForgetsWhatEndedLongAgo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := openTest(t, Config{})
		defer e.Close()
		end := func(id string) {
			v := store.Visit{Watcher: "w", Subscriptions: 1, TTL: 24 * time.Hour, Ended: []store.Ended{{ID: id, Event: 1}}}
			must(t, e.Visit(t.Context(), alice, v, 0))
		}
		for _, step := range []struct {
			after time.Duration
			id    string
			want  int
		}{{0, "a", 1}, {store.EndedKept, "b", 2}, {store.EndedKept + time.Second, "c", 1}, {0, "d", 2}} {
			time.Sleep(step.after)
			end(step.id)
			got, err := e.Watchers(t.Context(), alice)
			must(t, err)
			if v := got.Visits[0]; len(v.Ended) != step.want || v.Ended[0].ID != step.id {
				t.Fatalf("after %q: %+v", step.id, v)
			}
		}
	})
}

// TestVisitHeap: the recent past of 500,000 watchers is on by default, so one
// of them must cost little, and nothing when it is over.
func TestVisitHeap(t *testing.T) {
	const n, watchers, most = 50_000, 50, 90 // bytes, with the watcher's address
	before := heap()
	e := visitedBy(t, n, watchers)
	defer e.Close()
	held := heap() - before
	if each := held / n; each > most {
		t.Errorf("%.1f bytes a visit, more than %d", each, most)
	}
	for i := range e.shards {
		sh := &e.shards[i]
		sh.mu.Lock()
		sh.now.mono += 25 * time.Hour
		sh.expire()
		if sh.visits.Len() > 0 || len(sh.deadlines) > 0 {
			t.Errorf("shard %d: %d keys and %d deadlines are left", i, sh.visits.Len(), len(sh.deadlines))
		}
		sh.leave()
	}
	if left := heap() - before; left > held/10 {
		t.Errorf("of %.0f bytes %.0f are left when all is over", held, left)
	}
	runtime.KeepAlive(e)
}
