package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"presenced/internal/server/servertest"
)

// overRedis is an agent of this name over a Redis.
func overRedis(t *testing.T, r *servertest.Redis, name string) *process {
	t.Helper()
	return newProcess(t, fmt.Sprintf(`[store]
engine = "redis"
redis = "redis://%s"
accept_losing_durable_state = true
[cluster]
agent = "%s"
`, r.Addr, name))
}

// An agent is killed: the other takes its subscriptions over within the lease
// of 10 s. A watcher without NAT on UDP is told there; one on TCP, or whose
// Contact is not where it sends from, when it refreshes.
func TestKilledAgentIsTakenOver(t *testing.T) {
	t.Parallel()
	redis := servertest.StartRedis(t)
	a, b := overRedis(t, redis, "a"), overRedis(t, redis, "b")
	a.start()
	b.start()
	bob, direct, natted := peer(t, "bob", ""), peer(t, "alice", ""), peer(t, "carol", "")
	natted.Contact = "sip:carol@192.168.7.7:5060"
	connected := servertest.TCP(t, "dave@example.com", a.addr)
	toDirect := direct.Subscribe(a.addr, bob.AOR, 600)
	toNatted := natted.Subscribe(a.addr, bob.AOR, 600)
	toConnected := connected.Subscribe(a.addr, bob.AOR, 600)
	tag := bob.Publish(a.addr, "", "one")
	for _, d := range []*servertest.Dialog{toDirect, toNatted, toConnected} {
		d.Until("one")
	}

	a.kill()
	killed := time.Now()
	connected.Closed()
	tag = bob.Publish(b.addr, tag, "two")
	n := toDirect.Until("two") // its CSeq is beyond: Until looks
	t.Logf("told by the survivor after %v", n.At.Sub(killed))
	if n.From != b.addr {
		t.Errorf("told from %s, want %s", n.From, b.addr)
	}
	if after := n.At.Sub(killed); after > 15*time.Second {
		t.Errorf("taken over after %v; the lease is 10 s", after)
	}

	// Alice is told of the next change at once; the others of nothing yet.
	bob.Publish(b.addr, tag, "three")
	toDirect.Until("three")
	for _, d := range []*servertest.Dialog{toNatted, toConnected} {
		for _, n := range d.Taken() {
			t.Errorf("%s cannot be reached from the survivor, and is told %s\n%s", d.AOR, n.State, n.Body)
		}
	}
	if n := toNatted.Refresh(b.addr, 600); !strings.Contains(n.Body, "three") {
		t.Errorf("behind a NAT, after the refresh:\n%s", n.Body)
	}
	toConnected.Peer = servertest.TCP(t, "dave@example.com", b.addr)
	if n := toConnected.Refresh(b.addr, 600); !strings.Contains(n.Body, "three") {
		t.Errorf("on a new connection, after the refresh:\n%s", n.Body)
	}

	// The dead comes back under its name, and has nothing of what it left.
	a.start()
	bob.Publish(a.addr, "", "four")
	for _, d := range []*servertest.Dialog{toDirect, toNatted} {
		if n := d.Until("four"); n.From != b.addr {
			t.Errorf("%s is told by %s, want %s", d.AOR, n.From, b.addr)
		}
	}
	toConnected.Until("four")
}
