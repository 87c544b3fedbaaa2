package notifier_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"presenced/internal/notifier"
	"presenced/internal/store"
	"presenced/internal/store/embedded"
	"presenced/sip"
	"presenced/sip/event"
)

// shelf is the engine, whose writes can fail or take their time.
type shelf struct {
	*embedded.Engine
	mu     sync.Mutex
	err    error
	before func() // each write
}

func (s *shelf) PutSubscription(ctx context.Context, r store.Subscription) error {
	s.mu.Lock()
	err, before := s.err, s.before
	s.before = nil
	s.mu.Unlock()
	if before != nil {
		before()
	}
	if err != nil {
		return err
	}
	return s.Engine.PutSubscription(ctx, r)
}

func (s *shelf) set(err error, before func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err, s.before = err, before
}

// startShelf makes a node on an engine that can fail.
func startShelf(t *testing.T) (*node, *shelf) {
	t.Helper()
	engine, err := embedded.Open(embedded.Config{Agent: "a"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { engine.Close() })
	s := &shelf{Engine: engine}
	return startOn(t, engine, func(c *notifier.Config) { c.Store = s }), s
}

var errAway = fmt.Errorf("%w: refused", store.ErrUnavailable)

// The rules changed while the agent was down: the watcher is told, and nothing
// of the state.
func TestRefusedWhileDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := start(t)
		n.publish("secret")
		n.watcher("alice").settled(600)
		n.watcher("carol").settled(600)
		n.halt()
		refuse := func(w string) notifier.Decision {
			if strings.Contains(w, "alice") {
				return notifier.Decision{State: event.Terminated}
			}
			return notifier.Decision{State: event.Active, View: "full"}
		}
		m := startOn(t, n.engine, func(c *notifier.Config) { c.MinInterval = time.Second }, deciding(refuse))
		for _, f := range m.take() {
			if strings.Contains(f.text, "Call-ID: carol") {
				f.has(t, "Subscription-State: active;expires=600", "secret")
				continue
			}
			f.has(t, "Subscription-State: terminated;reason=rejected")
			if strings.Contains(f.text, "secret") {
				t.Errorf("a refused watcher sees\n%s", f.text)
			}
		}
		if count := m.Stats()["test"][event.Active]; count != 1 {
			t.Errorf("%v are left", m.Stats())
		}
		if stored, err := m.engine.Watchers(t.Context(), bobKey); err != nil || len(stored.Subscriptions) != 1 {
			t.Errorf("stored: %v, %v", stored, err)
		}
	})
}

// deciding sets the rules before anything is restored.
func deciding(f func(string) notifier.Decision) option {
	return func(c *notifier.Config) { c.Observer.(*node).decide = f }
}

// Many watchers of one presentity are restored with one load, also of a state
// that was never stored.
func TestRestoreLoadsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := start(t)
		for i := range 40 {
			n.watcher(fmt.Sprint("w", i)).settled(600)
		}
		n.halt()
		m := startOn(t, n.engine)
		if got := len(m.take()); got != 40 || m.loaded() != 1 {
			t.Errorf("%d NOTIFYs after %d loads", got, m.loaded())
		}
	})
}

// While the store does not take the next block of sequence numbers, each
// NOTIFY asks again; what was reserved is never exceeded by what is stored.
func TestReservationIsRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, s := startShelf(t)
		n.watcher("alice").settled(7200)
		s.set(errAway, nil)
		for i := range 900 { // beyond the point where the block is renewed
			n.publish(fmt.Sprint(i))
			n.answer(n.one(), 200)
		}
		s.set(nil, nil)
		for i := range 300 {
			n.publish(fmt.Sprint("again ", i))
			n.answer(n.one(), 200)
		}
		n.halt()
		m := startOn(t, n.engine)
		var cseq int
		_, tail, _ := strings.Cut(m.one().text, "CSeq: ")
		fmt.Sscan(tail, &cseq)
		if cseq <= 1201 {
			t.Errorf("after 1201 NOTIFYs and a restart: CSeq %d", cseq)
		}
	})
}

// A subscription that lapses while its refresh is being stored is gone, and so
// is the copy that the refresh has put back.
func TestLapseDuringRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, s := startShelf(t)
		w := n.watcher("alice")
		w.settled(60)
		s.set(nil, func() { time.Sleep(61 * time.Second) })
		w.refused(600, 481)
		n.one().has(t, "Subscription-State: terminated;reason=timeout")
		n.empty()
	})
}

// Rules that change between the decision and its effect are not missed.
func TestRulesChangeDuringSubscribe(t *testing.T) {
	for name, first := range map[string]bool{"new": true, "refresh": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n, s := startShelf(t)
				n.publish("secret")
				w := n.watcher("alice")
				if !first {
					w.settled(600)
				}
				s.set(nil, func() {
					n.setDecision(func(string) notifier.Decision {
						return notifier.Decision{State: event.Pending, View: "waiting"}
					})
					n.Reconsider(t.Context())
				})
				w.subscribe(600)
				list := n.take()
				last := list[len(list)-1]
				last.has(t, "Subscription-State: pending;expires=600", "waiting")
			})
		})
	}
}

// A store that is away refuses what has to be stored, and nothing is left.
func TestStoreAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, s := startShelf(t)
		s.set(errAway, nil)
		for range 5 {
			if e := n.watcher("alice").refused(600, 503); len(e.Header) != 1 || e.Header[0].Name != "Retry-After" {
				t.Errorf("503 without Retry-After: %v", e.Header)
			}
		}
		n.empty()
		n.watcher("alice").subscribe(0) // a fetch needs no store
		n.one()
		s.set(nil, nil)
		w := n.watcher("alice")
		w.settled(600)
		s.set(errAway, nil)
		w.refused(600, 503)
		n.publish("open") // it lives on
		n.answer(n.one(), 200)
		w.subscribe(0)
		n.answer(n.one(), 200)
		s.set(nil, nil)
		n.empty()
	})
}

// While states cannot be loaded, a fetch or the end of a subscription is
// answered with the state that this agent holds for others.
func TestStateFromMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := start(t)
		n.publish("open")
		w := n.watcher("alice")
		w.settled(600)
		n.fail(nil, errAway)
		n.watcher("carol").subscribe(0)
		n.one().has(t, "Subscription-State: terminated;reason=timeout", "open")
		w.subscribe(0)
		n.one().has(t, "Subscription-State: terminated;reason=timeout", "open")
		n.watcher("dave").refused(600, 503) // nobody is left who watches
		n.empty()
	})
}

// A state that cannot be loaded is loaded again after a pause, by one timer
// however often it has changed, and by none when nobody watches any more.
func TestLoadIsRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := start(t)
		w := n.watcher("alice")
		w.settled(600)
		n.fail(nil, errAway)
		before := n.loaded()
		for i := range 10 {
			n.publish(fmt.Sprint("state ", i))
		}
		n.none()
		time.Sleep(30 * time.Second) // 1, 2, 4, 8, 16 s
		n.none()
		if got := n.loaded() - before; got > 10+5 {
			t.Errorf("%d loads", got)
		}
		n.fail(nil, nil)
		time.Sleep(time.Minute)
		n.answer(n.one(), 200)
		n.fail(nil, errors.New("a fault"))
		n.publish("last")
		w.n.fail(nil, errAway)
		w.subscribe(0)
		n.answer(n.one(), 200)
		before = n.loaded()
		time.Sleep(time.Hour)
		if got := n.loaded() - before; got != 0 {
			t.Errorf("%d loads for nobody", got)
		}
	})
}

// Rules that cannot be asked are no refusal.
func TestRulesAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := start(t)
		w := n.watcher("alice")
		w.settled(600)
		n.fail(errAway, nil)
		w.refused(600, 503)
		n.none()
		n.Reconsider(t.Context())
		n.publish("open")
		n.one()
		n.fail(nil, nil)
		n.setDecision(func(string) notifier.Decision { return notifier.Decision{State: event.Terminated} })
		w.refused(600, 403) // RFC 6665 s.4.2.1.3
		n.one().has(t, "Subscription-State: terminated;reason=rejected")
		n.empty()
	})
}

// Our Contact is a sips: URI where the dialog is secure (RFC 3261 s.12.1.1).
func TestSecureContact(t *testing.T) {
	for _, c := range []struct {
		extra string
		want  bool
	}{
		{"", false},
		{"Record-Route: <SIPS:p.example.com;lr>\r\n", true},
		{"Record-Route: <sip:p.example.com;lr>, <sips:q.example.com;lr>\r\n", false},
	} {
		synctest.Test(t, func(t *testing.T) {
			secure := false
			n := start(t, func(c *notifier.Config) {
				c.Contact = func(_ sip.Flow, s bool) string { secure = s; return "<sip:192.0.2.9>" }
			})
			w := n.watcher("alice")
			w.extra = c.extra
			w.subscribe(600)
			if secure != c.want {
				t.Errorf("%q: %v", c.extra, secure)
			}
		})
	}
}

// What nobody waits for is left undone once too much of it waits.
func TestChoresAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := start(t)
		block, count := make(chan struct{}), 0
		n.Offer(func(context.Context) { <-block })
		synctest.Wait()
		for range notifier.MaxChores + 10 {
			n.Offer(func(context.Context) { count++ })
		}
		close(block)
		synctest.Wait()
		if count != notifier.MaxChores {
			t.Errorf("%d chores done", count)
		}
	})
}

// CSeq rises over every restart, also where no SUBSCRIBE comes between (RFC
// 3261 s.12.2.1.1), and where a refused one does.
func TestSequenceRisesOverRestarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := start(t)
		w := n.watcher("alice")
		w.settled(7200)
		last := 1
		for i := range 4 {
			n.halt()
			n = startOn(t, n.engine)
			for j := range 2 { // the NOTIFY of the restart, then a change
				if j == 1 {
					n.publish(fmt.Sprint(i))
				}
				f := n.one()
				var cseq int
				_, tail, _ := strings.Cut(f.text, "CSeq: ")
				fmt.Sscan(tail, &cseq)
				if cseq <= last {
					t.Fatalf("restart %d: CSeq %d after %d", i, cseq, last)
				}
				last = cseq
				n.answer(f, 200)
			}
			w.n = n
			w.refused(5, 423)
			n.none()
		}
	})
}

// Who takes a subscription up says where it is reached, and so does the copy.
func TestContactOfTheNewOwner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := start(t)
		n.watcher("alice").settled(7200)
		n.halt()
		elsewhere := func(c *notifier.Config) {
			c.Contact = func(_ sip.Flow, secure bool) string { return fmt.Sprintf("<sip:192.0.2.10:5060;secure=%v>", secure) }
		}
		for range 2 {
			n = startOn(t, n.engine, elsewhere)
			f := n.one()
			f.has(t, "Contact: <sip:192.0.2.10:5060;secure=false>")
			n.answer(f, 200)
			n.halt()
		}
	})
}
