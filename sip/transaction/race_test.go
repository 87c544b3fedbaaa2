package transaction

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// Many goroutines receive, send, cancel and answer at once; in the end
// nothing is left, and every request has exactly one outcome.
func TestManyGoroutines(t *testing.T) {
	bubble(t, Config{MaxPending: 64, MaxHeld: 256}, func(t *testing.T, f *fake, l *Layer) {
		var mu sync.Mutex
		outcomes := map[*told]bool{}
		var group sync.WaitGroup
		for g := range 8 {
			group.Go(func() {
				random := rand.New(rand.NewPCG(1, uint64(g)))
				for i := range 300 {
					l.Receive(request("PUBLISH", fmt.Sprint("z9hG4bK", random.IntN(500))), udp, nil)
					l.Receive(request("MESSAGE", fmt.Sprint("z9hG4bK", g, "-", i)), udp, nil)
					u := new(told)
					id := l.Send(notify(udp), u)
					gone := random.IntN(4) == 0
					if gone {
						l.Cancel(id)
					}
					mu.Lock()
					outcomes[u] = gone
					mu.Unlock()
					if text := f.pick(random).text; text[:3] == "NOT" {
						l.Receive(answerTo(text, 100+100*random.IntN(3)), udp, nil)
					}
					time.Sleep(time.Duration(random.IntN(20)) * time.Millisecond)
				}
			})
		}
		group.Wait()
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		s := l.Stats()
		want(t, "clients", s.Clients, 0)
		want(t, "pending", s.Pending, 0)
		want(t, "held", s.Held, 0)
		for u, gone := range outcomes {
			final := 0
			for _, e := range u.events {
				if e != "slow" {
					final++
				}
			}
			if final > 1 || final == 0 && !gone {
				t.Fatalf("outcomes %v, cancelled %v", u.events, gone)
			}
		}
		for i := range shards {
			c := &l.clients[i]
			want(t, "slots in use", c.used, 0)
			want(t, "entries that linger", c.linger.count+c.failing.count, 0)
			want(t, "transactions", len(l.servers[i].open)+l.servers[i].held.count, 0)
		}
	})
}
