package notifier_test

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"presenced/internal/notifier"
)

// scattered subscribes watchers at so many addresses in turn, and has a change
// wait for places.
func (n *node) scattered(watchers, addresses int) []*watcher {
	n.t.Helper()
	list := make([]*watcher, watchers)
	for i := range list {
		list[i] = n.watcher(fmt.Sprint("w", i))
		list[i].flow.Remote = address(i % addresses)
		list[i].settled(600)
	}
	n.publish("open")
	return list
}

func address(i int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 18, byte(i >> 8), byte(i)}), 5060)
}

// Phones each at an address of their own are told side by side: what one is
// slow to answer holds up nobody else. What limits is our own receive buffer.
func TestPlacesOfAWindow(t *testing.T) {
	room := func(places int) option {
		return func(c *notifier.Config) { c.Room = func(netip.AddrPort) int { return places } }
	}
	for _, test := range []struct {
		name      string
		room      option
		addresses int
		want      int
	}{
		{"an address for each", room(1000), 300, 300},
		{"two addresses", room(1000), 2, 128},
		{"one address", room(1000), 1, 64},
		{"a small receive buffer", room(100), 300, 100},
		{"a smaller one", room(10), 300, 64},
		{"one that is not known", func(c *notifier.Config) { c.Room = nil }, 300, 64},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := start(t, test.room)
				n.scattered(300, test.addresses)
				list := n.take()
				if len(list) != test.want {
					t.Errorf("%d in flight, want %d", len(list), test.want)
				}
				for _, f := range list {
					n.answer(f, 200)
				}
				if more := n.answerAll(200); len(list)+more != 300 {
					t.Errorf("%d told of 300", len(list)+more)
				}
				n.idle()
			})
		})
	}
}

// Who asks is told before those that were there first, at the same address too.
func TestTheUrgentGoFirstAtTheirPeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := start(t)
		crowd := n.scattered(100, 1)
		first := n.take()
		asks := crowd[slices.IndexFunc(crowd, func(w *watcher) bool { return !n.sender.inFlight(w.name) })]
		asks.subscribe(600)
		n.none()
		n.answer(first[0], 200)
		n.one().has(t, "Call-ID: "+asks.name)
	})
}

// At a silent address one after the other loses its place after the window's
// patience, and nobody else waits for that.
func TestASilentAddressHoldsUpNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := start(t)
		n.scattered(200, 2)
		living, silent := 0, 0
		for list := n.take(); len(list) > 0; list = n.take() {
			for _, f := range list {
				if f.target.Flow.Remote == address(0) {
					silent++
				} else {
					living++
					n.answer(f, 200)
				}
			}
		}
		if living != 100 || silent != 64 {
			t.Errorf("%d told of the living, %d of the silent", living, silent)
		}
		time.Sleep(101 * time.Millisecond)
		if got := len(n.take()); got != 36 {
			t.Errorf("%d more, want those for whom places were taken back", got)
		}
	})
}
