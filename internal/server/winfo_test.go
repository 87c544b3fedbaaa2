package server_test

import (
	"sync"
	"testing"

	"presenced/watcherinfo"
)

// Four hundred subscriptions arrive at once: who is told of them has every
// version, in order, one CSeq each, and in the end knows all.
func TestWatchersAtOnce(t *testing.T) {
	t.Parallel()
	const each, peers = 100, 4
	n := startNode(t, loopbackConfig)
	bob := peer(t, "bob")
	var view watcherinfo.View
	who, first := watchersOf(t, bob, n.udp(), 600)
	applied(t, &view, first)
	var all sync.WaitGroup
	for _, name := range []string{"alice", "carol", "dave", "eve"}[:peers] {
		p := peer(t, name)
		all.Go(func() {
			for range each {
				if err := p.NewDialog(bob.AOR).Subscribe(n.udp(), 600); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for count(&view, watcherinfo.Active) < each*peers && !t.Failed() {
		applied(t, &view, who.Next())
	}
	all.Wait()
}
