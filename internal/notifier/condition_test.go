package notifier_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"presenced/internal/notifier"
	"presenced/sip/event"
)

// tagOf is a NOTIFY's entity-tag.
func (f *flight) tagOf(t *testing.T) string {
	t.Helper()
	_, rest, ok := strings.Cut(f.text, "SIP-ETag: ")
	if !ok {
		t.Fatalf("no entity-tag in\n%s", f.text)
	}
	tag, _, _ := strings.Cut(rest, "\r\n")
	return tag
}

func (f *flight) bodiless() bool { return strings.HasSuffix(f.text, "\r\n\r\n") }

func (w *watcher) condition(tag string) { w.extra = "Suppress-If-Match: " + tag + "\r\n" }

// RFC 5839 s.6.3: what changes while a 204 is on its way is told after it.
func TestChangeBeforeNoNotification(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := start(t)
		alice := n.watcher("alice")
		alice.subscribe(600)
		f := n.one()
		n.answer(f, 200)
		alice.condition(f.tagOf(t))
		res, err := n.Subscribe(t.Context(), alice.request(600))
		if err != nil || res.Code != 204 {
			t.Fatalf("%+v, %v", res, err)
		}
		n.publish("new")
		n.none() // the 204 has not left
		res.After()
		f = n.one()
		f.has(t, "Subscription-State: active;expires=600", "Content-Type: text/plain")
		if f.bodiless() {
			t.Error("the change is not told")
		}
	})
}

// RFC 5839 s.6.2: what the watcher has is told without a body where its state
// is another one; what it has not, with one.
func TestConditionOverTransition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := start(t)
		n.setDecision(func(string) notifier.Decision { return notifier.Decision{State: event.Pending, View: "same"} })
		alice := n.watcher("alice")
		alice.subscribe(600)
		f := n.one()
		n.answer(f, 200)
		alice.condition(f.tagOf(t))
		if res := alice.subscribe(600); res.Code != 204 {
			t.Errorf("got %d", res.Code)
		}
		n.none()
		n.setDecision(func(string) notifier.Decision { return notifier.Decision{State: event.Active, View: "same"} })
		n.Reconsider(t.Context())
		f = n.one()
		f.has(t, "Subscription-State: active;expires=600")
		if !f.bodiless() {
			t.Errorf("a body that the watcher has:\n%s", f.text)
		}
		n.answer(f, 200)
		n.setDecision(seesAll)
		n.Reconsider(t.Context())
		if f = n.one(); f.bodiless() {
			t.Errorf("no body with what is new:\n%s", f.text)
		}
	})
}

// The condition of the refresh that finds the watcher approved holds; the
// transition is told all the same.
func TestConditionOfApproved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := start(t)
		n.setDecision(func(string) notifier.Decision { return notifier.Decision{State: event.Pending, View: "same"} })
		alice := n.watcher("alice")
		alice.subscribe(600)
		f := n.one()
		n.answer(f, 200)
		n.setDecision(func(string) notifier.Decision { return notifier.Decision{State: event.Active, View: "same"} })
		alice.condition(f.tagOf(t))
		if res := alice.subscribe(600); res.Code != 200 {
			t.Errorf("got %d", res.Code)
		}
		f = n.one()
		f.has(t, "Subscription-State: active;expires=600")
		if !f.bodiless() {
			t.Errorf("a body that the watcher has:\n%s", f.text)
		}
	})
}

// After a 204 watcher information goes on in partial state: the watcher has what
// it says.
func TestPartialAfterNoNotification(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := start(t, winfo)
		owner := n.owner("")
		owner.subscribe(600)
		f := n.only()
		n.answer(f, 200)
		owner.extra += "Suppress-If-Match: " + f.tagOf(t) + "\r\n"
		if res := owner.subscribe(600); res.Code != 204 {
			t.Errorf("got %d", res.Code)
		}
		n.watcher("alice").settled(600)
		time.Sleep(5 * time.Second)
		f = n.only()
		n.says(f, "1, alice active/subscribe")
		n.answer(f, 200)

		// A version is not used up by a NOTIFY without a document.
		owner.extra = "Event: test.winfo\r\nSuppress-If-Match: *\r\n"
		if res := owner.subscribe(600); res.Code != 204 {
			t.Errorf("got %d", res.Code)
		}
		n.watcher("carol").settled(600)
		time.Sleep(time.Minute)
		n.none()
		owner.extra = "Event: test.winfo\r\n"
		owner.subscribe(600)
		n.says(n.only(), "2 full, alice active/subscribe, carol active/subscribe")
	})
}

// RFC 6446 s.5.2: a narrowed view waits for the watcher's greatest rate, an
// approval and an end do not.
func TestMaxRateOverTransitions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := start(t)
		alice := n.watcher("alice")
		alice.extra = "Event: test;max-rate=0.1\r\n"
		alice.settled(600)
		n.setDecision(func(string) notifier.Decision { return notifier.Decision{State: event.Active, View: "less"} })
		n.Reconsider(t.Context())
		time.Sleep(9 * time.Second)
		n.none()
		time.Sleep(time.Second)
		f := n.one()
		f.has(t, "Subscription-State: active;expires=590;max-rate=0.1")
		n.answer(f, 200)
		n.setDecision(func(string) notifier.Decision { return notifier.Decision{State: event.Terminated} })
		n.Reconsider(t.Context())
		n.one().has(t, "Subscription-State: terminated;reason=rejected")
	})
}

// A least rate goes on while NOTIFYs are refused, and not while one is
// unanswered.
func TestMinRateUnanswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := start(t)
		alice := n.watcher("alice")
		alice.extra = "Event: test;min-rate=0.1\r\n"
		alice.settled(600)
		time.Sleep(10 * time.Second)
		f := n.one()
		time.Sleep(25 * time.Second)
		n.none()
		n.answer(f, 500)
		f = n.one() // it was due meanwhile
		n.answer(f, 200)
		time.Sleep(9 * time.Second)
		n.none()
		time.Sleep(time.Second)
		n.answer(n.one(), 200)
		alice.extra = ""
		alice.subscribe(0)
		n.answer(n.one(), 200)
		n.empty()
	})
}
