package main

import (
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"

	"presenced/pidf"
)

// field is a header field's value, "" where it is absent.
func field(r *sip.Request, name string) string { return headerValue(r, name) }

func TestPublish(t *testing.T) {
	s := newScript(t, func(s *script, r *sip.Request, nth int) {
		match, expires := field(r, "SIP-If-Match"), field(r, "Expires")
		switch nth {
		case 1: // RFC 3903 s.6, step 4: too brief
			if match != "" || expires != "1" || len(r.Body()) == 0 || field(r, "Event") != "presence" {
				t.Errorf("initial PUBLISH:\n%s", r)
			}
			s.respond(r, 423, "Interval Too Brief", "Min-Expires: 2")
		case 2:
			if expires != "2" || len(r.Body()) == 0 {
				t.Errorf("after 423:\n%s", r)
			}
			s.respond(r, 200, "OK", "SIP-ETag: one", "Expires: 2")
		case 3:
			if match != "one" || len(r.Body()) > 0 {
				t.Errorf("refresh:\n%s", r)
			}
			s.respond(r, 200, "OK", "SIP-ETag: two", "Expires: 2")
		case 4:
			if match != "two" {
				t.Errorf("second refresh:\n%s", r)
			}
			s.respond(r, 412, "Conditional Request Failed")
		case 5: // RFC 3903 s.4.3: anew, without the entity-tag
			if match != "" || len(r.Body()) == 0 {
				t.Errorf("after 412:\n%s", r)
			}
			s.respond(r, 200, "OK", "SIP-ETag: three", "Expires: 2")
		case 6: // a server in trouble is asked again
			s.respond(r, 503, "Service Unavailable")
		case 7:
			if match != "three" {
				t.Errorf("after 503:\n%s", r)
			}
			s.respond(r, 200, "OK", "SIP-ETag: four", "Expires: 600")
			s.messenger.stop()
		case 8:
			if match != "four" || expires != "0" || len(r.Body()) > 0 {
				t.Errorf("removal:\n%s", r)
			}
			s.respond(r, 200, "OK", "SIP-ETag: five", "Expires: 0")
		default:
			t.Errorf("one too many:\n%s", r)
		}
	})
	m := s.start(t, hurried, "", "publish", "alice@localhost", "open", "--expires", "1", "--note", "at \"my\" desk", "--activity", "away")
	m.expect(t, exitDone,
		"12:03:04 published: alice@localhost is open, \"at \\\"my\\\" desk\", away\n12:03:04 unpublished: alice@localhost\n",
		"messenger: the server has forgotten the publication; it is published anew\n"+
			"messenger: PUBLISH refused: 503 Service Unavailable; the publication is tried again in 0s\n")
	requests := s.requests(sip.PUBLISH)
	for i, r := range requests[1:] {
		if r.CallID().Value() != requests[0].CallID().Value() || r.CSeq().SeqNo != uint32(i+2) {
			t.Errorf("request %d: Call-ID %s, CSeq %d", i+2, r.CallID().Value(), r.CSeq().SeqNo)
		}
	}
	document, err := pidf.Parse(requests[0].Body())
	if err != nil {
		t.Fatal(err)
	}
	p := document.Presence()
	if p.Entity != "sip:alice@localhost" || p.Tuples[0].Contact != "sip:alice@localhost" || p.Tuples[0].Status != pidf.Open {
		t.Errorf("published %+v", p)
	}
}

func TestPublishOnce(t *testing.T) {
	s := newScript(t, func(s *script, r *sip.Request, nth int) {
		if nth > 1 || field(r, "Expires") != "90" {
			t.Errorf("one PUBLISH for 90 s was wanted:\n%s", r)
		}
		s.respond(r, 200, "OK", "SIP-ETag: one")
	})
	start(t, s.addr(), "", "publish", "--once", "--json", "--expires=90", "alice@localhost", "closed").expect(t, exitDone,
		`{"time":"2026-01-02T12:03:04Z","event":"published","uri":"sip:alice@localhost","status":"closed","expires":90,"etag":"one"}`+"\n", "")
}

// Credentials are sent along with later requests; the nonce count rises.
func TestCredentialsReused(t *testing.T) {
	s := newScript(t, func(s *script, r *sip.Request, nth int) {
		switch nth {
		case 1:
			s.respond(r, 407, "Proxy Authentication Required", "Proxy-Authenticate: "+challengeSHA256)
		case 2, 3:
			if !rightly(t, r, "Proxy-Authorization", "n2", []string{"00000001", "00000002"}[nth-2]) {
				t.Errorf("request %d: %s", nth, r.GetHeader("Proxy-Authorization"))
			}
			s.respond(r, 200, "OK", "SIP-ETag: e", "Expires: 2")
		case 4: // the server has new keys: its challenge is answered although credentials were there
			s.respond(r, 407, "Proxy Authentication Required", "Proxy-Authenticate: "+challengeMD5)
		case 5:
			if !rightly(t, r, "Proxy-Authorization", "n1", "00000001") {
				t.Errorf("request %d: %s", nth, r.GetHeader("Proxy-Authorization"))
			}
			s.respond(r, 200, "OK", "SIP-ETag: e", "Expires: 600")
			s.messenger.stop()
		default:
			s.respond(r, 200, "OK", "SIP-ETag: e")
		}
	})
	m := s.start(t, hurried, "secret", "publish", "alice@localhost", "open")
	m.expect(t, exitDone, "12:03:04 published: alice@localhost is open\n12:03:04 unpublished: alice@localhost\n", "")
}

func TestPublishWithoutEntityTag(t *testing.T) {
	s := newScript(t, func(s *script, r *sip.Request, _ int) { s.respond(r, 200, "OK") })
	start(t, s.addr(), "", "publish", "alice@localhost", "open").expect(t, exitFailed, "",
		"messenger: PUBLISH was answered 200 without an entity-tag .*\n")
}

// The same person on the same machine gets the same tuple id, so that a second
// publication replaces one that was left behind.
func TestTupleIDIsStable(t *testing.T) {
	a, _ := parsePrincipal("alice@localhost")
	b, _ := parsePrincipal("bob@localhost")
	id := func(s said, of sip.Uri, status pidf.Status) string {
		p, err := s.presence(of, status, fixed)
		if err != nil {
			t.Fatal(err)
		}
		return p.Tuples[0].ID
	}
	first := id(said{}, a, pidf.Open)
	if id(said{notes: []string{"x"}}, a, pidf.Closed) != first {
		t.Error("another id for the same person")
	}
	if id(said{device: "phone"}, a, pidf.Open) == first {
		t.Error("the same id for another device")
	}
	if id(said{}, b, pidf.Open) == first {
		t.Error("the same id for another person")
	}
	if !strings.HasPrefix(first, "m") {
		t.Error("not an XML name")
	}
}
