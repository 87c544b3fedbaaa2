package main

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"presenced/internal/server/servertest"
)

const embedded = `[store]
path = "%s/data"
`

// After kill -9 right behind the answers everything acknowledged is there.
func TestKilledAgentKeepsItsWord(t *testing.T) {
	t.Parallel()
	p := newProcess(t, embedded)
	p.start()
	bob, alice := peer(t, "bob", ""), peer(t, "alice", "")
	bob.Do(p.addr, bob.Registration(600), 200)
	watch := alice.Subscribe(p.addr, bob.AOR, 600)
	tag := bob.Publish(p.addr, "", "one")
	p.kill()

	p.start()
	watch.Until("one") // nobody knows which NOTIFY arrived last: the state once more
	tag = bob.Do(p.addr, bob.Publication(tag, "", 600), 200).Header("SIP-ETag")
	bob.Publish(p.addr, tag, "two")
	watch.Until("two")
	watch.Refresh(p.addr, 600)
	registered := bob.Contact
	bob.Contact = "" // a query (RFC 3261 s.10.3, step 6)
	if got := bob.Do(p.addr, bob.Registration(600), 200).Header("Contact"); !strings.Contains(got, registered) {
		t.Errorf("after the restart bob is registered at %q, not %s", got, registered)
	}
}

// Ten rounds of kill -9 under load: the entity-tag of each publication whose
// last change was acknowledged is known after the restart.
func TestKilledUnderLoad(t *testing.T) {
	t.Parallel()
	const publishers, rounds = 12, 10
	p := newProcess(t, embedded)
	p.start()
	loads := make([]*publisher, publishers)
	for i := range loads {
		loads[i] = &publisher{Peer: peer(t, "load", ""), name: fmt.Sprintf("user%d", i), known: map[string]string{}}
	}
	all := 0
	for round := range rounds {
		ctx, stop := context.WithCancel(t.Context())
		var wait sync.WaitGroup
		for _, l := range loads {
			wait.Go(func() { l.run(ctx, p.addr) })
		}
		// The kill falls into the middle of what is going on.
		want := publishers * 4 * (1 + round%4)
		servertest.Eventually(t, "the load runs", func() bool { return total(loads) >= want })
		p.kill()
		stop()
		p.start()
		wait.Wait()
		all += total(loads)
		for _, l := range loads {
			l.verify(t, p.addr)
		}
	}
	t.Logf("%d publications acknowledged over %d kill -9", all, rounds)
}

func total(loads []*publisher) (n int) {
	for _, l := range loads {
		l.mu.Lock()
		n += len(l.known)
		l.mu.Unlock()
	}
	return n
}

// publisher publishes for one presentity after the other and changes each
// publication once, as fast as it is answered.
type publisher struct {
	*servertest.Peer
	name  string
	next  int
	mu    sync.Mutex
	known map[string]string // AOR to the entity-tag of the last 200
}

func (l *publisher) run(ctx context.Context, to netip.AddrPort) {
	for ctx.Err() == nil {
		l.next++
		l.AOR = fmt.Sprintf("sip:%s-%d@example.com", l.name, l.next)
		tag := ""
		for _, note := range []string{"first", "second"} {
			answer, err := l.Send(to, l.Publication(tag, note, 3600))
			if err != nil || answer == nil || answer.Code != 200 {
				return // unknown: nothing was promised
			}
			tag = answer.Header("SIP-ETag")
		}
		l.mu.Lock()
		l.known[l.AOR] = tag
		l.mu.Unlock()
	}
}

// verify refreshes every publication that was promised.
func (l *publisher) verify(t *testing.T, to netip.AddrPort) {
	t.Helper()
	for aor, tag := range l.known {
		l.AOR = aor
		if answer, err := l.Send(to, l.Publication(tag, "", 3600)); err != nil || answer == nil || answer.Code != 200 {
			t.Errorf("acknowledged and lost: %s: %v, %v", aor, answer, err)
		}
	}
	clear(l.known)
}

// Principals that were added while the agent ran survive its kill.
func TestPrincipalsSurvive(t *testing.T) {
	t.Parallel()
	p := newProcess(t, embedded+"[auth]\nmode = \"digest\"\n")
	p.start()
	if status, _, stderr := p.command("builder\n", "principal", "add", "bob@example.com"); status != 0 {
		t.Fatalf("principal add: %d %s", status, stderr)
	}
	p.kill()
	p.start()
	bob := peer(t, "bob", "builder")
	bob.Do(p.addr, bob.Registration(600), 200)
	bob.Publish(p.addr, "", "here")
	wrong := peer(t, "bob", "guess")
	wrong.Do(p.addr, wrong.Registration(600), 401)
}

// SIGTERM ends the agent well; subscriptions are kept for the next start, and
// nobody is told that anything ended.
func TestTermination(t *testing.T) {
	t.Parallel()
	p := newProcess(t, embedded)
	p.start()
	bob, alice := peer(t, "bob", ""), peer(t, "alice", "")
	tag := bob.Publish(p.addr, "", "one")
	watches := make([]*servertest.Dialog, 300)
	for i := range watches {
		watches[i] = alice.Subscribe(p.addr, bob.AOR, 600)
	}
	tag = bob.Publish(p.addr, tag, "two")
	if took := p.stop(); took > 4*time.Second { // the fan-out is on its way
		t.Errorf("with all watchers answering, SIGTERM takes %v", took)
	}
	for _, d := range watches {
		for _, n := range d.Taken() {
			if !strings.Contains(n.Body, "two") || !strings.HasPrefix(n.State, "active") {
				t.Errorf("going down, the agent says %s\n%s", n.State, n.Body)
			}
		}
	}
	p.start()
	bob.Publish(p.addr, tag, "three")
	for _, d := range watches {
		d.Until("three")
	}
}
