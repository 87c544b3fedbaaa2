package notifier_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"presenced/internal/notifier"
	"presenced/sip/event"
)

// What this file tests would leave one watcher with what is not so any more.

func paced(c *notifier.Config) { c.MinInterval = 5 * time.Second }

// becomes makes the state another one.
func (n *node) becomes(text string) {
	n.t.Helper()
	n.madeOf(&parts{extra: " " + text})
	n.StateChanged(n.t.Context(), bobKey)
	synctest.Wait()
}

// A SUBSCRIBE names what its watcher had before a NOTIFY reached it, and the
// state has changed back meanwhile: it is told all the same.
func TestConditionCrossesANotify(t *testing.T) {
	for name, answered := range map[string]bool{"on its way": false, "answered": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := start(t, paced)
				n.becomes("on")
				alice := n.watcher("alice")
				alice.subscribe(600)
				on := n.one()
				n.answer(on, 200)
				time.Sleep(5 * time.Second)
				n.becomes("off")
				f := n.one()
				if answered {
					n.answer(f, 200)
				}
				n.becomes("on")
				n.none() // the pace
				alice.condition(on.tagOf(t))
				if res := alice.subscribe(600); res.Code != 200 {
					t.Errorf("got %d", res.Code)
				}
				f = n.one()
				f.has(t, "none on")
				n.answer(f, 200)
				if res := alice.subscribe(600); res.Code != 204 {
					t.Errorf("got %d where nothing has crossed", res.Code)
				}
				n.none()
			})
		})
	}
}

// Rules that change while others are being applied are what counts.
func TestDecisionsInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := start(t)
		n.watcher("alice").settled(600)
		view := func(name string) notifier.Decision { return notifier.Decision{State: event.Active, View: name} }
		var once sync.Once
		n.setDecision(func(string) notifier.Decision {
			once.Do(func() {
				n.setDecision(func(string) notifier.Decision { return view("new") })
				n.Reconsider(t.Context())
			})
			return view("old")
		})
		n.Reconsider(t.Context())
		list := n.take()
		list[len(list)-1].has(t, "new")
	})
}

// A NOTIFY that a SUBSCRIBE supersedes while it is being sent leaves before the
// one that follows.
func TestSupersededWhileItIsSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := start(t)
		alice := n.watcher("alice")
		alice.settled(600)
		n.sender.mu.Lock()
		n.sender.before = func() { alice.subscribe(600) }
		n.sender.mu.Unlock()
		n.publish("open")
		list := n.take()
		last := 0
		for _, f := range list {
			var cseq int
			_, tail, _ := strings.Cut(f.text, "CSeq: ")
			fmt.Sscan(tail, &cseq)
			if cseq <= last {
				t.Errorf("CSeq %d after %d", cseq, last)
			}
			last = cseq
		}
		if len(list) != 2 || !list[0].cancelled || list[1].cancelled {
			t.Errorf("sent: %+v", list)
		}
	})
}

// The same where the subscription ends.
func TestEndsWhileANotifyIsSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := start(t)
		alice := n.watcher("alice")
		alice.settled(600)
		n.sender.mu.Lock()
		n.sender.before = func() { alice.subscribe(0) }
		n.sender.mu.Unlock()
		n.publish("open")
		list := n.take()
		if len(list) != 2 {
			t.Fatalf("sent: %+v", list)
		}
		list[1].has(t, "Subscription-State: terminated;reason=timeout", "CSeq: 3 NOTIFY")
		n.answer(list[1], 200)
		n.empty()
	})
}

// What a watcher could not take, or did not leave us, is told again after a
// while, though nothing changes; and what changes does not wait for that.
func TestLostIsToldAgain(t *testing.T) {
	lose := map[string]func(n *node, f *flight){
		"500":       func(n *node, f *flight) { n.answer(f, 500) },
		"transport": func(n *node, f *flight) { f.user.Failed(f.id, errors.New("no buffer space")) },
	}
	for name, lose := range lose {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := start(t)
				n.publish("open")
				n.watcher("alice").subscribe(3600)
				for _, pause := range []time.Duration{10 * time.Second, 20 * time.Second, 40 * time.Second} {
					lose(n, n.one())
					time.Sleep(pause - time.Nanosecond)
					n.none()
					time.Sleep(time.Nanosecond)
				}
				f := n.one()
				f.has(t, "open")
				lose(n, f)
				n.publish("closed")
				n.hears("closed")
				time.Sleep(10 * time.Minute)
				n.none()
				n.publish("busy")
				lose(n, n.one())
				time.Sleep(10 * time.Second) // it counts anew
				n.hears("busy")
				n.publish("back")
				n.hears("back")
			})
		})
	}
}

// Retry-After counts in any failure that does not end a subscription.
func TestRetryAfterOfOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := start(t)
		n.watcher("alice").subscribe(600)
		n.answer(n.one(), 486, "Retry-After: 20\r\n")
		time.Sleep(20*time.Second - time.Nanosecond)
		n.publish("open")
		n.none()
		time.Sleep(time.Nanosecond)
		n.hears("open")
	})
}

// A refresh while an older copy is being stored: after a restart its terms hold.
func TestRefreshWhileACopyIsStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, s := startShelf(t)
		n.setDecision(func(string) notifier.Decision { return notifier.Decision{State: event.Pending, View: "wait"} })
		alice := n.watcher("alice")
		alice.settled(600)
		alice.extra = "Event: test;max-rate=0.5\r\n"
		s.set(nil, func() { alice.subscribe(600) }) // between the copy and its being put
		n.setDecision(seesAll)
		n.Reconsider(t.Context())
		synctest.Wait()
		n.take()
		n.halt()
		m := startOn(t, n.engine)
		f := m.one()
		if !strings.Contains(f.text, ";max-rate=0.5\r\n") {
			t.Errorf("the terms of the refresh are lost:\n%s", f.text)
		}
	})
}

// A NOTIFY to who sleeps has the tag of what it does not tell: the watcher that
// wakes with that tag has not got it (RFC 5839 s.5.2), also after a restart.
func TestTagOfWhatWasSleptThrough(t *testing.T) {
	for name, restarts := range map[string]bool{"": false, "restart": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := start(t)
				alice := n.watcher("alice")
				alice.settled(600)
				alice.condition("*")
				alice.subscribe(600)
				n.setDecision(func(string) notifier.Decision { return notifier.Decision{State: event.Pending, View: "wait"} })
				n.Reconsider(t.Context())
				f := n.one()
				if !f.bodiless() {
					t.Fatalf("told while asleep:\n%s", f.text)
				}
				n.answer(f, 200)
				if restarts {
					n.halt()
					n = startDeciding(t, n.engine, n.decide)
					alice.n = n
				}
				alice.condition(f.tagOf(t))
				if res := alice.subscribe(600); res.Code != 200 {
					t.Errorf("got %d", res.Code)
				}
				n.hears("wait")
			})
		})
	}
}
