package server_test

import (
	"fmt"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"presenced/internal/config"
	"presenced/internal/server"
	"presenced/internal/server/servertest"
	"presenced/sip/siptest"
)

// Subscriptions and connections that come and go leave nothing behind.
func TestClusterNothingIsLeft(t *testing.T) {
	n := startNode(t, loopbackConfig+"[limits]\nconnections_per_address = 0\n")
	bob := peer(t, "bob")
	bob.Publish(n.udp(), "", "here")
	watcher := peer(t, "alice")
	round := func(subscriptions, connections int) {
		inParallel(subscriptions, func(i int) {
			d := watcher.NewDialog(bob.AOR)
			for _, expires := range []int{600, 0} {
				if err := d.Subscribe(n.udp(), expires); err != nil {
					t.Errorf("subscription %d: %v", i, err)
				}
			}
		})
		t.Run("connections", func(t *testing.T) { // closes them
			for i := range connections {
				p := servertest.TCP(t, fmt.Sprintf("user%d@127.0.0.1", i), n.tcp())
				p.Do(n.tcp(), p.Registration(600), 200)
				p.Subscribe(n.tcp(), bob.AOR, 600)
			}
		})
	}
	const few = 100 // what is kept for the next request, and other tests; 200 connections have 400
	goroutines := runtime.NumGoroutine() + few
	ended := func() bool { return runtime.NumGoroutine() <= goroutines }
	round(100, 10) // pools and tables have their size
	servertest.Eventually(t, "the goroutines of the first connections end", ended)
	heap := liveHeap()
	round(2000, 200)
	servertest.Eventually(t, "the goroutines of the connections end", ended)
	after := liveHeap()
	t.Logf("goroutines %d -> %d, live heap %d kB -> %d kB", goroutines, runtime.NumGoroutine(), heap>>10, after>>10)
	// Held for a while by design: each answer for 32 s (Timer J), 200
	// subscriptions until a refresh on a new connection, what the peer here
	// remembers.
	const allowed = 16 << 20
	if after > heap+allowed {
		t.Errorf("live heap grew from %d to %d bytes", heap, after)
	}
}

// A node that has stopped is free: nothing of the process keeps it.
func TestClusterStoppedNodeIsFree(t *testing.T) {
	n := startNode(t, loopbackConfig)
	bob := peer(t, "bob")
	bob.Publish(n.udp(), "", "here")
	bob.Subscribe(n.udp(), bob.AOR, 600)
	alice := servertest.TCP(t, "alice@127.0.0.1", n.tcp())
	alice.Do(n.tcp(), alice.Registration(600), 200)
	alice.Subscribe(n.tcp(), bob.AOR, 600)
	node := weak.Make(n.Server)
	n.stop()
	n.Server = nil
	servertest.Eventually(t, "the stopped node is collected", func() bool {
		runtime.GC()
		return node.Value() == nil
	})
}

func liveHeap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// inParallel calls f for 0 to n-1, some at a time.
func inParallel(n int, f func(i int)) {
	const together = 32
	var wait sync.WaitGroup
	next := make(chan int)
	for range together {
		wait.Go(func() {
			for i := range next {
				f(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wait.Wait()
}

// Two watchers that never answer among a thousand that do: those are told at
// once, each time, and the dead are removed when Timer F fires. In memory, in
// virtual time.
func TestClusterDeadAmongThousand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := siptest.NewNetwork()
		to := netip.MustParseAddrPort("10.0.0.1:5060")
		c, _, err := config.Parse("test.toml", []byte(strings.Replace(loopbackConfig, "127.0.0.1:0", to.String(), 1)+
			"[auth]\nopen_to_everyone = true\n"))
		if err != nil {
			t.Fatal(err)
		}
		startWith(t, c, server.Options{Network: network.Host(to.Addr())})
		synctest.Wait()
		peer := func(user, address string) *servertest.Peer {
			return servertest.Packet(t, user+"@127.0.0.1", network.ListenPacket(address))
		}
		bob, living, dead := peer("bob", "10.0.0.2:5060"), peer("alice", "10.0.0.3:5060"), peer("mallory", "10.0.0.4:5060")
		bob.Publish(to, "", "zero")
		early, late := dead.Subscribe(to, bob.AOR, 600), dead.Subscribe(to, bob.AOR, 600)
		dialogs := make([]*servertest.Dialog, 1000)
		for i := range dialogs {
			dialogs[i] = living.Subscribe(to, bob.AOR, 600)
		}
		dead.Mute()
		died, tag := time.Now(), ""
		for _, note := range []string{"first", "second", "third"} {
			start, last := time.Now(), time.Duration(0)
			tag = bob.Publish(to, tag, note)
			for _, d := range dialogs {
				last = max(last, d.Until(note).At.Sub(start))
			}
			if last > time.Second {
				t.Errorf("%s: the last of the living is told after %v", note, last)
			}
		}
		time.Sleep(31*time.Second - time.Since(died))
		early.Do(to, early.Request(600), 200)
		time.Sleep(33*time.Second - time.Since(died))
		late.Peer.Do(to, late.Request(600), 481)
		bob.Publish(to, tag, "fourth")
		dialogs[0].Until("fourth")
	})
}
