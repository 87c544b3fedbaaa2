package notifier_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"presenced/internal/notifier"
	"presenced/internal/store"
	"presenced/internal/store/embedded"
)

// parts are what a state of the node's package is made of beside what was
// published.
type parts struct {
	registration bool
	extra        string
	until        time.Time
}

func (p *parts) state(ctx context.Context, engine *embedded.Engine, s state) (notifier.State, error) {
	c := compositeState{state: s, parts: *p}
	c.body += p.extra
	if !p.until.IsZero() && !time.Now().Before(p.until) {
		c.body, c.until = c.body+" later", time.Time{}
	}
	if p.registration {
		r, err := engine.Bindings(ctx, bob)
		if err != nil {
			return nil, err
		}
		c.version = r.Version
		c.body += fmt.Sprint(" ", len(r.Bindings))
	}
	return c, nil
}

type compositeState struct {
	state
	parts
	version store.Version
}

func (c compositeState) Version() store.Version { return c.state.version }

func (c compositeState) Also() (store.Key, store.Version, bool) {
	if !c.registration {
		return store.Key{}, 0, false
	}
	return registered, c.version, true
}

func (c compositeState) Until() time.Time { return c.until }

var registered = store.Key{AOR: bob, Package: store.RegistrationPackage}

// Follows is notifier.Follower's.
func (n *node) Follows() []string { return []string{store.RegistrationPackage} }

func (n *node) madeOf(p *parts) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.parts = p
}

func (n *node) register(contacts ...string) {
	n.t.Helper()
	_, err := n.engine.UpdateBindings(n.t.Context(), bob, nil, func([]store.Binding) (next []store.Binding, _ error) {
		for _, c := range contacts {
			next = append(next, store.Binding{Contact: c, TTL: time.Hour})
		}
		return next, nil
	})
	if err != nil {
		n.t.Fatal(err)
	}
	synctest.Wait()
}

// hears takes one NOTIFY, which says text, and answers it.
func (n *node) hears(text string) {
	n.t.Helper()
	f := n.one()
	if _, body, _ := strings.Cut(f.text, "\r\n\r\n"); body != text {
		n.t.Errorf("told %q, want %q", body, text)
	}
	n.answer(f, 200)
}

func TestCompositeStateFollowsItsOtherKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := start(t)
		n.madeOf(&parts{registration: true})
		n.register("sip:a@192.0.2.1")
		w := n.watcher("alice")
		w.subscribe(3600)
		n.hears("none 1")
		n.register("sip:a@192.0.2.1", "sip:b@192.0.2.1")
		n.hears("none 2")
		n.register("sip:a@192.0.2.1", "sip:c@192.0.2.1") // nothing that anybody sees
		n.none()
		time.Sleep(time.Hour) // the bindings lapse; so does the subscription, at the same time
		synctest.Wait()
		n.take()
	})
}

func TestCompositeStateLeavesItsOtherKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := start(t)
		n.madeOf(&parts{registration: true})
		w := n.watcher("alice")
		w.subscribe(3600)
		n.hears("none 0")
		n.madeOf(&parts{})
		n.publish("a")
		n.hears("a")
		loads := n.loaded()
		n.register("sip:a@192.0.2.1")
		if n.loaded() != loads {
			t.Error("still watched although the state is not made of it")
		}
		n.madeOf(&parts{registration: true})
		n.publish("b")
		n.hears("b 1")
		n.register()
		n.hears("b 0")
		w.subscribe(0)
		n.take()
		loads = n.loaded()
		n.register("sip:a@192.0.2.1")
		if n.loaded() != loads {
			t.Error("still watched although nobody watches")
		}
	})
}

func TestCompositeStateThatCannotBeLoadedIsLoadedLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := start(t)
		n.madeOf(&parts{registration: true})
		n.watcher("alice").subscribe(3600)
		n.hears("none 0")
		n.fail(nil, store.ErrUnavailable)
		n.register("sip:a@192.0.2.1")
		n.none()
		n.fail(nil, nil)
		time.Sleep(5 * time.Second)
		synctest.Wait()
		n.hears("none 1")
	})
}

func TestCompositeStateLapses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := start(t)
		n.madeOf(&parts{until: time.Now().Add(10 * time.Minute)})
		w := n.watcher("alice")
		w.subscribe(3600)
		n.hears("none")
		time.Sleep(10*time.Minute - time.Second)
		synctest.Wait()
		n.none()
		time.Sleep(time.Second)
		synctest.Wait()
		n.hears("none later")
		n.madeOf(&parts{until: time.Now().Add(10 * time.Minute)})
		n.StateChanged(t.Context(), bobKey)
		synctest.Wait()
		n.hears("none")
		n.madeOf(&parts{}) // the time counts no more
		n.publish("a")
		n.hears("a")
		loads := n.loaded()
		time.Sleep(20 * time.Minute)
		synctest.Wait()
		if n.loaded() != loads {
			t.Error("loaded for a time that does not count any more")
		}
		n.madeOf(&parts{until: time.Now().Add(time.Minute)})
		n.publish("b")
		n.hears("b")
		w.subscribe(0)
		n.take()
		loads = n.loaded()
		time.Sleep(time.Hour)
		if n.loaded() != loads {
			t.Error("loaded although nobody watches")
		}
	})
}

func TestStateChangedWithoutAVersion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := start(t)
		n.madeOf(&parts{extra: " one"})
		n.watcher("alice").subscribe(3600)
		n.hears("none one")
		n.madeOf(&parts{extra: " two"})
		n.StateChanged(t.Context(), bobKey)
		synctest.Wait()
		n.hears("none two")
		n.StateChanged(t.Context(), bobKey)
		synctest.Wait()
		n.none()
		n.madeOf(&parts{extra: " three"})
		n.StatesChanged(t.Context(), "test")
		synctest.Wait()
		n.hears("none three")
		n.StateChanged(t.Context(), store.Key{AOR: "sip:nobody@example.com", Package: "test"})
	})
}

// allHear takes the NOTIFYs of so many watchers.
func (n *node) allHear(watchers int, text string) {
	n.t.Helper()
	list := n.take()
	if len(list) != watchers {
		n.t.Errorf("%d NOTIFYs, want %d", len(list), watchers)
	}
	for _, f := range list {
		if _, body, _ := strings.Cut(f.text, "\r\n\r\n"); body != text {
			n.t.Errorf("told %q, want %q", body, text)
		}
		n.answer(f, 200)
	}
}

// lateFeed tells of a change a second after it could.
type lateFeed struct{ notifier.Feed }

func (f lateFeed) Next(ctx context.Context) (store.Key, error) {
	key, err := f.Feed.Next(ctx)
	time.Sleep(time.Second)
	return key, err
}

// A SUBSCRIBE can load a state before the feed has told of what it depends on,
// or before the timer of its lapse has fired: all its watchers hear of it then.
func TestCompositeStateIsNewsToAllWhoeverLoadsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := start(t, func(c *notifier.Config) { c.Feed = lateFeed{c.Feed} })
		n.madeOf(&parts{registration: true})
		n.watcher("alice").subscribe(3600)
		n.hears("none 0")
		n.register("sip:a@192.0.2.1")
		n.watcher("carol").subscribe(3600)
		n.allHear(2, "none 1")
		time.Sleep(2 * time.Second)
		n.none()
	})
	synctest.Test(t, func(t *testing.T) {
		n := start(t)
		n.madeOf(&parts{until: time.Now().Add(time.Minute)})
		n.watcher("alice").subscribe(3600)
		n.hears("none")
		n.madeOf(&parts{until: time.Now()})
		n.watcher("carol").subscribe(3600)
		n.allHear(2, "none later")
		time.Sleep(2 * time.Minute)
		n.none()
	})
}
