package server_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"presenced/internal/server/servertest"
	"presenced/watcherinfo"
)

// watchersOf subscribes to who watches a peer, for that peer.
func watchersOf(t *testing.T, p *servertest.Peer, at netip.AddrPort, expires int) (d *servertest.Dialog, first servertest.Notify) {
	t.Helper()
	d = p.NewDialog(p.AOR)
	r := d.Request(expires)
	r.Header = fmt.Sprintf("Event: presence.winfo\r\nExpires: %d\r\n", expires)
	d.Do(at, r, 200)
	return d, d.Next()
}

// applied takes a document into the view of who watches.
func applied(t *testing.T, v *watcherinfo.View, n servertest.Notify) {
	t.Helper()
	d, err := watcherinfo.Parse([]byte(n.Body))
	if err != nil {
		t.Fatalf("%v\n%s", err, n.Body)
	}
	if refresh, err := v.Apply(d); refresh || err != nil || d.Version != n.CSeq-1 {
		t.Errorf("version %d with CSeq %d: %v, %v", d.Version, n.CSeq, refresh, err)
	}
}

// count is how many watchers have a status.
func count(v *watcherinfo.View, status watcherinfo.Status) (n int) {
	for _, l := range v.Lists() {
		for _, w := range l.Watchers {
			if w.Status == status {
				n++
			}
		}
	}
	return n
}

// Two agents on one Redis: who watches at one is told by the other, and what
// one keeps waiting is given up for an equal attempt at the other.
func TestClusterWatchers(t *testing.T) {
	t.Parallel()
	redis := servertest.StartRedis(t)
	a, b := startAgent(t, redis, "a", "1s"), startAgent(t, redis, "b", "1s")
	bob, alice, carol := peer(t, "bob"), peer(t, "alice"), peer(t, "carol")
	eve := servertest.UDP(t, "eve@example.org", "127.0.0.1") // has to wait for a decision
	var view watcherinfo.View
	who, first := watchersOf(t, bob, b.udp(), 600)
	applied(t, &view, first)

	watch := alice.Subscribe(a.udp(), bob.AOR, 600)
	applied(t, &view, who.Next())
	watch.Refresh(b.udp(), 600) // it moves, which is nobody's affair
	carol.Subscribe(a.udp(), bob.AOR, 600)
	applied(t, &view, who.Next())
	if n := count(&view, watcherinfo.Active); n != 2 {
		t.Errorf("%d active watchers, want 2: %+v", n, view.Lists())
	}
	watch.Do(a.udp(), watch.Request(0), 200)
	for count(&view, watcherinfo.Terminated) == 0 {
		applied(t, &view, who.Next())
	}

	eve.Fetch(a.udp(), bob.AOR)
	for count(&view, watcherinfo.Waiting) == 0 {
		applied(t, &view, who.Next())
	}
	eve.Fetch(b.udp(), bob.AOR)
	given := false
	for !given || count(&view, watcherinfo.Waiting) != 1 {
		n := who.Next()
		applied(t, &view, n)
		given = given || strings.Contains(n.Body, `status="terminated" event="giveup"`)
	}
	servertest.Eventually(t, "one waits, at either agent", func() bool {
		_, n := watchersOf(t, bob, a.udp(), 0)
		return strings.Count(n.Body, `status="waiting"`) == 1 && strings.Count(n.Body, `status="active"`) == 1
	})
	servertest.Eventually(t, "three subscriptions are stored", func() bool {
		return strings.HasPrefix(redis.Command("KEYS presenced:*:sub:*"), "*3\r\n") || redis.Command("KEYS presenced:*:sub:*") == "*3"
	})
}
