package server_test

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"presenced/internal/server/servertest"
)

// Two agents on one Redis: a change at one is told by the other, and a dialog
// moves to where its watcher asks, and back.
func TestClusterChangeAndRefreshAtEitherAgent(t *testing.T) {
	t.Parallel()
	redis := servertest.StartRedis(t)
	a, b := startAgent(t, redis, "a", "1s"), startAgent(t, redis, "b", "1s")
	bob, alice, carol := peer(t, "bob"), peer(t, "alice"), peer(t, "carol")
	watch := alice.Subscribe(a.udp(), bob.AOR, 600)

	start := time.Now()
	tag := bob.Publish(b.udp(), "", "one")
	n := watch.Until("one")
	tells(t, n, "one", a.udp())
	t.Logf("PUBLISH at b until NOTIFY from a: %v", n.At.Sub(start))
	if took := n.At.Sub(start); took > 2*time.Second {
		t.Errorf("PUBLISH at one agent, NOTIFY from the other after %v", took)
	}

	moved := func(from, to *clusterNode) {
		t.Helper()
		before := watch.Last().Body
		tells(t, watch.Refresh(to.udp(), 600), before, to.udp())
		// A hint tells the old agent: a change before it might be told twice.
		servertest.Eventually(t, "the dialog is left", func() bool { return from.serves(t) == 0 && to.serves(t) == 1 })
	}
	moved(a, b)
	// What a tells carol shows that it has seen the change, too.
	marker := carol.Subscribe(a.udp(), bob.AOR, 600)
	tag = bob.Publish(a.udp(), tag, "two")
	tells(t, marker.Until("two"), "two", a.udp())
	tells(t, watch.Next(), "two", b.udp())
	for _, n := range watch.Taken() {
		t.Errorf("a dialog that moved to b is told by %s, too", n.From)
	}

	marker.Do(a.udp(), marker.Request(0), 200)
	moved(b, a)
	bob.Publish(b.udp(), tag, "three")
	tells(t, watch.Next(), "three", a.udp())

	watch.Do(b.udp(), watch.Request(0), 200)
	if n := watch.Next(); !strings.HasPrefix(n.State, "terminated") || n.From != b.udp() {
		t.Errorf("unsubscribed at b: %+v", n)
	}
	servertest.Eventually(t, "the copy is deleted", func() bool { return redis.Command("KEYS presenced:*:sub:*") == "*0" })
	watch.Peer.Do(a.udp(), watch.Request(600), 481)
}

// A watcher on a connection is told there, wherever the change comes from.
func TestClusterConnectionAtOneAgent(t *testing.T) {
	t.Parallel()
	redis := servertest.StartRedis(t)
	a, b := startAgent(t, redis, "a", "1s"), startAgent(t, redis, "b", "1s")
	bob := peer(t, "bob")
	first := servertest.TCP(t, "alice@127.0.0.1", a.tcp())
	watch := first.Subscribe(a.tcp(), bob.AOR, 600)
	tag := bob.Publish(b.udp(), "", "one")
	watch.Until("one")

	// An agent that is drained leaves its subscriptions to the others, who
	// cannot reach the peer before it asks.
	a.stop()
	first.Closed()
	bob.Publish(b.udp(), tag, "two")
	second := servertest.TCP(t, "alice@127.0.0.1", b.tcp())
	watch.Peer = second
	if n := watch.Refresh(b.tcp(), 600); !strings.Contains(n.Body, "two") {
		t.Errorf("after the refresh:\n%s", n.Body)
	}
}

// Redis stands still, and is killed and comes back with its data: writes are
// refused meanwhile, reads come from memory, and nobody is told that anybody
// left.
func TestClusterRedisAwayAndBack(t *testing.T) {
	t.Parallel()
	redis := servertest.StartRedis(t, "--appendonly", "yes", "--appendfsync", "always")
	a, b := startAgent(t, redis, "a", "2s"), startAgent(t, redis, "b", "2s")
	bob, alice, carol := peer(t, "bob"), peer(t, "alice"), peer(t, "carol")
	tag := bob.Publish(a.udp(), "", "before")
	atA, atB := alice.Subscribe(a.udp(), bob.AOR, 600), carol.Subscribe(b.udp(), bob.AOR, 600)
	watches := []*servertest.Dialog{atA, atB}

	faults := []struct {
		name       string
		stop, back func()
	}{
		{"stopped", func() { redis.Signal(syscall.SIGSTOP) }, func() { redis.Signal(syscall.SIGCONT) }},
		{"killed", redis.Kill, redis.Start},
	}
	for _, fault := range faults {
		fault.stop()
		for _, refused := range []*servertest.Response{
			bob.Do(a.udp(), bob.Publication(tag, "lost", 600), 503),
			alice.Do(a.udp(), alice.NewDialog(bob.AOR).Request(600), 503),
			atB.Do(b.udp(), atB.Request(600), 503),
			bob.Do(b.udp(), bob.Registration(600), 503),
		} {
			if refused.Header("Retry-After") == "" {
				t.Errorf("%s: 503 without Retry-After:\n%s", fault.name, refused.Head)
			}
		}
		if body := carol.Fetch(a.udp(), bob.AOR); !strings.Contains(body, "<basic>open</basic>") {
			t.Errorf("%s: a fetch of a watched presentity says\n%s", fault.name, body)
		}
		fault.back()
		tag = publishAgain(t, bob, a, tag, fault.name)
		for _, watch := range watches {
			stays(t, watch, fault.name)
		}
		// What stood still may have been made nevertheless; the dialogs live.
		for i, n := range []*clusterNode{a, b} {
			watches[i].Refresh(n.udp(), 600)
		}
	}
}

// publishAgain modifies a publication as soon as the store lets it.
func publishAgain(t *testing.T, p *servertest.Peer, at *clusterNode, tag, note string) string {
	t.Helper()
	next := ""
	servertest.Eventually(t, "a PUBLISH is stored again", func() bool {
		answer := p.Do(at.udp(), p.Publication(tag, note, 3600), 200, 412, 503)
		if answer.Code == 412 { // the one without an answer was stored
			answer = p.Do(at.udp(), p.Publication("", note, 3600), 200, 503)
		}
		next = answer.Header("SIP-ETag")
		return answer.Code == 200
	})
	return next
}

// stays takes NOTIFYs until one has the note; none may say that the presentity
// left.
func stays(t *testing.T, d *servertest.Dialog, note string) {
	t.Helper()
	for {
		n := d.Next()
		if !strings.Contains(n.Body, "<basic>open</basic>") || !strings.HasPrefix(n.State, "active") {
			t.Fatalf("%s is told that %s left: %s\n%s", d.AOR, d.Presentity, n.State, n.Body)
		}
		if strings.Contains(n.Body, note) {
			return
		}
	}
}

// Redis comes back empty: nobody has left before the grace period is over,
// and who publishes again in it never has.
func TestClusterRedisEmptied(t *testing.T) {
	t.Parallel()
	const grace = 4 * time.Second
	redis := servertest.StartRedis(t)
	a, b := startAgent(t, redis, "a", grace.String()), startAgent(t, redis, "b", grace.String())
	bob, dave, alice, carol := peer(t, "bob"), peer(t, "dave"), peer(t, "alice"), peer(t, "carol")
	stale := bob.Publish(a.udp(), "", "here")
	dave.Publish(b.udp(), "", "gone for good")
	toBob, toDave := alice.Subscribe(a.udp(), bob.AOR, 600), carol.Subscribe(b.udp(), dave.AOR, 600)

	redis.Kill()
	emptied := time.Now()
	redis.Start()

	// Bob's phone refreshes, is told that its entity-tag is unknown, and
	// publishes anew (RFC 3903 s.4.4). The others are quicker than it.
	servertest.Eventually(t, "the store answers", func() bool {
		return bob.Do(a.udp(), bob.Publication(stale, "", 3600), 412, 503).Code == 412
	})
	patch := bob.Publication(stale, "", 3600)
	patch.Header += "Content-Type: application/pidf-diff+xml\r\n"
	patch.Body = fmt.Sprintf(`<p:pidf-diff xmlns:p="urn:ietf:params:xml:ns:pidf-diff" entity="%s"><p:remove sel="*/note"/></p:pidf-diff>`, bob.AOR)
	for name, r := range map[string]servertest.Request{"a patch": patch, "an end": bob.Publication(stale, "", 0), "too brief": bob.Publication(stale, "", 1)} {
		if code := bob.Do(a.udp(), r, 412, 423, 503).Code; code != 412 {
			t.Errorf("%s of what was lost: %d", name, code)
		}
	}
	bob.Publish(a.udp(), "", "still here")
	stays(t, toBob, "still here")

	// The copies of the subscriptions are there again: the other agent can
	// take them over.
	servertest.Eventually(t, "the subscription is put again", func() bool {
		return toBob.Do(b.udp(), toBob.Request(600), 200, 481, 503).Code == 200
	})
	tells(t, toBob.Next(), "still here", b.udp())

	// Dave does not come back.
	n := toDave.Until("<basic>closed</basic>")
	if after := n.At.Sub(emptied); after < grace || after > grace+8*time.Second {
		t.Errorf("a presentity that never came back is gone after %v; the grace is %v", after, grace)
	}
}

// An inbox that is registered at one agent is reachable for who watches at the
// other.
func TestClusterRegistrationIsPresence(t *testing.T) {
	t.Parallel()
	redis := servertest.StartRedis(t)
	a, b := startAgent(t, redis, "a", "1s"), startAgent(t, redis, "b", "1s")
	bob, alice := peer(t, "bob"), peer(t, "alice")
	watch := alice.Subscribe(a.udp(), bob.AOR, 600)
	bob.Do(b.udp(), bob.Registration(600), 200)
	if n := watch.Until("<basic>open</basic>"); !strings.Contains(n.Body, "<contact>"+bob.AOR+"</contact>") {
		t.Errorf("registered:\n%s", n.Body)
	}
	bob.Do(b.udp(), bob.Registration(0), 200)
	watch.Until("<basic>closed</basic>")
}
