package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"presenced/policy"
	"presenced/watcherinfo"
)

// winfo is a watcher information document about alice.
func winfo(version uint32, full bool, watchers ...watcherinfo.Watcher) string {
	return string(watcherinfo.Append(nil, &watcherinfo.Document{Version: version, Full: full, Lists: []watcherinfo.List{
		{Resource: "sip:alice@localhost", Package: "presence", Watchers: watchers},
	}}))
}

func subscriber(id, user string, s watcherinfo.Status, e watcherinfo.Event) watcherinfo.Watcher {
	return watcherinfo.Watcher{ID: id, URI: "sip:" + user + "@localhost", Status: s, Event: e,
		Expiration: watcherinfo.Absent, Subscribed: watcherinfo.Absent}
}

// notifyWinfo sends a NOTIFY with watcher information.
func (s *script) notifyWinfo(subscribe *sip.Request, cseq int, state, body string) int {
	lines := []string{"Event: presence.winfo"}
	if body != "" {
		lines = append(lines, "Content-Type: application/watcherinfo+xml")
	}
	return s.notify(subscribe, cseq, state, body, lines...)
}

func TestWatchersList(t *testing.T) {
	named := subscriber("1", "bob", watcherinfo.Pending, watcherinfo.Subscribe)
	named.DisplayName, named.Expiration, named.Subscribed = "Bob \u202e\x7f", 90*time.Second, 64*time.Second
	long := subscriber("2", "carol", watcherinfo.Waiting, watcherinfo.Timeout)
	long.Subscribed = 48 * time.Hour
	var body string
	answer := func(s *script, r *sip.Request, _ int) {
		if field(r, "Event") != "presence.winfo" || field(r, "Accept") != "application/watcherinfo+xml" || field(r, "Expires") != "0" {
			t.Errorf("not a fetch of watcher information:\n%s", r)
		}
		s.respond(r, 200, "OK", "Expires: 0")
		if code := s.notifyWinfo(r, 1, "terminated;reason=timeout", body); code != 200 {
			t.Errorf("NOTIFY: %d", code)
		}
	}
	tests := []struct {
		name, body, flags string
		status            int
		stdout, stderr    string
	}{
		{"table", winfo(0, true, named, long), "", exitDone, strings.Join([]string{
			"WATCHER          NAME    STATUS   EVENT      SINCE                EXPIRES",
			"bob@localhost    Bob \uFFFD\uFFFD  pending  subscribe  12:02:00             in 1m30s",
			"carol@localhost  -       waiting  timeout    2025-12-31 12:03:04  -", "",
		}, "\n"), ""},
		{"json", winfo(0, true, named, long), "--json", exitDone,
			`{"time":"2026-01-02T12:03:04Z","event":"watcher","presentity":"sip:alice@localhost","watcher":"sip:bob@localhost","id":"1","state":"pending","reason":"subscribe","since":"2026-01-02T12:02:00Z","expires":90,"name":"Bob ‮` + "\x7f" + `"}` + "\n" +
				`{"time":"2026-01-02T12:03:04Z","event":"watcher","presentity":"sip:alice@localhost","watcher":"sip:carol@localhost","id":"2","state":"waiting","reason":"timeout","since":"2025-12-31T12:03:04Z"}` + "\n", ""},
		{"nobody", winfo(0, true), "", exitDone, "", "messenger: nobody watches alice@localhost\n"},
		{"no body", "", "", exitFailed, "", "messenger: no watchers of alice@localhost: timeout\n"},
		{"hostile", "<!DOCTYPE x [<!ENTITY a 'b'>]><watcherinfo>&a;</watcherinfo>", "", exitFailed, "", "messenger: no watchers of alice@localhost: watcherinfo: line 1: .*\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			body = test.body
			s := newScript(t, answer)
			start(t, s.addr(), "", append([]string{"watchers", "alice@localhost"}, strings.Fields(test.flags)...)...).
				expect(t, test.status, test.stdout, test.stderr)
		})
	}
}

// Full and partial documents are put together; a version that is missing has
// full state asked for by a refresh (RFC 3858 s.4).
func TestWatchersFollow(t *testing.T) {
	pending, active, approved := watcherinfo.Pending, watcherinfo.Active, watcherinfo.Approved
	s := newScript(t, func(s *script, r *sip.Request, nth int) {
		tell := func(cseq int, body string) {
			if code := s.notifyWinfo(r, cseq, "active;expires=600", body); code != 200 {
				t.Errorf("NOTIFY %d: %d", cseq, code)
			}
		}
		s.respond(r, 200, "OK", "Expires: 600", "Contact: <sip:"+s.addr()+">")
		switch nth {
		case 1:
			tell(1, winfo(0, true))
			tell(2, winfo(1, false, subscriber("1", "bob", pending, watcherinfo.Subscribe)))
			tell(3, winfo(2, false, subscriber("2", "carol", active, watcherinfo.Subscribe)))
			tell(4, winfo(3, false, subscriber("1", "bob", active, approved)))
			tell(5, winfo(2, false, subscriber("1", "bob", pending, watcherinfo.Subscribe))) // an old one
			tell(6, winfo(3, false, subscriber("1", "bob", pending, watcherinfo.Subscribe))) // the same version
			tell(7, winfo(5, false, subscriber("3", "dave", pending, watcherinfo.Subscribe)))
		case 2: // the refresh
			if !r.To().Params.Has("tag") || field(r, "Expires") != "600" {
				t.Errorf("not a refresh:\n%s", r)
			}
			tell(8, winfo(6, true, subscriber("1", "bob", active, approved), subscriber("3", "dave", pending, watcherinfo.Subscribe)))
			tell(9, "<watcherinfo")
			tell(10, winfo(8, false, subscriber("3", "dave", watcherinfo.Terminated, watcherinfo.Rejected)))
		case 3:
			tell(11, winfo(9, true, subscriber("1", "bob", active, approved)))
			s.notifyWinfo(r, 12, "terminated;reason=deactivated", "")
		case 4: // another dialog: versions begin anew
			if r.To().Params.Has("tag") {
				t.Errorf("in the old dialog:\n%s", r)
			}
			tell(1, winfo(0, true, subscriber("1", "bob", active, approved)))
			tell(2, winfo(1, false, subscriber("1", "bob", watcherinfo.Terminated, watcherinfo.Timeout)))
			s.messenger.stop()
		case 5:
			s.notifyWinfo(r, 3, "terminated;reason=timeout", winfo(2, true))
		default:
			t.Errorf("one too many:\n%s", r)
		}
	})
	slow := hurried
	slow.refresh = refreshAfter
	m := s.start(t, slow, "", "watchers", "alice@localhost", "--follow")
	missing := "messenger: a change of the watchers of alice@localhost did not arrive; all are asked for\n"
	m.expect(t, exitDone, strings.Join([]string{
		"12:03:04 bob@localhost is pending (subscribe)",
		"12:03:04 carol@localhost is active (subscribe)",
		"12:03:04 bob@localhost is active (approved)",
		"12:03:04 dave@localhost is pending (subscribe)",
		"12:03:04 carol@localhost is gone",
		"12:03:04 dave@localhost is terminated (rejected)",
		"12:03:04 the subscription to the watchers of alice@localhost is terminated (deactivated)",
		"12:03:04 bob@localhost is terminated (timeout)", "",
	}, "\n"), "messenger: nobody watches alice@localhost\n"+
		strings.Repeat("messenger: the watchers of alice@localhost: watcherinfo: the document is no newer than the last one\n", 2)+
		missing+"messenger: the watchers of alice@localhost cannot be read: .*\n"+missing+
		"messenger: nobody watches alice@localhost\n")
}

// A peer that always leaves a gap is not asked in a storm.
func TestWatchersGaps(t *testing.T) {
	var mu sync.Mutex
	var times []time.Time
	s := newScript(t, func(s *script, r *sip.Request, nth int) {
		s.respond(r, 200, "OK", "Expires: 600", "Contact: <sip:"+s.addr()+">")
		mu.Lock()
		times = append(times, time.Now())
		mu.Unlock()
		if nth < 8 {
			s.notifyWinfo(r, nth, "active;expires=600", winfo(uint32(nth*5), false))
		} else if nth == 8 {
			s.notifyWinfo(r, nth, "active;expires=600", winfo(100, true))
			s.messenger.stop()
		} else {
			s.notifyWinfo(r, nth, "terminated;reason=timeout", "")
		}
	})
	slow := hurried
	slow.refresh = refreshAfter
	m := s.start(t, slow, "", "watchers", "alice@localhost", "--follow")
	if status := m.wait(t); status != exitDone {
		t.Errorf("exit status %d: %s", status, m.stderr.String())
	}
	mu.Lock()
	defer mu.Unlock()
	for i := 2; i < 8; i++ {
		if gap := times[i].Sub(times[i-1]); gap < slow.first {
			t.Errorf("refreshed after %v", gap)
		}
	}
}

// Whatever a peer sends as watcher information, the messenger answers, and goes
// on.
func TestWatchersHostile(t *testing.T) {
	good := winfo(0, true, subscriber("1", "bob", watcherinfo.Active, watcherinfo.Approved))
	bodies := []string{
		"\x00", "\xff\xfe<\x00", "<", good[:len(good)/2], good + good, strings.Repeat("<a>", 5000),
		`<?xml version="1.0"?><!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>`,
		strings.Replace(good, `version="0"`, `version="-1"`, 1),
		strings.Replace(good, `version="0"`, `version="99999999999"`, 1),
		strings.Replace(good, "sip:bob@localhost", "&#x1b;[2J", 1),
		strings.Replace(good, "sip:bob@localhost", "\u202ebob", 1),
		strings.Replace(good, `status="active"`, `status="dancing"`, 1),
		strings.Replace(good, `event="approved"`, `event="&#x9b;31m"`, 1),
	}
	var answers []int
	s := newScript(t, func(s *script, r *sip.Request, nth int) {
		s.respond(r, 200, "OK", "Expires: 600", "Contact: <sip:"+s.addr()+">")
		if nth > 1 {
			s.notifyWinfo(r, 1000, "terminated;reason=timeout", "")
			return
		}
		for i, body := range bodies {
			answers = append(answers, s.notifyWinfo(r, i+1, "active;expires=600", body))
		}
		s.notifyWinfo(r, 999, "active;expires=600", winfo(4000000000, true, subscriber("1", "bob", watcherinfo.Waiting, watcherinfo.Timeout)))
		s.messenger.stop()
	})
	slow := hurried
	slow.refresh = refreshAfter
	m := s.start(t, slow, "", "watchers", "alice@localhost", "--follow")
	if status := m.wait(t); status != exitDone {
		t.Errorf("exit status %d: %s", status, m.stderr.String())
	}
	for i, code := range answers {
		if code != 200 {
			t.Errorf("body %q: %d", bodies[i][:min(40, len(bodies[i]))], code)
		}
	}
	said := m.stdout.String() + m.stderr.String()
	if !strings.Contains(said, "bob@localhost is waiting (timeout)") || strings.ContainsAny(said, "\x1b\u009b\u202e") {
		t.Errorf("says %q", said)
	}
}

// Each watcher that waits is asked about once, and the answers become rules.
func TestWatchersAsk(t *testing.T) {
	pending, waiting := watcherinfo.Pending, watcherinfo.Waiting
	list := winfo(0, true,
		subscriber("1", "bob", pending, watcherinfo.Subscribe), subscriber("2", "bob", waiting, watcherinfo.Timeout),
		subscriber("3", "carol", waiting, watcherinfo.Timeout), subscriber("4", "dave", pending, watcherinfo.Subscribe),
		subscriber("5", "erin", pending, watcherinfo.Subscribe), subscriber("6", "frank", watcherinfo.Active, watcherinfo.Approved),
		watcherinfo.Watcher{ID: "7", URI: "sip:anonymous.invalid", Status: pending, Event: watcherinfo.Subscribe})
	l := newLibrary(t)
	s := newScript(t, func(s *script, r *sip.Request, _ int) {
		s.respond(r, 200, "OK", "Expires: 0")
		s.notifyWinfo(r, 1, "terminated;reason=timeout", list)
	})
	ask := func(stdin string) *session {
		return typing(t, hurried, "secret", strings.NewReader(stdin),
			[]string{"watchers", "alice@localhost", "--ask", "--server", s.addr(), "--http", l.URL})
	}
	m := ask("perhaps\ny\nNO\npolite\n\n")
	if status := m.wait(t); status != exitDone {
		t.Errorf("exit status %d: %s", status, m.stderr.String())
	}
	if n := strings.Count(m.stderr.String(), " wants to see the presence of alice@localhost: y(es), n(o), p(olite: seems offline), s(kip)? "); n != 5 {
		t.Errorf("%d questions: %s", n, m.stderr.String())
	}
	for watcher, want := range map[string]policy.SubHandling{
		"bob": policy.Allow, "carol": policy.Block, "dave": policy.PoliteBlock, "erin": policy.Allow, "frank": policy.Allow,
	} {
		if got := l.handling(t, "sip:"+watcher+"@localhost"); got != want {
			t.Errorf("%s: %v, want %v", watcher, got, want)
		}
	}
	if m = ask("y\n"); m.wait(t) != exitFailed || !strings.HasSuffix(m.stderr.String(), "messenger: no more answers\n") {
		t.Errorf("at the end of stdin: %s", m.stderr.String())
	}
}

// With --follow, questions come as watchers do.
func TestWatchersAskFollow(t *testing.T) {
	pending := watcherinfo.Pending
	l := newLibrary(t)
	answers, typed := io.Pipe()
	said := make(chan struct{}, 10)
	s := newScript(t, func(s *script, r *sip.Request, nth int) {
		s.respond(r, 200, "OK", "Expires: 600", "Contact: <sip:"+s.addr()+">")
		if nth > 1 {
			s.notifyWinfo(r, 100, "terminated;reason=timeout", "")
			return
		}
		s.notifyWinfo(r, 1, "active;expires=600", winfo(0, true))
		s.notifyWinfo(r, 2, "active;expires=600", winfo(1, false, subscriber("1", "bob", pending, watcherinfo.Subscribe)))
		s.notifyWinfo(r, 3, "active;expires=600", winfo(2, false, subscriber("2", "carol", watcherinfo.Active, watcherinfo.Subscribe)))
		said <- struct{}{}
	})
	m := typing(t, hurried, "secret", answers, []string{"watchers", "alice@localhost", "--ask", "--follow", "--server", s.addr(), "--http", l.URL})
	<-said
	fmt.Fprintln(typed, "n")
	m.say(t, "bob@localhost: block now")
	if got := l.handling(t, "sip:bob@localhost"); got != policy.Block {
		t.Errorf("bob: %v", got)
	}
	m.stop()
	if status := m.wait(t); status != exitDone {
		t.Errorf("exit status %d: %s", status, m.stderr.String())
	}
	if n := strings.Count(m.stderr.String(), "wants to see"); n != 1 {
		t.Errorf("%d questions: %s", n, m.stderr.String())
	}
}

func TestHistory(t *testing.T) {
	l := newLibrary(t)
	const path = "/watchers/sip:alice@localhost/history"
	run := func(flags ...string) *session {
		return l.run(t, append([]string{"watchers", "alice@localhost", "--history"}, flags...)...)
	}
	l.documents[path] = `{"visits":[{"watcher":"sip:bob@localhost","display_name":"B\u009b","fetches":3,"subscriptions":1,"last":"2026-01-02T12:00:00Z","event":"timeout"},` +
		`{"watcher":"","fetches":1,"subscriptions":0,"last":"2026-01-01T12:00:00Z"}]}`
	run().expect(t, exitDone, strings.Join([]string{
		"WATCHER        NAME  FETCHES  SUBSCRIPTIONS  LAST                 ENDED",
		"bob@localhost  B\uFFFD    3        1              12:00:00             timeout",
		"anonymous      -     1        0              2026-01-01 12:00:00  -", "",
	}, "\n"), "")
	run("--json").expect(t, exitDone,
		`{"time":"2026-01-02T12:03:04Z","event":"visit","presentity":"sip:alice@localhost","watcher":"sip:bob@localhost","reason":"timeout","name":"B`+"\u009b"+`","last":"2026-01-02T12:00:00Z","fetches":3,"subscriptions":1}`+"\n"+
			`{"time":"2026-01-02T12:03:04Z","event":"visit","presentity":"sip:alice@localhost","last":"2026-01-01T12:00:00Z","fetches":1}`+"\n", "")
	l.documents[path] = `{}`
	run().expect(t, exitDone, "", "messenger: nobody has watched alice@localhost of late\n")
	l.documents[path] = `[`
	run().expect(t, exitFailed, "", "messenger: the history of alice@localhost cannot be read: .*\n")
}

// The trace shows HTTP without credentials.
func TestTraceHTTP(t *testing.T) {
	l := newLibrary(t)
	m := l.run(t, "rules", "alice@localhost", "--verbose")
	m.wait(t)
	said := m.stderr.String()
	for _, part := range []string{"GET " + rulesPath + " HTTP/1.1\n", "HTTP/1.1 404 Not Found\n", "Authorization: (not shown)\n"} {
		if !strings.Contains(said, part) {
			t.Errorf("%q is not shown: %s", part, said)
		}
	}
	if strings.Contains(said, "response=") {
		t.Errorf("credentials are shown: %s", said)
	}
}

// Any bytes as the HTTP API's answer: an exit status, and nothing that harms a
// terminal.
func FuzzAnswers(f *testing.F) {
	f.Add([]byte(elaborate))
	f.Add([]byte("<x"))
	f.Fuzz(func(t *testing.T, doc []byte) {
		var stdout, stderr bytes.Buffer
		out := &output{stdout: &stdout, stderr: &stderr, now: func() time.Time { return fixed }}
		d := &ruleDocument{api: &api{agent: &agent{out: out}}, usage: presRules}
		described := d.describeRules(doc) == nil
		(&answer{code: http.StatusConflict, body: doc}).reason()
		if described && strings.ContainsAny(stdout.String(), "\x1b\r") {
			t.Errorf("%q", stdout.String())
		}
		for _, describe := range []func([]byte) error{d.describeVisibility, d.describeDelegations} {
			if err := describe(doc); err != nil && err.Error() == "" {
				t.Error("an error without a text")
			}
		}
	})
}
