package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"
)

// document is a presence document of bob's.
func document(basic, note string) string {
	if note != "" {
		note = "<note>" + note + "</note>"
	}
	return `<?xml version="1.0"?><presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:bob@localhost">` +
		`<tuple id="a"><status><basic>` + basic + `</basic></status>` + note + `</tuple></presence>`
}

func TestWatch(t *testing.T) {
	codes := func(want int, got int, what string) {
		if got != want {
			t.Errorf("%s: answered %d, want %d", what, got, want)
		}
	}
	s := newScript(t, func(s *script, r *sip.Request, nth int) {
		switch nth {
		case 1: // RFC 6665 s.4.1.2.4: a NOTIFY before the response
			codes(200, s.notify(r, 10, "pending;expires=600", ""), "overtaking")
			s.respond(r, 200, "OK", "Expires: 600", "Contact: <sip:"+s.addr()+">")
			codes(200, s.notify(r, 11, "active;expires=600", document("closed", "")), "first")
			codes(200, s.notify(r, 12, "active;expires=600", document("open", "at my desk")), "change")
			codes(200, s.notify(r, 13, "active;expires=600", document("open", "at my desk")), "no change")
			codes(500, s.notify(r, 12, "active", document("closed", "")), "out of order")
			codes(481, s.notify(r, 14, "active", document("closed", ""), "From: <sip:bob@localhost>;tag=fork"), "fork")
			codes(481, s.notify(r, 14, "active", document("closed", ""), "Call-ID: other"), "other call")
			codes(481, s.notify(r, 14, "active", document("closed", ""), "To: <sip:alice@localhost>;tag=x"), "other tag")
			codes(489, s.notify(r, 14, "active", document("closed", ""), "Event: dialog"), "other event")
			codes(481, s.notify(r, 15, "active", document("closed", ""), "Event: presence;id=7"), "other id")
			codes(415, s.notify(r, 16, "active", "x", "Content-Type: text/plain"), "other body")
			codes(200, s.notify(r, 17, "active", "<presence"), "malformed")
			codes(200, s.notify(r, 18, "active", document("open", "evil \u202e&#x9b;"), "Event:", "o: presence"), "compact Event")
			codes(200, s.notify(r, 19, "terminated;reason=deactivated", ""), "deactivated")
			codes(481, s.notify(r, 20, "active", document("closed", "")), "after the end")
		case 2: // anew, at once
			if r.To().Params.Has("tag") {
				t.Errorf("subscribed in the old dialog:\n%s", r)
			}
			s.respond(r, 200, "OK", "Expires: 2", "Contact: <sip:"+s.addr()+">")
			codes(200, s.notify(r, 1, "active", document("open", "")), "anew")
		case 3: // the refresh: the server has lost the dialog
			if tag, _ := r.To().Params.Get("tag"); tag != "server" || r.CSeq().SeqNo != 2 {
				t.Errorf("not a refresh:\n%s", r)
			}
			s.respond(r, 481, "Subscription Does Not Exist")
		case 4:
			if r.To().Params.Has("tag") {
				t.Errorf("subscribed in the lost dialog:\n%s", r)
			}
			s.respond(r, 200, "OK", "Expires: 600", "Contact: <sip:"+s.addr()+">")
			codes(200, s.notify(r, 1, "active;expires=600", document("closed", "")), "after 481")
			s.messenger.stop()
		case 5:
			if field(r, "Expires") != "0" {
				t.Errorf("not an unsubscription:\n%s", r)
			}
			s.respond(r, 200, "OK", "Expires: 0")
			codes(200, s.notify(r, 2, "terminated;reason=timeout", ""), "the last")
		default:
			t.Errorf("one too many:\n%s", r)
		}
	})
	m := s.start(t, hurried, "", "watch", "alice@localhost", "bob@localhost")
	m.expect(t, exitDone, strings.Join([]string{
		`12:03:04 bob@localhost tells nothing yet (pending)`,
		`12:03:04 bob@localhost is closed (active)`,
		`12:03:04 bob@localhost is open (active), "at my desk"`,
		`12:03:04 bob@localhost sends presence that cannot be read: pidf: line 1: element presence: unfinished tag (active)`,
		`12:03:04 bob@localhost is open (active), "evil \u202e\u009b"`,
		`12:03:04 the subscription to bob@localhost is terminated (deactivated)`,
		`12:03:04 bob@localhost is open (active)`,
		`12:03:04 bob@localhost is closed (active)`,
		``,
	}, "\n"), "messenger: the server has lost the subscription to bob@localhost .481 Subscription Does Not Exist.; subscribing anew\n")
}

// What follows a termination, by its reason (RFC 6665 s.4.1.3).
func TestTerminated(t *testing.T) {
	tests := []struct {
		state  string
		again  bool
		status int
		stderr string
	}{
		{"deactivated", true, exitDone, ""},
		{"timeout", true, exitDone, ""},
		{"probation;retry-after=0", true, exitDone, ""},
		{"giveup", true, exitDone, ""},
		{"something-new", true, exitDone, ""},
		{"rejected", false, exitFailed, "messenger: the subscription to bob@localhost is terminated: rejected\n"},
		{"noresource", false, exitFailed, "messenger: the subscription to bob@localhost is terminated: noresource\n"},
		{"invariant", false, exitDone, ""},
	}
	for _, test := range tests {
		t.Run(test.state, func(t *testing.T) {
			s := newScript(t, func(s *script, r *sip.Request, nth int) {
				s.respond(r, 200, "OK", "Expires: 600", "Contact: <sip:"+s.addr()+">")
				switch {
				case nth == 1:
					s.notify(r, 1, "terminated;reason="+test.state, "")
				case nth == 2 && test.again:
					s.notify(r, 1, "active", "")
					s.messenger.stop()
				case nth == 3 && test.again:
					s.notify(r, 2, "terminated;reason=timeout", "")
				default:
					t.Errorf("one too many:\n%s", r)
				}
			})
			m := s.start(t, hurried, "", "watch", "alice@localhost", "bob@localhost", "--json")
			if status := m.wait(t); status != test.status || m.stderr.String() != test.stderr {
				t.Errorf("exit status %d, stderr %s", status, m.stderr.String())
			}
			reason, _, _ := strings.Cut(test.state, ";")
			want := fmt.Sprintf(`"event":"subscription","presentity":"sip:bob@localhost","state":"terminated","reason":%q}`, reason)
			if !strings.Contains(m.stdout.String(), want) {
				t.Errorf("stdout: %s\nwant: %s", m.stdout.String(), want)
			}
		})
	}
}

func TestFetch(t *testing.T) {
	accepted := func(s *script, r *sip.Request, state, body string) {
		if field(r, "Expires") != "0" || r.To().Params.Has("tag") {
			t.Errorf("not a fetch:\n%s", r)
		}
		s.respond(r, 200, "OK", "Expires: 0")
		if code := s.notify(r, 1, state, body); code != 200 {
			t.Errorf("NOTIFY: %d", code)
		}
	}
	tests := []struct {
		name           string
		answer         func(s *script, r *sip.Request, nth int)
		status         int
		stdout, stderr string
	}{
		{"open", func(s *script, r *sip.Request, _ int) {
			accepted(s, r, "terminated;reason=timeout", document("open", "hi"))
		}, exitDone, "12:03:04 bob@localhost is open, \"hi\"\n", ""},
		{"overtaking", func(s *script, r *sip.Request, _ int) {
			s.notify(r, 1, "terminated;reason=timeout", document("closed", ""))
			s.respond(r, 200, "OK", "Expires: 0")
		}, exitDone, "12:03:04 bob@localhost is closed\n", ""},
		{"pending", func(s *script, r *sip.Request, _ int) { accepted(s, r, "terminated;reason=timeout", "") },
			exitDone, "12:03:04 bob@localhost tells nothing yet\n", ""},
		{"rejected", func(s *script, r *sip.Request, _ int) { accepted(s, r, "terminated;reason=rejected", "") },
			exitFailed, "", "messenger: bob@localhost: rejected\n"},
		{"malformed", func(s *script, r *sip.Request, _ int) { accepted(s, r, "terminated;reason=timeout", "<x/>") },
			exitFailed, "", "messenger: bob@localhost sends presence that cannot be read: .*\n"},
		{"refused", func(s *script, r *sip.Request, _ int) { s.respond(r, 403, "Forbidden") },
			exitFailed, "", "messenger: SUBSCRIBE refused: 403 Forbidden\n"},
		{"no NOTIFY", func(s *script, r *sip.Request, _ int) { s.respond(r, 200, "OK") },
			exitUnreachable, "", "messenger: 127.0.0.1:[0-9]+ accepted the SUBSCRIBE, but sent no NOTIFY\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newScript(t, test.answer)
			start(t, s.addr(), "", "fetch", "alice@localhost", "pres:bob@localhost", "--timeout", "500ms").
				expect(t, test.status, test.stdout, test.stderr)
		})
	}
}

// Timer N: a SUBSCRIBE without a NOTIFY made no subscription (RFC 6665
// s.4.1.2.4).
func TestTimerN(t *testing.T) {
	s := newScript(t, func(s *script, r *sip.Request, nth int) {
		s.respond(r, 200, "OK", "Expires: 600")
		if nth == 2 {
			if r.To().Params.Has("tag") {
				t.Errorf("the old dialog is used:\n%s", r)
			}
			s.notify(r, 1, "active", document("open", ""))
			s.messenger.stop()
		}
		if nth == 3 {
			s.notify(r, 2, "terminated;reason=timeout", "")
		}
	})
	m := s.start(t, pace{refresh: refreshAfter, timerN: 300 * time.Millisecond}, "", "watch", "alice@localhost", "bob@localhost")
	m.expect(t, exitDone, "12:03:04 bob@localhost is open (active)\n", "messenger: no NOTIFY about bob@localhost came; subscribing anew\n")
}

func TestInterrupted(t *testing.T) {
	s := newScript(t, func(s *script, r *sip.Request, _ int) {
		s.respond(r, 200, "OK")
		s.messenger.stop()
	})
	s.start(t, hurried, "", "fetch", "alice@localhost", "bob@localhost").
		expect(t, exitFailed, "", "messenger: interrupted\n")
}
