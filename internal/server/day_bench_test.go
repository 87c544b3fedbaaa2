package server

import (
	"bytes"
	"cmp"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"presenced/internal/server/servertest"
	"presenced/sip/siptest"
)

// BenchmarkDay is what a watcher of 50 buddies sends and is sent in a day, in
// bytes of SIP without those of UDP and IP; and how much of it partial (RFC 5263)
// and conditional notification (RFC 5839) save. The world is the same for each
// watcher, and passes in virtual time. It was made up as follows, not measured:
//
//   - 20 buddies are at work: for 8 hours, from some time between 7 and 10 on,
//     their desk phone publishes another activity, mood or note every 15 minutes,
//     32 times in all. Their mobile publishes too, and always the same.
//   - 20 have one phone, and change something 5 times between 7 and 23 o'clock.
//   - 10 have one phone, and change nothing.
//   - Each document has a tuple with capabilities, a person and a device, with
//     timestamps, and some 1,400 bytes.
//   - All are there all day. No two changes are so near that they are told as one.
//   - Publications and subscriptions are of an hour, each refreshed every 55
//     minutes: 26 times a day. No refresh of a publication has a body.
//   - Nothing is lost and nothing sent again, and no request is challenged.
//
// A conditional watcher makes each refresh with the last entity-tag it was told.
func BenchmarkDay(b *testing.B) {
	var plain traffic
	for _, bench := range []struct {
		name string
		dayWatcher
	}{
		{"plain", dayWatcher{accept: "application/pidf+xml"}},
		{"conditional", dayWatcher{accept: "application/pidf+xml", conditional: true}},
		{"partial", dayWatcher{accept: "application/pidf-diff+xml, application/pidf+xml"}},
		{"both", dayWatcher{accept: "application/pidf-diff+xml, application/pidf+xml", conditional: true}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			var used traffic
			for b.Loop() {
				used = bench.day(b)
			}
			if bench.name == "plain" {
				plain = used
			}
			b.ReportMetric(float64(used.all)/1000, "kB/day")
			b.ReportMetric(float64(used.notify)/1000, "NOTIFY-kB/day")
			b.ReportMetric(float64(used.notifies), "NOTIFYs/day")
			if plain.all > 0 {
				b.ReportMetric(100-100*float64(used.all)/float64(plain.all), "%saved")
				b.ReportMetric(100-100*float64(used.notify)/float64(plain.notify), "%saved-of-NOTIFY")
			}
		})
	}
}

// traffic is what went to and from a watcher, in bytes.
type traffic struct{ all, notify, notifies int }

// dayWatcher is how a watcher subscribes.
type dayWatcher struct {
	accept      string
	conditional bool
}

// day is what w uses in a day. A bubble takes a test, which a benchmark has not:
// one is run inside it.
func (w dayWatcher) day(b *testing.B) (used traffic) {
	every := func(string, string) (bool, error) { return true, nil }
	test := testing.InternalTest{Name: b.Name(), F: func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { used = w.pass(t) })
	}}
	if !testing.RunTests(every, []testing.InternalTest{test}) || used.notifies == 0 {
		b.Fatal("the day did not pass")
	}
	return used
}

const (
	dayRefresh = 55 * time.Minute
	dayExpires = 3600 // seconds
)

func (w dayWatcher) pass(t *testing.T) (used traffic) {
	network := siptest.NewNetwork()
	n := startNode(t, "[notify]\nmin_interval = \"5s\"", memoryPrefix, network.Host(hostOf(memoryPrefix)), nil)
	defer n.mustStop(t)
	at := netip.MustParseAddrPort(memoryPrefix + "2:5060")
	network.SetHook(func(p siptest.Packet) siptest.Verdict {
		if p.From == at || p.To == at {
			used.count(p.Data)
		}
		return siptest.Verdict{}
	})
	d := &day{t: t, to: n.addr(), rand: rand.New(rand.NewPCG(5263, 5839))}
	d.buddies(network)
	alice := servertest.Packet(t, "alice@example.com", network.ListenPacket(at.String()))
	for i := range dayBuddies {
		d.watch(w, alice.NewDialog(fmt.Sprintf("sip:buddy%d@example.com", i)))
	}
	d.pass()
	network.SetHook(nil)
	return used
}

func (u *traffic) count(data []byte) {
	u.all += len(data)
	if bytes.HasPrefix(data, []byte("NOTIFY ")) {
		u.notify += len(data)
		u.notifies++
	}
}

// day is what happens from one midnight to the next.
type day struct {
	t      *testing.T
	to     netip.AddrPort
	rand   *rand.Rand
	events []dayEvent
}

type dayEvent struct {
	at   time.Duration // after midnight
	does func()
}

func (d *day) plan(at time.Duration, does func()) {
	if at < 24*time.Hour {
		d.events = append(d.events, dayEvent{at, does})
	}
}

// pass lets all that is planned happen, one after the other.
func (d *day) pass() {
	slices.SortStableFunc(d.events, func(a, b dayEvent) int { return cmp.Compare(a.at, b.at) })
	midnight := time.Now()
	for _, e := range d.events {
		time.Sleep(e.at - time.Since(midnight))
		e.does()
		synctest.Wait()
	}
	time.Sleep(24*time.Hour - time.Since(midnight))
}

// between is a random time of the day.
func (d *day) between(from, to time.Duration) time.Duration {
	return from + time.Duration(d.rand.Int64N(int64(to-from)))
}

// watch subscribes in the second minute, and refreshes.
func (d *day) watch(w dayWatcher, dialog *servertest.Dialog) {
	var tag string
	subscribe := func(codes ...int) {
		for _, told := range dialog.Taken() {
			tag = told.ETag
		}
		r := dialog.Request(dayExpires)
		r.Header = fmt.Sprintf("Event: presence\r\nAccept: %s\r\nExpires: %d\r\n", w.accept, dayExpires)
		if w.conditional && tag != "" {
			r.Header += "Suppress-If-Match: " + tag + "\r\n"
		}
		dialog.Do(d.to, r, codes...)
	}
	refreshed := 200
	if w.conditional {
		refreshed = 204
	}
	first := d.between(time.Minute, 2*time.Minute)
	d.plan(first, func() { subscribe(200) })
	for at := first + dayRefresh; at < 24*time.Hour; at += dayRefresh {
		d.plan(at, func() { subscribe(refreshed) })
	}
}

const (
	dayBuddies = 50
	dayWorking = 20 // the first of them
	dayCasual  = 20 // the next
)

func (d *day) buddies(network *siptest.Network) {
	for i := range dayBuddies {
		p := servertest.Packet(d.t, fmt.Sprintf("buddy%d@example.com", i), network.ListenPacket(fmt.Sprintf("10.0.1.%d:5060", i+1)))
		phone := d.device(p, "desk")
		switch {
		case i < dayWorking:
			d.device(p, "mobile")
			start := d.between(7*time.Hour, 10*time.Hour)
			for at := start; at < start+8*time.Hour; at += 15 * time.Minute {
				d.plan(at, phone.change)
			}
		case i < dayWorking+dayCasual:
			for range 5 {
				d.plan(d.between(7*time.Hour, 23*time.Hour), phone.change)
			}
		}
	}
}

// device is one publication.
type device struct {
	*day
	*servertest.Peer
	name, tag            string
	activity, mood, note string
	changed              time.Time
}

// device publishes in the first minute, and refreshes.
func (d *day) device(p *servertest.Peer, name string) *device {
	v := &device{day: d, Peer: p, name: name, activity: "working", mood: "neutral", note: "Here"}
	first := d.between(0, time.Minute)
	d.plan(first, func() {
		v.changed = time.Now()
		v.publish(v.document())
	})
	for at := first + dayRefresh; at < 24*time.Hour; at += dayRefresh {
		d.plan(at, func() { v.publish("") })
	}
	return v
}

func (v *device) change() {
	one := func(of ...string) string { return of[v.rand.IntN(len(of))] }
	switch v.rand.IntN(4) {
	case 0:
		v.mood = one("neutral", "happy", "stressed", "sleepy", "curious")
	case 1:
		v.note = one("Here", "Back in an hour", "Ask me about the release", "Please write, do not call", "In room 4.12 until noon")
	default:
		v.activity = one("on-the-phone", "meeting", "away", "busy", "meal", "travel", "presentation")
	}
	v.changed = time.Now()
	v.publish(v.document())
}

func (v *device) publish(body string) {
	r := v.Publication(v.tag, "", dayExpires)
	r.Header += "User-Agent: " + v.name + "/1.0\r\n"
	if r.Body = body; body != "" {
		r.Header += "Content-Type: application/pidf+xml\r\n"
	}
	v.tag = v.Do(v.to, r, 200).Header("SIP-ETag")
}

func (v *device) document() string {
	changed := v.changed.UTC().Format(time.RFC3339)
	return fmt.Sprintf(`<?xml version="1.0" encoding="UTF-8"?>
<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model"
    xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid" xmlns:caps="urn:ietf:params:xml:ns:pidf:caps" entity="%[1]s">
  <tuple id="%[2]s">
    <status><basic>open</basic></status>
    <caps:servcaps>
      <caps:audio>true</caps:audio>
      <caps:methods><caps:supported><caps:INVITE/><caps:MESSAGE/><caps:OPTIONS/></caps:supported></caps:methods>
      <caps:text>true</caps:text><caps:video>true</caps:video>
    </caps:servcaps>
    <rpid:relationship><rpid:self/></rpid:relationship>
    <dm:deviceID>urn:device:%[2]s</dm:deviceID>
    <contact priority="0.8">%[1]s</contact>
    <note xml:lang="en">%[3]s</note>
    <timestamp>%[6]s</timestamp>
  </tuple>
  <dm:person id="p%[2]s">
    <rpid:activities><rpid:%[4]s/></rpid:activities>
    <rpid:mood><rpid:%[5]s/></rpid:mood>
    <rpid:place-type><rpid:other>office</rpid:other></rpid:place-type>
    <dm:note xml:lang="en">%[3]s</dm:note>
    <dm:timestamp>%[6]s</dm:timestamp>
  </dm:person>
  <dm:device id="d%[2]s">
    <rpid:user-input>active</rpid:user-input>
    <dm:deviceID>urn:device:%[2]s</dm:deviceID>
    <dm:timestamp>%[6]s</dm:timestamp>
  </dm:device>
</presence>
`, v.AOR, v.name, v.note, v.activity, v.mood, changed)
}
