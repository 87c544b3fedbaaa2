package notifier_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
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

func TestSubscribeNotifies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := start(t)
		n.publish("open")
		w := n.watcher("alice")
		res := w.subscribe(600)
		if len(res.Header) < 2 || res.Header[0] != (sip.Field{Name: "Expires", Value: "600"}) {
			t.Errorf("200 without what was granted: %v", res.Header)
		}
		f := n.one()
		f.has(t, "NOTIFY sip:alice@192.0.2.1:5060 SIP/2.0", "From: <sip:bob@example.com>;tag="+w.tag,
			"To: <sip:alice@example.com>;tag=alice", "Call-ID: alice", "CSeq: 1 NOTIFY", "Contact: <sip:192.0.2.9:5060>",
			"Event: test", "Subscription-State: active;expires=600", "Content-Type: text/plain", "open")
		n.answer(f, 200)
		n.none()
	})
}

func TestChangeNotifiesOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := start(t)
		n.watcher("alice").settled(600)
		n.publish("open")
		f := n.one()
		f.has(t, "CSeq: 2 NOTIFY", "open")
		n.answer(f, 200)
		n.publish("open") // another publication, the same to see
		n.none()
	})
}

// One NOTIFY in flight; a change meanwhile is sent when the answer comes, and
// only the newest.
func TestOneInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := start(t)
		n.watcher("alice").settled(600)
		n.publish("one")
		f := n.one()
		n.publish("two")
		n.publish("three")
		n.none()
		n.answer(f, 200)
		n.one().has(t, "CSeq: 3 NOTIFY", "three")
	})
}

// RFC 6665 s.4.2.1.2: a SUBSCRIBE is followed by a NOTIFY at once, even while
// another one is unanswered.
func TestSubscribeStartsAnEpoch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := start(t, func(c *notifier.Config) { c.MinInterval = time.Minute })
		w := n.watcher("alice")
		w.subscribe(600)
		first := n.one()
		w.flow.Remote = netip.MustParseAddrPort("192.0.2.2:7000")
		w.subscribe(600)
		second := n.one()
		if !first.cancelled || second.target.Flow != w.flow {
			t.Errorf("first cancelled: %v, second to %v", first.cancelled, second.target.Flow)
		}
		n.answer(first, 481) // nobody's any more
		n.answer(second, 200)
		n.publish("open")
		n.one()
	})
}

func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := start(t, func(c *notifier.Config) { c.MinInterval, c.Burst = 5*time.Second, 2 })
		n.watcher("alice").settled(600)
		begin := time.Now()
		var at []time.Duration
		for i := range 20 {
			n.publish(fmt.Sprint("state ", i))
			for _, f := range n.take() {
				at = append(at, time.Since(begin))
				n.answer(f, 200)
			}
			time.Sleep(time.Second)
		}
		if got := fmt.Sprint(at); got != "[0s 1s 5s 10s 15s]" {
			t.Errorf("NOTIFYs after %s", got)
		}
	})
}

func TestExpiryIsExact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := start(t)
		n.watcher("alice").settled(60)
		time.Sleep(60*time.Second - time.Nanosecond)
		n.none()
		time.Sleep(time.Nanosecond)
		n.one().has(t, "Subscription-State: terminated;reason=timeout")
		n.empty()
	})
}

func TestUnsubscribe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := start(t)
		n.publish("open")
		w := n.watcher("alice")
		w.settled(600)
		w.subscribe(0)
		f := n.one()
		f.has(t, "Subscription-State: terminated;reason=timeout", "open")
		n.answer(f, 200)
		n.empty()
		w.refused(600, 481)
	})
}

func TestFetchLeavesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := start(t)
		n.publish("open")
		for range 3 { // a poller
			w := n.watcher("alice")
			if res := w.subscribe(0); res.ToTag == "" {
				t.Error("a fetch has its dialog too")
			}
			f := n.one()
			f.has(t, "CSeq: 1 NOTIFY", "Subscription-State: terminated;reason=timeout", "open")
			n.answer(f, 200)
		}
		n.empty()
	})
}

// RFC 6665 s.4.2.2 and RFC 5057: what ends a subscription.
func TestOutcomes(t *testing.T) {
	for _, c := range []struct {
		code int
		ends bool
	}{
		{200, false}, {202, false}, {302, false}, {400, false}, {401, false}, {403, false}, {404, true}, {405, true},
		{408, true}, {410, true}, {412, false}, {416, true}, {420, false}, {480, true}, {481, true}, {482, true},
		{483, true}, {484, true}, {485, true}, {486, false}, {489, true}, {500, false}, {501, true}, {502, true},
		{504, false}, {600, false}, {604, true},
	} {
		t.Run(fmt.Sprint(c.code), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := start(t)
				n.watcher("alice").subscribe(600)
				n.answer(n.one(), c.code)
				n.publish("open")
				if got := len(n.take()) == 0; got != c.ends {
					t.Errorf("ended: %v, want %v", got, c.ends)
				}
				if c.ends {
					n.empty()
				}
			})
		})
	}
}

func TestRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := start(t)
		n.watcher("alice").subscribe(600)
		n.answer(n.one(), 503, "Retry-After: 20\r\n")
		time.Sleep(20*time.Second - time.Nanosecond)
		n.publish("open")
		n.none()
		time.Sleep(time.Nanosecond)
		n.one().has(t, "open")
	})
}

func TestTimeoutRemoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := start(t)
		n.watcher("alice").subscribe(600)
		f := n.one()
		f.user.Failed(f.id, fmt.Errorf("after 32 s: %w", transaction.ErrTimeout))
		n.empty()
		n.none()
	})
}

func TestClosedConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := start(t)
		w := n.watcher("alice")
		w.flow.Proto, w.flow.Conn = sip.TCP, 7
		w.settled(600)
		n.Closed(w.flow)
		n.publish("one")
		n.none() // suspended: nobody to send to
		w.flow.Conn = 8
		w.subscribe(600)
		f := n.one()
		f.has(t, "one")
		f.user.Failed(f.id, transport.ErrClosed) // suspended again
		time.Sleep(time.Minute)                  // the grace
		n.none()
		n.empty()
	})
}

// A fan-out keeps 64 NOTIFYs unanswered; those that are slow make way.
func TestWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := start(t)
		const watchers = 200
		for i := range watchers {
			n.watcher(fmt.Sprint("w", i)).settled(600)
		}
		n.publish("open")
		first := n.take()
		if len(first) != 64 {
			t.Fatalf("%d in flight, want 64", len(first))
		}
		for _, f := range first[:63] { // 63 dead ones
			f.user.Slow(f.id)
		}
		if second := n.take(); len(second) != 63 {
			t.Errorf("%d more after 63 became slow", len(second))
		} else {
			for _, f := range append(second, first...) {
				n.answer(f, 200)
			}
		}
		total := len(first) + 63
		for list := n.take(); len(list) > 0; list = n.take() {
			if total += len(list); len(list) > 64 {
				t.Errorf("%d at once", len(list))
			}
			for _, f := range list {
				n.answer(f, 200)
			}
		}
		if total != watchers {
			t.Errorf("%d NOTIFYs for %d watchers", total, watchers)
		}
	})
}

func TestRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := start(t, func(c *notifier.Config) { c.PerWatcher = 2 })
		w := n.watcher("alice")
		if e := w.refused(59, 423); len(e.Header) != 1 || e.Header[0].Value != "60" {
			t.Errorf("423 without Min-Expires: %v", e.Header)
		}
		w.extra = "Accept: application/xml\r\n"
		w.refused(600, 406)
		w.extra = "Accept: */*;q=0.1\r\nTarget-Dialog: x;local-tag=a;remote-tag=b\r\n"
		w.refused(600, 403)
		w.extra = ""
		w.settled(600)
		other := *w
		other.name = "mallory"
		other.refused(600, 481) // another dialog: the From tag differs
		r := w.request(600)
		r.Identity.AOR = "sip:mallory@example.com"
		if _, err := n.Subscribe(t.Context(), r); !refusedWith(err, 403) {
			t.Errorf("somebody else's dialog: %v", err)
		}
		w.extra = "Event: test;id=2\r\n"
		w.refused(600, 403)
		w.extra = ""
		w.cseq = 0
		w.refused(600, 500)
		n.watcher("alice").settled(600)
		n.watcher("alice").refused(600, 403) // the third
		n.setDecision(func(string) notifier.Decision { return notifier.Decision{State: event.Terminated} })
		n.watcher("carol").refused(600, 403)
		n.Drain()
		n.watcher("dave").refused(600, 503)
	})
}

func refusedWith(err error, code int) bool {
	var refusal *sip.Error
	return errors.As(err, &refusal) && refusal.Code == code
}

func TestReconsider(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := start(t, func(c *notifier.Config) { c.MinInterval = time.Hour })
		pending := notifier.Decision{State: event.Pending, View: "waiting"}
		n.setDecision(func(string) notifier.Decision { return pending })
		n.publish("open")
		for _, name := range []string{"alice", "carol"} {
			n.watcher(name).subscribe(600)
			f := n.one()
			f.has(t, "Subscription-State: pending;expires=600", "waiting")
			n.answer(f, 200)
		}
		n.publish("secret")
		n.none()
		n.setDecision(func(w string) notifier.Decision {
			if strings.Contains(w, "alice") {
				return notifier.Decision{State: event.Active, View: "full"}
			}
			return notifier.Decision{State: event.Terminated}
		})
		n.Reconsider(t.Context())
		for _, f := range n.take() {
			if strings.Contains(f.text, "Call-ID: alice") {
				f.has(t, "Subscription-State: active;expires=600", "secret")
				continue
			}
			f.has(t, "Subscription-State: terminated;reason=rejected")
			if strings.Contains(f.text, "secret") {
				t.Error("a rejected watcher saw the state")
			}
		}
	})
}

func TestRouteSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := start(t)
		w := n.watcher("alice")
		w.extra = "Record-Route: <sip:p2.example.com;lr>\r\nRecord-Route: <sip:p1.example.com;lr>\r\n"
		res := w.subscribe(600)
		var echoed []string
		for _, f := range res.Header {
			if f.Name == "Record-Route" {
				echoed = append(echoed, f.Value)
			}
		}
		if got := strings.Join(echoed, ","); got != "<sip:p2.example.com;lr>,<sip:p1.example.com;lr>" {
			t.Errorf("Record-Route in the 200: %s", got)
		}
		f := n.one()
		f.has(t, "Route: <sip:p2.example.com;lr>", "Route: <sip:p1.example.com;lr>", "NOTIFY sip:alice@192.0.2.1:5060 SIP/2.0")
		if f.target.Route == nil || f.target.Route.Host != "p2.example.com" {
			t.Errorf("next hop %v", f.target.Route)
		}
	})
}

// After a restart each watcher is told the state anew, with a sequence number
// beyond all that were used, and a refresh finds its dialog.
func TestRestore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := start(t)
		udp, tcp := n.watcher("alice"), n.watcher("carol")
		tcp.flow.Proto, tcp.flow.Conn = sip.TCP, 7
		udp.settled(600)
		tcp.settled(600)
		n.halt()
		m := startOn(t, n.engine)
		f := m.one() // carol's connection is gone
		f.has(t, "Call-ID: alice", "CSeq: 1025 NOTIFY")
		m.answer(f, 200)
		tcp.n, tcp.flow.Conn = m, 9
		tcp.subscribe(600)
		f = m.one()
		f.has(t, "Call-ID: carol", "CSeq: 1025 NOTIFY")
	})
}

// Sequence numbers stay within what the store has reserved.
func TestSequenceNumbersAreReserved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := start(t)
		n.watcher("alice").settled(7200)
		const changes = 1100
		for i := range changes {
			n.publish(fmt.Sprint(i))
			n.answer(n.one(), 200)
		}
		n.halt()
		m := startOn(t, n.engine)
		var cseq int
		_, tail, _ := strings.Cut(m.one().text, "CSeq: ")
		fmt.Sscan(tail, &cseq)
		if cseq <= changes+1 {
			t.Errorf("after %d NOTIFYs and a restart: CSeq %d", changes+1, cseq)
		}
	})
}

func TestWatchers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := start(t)
		n.watcher("alice").settled(600)
		list, err := n.Watchers(t.Context(), store.Key{AOR: bob, Package: "test"})
		if err != nil || len(list) != 1 || list[0].Outcome != "200" || list[0].State != event.Active || list[0].Expires != 600 {
			t.Errorf("%+v, %v", list, err)
		}
	})
}

// The latency of a change counts from hearing of it: loading the state belongs
// to it.
func TestLatencyCountsTheLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := start(t)
		n.watcher("alice").settled(600)
		n.mu.Lock()
		n.slow = 30 * time.Millisecond
		n.mu.Unlock()
		n.publish("open")
		time.Sleep(time.Second)
		n.answer(n.one(), 200)
		n.mu.Lock()
		defer n.mu.Unlock()
		if len(n.latencies) != 1 || n.latencies[0] != 30*time.Millisecond {
			t.Errorf("latencies %v, want one of 30ms", n.latencies)
		}
	})
}
