package notifier_test

import (
	"fmt"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"presenced/internal/notifier"
	"presenced/internal/store"
	"presenced/sip"
	"presenced/sip/event"
	"presenced/sip/transaction"
	"presenced/sip/transport"
)

// idle checks that no place in a window is taken.
func (n *node) idle() {
	n.t.Helper()
	synctest.Wait()
	if taken := n.Places(); len(taken) > 0 {
		n.t.Errorf("places taken: %v", taken)
	}
}

// answerAll answers every NOTIFY until there are no more, and counts them.
func (n *node) answerAll(code int) (count int) {
	for list := n.take(); len(list) > 0; list = n.take() {
		count += len(list)
		for _, f := range list {
			if !f.cancelled {
				n.answer(f, code)
			}
		}
	}
	return count
}

// crowd subscribes watchers, and has a change wait for places.
func (n *node) crowd(size int) []*watcher {
	n.t.Helper()
	list := make([]*watcher, size)
	for i := range list {
		list[i] = n.watcher(fmt.Sprint("w", i))
		list[i].settled(600)
	}
	n.publish("open")
	return list
}

// A place that an abandoned NOTIFY gives back goes to the next in the queue,
// also when its watcher has moved elsewhere.
func TestAbandonedPlaceIsUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := start(t)
		crowd := n.crowd(65)
		if got := len(n.take()); got != 64 {
			t.Fatalf("%d in flight", got)
		}
		for _, w := range crowd {
			if w.n.sender.inFlight(w.name) {
				w.flow.Proto, w.flow.Conn = sip.TCP, 3
				w.subscribe(600)
				break
			}
		}
		if got := len(n.take()); got != 2 { // its own, and the 65th
			t.Errorf("%d NOTIFYs, want 2", got)
		}
	})
}

// Whatever becomes of NOTIFYs and of those who wait, every place comes back.
func TestPlacesComeBack(t *testing.T) {
	for name, end := range map[string]func(n *node, crowd []*watcher, f *flight){
		"answered": func(n *node, _ []*watcher, f *flight) { n.answer(f, 200) },
		"refused":  func(n *node, _ []*watcher, f *flight) { n.answer(f, 481) },
		"timeout":  func(_ *node, _ []*watcher, f *flight) { f.user.Slow(f.id); f.user.Failed(f.id, transaction.ErrTimeout) },
		"late slow": func(n *node, _ []*watcher, f *flight) {
			time.Sleep(transaction.DefaultTimers.T1)
			n.answer(f, 200)
			f.user.Slow(f.id)
		},
		"late reply": func(n *node, c []*watcher, f *flight) { c[0].subscribe(600); f.user.Answered(f.id, 200, nil) },
		"closed":     func(_ *node, _ []*watcher, f *flight) { f.user.Failed(f.id, transport.ErrClosed) },
		"too large":  func(_ *node, _ []*watcher, f *flight) { f.user.Failed(f.id, transaction.ErrTooLarge) },
		"connection": func(n *node, c []*watcher, f *flight) {
			if n.Closed(c[0].flow); !f.cancelled { // UDP has none
				n.answer(f, 200)
			}
		},
		"rules": func(n *node, _ []*watcher, _ *flight) {
			n.setDecision(func(string) notifier.Decision { return notifier.Decision{State: event.Terminated} })
			n.Reconsider(n.t.Context())
		},
		"lapse": func(*node, []*watcher, *flight) { time.Sleep(601 * time.Second) },
	} {
		for _, proto := range []sip.Proto{sip.UDP, sip.TCP} {
			t.Run(name+"/"+proto.String(), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					n := start(t)
					crowd := make([]*watcher, 70)
					for i := range crowd {
						crowd[i] = n.watcher(fmt.Sprint("w", i))
						if crowd[i].flow.Proto = proto; proto == sip.TCP {
							crowd[i].flow.Conn = 5
						}
						crowd[i].settled(600)
					}
					n.publish("open")
					for _, f := range n.take() {
						end(n, crowd, f)
					}
					n.answerAll(200)
					n.idle()
					time.Sleep(700 * time.Second)
					n.answerAll(200)
					n.idle()
					n.empty()
				})
			})
		}
	}
}

// The answer may come before Send has returned.
func TestAnswerBeforeSendReturns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := start(t)
		n.sender.fast = true
		w := n.watcher("alice")
		w.subscribe(600)
		for i := range 200 {
			n.publish(fmt.Sprint(i))
		}
		if got := len(n.take()); got != 201 {
			t.Errorf("%d NOTIFYs", got)
		}
		w.subscribe(0)
		n.one()
		n.idle()
		n.empty()
	})
}

// Nothing leaves between a SUBSCRIBE and its 200, and one NOTIFY follows it.
func TestNothingBeforeThe200(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := start(t)
		w := n.watcher("alice")
		for range 2 { // new, and a refresh
			res, err := n.Subscribe(t.Context(), w.request(600))
			if err != nil {
				t.Fatal(err)
			}
			n.publish(fmt.Sprint("during ", w.cseq))
			n.none()
			res.After()
			f := n.one()
			f.has(t, fmt.Sprint("during ", w.cseq))
			n.answer(f, 200)
			n.none()
			if w.tag == "" {
				w.tag = res.ToTag
			}
		}
	})
}

// A change of the rules before the 200 is told once.
func TestRulesBeforeThe200(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := start(t)
		res, err := n.Subscribe(t.Context(), n.watcher("alice").request(600))
		if err != nil {
			t.Fatal(err)
		}
		n.setDecision(func(string) notifier.Decision { return notifier.Decision{State: event.Pending, View: "waiting"} })
		n.Reconsider(t.Context())
		res.After()
		f := n.one()
		f.has(t, "Subscription-State: pending;expires=600", "waiting")
		n.answer(f, 200)
		n.none()
	})
}

// What fits in no datagram ends the subscription.
func TestTooLarge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := start(t)
		n.publish("large")
		n.watcher("alice").subscribe(600)
		f := n.one()
		f.user.Failed(f.id, fmt.Errorf("sending: %w", transaction.ErrTooLarge))
		f = n.one()
		f.has(t, "Subscription-State: terminated;reason=probation")
		f.user.Failed(f.id, transaction.ErrTooLarge) // not again
		n.none()
		n.empty()
	})
}

// Behind a route set a closed connection is one lost NOTIFY: the next change is
// told, whatever it says.
func TestLostBehindARoute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := start(t)
		n.publish("open")
		w := n.watcher("alice")
		w.extra = "Record-Route: <sip:p1.example.com;lr>\r\n"
		w.subscribe(600)
		f := n.one()
		f.user.Failed(f.id, transport.ErrClosed)
		if err := n.engine.Publish(t.Context(), bobKey, store.Publish{Publication: store.Publication{
			ID: "2", Tag: "2", Body: []byte("open"), TTL: time.Hour}}); err != nil {
			t.Fatal(err)
		}
		n.one().has(t, "open")
	})
}

// A hundred dead watchers cost the living two short pauses once, not
// T1; whose answers take long are waited for longer.
func TestTheDeadStallNobody(t *testing.T) {
	for _, test := range []struct{ answer, most time.Duration }{
		{time.Millisecond, 60 * time.Millisecond},
		{20 * time.Millisecond, 250 * time.Millisecond},
	} {
		t.Run(test.answer.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := start(t)
				const living, dead = 40, 100
				for i := range living + dead {
					w := n.watcher(fmt.Sprint("w", i))
					w.subscribe(600)
					f := n.one()
					time.Sleep(test.answer)
					n.answer(f, 200)
				}
				began := time.Now()
				told := 0
				n.publish("open")
				for told < living && time.Since(began) < time.Second {
					for _, f := range n.take() {
						var number int
						if _, err := fmt.Sscanf(f.text, "NOTIFY sip:w%d@", &number); err != nil {
							t.Fatal(err)
						}
						if number < living {
							told++
							time.AfterFunc(test.answer, func() { f.user.Answered(f.id, 200, nil) })
						}
					}
					time.Sleep(time.Millisecond)
				}
				if took := time.Since(began); told < living || took > test.most {
					t.Errorf("%d of %d told after %v", told, living, took)
				}
			})
		})
	}
}

// While answers come, no more than a window's NOTIFYs are unanswered.
func TestPlacesAreKeptWhileAnswersCome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := start(t)
		n.crowd(70)
		if got := len(n.take()); got != 64 {
			t.Fatalf("%d in flight", got)
		}
		time.Sleep(24 * time.Millisecond)
		n.none()
		time.Sleep(2 * time.Millisecond)
		if got := len(n.take()); got != 6 {
			t.Errorf("%d more, want those for whom places were taken back", got)
		}
	})
}

// The dead behind an address from which answers come cost the living no time.
func TestTheOvertakenGiveWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := start(t)
		const watchers, dead = 600, 100 // among the first to be told, and the last
		crowd := n.crowd(watchers)
		began, told := time.Now(), 0
		for list := n.take(); len(list) > 0; list = n.take() {
			if len(list) > 64 {
				t.Errorf("%d at once", len(list))
			}
			for _, f := range list {
				var number int
				if _, err := fmt.Sscanf(f.text, "NOTIFY sip:w%d@", &number); err != nil {
					t.Fatal(err)
				}
				if number%(len(crowd)/dead) != 0 {
					told++
					n.answer(f, 200)
				}
			}
		}
		if took := time.Since(began); told != watchers-dead || took > 0 {
			t.Errorf("%d of %d told after %v", told, watchers-dead, took)
		}
	})
}

// Answers from elsewhere say nothing of a silent peer: its NOTIFYs keep their
// places while patience lasts, so that it gets no more than its buffer holds.
func TestTheSilentAreNotOvertakenByOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := start(t)
		silent := netip.MustParseAddrPort("192.0.2.7:5060")
		for i := range 400 {
			w := n.watcher(fmt.Sprint("w", i))
			if i%2 == 0 {
				w.flow.Remote = silent
			}
			w.settled(600)
		}
		n.publish("open")
		unanswered := 0
		for list := n.take(); len(list) > 0; list = n.take() {
			for _, f := range list {
				if f.target.Flow.Remote == silent {
					unanswered++
				} else {
					n.answer(f, 200)
				}
			}
		}
		if unanswered != 64 {
			t.Errorf("%d unanswered NOTIFYs to a silent peer, want 64", unanswered)
		}
	})
}
