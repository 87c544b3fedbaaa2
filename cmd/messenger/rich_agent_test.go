package main

import (
	"strings"
	"testing"

	"presenced/sip"
	"presenced/sip/siptest/schema"
)

// Rich presence of two devices and permanent presence beneath them, at a real
// agent, as a watcher of partial presence and one of whole documents see them.
func TestRichPresenceAtAgent(t *testing.T) {
	cert, key := certificate(t)
	agent := startAgentWith(t, cert, key, `xcap = ["127.0.0.1:0"]`, "")
	run := func(line string) *session {
		return start(t, agent.Addr(sip.UDP).String(), "wonderland",
			append(strings.Fields(line), "--http", "http://"+agent.XCAPAddr().String())...)
	}
	whole := run("watch alice@127.0.0.1 bob@127.0.0.1")
	partial := run("watch alice@127.0.0.1 bob@127.0.0.1 --partial --json")
	both := func(words, json string) {
		t.Helper()
		whole.say(t, words)
		partial.say(t, json)
	}
	both("bob@127.0.0.1 is closed (active)\n", `"status":"closed"`)

	run("publish bob@127.0.0.1 closed --permanent --note gone --activity vacation").wait(t)
	both(`is closed (active), "gone", vacation`, `"notes":["gone"],"activities":["vacation"]`)
	laptop := run("publish bob@127.0.0.1 open --device laptop --activity meeting --mood happy --place office --sound quiet --sphere work --time-offset +01:00 --user-input active")
	both("meeting, mood happy, place office, there: quiet, sphere work, local time UTC+01:00, active", `"moods":["happy"],"places":["office"],"around":["quiet"],"spheres":["work"],"offset":60,"input":"active"`)
	phone := run("publish bob@127.0.0.1 open --device phone --note calling --user-input idle")
	both("device phone, idle", `"device":"phone"`)
	whole.say(t, "device laptop, active")
	composed := run("fetch alice@127.0.0.1 bob@127.0.0.1 --document")
	composed.wait(t)
	schema.Collect(pidfType, composed.stdout.String())
	for _, s := range []*session{laptop, phone} {
		s.stop()
		s.wait(t)
	}
	run("publish bob@127.0.0.1 --permanent --delete").wait(t)
	fetched := run("fetch alice@127.0.0.1 bob@127.0.0.1 --document")
	if fetched.wait(t); !strings.Contains(fetched.stdout.String(), "<basic>closed</basic>") || strings.Contains(fetched.stdout.String(), "vacation") {
		t.Errorf("%s", fetched.stdout.String())
	}
	for _, s := range []*session{whole, partial} {
		s.stop()
		if status := s.wait(t); status != exitDone || strings.Contains(s.stderr.String(), "lost") {
			t.Errorf("exit status %d, %s", status, s.stderr.String())
		}
	}
}
