package notifier_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"presenced/internal/notifier"
	"presenced/policy"
	"presenced/sip"
	"presenced/sip/event"
	"presenced/watcherinfo"
)

// winfo has the watchers of bob told to bob, at a pace of 5 s.
func winfo(c *notifier.Config) {
	c.WinfoInterval, c.GiveUp, c.Undecided, c.Past, c.Visitors = 5*time.Second, 48*time.Hour, 3, 24*time.Hour, 10
}

func undecided(string) notifier.Decision {
	return notifier.Decision{State: event.Pending, View: "pending"}
}

// owner is bob, who asks who watches.
func (n *node) owner(params string) *watcher {
	w := n.watcher("bob")
	w.extra = "Event: test.winfo" + params + "\r\n"
	return w
}

// document is the watcherinfo document of a NOTIFY.
func (f *flight) document(t *testing.T) *watcherinfo.Document {
	t.Helper()
	_, body, _ := strings.Cut(f.text, "\r\n\r\n")
	d, err := watcherinfo.Parse([]byte(body))
	if err != nil {
		t.Fatalf("%v in\n%s", err, f.text)
	}
	return d
}

// said is a document in short: "0 full sip:a@h active/subscribe, ...".
func said(d *watcherinfo.Document) string {
	var b strings.Builder
	fmt.Fprint(&b, d.Version)
	if d.Full {
		b.WriteString(" full")
	}
	for _, w := range d.Lists[0].Watchers {
		name, _, _ := strings.Cut(strings.TrimPrefix(w.URI, "sip:"), "@")
		fmt.Fprintf(&b, ", %s %s/%s", name, w.Status, w.Event)
	}
	return b.String()
}

func (n *node) says(f *flight, want string) {
	n.t.Helper()
	if got := said(f.document(n.t)); got != want {
		n.t.Errorf("told %q, want %q", got, want)
	}
}

// only is the one NOTIFY of watcher information that was sent; the others are
// answered.
func (n *node) only() *flight {
	n.t.Helper()
	var found []*flight
	for list := n.take(); len(list) > 0; list = n.take() {
		for _, f := range list {
			if strings.Contains(f.text, "Event: test.winfo") {
				found = append(found, f)
			} else {
				n.answer(f, 200)
			}
		}
	}
	if len(found) != 1 {
		n.t.Fatalf("%d NOTIFYs of watcher information, want 1", len(found))
	}
	return found[0]
}

// RFC 3858 s.3: versions count documents; full state follows what may not have
// arrived, a refresh and a takeover.
func TestWinfoVersions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := start(t, winfo)
		owner := n.owner("")
		owner.subscribe(600)
		f := n.only()
		n.says(f, "0 full")
		f.has(t, "CSeq: 1 NOTIFY")
		n.answer(f, 200)

		n.watcher("alice").settled(600)
		time.Sleep(5 * time.Second)
		f = n.only()
		n.says(f, "1, alice active/subscribe")
		n.answer(f, 500) // lost
		n.watcher("carol").settled(600)
		time.Sleep(5 * time.Second)
		f = n.only()
		n.says(f, "2 full, alice active/subscribe, carol active/subscribe")
		n.answer(f, 200)

		n.watcher("dave").settled(600)
		time.Sleep(5 * time.Second)
		f = n.only()
		n.says(f, "3, dave active/subscribe")
		owner.subscribe(600) // while it is unanswered
		again := n.only()
		n.says(again, "4 full, alice active/subscribe, carol active/subscribe, dave active/subscribe")
		n.answer(f, 200) // nobody's any more
		n.answer(again, 200)

		n.halt()
		m := startOn(t, n.engine, winfo)
		for _, f := range m.take() {
			if strings.Contains(f.text, "Event: test.winfo") {
				d := f.document(t)
				if !d.Full || d.Version < 5 || len(d.Lists[0].Watchers) != 3 {
					t.Errorf("after a restart: %s", said(d))
				}
				f.has(t, fmt.Sprintf("CSeq: %d NOTIFY", d.Version+1))
			}
			m.answer(f, 200)
		}
	})
}

// RFC 3857 s.4.7.2: what has ended is told once, with the event that ended it.
func TestWinfoTellsTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := start(t, winfo)
		n.setDecision(undecided)
		for _, name := range []string{"alice", "carol", "dave"} {
			n.watcher(name).settled(600)
		}
		n.owner("").settled(86400)
		n.setDecision(func(watcher string) notifier.Decision {
			switch watcher {
			case "sip:alice@example.com":
				return notifier.Decision{State: event.Active, View: "full"}
			case "sip:carol@example.com":
				return notifier.Decision{State: event.Terminated}
			}
			return undecided(watcher)
		})
		n.ReconsiderKey(t.Context(), bobKey)
		time.Sleep(5 * time.Second)
		f := n.only()
		n.says(f, "1, alice active/approved, carol terminated/rejected")
		n.answer(f, 200)
		time.Sleep(600 * time.Second) // alice's ends, dave's waits
		f = n.only()
		n.says(f, "2, dave waiting/timeout, alice terminated/timeout")
		n.answer(f, 200)
		time.Sleep(48 * time.Hour)
		for _, f := range n.take() {
			n.answer(f, 200)
		}
		past, err := n.History(t.Context(), bobKey, sip.Identity{AOR: bob})
		if err != nil {
			t.Fatal(err)
		}
		if len(past) != 1 || past[0].Watcher != "sip:dave@example.com" || past[0].Event != watcherinfo.Giveup || past[0].Subscriptions != 1 {
			t.Errorf("the past: %+v", past) // that of alice and carol is over
		}
		n.empty()
	})
}

// A thousand come at once: they are read twice, and told in order.
func TestWinfoCoalesces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const watchers = 400
		n := start(t, winfo)
		n.owner("").subscribe(86400)
		var view watcherinfo.View
		var versions []uint32
		tell := func() {
			for list := n.take(); len(list) > 0; list = n.take() {
				for _, f := range list {
					if strings.Contains(f.text, "Event: test.winfo") {
						d := f.document(t)
						f.has(t, fmt.Sprintf("CSeq: %d NOTIFY", d.Version+1))
						if refresh, err := view.Apply(d); refresh || err != nil {
							t.Errorf("version %d: %v, %v", d.Version, refresh, err)
						}
						versions = append(versions, d.Version)
					}
					n.answer(f, 200)
				}
			}
		}
		tell()
		for i := range watchers {
			n.watcher(fmt.Sprint("w", i)).subscribe(600)
			if i%50 == 49 {
				time.Sleep(500 * time.Millisecond)
				tell()
			}
		}
		time.Sleep(10 * time.Second)
		tell()
		if len(view.Lists()[0].Watchers) != watchers || len(versions) > 3 {
			t.Errorf("%d watchers are known after versions %v", len(view.Lists()[0].Watchers), versions)
		}
		time.Sleep(600 * time.Second)
		tell()
		for _, w := range view.Lists()[0].Watchers {
			if w.Status != watcherinfo.Terminated || w.Event != watcherinfo.Timeout {
				t.Fatalf("left over: %+v", w)
			}
		}
	})
}

// RFC 3857 s.4.7.1: a server limits the undecided subscriptions of a watcher.
func TestUndecidedLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := start(t, winfo)
		n.setDecision(undecided)
		w := n.watcher("alice")
		for i := range 3 {
			w.tag, w.extra = "", fmt.Sprintf("Event: test;x=%d\r\n", i)
			w.subscribe(0)
			n.answer(n.one(), 200)
		}
		w.extra = "Event: test;x=3\r\n"
		if refusal := w.refused(0, 403); !strings.Contains(refusal.Reason, "decision") {
			t.Errorf("refused with %q", refusal.Reason)
		}
		w.refused(600, 403)
		n.watcher("carol").settled(600) // nobody else suffers
		w.extra = "Event: test;x=2\r\n" // takes the place of an equal one
		w.subscribe(0)
		n.answer(n.one(), 200)
		if count := n.Stats()["test"]["waiting"]; count != 3 {
			t.Errorf("%d wait", count)
		}
		n.setDecision(func(string) notifier.Decision { return notifier.Decision{State: event.Active, View: "full"} })
		n.Reconsider(t.Context())
		n.answer(n.one(), 200) // carol's
		if count := n.Stats()["test"]["waiting"]; count != 0 {
			t.Errorf("%d wait after the decision", count)
		}
		time.Sleep(600 * time.Second)
		n.answer(n.one(), 200)
		n.empty()
	})
}

// A pending subscription that is refreshed again and again is given up too.
func TestPendingGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := start(t, winfo, func(c *notifier.Config) { c.GiveUp = 2 * time.Hour })
		n.setDecision(undecided)
		w := n.watcher("alice")
		w.settled(3600)
		time.Sleep(50 * time.Minute)
		w.settled(3600)
		time.Sleep(50 * time.Minute)
		w.settled(3600)
		time.Sleep(20*time.Minute - time.Nanosecond)
		n.none()
		time.Sleep(time.Nanosecond)
		f := n.one()
		f.has(t, "Subscription-State: terminated;reason=giveup")
		n.answer(f, 200)
		n.empty()
	})
}

// The agent dies between the SUBSCRIBE and the decision, or the end: what is
// stored is put right by the next one.
func TestUndecidedRestored(t *testing.T) {
	for _, c := range []struct {
		name   string
		away   time.Duration
		decide func(string) notifier.Decision
		want   string
	}{
		{"approved", time.Minute, seesAll, "0 full, alice active/approved"},
		{"still undecided", time.Minute, undecided, "0 full, alice pending/subscribe"},
		{"overdue", time.Hour, undecided, "0 full, alice waiting/timeout"},
		{"overdue, then approved", time.Hour, seesAll, "0 full"},
		{"given up", 50 * time.Hour, undecided, "0 full"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := start(t, winfo)
				n.setDecision(undecided)
				n.watcher("alice").settled(600)
				n.halt()
				time.Sleep(c.away)
				m := startDeciding(t, n.engine, c.decide, winfo)
				for _, f := range m.take() {
					m.answer(f, 200)
				}
				m.owner("").subscribe(600)
				m.says(m.only(), c.want)
			})
		})
	}
}

// What a watcher ends before there is a decision waits, at once and in the
// store; the same dialog is over.
func TestUnsubscribedUndecided(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := start(t, winfo)
		n.setDecision(undecided)
		w := n.watcher("alice")
		w.settled(600)
		w.subscribe(0)
		f := n.one()
		f.has(t, "Subscription-State: terminated;reason=timeout")
		n.answer(f, 200)
		w.refused(600, 481)
		n.halt()
		m := startDeciding(t, n.engine, undecided, winfo)
		if count := m.Stats()["test"]["waiting"]; count != 1 {
			t.Errorf("%d wait", count)
		}
	})
}

// RFC 2778 s.2.5: fetchers are watchers too. Who asks for the past is told of
// them; a fetch alone tells nobody (RFC 3857 s.4.7.2).
func TestPast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := start(t, winfo)
		owner := n.owner("")
		owner.settled(600)
		for range 3 {
			n.watcher("alice").subscribe(0)
			n.answer(n.one(), 200)
		}
		time.Sleep(time.Minute)
		n.none()
		fetcher := n.owner(";past=true")
		fetcher.name = "bob2"
		request := fetcher.request(0)
		request.Identity.AOR = bob
		res, err := n.Subscribe(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		res.After()
		f := n.only()
		n.says(f, "0 full, alice terminated/timeout")
		if w := f.document(t).Lists[0].Watchers[0]; w.Subscribed != time.Minute {
			t.Errorf("last seen %s ago", w.Subscribed)
		}
		past, err := n.History(t.Context(), bobKey, sip.Identity{AOR: bob})
		if err != nil || len(past) != 1 || past[0].Fetches != 3 || past[0].Last != time.Minute {
			t.Errorf("%+v, %v", past, err)
		}
		if _, err := n.History(t.Context(), bobKey, sip.Identity{AOR: "sip:alice@example.com"}); err == nil {
			t.Error("alice sees who else fetched")
		}
	})
}

// What comes while a visit waits to be written is written with it: a second
// fetch without a decision ends the first, and is one too.
func TestPastOfUndecidedFetches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := start(t, winfo)
		n.setDecision(undecided)
		for range 3 {
			n.watcher("alice").subscribe(0)
			n.answer(n.one(), 200)
		}
		past, err := n.History(t.Context(), bobKey, sip.Identity{AOR: bob})
		if err != nil || len(past) != 1 || past[0].Fetches != 3 || past[0].Subscriptions != 2 || past[0].Event != watcherinfo.Giveup {
			t.Errorf("%+v, %v", past, err)
		}
	})
}

// rulesOfTest are delegates and visibility rules.
type rulesOfTest map[string]policy.Watching

func (r rulesOfTest) MayWatchWatchers(_ context.Context, principal, _ string) (bool, error) {
	return principal == "sip:secretary@example.com", nil
}

func (r rulesOfTest) Watching(_ context.Context, watcher, _ string) (policy.Watching, error) {
	if w, ok := r[watcher]; ok {
		return w, nil
	}
	return policy.Shown, nil
}

// RFC 3857 s.4.6, and the watchers' own word on what is shown of them.
func TestWinfoViews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rules := rulesOfTest{"sip:brief@example.com": policy.Brief, "sip:hidden@example.com": policy.Hidden, "sip:pending@example.com": policy.Hidden}
		n := start(t, winfo, func(c *notifier.Config) { c.Delegates, c.Visibility = rules, rules })
		n.setDecision(func(w string) notifier.Decision {
			if w == "sip:pending@example.com" {
				return undecided(w)
			}
			return notifier.Decision{State: event.Active, View: "full"}
		})
		for _, name := range []string{"shown", "brief", "hidden", "pending"} {
			n.watcher(name).settled(600)
			time.Sleep(time.Second)
		}
		for _, c := range []struct{ viewer, want string }{
			{bob, "0 full, shown active/subscribe, brief active/subscribe, pending pending/subscribe"},
			{"sip:secretary@example.com", "0 full, shown active/subscribe, brief active/subscribe, pending pending/subscribe"},
			{"sip:hidden@example.com", "0 full, hidden active/subscribe"},
			{"sip:stranger@example.com", "0 full"},
			{"sip:pending@example.com", ""},
			{"", ""},
		} {
			body, err := n.WatcherInfo(t.Context(), bobKey, sip.Identity{AOR: c.viewer}, "")
			if err != nil {
				if c.want != "" {
					t.Errorf("%s: %v", c.viewer, err)
				}
				continue
			}
			d, err := watcherinfo.Parse(body)
			if err != nil || said(d) != c.want {
				t.Errorf("%s: %s, %v; want %s", c.viewer, said(d), err, c.want)
			}
			for _, w := range d.Lists[0].Watchers {
				brief := w.URI == "sip:brief@example.com" || w.URI == "sip:pending@example.com"
				if brief == (w.Subscribed >= 0) {
					t.Errorf("%s sees %+v", c.viewer, w)
				}
			}
		}
		n.owner("").settled(600)
		rules["sip:shown@example.com"] = policy.Hidden
		n.VisibilityChanged(t.Context(), "sip:shown@example.com")
		time.Sleep(5 * time.Second)
		n.says(n.only(), "1, shown terminated/timeout")
	})
}
