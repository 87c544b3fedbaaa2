package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"

	"presenced/pidf"
	"presenced/pidf/partial"
)

// parsed is a document as pidf's notifier side wants it.
func parsed(t *testing.T, text string) *pidf.Document {
	t.Helper()
	d, err := pidf.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// large is a document of which a diff is the shorter one.
func large(basic, note string) string {
	return strings.Replace(document(basic, note), "</presence>", `<x:pad xmlns:x="urn:x">`+strings.Repeat("x", 1000)+"</x:pad></presence>", 1)
}

func fullOf(t *testing.T, text string, version uint32) string {
	t.Helper()
	return string(pidf.AppendFull(nil, parsed(t, text), version))
}

func diffOf(t *testing.T, from, to string, version uint32) string {
	t.Helper()
	body, ok := pidf.AppendDiff(nil, parsed(t, from), parsed(t, to), version)
	if !ok {
		t.Fatal("no diff")
	}
	return string(body)
}

// A watcher of partial presence follows what package pidf makes: full state,
// diffs, a loss, a version that came before, what does not apply, and a change
// of type (RFC 5263 s.4.5).
func TestWatchPartial(t *testing.T) {
	closed, open, noted := large("closed", ""), large("open", ""), large("open", "here")
	opens, lost := diffOf(t, closed, open, 2), diffOf(t, open, noted, 4)
	fulls := []string{fullOf(t, closed, 1), fullOf(t, noted, 5), fullOf(t, noted, 7), fullOf(t, open, 8)}
	kind := "Content-Type: " + partial.ContentType
	s := newScript(t, func(s *script, r *sip.Request, nth int) {
		said := 0
		tell := func(body string, extra ...string) {
			said++
			if code := s.notify(r, 10*nth+said, "active;expires=600", body, append(extra, kind)...); code != 200 {
				t.Errorf("SUBSCRIBE %d, NOTIFY %d: answered %d", nth, said, code)
			}
		}
		if accept := field(r, "Accept"); accept != "application/pidf-diff+xml, application/pidf+xml;q=0.5" {
			t.Errorf("Accept %q", accept)
		}
		if field(r, "Expires") == "0" {
			s.respond(r, 200, "OK", "Expires: 0")
			s.notify(r, 10*nth, "terminated;reason=timeout", "")
			return
		}
		s.respond(r, 200, "OK", "Expires: 600", "Contact: <sip:"+s.addr()+">")
		switch nth {
		case 1:
			tell(fulls[0])
			tell(opens)
			tell(opens) // repeated: discarded
			tell(lost)  // 3 was lost: a refresh
		case 2:
			if !r.To().Params.Has("tag") {
				t.Errorf("not a refresh:\n%s", r)
			}
			tell(fulls[1])
			tell(`<p:pidf-diff xmlns:p="urn:ietf:params:xml:ns:pidf-diff" version="6"><p:remove sel="*/note"/></p:pidf-diff>`)
		case 3: // RFC 5263 s.4.5: another type within the subscription, and back
			tell(fulls[2])
			s.notify(r, 35, "active;expires=600", closed)
			said = 5
			tell(fulls[3])
			s.notify(r, 37, "terminated;reason=deactivated", "")
		case 4: // another subscription counts anew
			if r.To().Params.Has("tag") {
				t.Errorf("the old dialog:\n%s", r)
			}
			tell(fulls[0])
			s.messenger.stop()
		}
	})
	m := s.start(t, hurried, "", "watch", "alice@localhost", "bob@localhost", "--partial")
	m.expect(t, exitDone, strings.Join([]string{
		`12:03:04 bob@localhost is closed (active)`,
		`12:03:04 bob@localhost is open (active)`,
		`12:03:04 bob@localhost is open (active), "here"`,
		`12:03:04 bob@localhost sends presence that cannot be read: xmlpatch: unlocated-node: sel selects 0 nodes (active)`,
		`12:03:04 bob@localhost is open (active), "here"`,
		`12:03:04 bob@localhost is closed (active)`,
		`12:03:04 bob@localhost is open (active)`,
		`12:03:04 the subscription to bob@localhost is terminated (deactivated)`,
		`12:03:04 bob@localhost is closed (active)`,
		``,
	}, "\n"), "messenger: a change of bob@localhost was lost; asking for all\n")
}

// --document prints what the patches have made.
func TestWatchDocument(t *testing.T) {
	before, after := large("closed", ""), large("open", "")
	full, diff := fullOf(t, before, 1), diffOf(t, before, after, 2)
	s := newScript(t, func(s *script, r *sip.Request, nth int) {
		s.respond(r, 200, "OK", "Expires: 600", "Contact: <sip:"+s.addr()+">")
		if nth > 1 {
			s.notify(r, 5, "terminated;reason=timeout", "")
			return
		}
		kind := "Content-Type: " + partial.ContentType
		s.notify(r, 1, "pending;expires=600", "")
		s.notify(r, 2, "active;expires=600", full, kind)
		s.notify(r, 3, "active;expires=600", diff, kind)
		s.notify(r, 4, "active;expires=600", `<p:pidf-diff xmlns:p="urn:ietf:params:xml:ns:pidf-diff" version="3"/>`, kind)
		s.messenger.stop()
	})
	m := s.start(t, hurried, "", "watch", "alice@localhost", "bob@localhost", "--partial", "--document")
	m.wait(t)
	words := strings.Fields(strings.NewReplacer(">", "> ").Replace(m.stdout.String()))
	if got := fmt.Sprint(words); strings.Count(got, "<presence") != 2 || strings.Count(got, "closed<") != 1 || strings.Count(got, "open<") != 1 ||
		strings.Contains(got, "pidf-diff") || !strings.HasPrefix(got, "[12:03:04 bob@localhost tells nothing yet (pending)") {
		t.Errorf("%s", m.stdout.String())
	}
}
