package server

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"

	"presenced/pidf"
	"presenced/pidf/partial"
	"presenced/sip/siptest"
)

// story is a random transcript: bob's two devices publish, and alice, who is
// told what is new, and carol, who is told everything, hear of it. It notes
// which of alice's NOTIFYs are lost.
type story struct {
	strings.Builder
	rand  *rand.Rand
	tags  [2]string // of the publications; "" where there is none
	count int
	lost  []bool
}

func (s *story) say(format string, args ...any) { fmt.Fprintf(&s.Builder, format+"\n", args...) }

// document is a random one, with a number that no other has.
func (s *story) document(device int) string {
	var b strings.Builder
	b.WriteString(`<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model"` +
		` xmlns:r="urn:ietf:params:xml:ns:pidf:rpid" xmlns:x="urn:example:x" entity="sip:bob@example.com">`)
	status := [...]string{"open", "closed"}
	for i := range 1 + s.rand.IntN(3) {
		fmt.Fprintf(&b, `<tuple id="d%dt%d"><status><basic>%s</basic></status>`, device, s.rand.IntN(2)+2*i, status[s.rand.IntN(2)])
		if s.rand.IntN(2) > 0 {
			fmt.Fprintf(&b, `<x:extra level="%d">a <x:b/> &lt;</x:extra>`, s.rand.IntN(3))
		}
		fmt.Fprintf(&b, `<contact priority="0.%d">sip:d%dt%d@example.com</contact></tuple>`, s.rand.IntN(5), device, i)
	}
	fmt.Fprintf(&b, `<note>%d of %d</note>`, s.count, device)
	if s.rand.IntN(2) > 0 {
		activities := [...]string{"busy", "away", "meal"}
		fmt.Fprintf(&b, `<dm:person id="p%d"><r:activities><r:%s/></r:activities></dm:person>`, device, activities[s.rand.IntN(3)])
	}
	return b.String() + `</presence>`
}

func (s *story) publish() {
	device := s.rand.IntN(2)
	s.count++
	s.say("bob sends:\n    PUBLISH sip:bob@example.com\n    Event: presence\n    Expires: 7200\n    User-Agent: device%d", device)
	if s.tags[device] != "" {
		s.say("    SIP-If-Match: $%s", s.tags[device])
	}
	s.tags[device] = fmt.Sprint("tag", s.count)
	s.say("    Content-Type: application/pidf+xml\n\n    %s\nbob receives 200:\n    SIP-ETag: $%s", s.document(device), s.tags[device])
	s.notified()
}

// notified has both hear; alice answers some with an error.
func (s *story) notified() {
	lost := s.rand.IntN(6) == 0
	s.lost = append(s.lost, lost)
	if lost {
		s.say("alice receives NOTIFY, answers 500")
	} else {
		s.say("alice receives NOTIFY, answers 200")
	}
	s.say("carol receives NOTIFY, answers 200")
}

func (s *story) subscribe() {
	s.say("alice sends:\n    SUBSCRIBE sip:bob@example.com\n    Event: presence\n    Expires: 7200\n    Accept: application/pidf-diff+xml, application/pidf+xml")
	s.say("alice receives 200:\n    To: <sip:bob@example.com>;tag=$tag\n    Contact: <$target>")
	s.say("alice receives NOTIFY, answers 200")
	s.lost = append(s.lost, false)
	s.say("carol sends:\n    SUBSCRIBE sip:bob@example.com\n    Event: presence\n    Expires: 7200\ncarol receives 200\ncarol receives NOTIFY, answers 200")
}

func (s *story) refresh() {
	s.say("alice sends:\n    SUBSCRIBE $target\n    To: <sip:bob@example.com>;tag=$tag\n    Event: presence\n    Expires: 7200\n    Accept: application/pidf-diff+xml")
	s.say("alice receives 200\nalice receives NOTIFY, answers 200")
	s.lost = append(s.lost, false)
}

// A watcher that applies what it is told of changes has, after every NOTIFY
// that has reached it, what one has that is told everything: over random
// publications, lost NOTIFYs, refreshes and restarts. Versions have no gaps but
// where one was lost, or over a restart (RFC 5263 s.4.4, s.4.5).
func TestPartialEqualsPlain(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			s := &story{rand: rand.New(rand.NewPCG(seed, 5263))}
			s.say("# Random publications\nconfig:\n    [notify]\n    min_interval = \"0s\"")
			s.say("Watcher alice udp 10.0.0.2:5060\nWatcher carol udp 10.0.0.4:5060\nPresentity bob udp 10.0.0.3:5060\n")
			s.subscribe()
			for range 40 {
				switch s.rand.IntN(12) {
				case 0:
					s.refresh()
				case 1:
					s.say("node restarts")
					s.notified()
				default:
					s.publish()
				}
			}
			script, err := siptest.ReadScript("story", s.String(), memoryPrefix)
			if err != nil {
				t.Fatal(err)
			}
			synctest.Test(t, func(t *testing.T) { s.play(t, script) })
		})
	}
}

func (s *story) play(t *testing.T, script *siptest.Script) {
	n, p := memoryNode(t, script.Config, t.Output())
	defer n.mustStop(t)
	watcher := partial.Copy{}
	heard, diffs, current := 0, 0, false
	p.Body = func(agent, body string) {
		switch agent {
		case "alice":
			if current = !s.lost[heard]; current {
				if err := watcher.Update([]byte(body)); err != nil {
					t.Errorf("NOTIFY %d: %v\n%s", heard, err, body)
				}
				if strings.Contains(body, "pidf-diff ") {
					diffs++
				}
			}
			heard++
		case "carol":
			if current {
				same(t, watcher.Document, []byte(body))
			}
		}
	}
	if err := p.Play(script); err != nil {
		t.Errorf("%v\n%s", err, s.String())
	}
	if heard != len(s.lost) || diffs < 5 {
		t.Errorf("%d NOTIFYs of %d, and %d with differences alone", heard, len(s.lost), diffs)
	}
}

// same says whether two documents say the same.
func same(t *testing.T, got, want []byte) {
	t.Helper()
	one, err := pidf.Parse(got)
	two, err2 := pidf.Parse(want)
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	if !one.Presence().Equal(two.Presence()) {
		t.Errorf("the watcher has\n%s\nwant\n%s", got, want)
	}
}
