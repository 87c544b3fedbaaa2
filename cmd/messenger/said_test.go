package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"presenced/pidf"
)

// richly is a line of flags with all that can be said, and what people and
// scripts read of it.
const (
	richly = "--note here --note there --activity meeting --activity juggling --mood happy --mood calm --place office " +
		"--sound quiet --light dark --text ok --until 1h --sphere work --class biz --time-offset -03:30 --user-input idle --device laptop"
	richJSON = `"status":"open","notes":["here","there"],"activities":["meeting","juggling"],"moods":["happy","calm"],"places":["office"],` +
		`"around":["quiet","dark","text ok"],"spheres":["work"],"offset":-210,"input":"idle"`
)

func richText() string {
	until := " until " + fixed.Add(time.Hour).Local().Format("Jan 2 15:04")
	return `open, "here", "there", meeting, juggling` + until + `, mood happy, mood calm` + until + `, place office` + until +
		`, there: quiet and dark and text ok` + until + `, sphere work, local time UTC-03:30, idle`
}

// What is published is what is shown, and a watcher that fetches it reads the
// same.
func TestRichPresence(t *testing.T) {
	published := "" // known to the script alone
	s := newScript(t, func(s *script, r *sip.Request, nth int) {
		if r.Method == sip.SUBSCRIBE {
			s.respond(r, 200, "OK", "Expires: 0")
			s.notify(r, 1, "terminated;reason=timeout", published)
			return
		}
		published = string(r.Body())
		s.respond(r, 200, "OK", "SIP-ETag: one", "Expires: 600")
	})
	run := func(line string) *session { return start(t, s.addr(), "", strings.Fields(line)...) }
	run("publish --once bob@localhost open "+richly).expect(t, exitDone, "12:03:04 published: bob@localhost is "+richText()+"\n", "")
	run("publish --once --json bob@localhost open "+richly).expect(t, exitDone,
		`{"time":"2026-01-02T12:03:04Z","event":"published","uri":"sip:bob@localhost",`+richJSON+`,"expires":600,"etag":"one"}`+"\n", "")
	body := string(s.requests(sip.PUBLISH)[1].Body())
	run("fetch alice@localhost bob@localhost").expect(t, exitDone, "12:03:04 bob@localhost is "+richText()+"\n", "")
	fetched := run("fetch alice@localhost bob@localhost --json")
	if fetched.wait(t); !strings.Contains(fetched.stdout.String(), richJSON+`,"tuples":[{"id":"m`) || !strings.Contains(fetched.stdout.String(), `"class":"biz","input":"idle","device":"laptop"}]`) {
		t.Errorf("%s", fetched.stdout.String())
	}
	run("fetch alice@localhost bob@localhost --document").expect(t, exitDone, strings.TrimRight(body, "\n")+"\n", "")

	document, err := pidf.Parse([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	p := document.Presence()
	if len(p.Devices) != 1 || p.Devices[0].DeviceID != p.Tuples[0].DeviceIDs[0] || p.Devices[0].Notes[0].Text != "laptop" ||
		!p.Persons[0].Activities[0].Until.Equal(fixed.Add(time.Hour)) || p.Persons[0].Class != "biz" {
		t.Errorf("%s", body)
	}
	if _, urn, _ := strings.Cut(p.Devices[0].DeviceID, "urn:uuid:"); len(urn) != 36 {
		t.Errorf("deviceID %q", p.Devices[0].DeviceID)
	}
}

// Several services have a line each.
func TestSeveralServices(t *testing.T) {
	p := pidf.Presence{
		Entity: "sip:bob@localhost",
		Tuples: []pidf.Tuple{
			{Status: pidf.Closed, Contact: "tel:123", DeviceIDs: []string{"urn:x:1"}, UserInput: &pidf.UserInput{Idle: true}},
			{Status: pidf.Open, Contact: "sip:bob@localhost", Priority: "0.8", Class: "home", DeviceIDs: []string{"urn:x:2"}, Notes: []pidf.Note{{Text: "n\n"}}},
			{DeviceIDs: []string{"urn:x:\x1b"}},
		},
		Devices: []pidf.Device{{DeviceID: "urn:x:1", Notes: []pidf.Note{{Text: "phone"}}}, {DeviceID: "urn:x:2", UserInput: &pidf.UserInput{}}},
	}
	want := "is open, \"n\\n\", active\n" +
		"         closed, tel:123, device phone, idle\n" +
		"         open, sip:bob@localhost, priority 0.8, device urn:x:2, class home, \"n\\n\"\n" +
		"         unknown, device urn:x:�"
	if got := summarise(&p).describe(""); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}

func TestWhatCannotBeSaid(t *testing.T) {
	for _, line := range []string{
		"--sound loud", "--light red", "--text fine", "--sphere club", "--user-input asleep",
		"--time-offset noon", "--time-offset 2000", "--until tomorrow", "--until -1h",
		"--document", "--delete", "--put x",
	} {
		m := start(t, "127.0.0.1:9", "", append([]string{"publish", "bob@localhost", "open"}, strings.Fields(line)...)...)
		if status := m.wait(t); status != exitUsage || m.stdout.String() != "" {
			t.Errorf("%s: exit status %d, %s", line, status, m.stdout.String())
		}
	}
	for _, line := range []string{"publish bob@localhost", "publish bob@localhost away", "publish bob@localhost --permanent perhaps"} {
		if status := start(t, "127.0.0.1:9", "", strings.Fields(line)...).wait(t); status != exitUsage {
			t.Errorf("%s: exit status %d", line, status)
		}
	}
}

func TestTimeOffset(t *testing.T) {
	zone := time.Date(2026, 1, 2, 12, 0, 0, 0, time.FixedZone("", 5*3600+1800))
	for text, want := range map[string]int{"local": 330, "+01:00": 60, "Z": 0, "-210": -210, "-03:30": -210} {
		if got, err := parseOffset(text, zone); err != nil || got != want {
			t.Errorf("%s: %d, %v, want %d", text, got, err, want)
		}
	}
	if got := []string{clockOffset(330), clockOffset(-210), clockOffset(0)}; !slices.Equal(got, []string{"+05:30", "-03:30", "+00:00"}) {
		t.Errorf("got %q", got)
	}
}
