package main

import (
	"strings"
	"testing"
	"time"

	"presenced/internal/server"
	"presenced/sip"
)

// askedAgent is an agent where a watcher waits until the presentity decides.
func askedAgent(t *testing.T) *server.Server {
	t.Helper()
	cert, key := certificate(t)
	return startAgentWith(t, cert, key, `xcap = ["127.0.0.1:0"]`, `
[[principal]]
uri = "sip:carol@127.0.0.1"
password = "wonderland"
[access]
default = "confirm"
[watchers]
min_interval = "0s"
`)
}

func messengerAt(t *testing.T, agent *server.Server, line string) *session {
	t.Helper()
	return start(t, agent.Addr(sip.UDP).String(), "wonderland", append(strings.Fields(line), "--http", "http://"+agent.XCAPAddr().String())...)
}

// A pending watcher goes online within a second of the decision, and sees
// nothing before and after.
func TestApproval(t *testing.T) {
	agent := askedAgent(t)
	run := func(line string) *session { return messengerAt(t, agent, line) }
	presentity := run("publish bob@127.0.0.1 open --note here")
	presentity.say(t, "published")
	follow := run("watchers bob@127.0.0.1 --follow")
	watcher := run("watch alice@127.0.0.1 bob@127.0.0.1")
	watcher.say(t, "(pending)")
	if strings.Contains(watcher.stdout.String(), "open") {
		t.Errorf("a pending watcher sees presence: %s", watcher.stdout.String())
	}
	follow.say(t, "alice@127.0.0.1 is pending (subscribe)")
	run("watchers bob@127.0.0.1").say(t, "alice@127.0.0.1  -     pending  subscribe")

	decided := time.Now()
	run("allow bob@127.0.0.1 alice@127.0.0.1").expect(t, exitDone, "12:03:04 alice@127.0.0.1: allow now: it sees your presence\n", "")
	watcher.say(t, `bob@127.0.0.1 is open (active), "here"`)
	if took := time.Since(decided); took > time.Second {
		t.Errorf("online after %v", took)
	}
	follow.say(t, "alice@127.0.0.1 is active (approved)")

	run("polite-block bob@127.0.0.1 alice@127.0.0.1").wait(t)
	watcher.say(t, "bob@127.0.0.1 is closed (active)")
	run("block bob@127.0.0.1 alice@127.0.0.1").wait(t)
	if status := watcher.wait(t); status != exitFailed || !strings.Contains(watcher.stderr.String(), "rejected") {
		t.Errorf("blocked: exit status %d, %s", status, watcher.stderr.String())
	}
	follow.say(t, "alice@127.0.0.1 is terminated (rejected)")
	run("watch alice@127.0.0.1 bob@127.0.0.1").expect(t, exitFailed, "", "messenger: SUBSCRIBE refused: 403 .*\n")
	run("watchers bob@127.0.0.1 --history").say(t, "alice@127.0.0.1")
	for _, s := range []*session{follow, presentity} {
		s.stop()
		s.wait(t)
	}
}

// The presentity answers the questions that come as watchers do.
func TestAskAtAgent(t *testing.T) {
	agent := askedAgent(t)
	run := func(line string) *session { return messengerAt(t, agent, line) }
	presentity := run("publish bob@127.0.0.1 open")
	presentity.say(t, "published")
	watcher := run("watch alice@127.0.0.1 bob@127.0.0.1")
	watcher.say(t, "(pending)")
	run("fetch carol@127.0.0.1 bob@127.0.0.1").wait(t)
	args := strings.Fields("watchers bob@127.0.0.1 --ask --server " + agent.Addr(sip.UDP).String() + " --http http://" + agent.XCAPAddr().String())
	asked := typing(t, hurried, "wonderland", strings.NewReader("y\ny\n"), args)
	if status := asked.wait(t); status != exitDone {
		t.Errorf("exit status %d: %s", status, asked.stderr.String())
	}
	watcher.say(t, "bob@127.0.0.1 is open (active)")
	run("fetch carol@127.0.0.1 bob@127.0.0.1").say(t, "bob@127.0.0.1 is open")
	for _, s := range []*session{watcher, presentity} {
		s.stop()
		s.wait(t)
	}
}

// A delegate publishes, sees the watchers and decides in the presentity's place,
// and no one else does.
func TestDelegateAtAgent(t *testing.T) {
	agent := askedAgent(t)
	run := func(line string) *session { return messengerAt(t, agent, line) }
	run("delegate bob@127.0.0.1 carol@127.0.0.1 publish,watchers,rules").
		expect(t, exitDone, "12:03:04 carol@127.0.0.1 may publish for you, see your watchers, edit your rules\n", "")
	watcher := run("watch alice@127.0.0.1 bob@127.0.0.1")
	watcher.say(t, "(pending)")
	secretary := run("publish carol@127.0.0.1 open --for bob@127.0.0.1")
	secretary.say(t, "published: bob@127.0.0.1 is open")
	run("watchers carol@127.0.0.1 --for bob@127.0.0.1").say(t, "alice@127.0.0.1  -     pending  subscribe")
	run("allow carol@127.0.0.1 alice@127.0.0.1 --for bob@127.0.0.1").wait(t)
	watcher.say(t, "bob@127.0.0.1 is open (active)")
	// RFC 3857 s.4.7.2: an authorized watcher sees itself.
	own := run("watchers alice@127.0.0.1 --for bob@127.0.0.1 --json")
	if own.wait(t); strings.Count(own.stdout.String(), "\n") != 1 || !strings.Contains(own.stdout.String(), `"watcher":"sip:alice@127.0.0.1"`) {
		t.Errorf("alice sees %s %s", own.stdout.String(), own.stderr.String())
	}
	for line, refusal := range map[string]string{
		"publish alice@127.0.0.1 open --for bob@127.0.0.1":                   "PUBLISH refused: 403 .*",
		"block alice@127.0.0.1 carol@127.0.0.1 --for bob@127.0.0.1":          "GET refused: 403 .*",
		"watchers alice@127.0.0.1 --history --for bob@127.0.0.1":             "GET refused: 403 .*",
		"delegate carol@127.0.0.1 alice@127.0.0.1 rules --for bob@127.0.0.1": "GET refused: 403 .*",
	} {
		run(line).expect(t, exitFailed, "", "messenger: "+refusal+"\n")
	}
	for _, s := range []*session{watcher, secretary} {
		s.stop()
		s.wait(t)
	}
}
