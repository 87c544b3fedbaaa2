package redis

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"syscall"
	"testing"
	"time"

	"presenced/internal/store"
)

// next is what Next returns within d, or nothing.
func next(t testing.TB, e *Engine, d time.Duration) (store.Key, bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	key, err := e.Next(ctx)
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	return key, err == nil
}

func wantNext(t testing.TB, e *Engine, want store.Key) {
	t.Helper()
	if got, ok := next(t, e, patience); !ok || got != want {
		t.Fatalf("Next: %v, %v; want %v", got, ok, want)
	}
}

// watch watches a key at its stored version.
func watch(t testing.TB, e *Engine, key store.Key) store.Version {
	t.Helper()
	v := stored(t, e, key).Version
	e.Watch(key, v)
	return v
}

func following(t testing.TB, e *Engine) {
	t.Helper()
	eventually(t, "the feed follows the hints", func() bool { return e.FeedStats().Following })
}

func TestRedisThatStandsStillFailsFast(t *testing.T) {
	t.Parallel()
	s := startRedis(t)
	e := open(t, s.at("agent-a"))
	publish(t, e, alice, initial("a", time.Hour))
	s.signal(t, syscall.SIGSTOP)
	if err := e.Publish(t.Context(), alice, initial("b", time.Hour)); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("error %v", err)
	}
	start := time.Now()
	for range 100 {
		if err := e.Publish(t.Context(), alice, initial("c", time.Hour)); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("error %v", err)
		}
	}
	if d := time.Since(start); d > 2*answerTimeout {
		t.Errorf("100 calls took %v while Redis stood still", d)
	}
	if err := e.Ready(t.Context()); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("ready: %v", err)
	}
	s.signal(t, syscall.SIGCONT)
	eventually(t, "publish works again", func() bool {
		return e.Publish(t.Context(), alice, initial("d", time.Hour)) == nil
	})
	must(t, e.Ready(t.Context()))
}

func TestRedisThatIsDeadIsUnavailableAndOpenGoesOn(t *testing.T) {
	s := startRedis(t)
	s.kill(t)
	e := open(t, s.at("agent-a"))
	if err := e.Publish(t.Context(), alice, initial("a", time.Hour)); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("error %v", err)
	}
	s.start(t)
	eventually(t, "publish works", func() bool { return e.Publish(t.Context(), alice, initial("a", time.Hour)) == nil })
}

func TestRestartWithItsDataConvergesWithoutALapse(t *testing.T) {
	t.Parallel()
	s := startRedis(t, "--appendonly", "yes", "--appendfsync", "always")
	a := open(t, s.at("agent-a"))
	publish(t, a, alice, initial("a", 500*time.Millisecond))
	bob := store.Key{AOR: "sip:bob@example.com", Package: "presence"}
	publish(t, a, bob, initial("b", time.Hour))
	following(t, a)
	have := watch(t, a, bob)
	s.kill(t)
	time.Sleep(600 * time.Millisecond) // alice's publication ends meanwhile, by Redis's real clock
	s.start(t)
	eventually(t, "Redis answers", func() bool { return a.Ready(t.Context()) == nil })
	select {
	case <-a.Lost():
	case <-time.After(patience):
		t.Fatal("a restart was not told")
	}
	eventually(t, "bob is as before", func() bool {
		all, err := a.Publications(t.Context(), bob)
		return err == nil && all.Version == have && len(all.List) == 1
	})
	// In the grace period nothing ends, and a refresh of what ended meanwhile works.
	publish(t, a, alice, store.Publish{IfMatch: "a-1", Publication: store.Publication{Tag: "a-2", TTL: time.Hour}})
	if got, ok := next(t, a, 200*time.Millisecond); ok {
		t.Errorf("Next: %v, though nothing has changed", got)
	}
}

func TestEmptyRestartTellsNobodyOfAnEndBeforeGraceIsOver(t *testing.T) {
	t.Parallel()
	s := startRedis(t)
	config := s.at("agent-a")
	config.Grace = 2 * time.Second
	e := open(t, config)
	bob := store.Key{AOR: "sip:bob@example.com", Package: "presence"}
	publish(t, e, alice, initial("a", time.Hour))
	publish(t, e, bob, initial("b", time.Hour))
	following(t, e)
	watch(t, e, alice)
	watch(t, e, bob)
	before := time.Now()
	s.kill(t)
	s.start(t)
	<-e.Lost()
	if _, err := e.Publications(t.Context(), alice); err != nil && !errors.Is(err, store.ErrUnavailable) || err == nil {
		t.Errorf("reading what was lost: %v, want unavailable", err)
	}
	eventually(t, "bob publishes anew", func() bool { return e.Publish(t.Context(), bob, initial("b", time.Hour)) == nil })
	wantNext(t, e, bob)
	e.Seen(bob, stored(t, e, bob).Version)
	wantNext(t, e, alice)
	if d := time.Since(before); d < config.Grace {
		t.Errorf("told of alice's end after %v, grace is %v", d, config.Grace)
	}
	if all := stored(t, e, alice); all.Version != 0 || len(all.List) != 0 {
		t.Errorf("got %+v", all)
	}
}

func TestFlushIsALossToo(t *testing.T) {
	t.Parallel()
	s := startRedis(t)
	e := open(t, s.at("agent-a"))
	publish(t, e, alice, initial("a", time.Hour))
	following(t, e)
	watch(t, e, alice)
	eventually(t, "the births are known", func() bool {
		e.health.mu.Lock()
		defer e.health.mu.Unlock()
		return e.health.births[store.Shard(alice.AOR)] != 0
	})
	must(t, s.client.FlushAll(t.Context()).Err())
	select {
	case <-e.Lost():
	case <-time.After(patience):
		t.Fatal("an emptied Redis was not told")
	}
	if got, ok := next(t, e, 200*time.Millisecond); ok {
		t.Errorf("Next: %v, in the grace period", got)
	}
}

func TestLostHintsAreRepaired(t *testing.T) {
	t.Parallel()
	s := startRedis(t)
	a, b := open(t, s.at("agent-a")), open(t, s.at("agent-b"))
	following(t, a)
	const n = 50
	for i := range n {
		key := store.Key{AOR: fmt.Sprintf("sip:p%d@example.com", i), Package: "presence"}
		subscribe(t, a, key)
		if i%10 == 0 {
			must(t, s.client.Do(t.Context(), "client", "kill", "type", "pubsub").Err())
		}
		publish(t, b, key, initial("a", time.Hour))
	}
	told := make(map[store.Key]bool)
	for len(told) < n {
		key, ok := next(t, a, patience)
		if !ok {
			t.Fatalf("%d of %d changes were told", len(told), n)
		}
		told[key] = true
		a.Seen(key, stored(t, a, key).Version)
	}
}

func TestHintsNeverComeAndTheSweepFinds(t *testing.T) {
	s := startRedis(t)
	e := open(t, s.at("agent-a"))
	following(t, e)
	watch(t, e, alice)
	// Changes without a hint, as if it were lost on the way.
	index := e.keys[store.Shard(alice.AOR)].changes
	eventually(t, "the sweep finds a change", func() bool {
		must(t, s.client.Do(t.Context(), "zadd", index, time.Now().UnixMicro(), memberOf(alice)).Err())
		if key, ok := next(t, e, 3*sweepInterval); !ok || key != alice {
			t.Fatalf("Next: %v, %v", key, ok)
		}
		e.Seen(alice, stored(t, e, alice).Version)
		return e.FeedStats().Repaired > 0
	})
}

func TestHintArrivesWithinMilliseconds(t *testing.T) {
	s := startRedis(t)
	a, b := open(t, s.at("agent-a")), open(t, s.at("agent-b"))
	following(t, a)
	subscribe(t, a, alice)
	eventually(t, "the key was compared", func() bool {
		a.feed.mu.Lock()
		defer a.feed.mu.Unlock()
		return len(a.feed.pending) == 0
	})
	start := time.Now()
	publish(t, b, alice, initial("a", time.Hour))
	wantNext(t, a, alice)
	if d := time.Since(start); d > sweepInterval/2 {
		t.Errorf("told after %v", d)
	}
}

func TestLapseIsToldExactly(t *testing.T) {
	s := startRedis(t)
	a, b := open(t, s.at("agent-a")), open(t, s.at("agent-b"))
	following(t, a)
	publish(t, b, alice, initial("a", 1500*time.Millisecond))
	ends := time.Now().Add(1500 * time.Millisecond)
	subscribe(t, a, alice)
	wantNext(t, a, alice)
	if late := time.Since(ends); late < -10*time.Millisecond || late > 500*time.Millisecond {
		t.Errorf("told %v after the end", late)
	}
	if all := stored(t, a, alice); len(all.List) != 0 {
		t.Errorf("got %+v", all)
	}
}

func TestOrphansAreClaimedOnce(t *testing.T) {
	t.Parallel()
	s := startRedis(t)
	const n = 2000
	config := s.at("dead")
	config.Lease = 300 * time.Millisecond
	dead, err := Open(t.Context(), config)
	must(t, err)
	_, err = dead.renew(t.Context())
	must(t, err)
	for i := range n {
		key := store.Key{AOR: fmt.Sprintf("sip:p%d@example.com", i), Package: "presence"}
		must(t, dead.PutSubscription(t.Context(), store.Subscription{
			ID: fmt.Sprintf("%02xs%d", store.Shard(key.AOR), i), Key: key, Fence: 7, Agent: "dead", TTL: time.Hour,
		}))
	}
	must(t, dead.Close())
	var mu sync.Mutex
	claimed := make(map[string]int)
	var survivors sync.WaitGroup
	for _, agent := range []string{"agent-a", "agent-b"} {
		config.Agent = agent
		e := open(t, config)
		survivors.Go(func() {
			for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
				list, err := e.Orphans(t.Context())
				if err != nil {
					t.Errorf("%s: %v", agent, err)
					return
				}
				mu.Lock()
				for _, o := range list {
					if o.Agent != agent || o.Fence != 8 {
						t.Errorf("claimed %+v", o)
					}
					claimed[o.ID]++
				}
				done := len(claimed) == n
				mu.Unlock()
				if done {
					return
				}
				if len(list) == 0 {
					time.Sleep(20 * time.Millisecond)
				}
			}
		})
	}
	survivors.Wait()
	if len(claimed) != n {
		t.Errorf("%d claimed, want %d", len(claimed), n)
	}
	for id, times := range claimed {
		if times != 1 {
			t.Errorf("%s was claimed %d times", id, times)
		}
	}
}

func TestMovedTellsTheOldOwner(t *testing.T) {
	s := startRedis(t)
	a, b := open(t, s.at("agent-a")), open(t, s.at("agent-b"))
	following(t, a)
	id := func(name string) string { return fmt.Sprintf("%02x%s", store.Shard(alice.AOR), name) }
	for _, name := range []string{"back", "gone", "moved"} {
		must(t, a.PutSubscription(t.Context(), store.Subscription{ID: id(name), Key: alice, Agent: "agent-a", TTL: time.Hour}))
	}
	for _, name := range []string{"back", "gone"} {
		_, err := b.ClaimSubscription(t.Context(), id(name))
		must(t, err)
	}
	_, err := a.ClaimSubscription(t.Context(), id("back"))
	must(t, err)
	must(t, b.DeleteSubscription(t.Context(), alice, id("gone"), 1))
	_, err = b.ClaimSubscription(t.Context(), id("moved"))
	must(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for _, name := range []string{"gone", "moved"} {
		if got, err := a.Moved(ctx); err != nil || got != id(name) {
			t.Errorf("Moved: %q, %v; want %s", got, err, name)
		}
	}
}

func TestAgentThatWasCutOffJudgesNobody(t *testing.T) {
	s := startRedis(t)
	config := s.at("agent-a")
	config.Lease = time.Minute
	a := open(t, config)
	config.Agent = "agent-b"
	b, err := Open(t.Context(), config) // does not run: renews nothing by itself
	must(t, err)
	t.Cleanup(func() { must(t, b.Close()) })
	_, err = b.renew(t.Context())
	must(t, err)
	must(t, b.PutSubscription(t.Context(), store.Subscription{
		ID: fmt.Sprintf("%02xs", store.Shard(alice.AOR)), Key: alice, Agent: "agent-b", TTL: 24 * time.Hour,
	}))
	b.SetOffset(time.Hour)
	a.SetOffset(time.Hour) // Redis stood still for an hour: both leases have lapsed
	if got, err := a.Orphans(t.Context()); err != nil || len(got) != 0 {
		t.Fatalf("got %+v, %v", got, err)
	}
}

func TestPrincipalsNeedSyncedRedis(t *testing.T) {
	for _, test := range []struct {
		name   string
		server []string
		risk   bool
		want   error
	}{
		{"no append-only file", nil, false, store.ErrRisk},
		{"synced every second", []string{"--appendonly", "yes", "--appendfsync", "everysec"}, false, store.ErrRisk},
		{"synced always", []string{"--appendonly", "yes", "--appendfsync", "always"}, false, nil},
		{"the risk is accepted", nil, true, nil},
		{"CONFIG is forbidden", []string{"--appendonly", "yes", "--appendfsync", "always", "--rename-command", "CONFIG", ""}, false, store.ErrRisk},
	} {
		t.Run(test.name, func(t *testing.T) {
			config := startRedis(t, test.server...).at("agent-a")
			config.AcceptRisk = test.risk
			e := open(t, config)
			err := e.PutPrincipal(t.Context(), store.Principal{AOR: alice.AOR, HA1: map[string]string{"MD5": "00"}})
			if !errors.Is(err, test.want) {
				t.Errorf("error %v, want %v", err, test.want)
			}
			must(t, e.AddSecret(t.Context(), "nonce", store.Secret{ID: 1, Key: make([]byte, 32)}, 2, 0))
		})
	}
}

func TestOpenRefuses(t *testing.T) {
	s := startRedis(t, "--requirepass", "right")
	for _, test := range []struct {
		name   string
		change func(*Config)
	}{
		{"a wrong password", func(c *Config) { c.Password = "wrong" }},
		{"no password", func(*Config) {}},
		{"no agent", func(c *Config) { c.Agent = "" }},
		{"no address", func(c *Config) { c.Addrs = nil }},
		{"an unknown mode", func(c *Config) { c.Mode = "ring" }},
		{"a Sentinel without a master's name", func(c *Config) { c.Mode = Sentinel }},
		{"a brace in the prefix", func(c *Config) { c.Prefix = "{p}" }},
	} {
		config := s.at("agent-a")
		test.change(&config)
		if e, err := Open(t.Context(), config); err == nil {
			t.Errorf("%s was accepted", test.name)
			must(t, e.Close())
		}
	}
}

// A change that no subscription is stored for has no hint, and is told all the
// same: at once where it was made, and by the sweep elsewhere.
func TestChangeWithoutSubscriptionIsTold(t *testing.T) {
	s := startRedis(t)
	a, b := open(t, s.at("agent-a")), open(t, s.at("agent-b"))
	following(t, a)
	watch(t, a, alice)
	watch(t, b, alice)
	start := time.Now()
	publish(t, b, alice, initial("a", time.Hour))
	wantNext(t, b, alice)
	if d := time.Since(start); d > sweepInterval/2 {
		t.Errorf("told after %v where it was made", d)
	}
	wantNext(t, a, alice)
}

// subscribe watches a key as the notifier does: the subscription is stored
// before.
func subscribe(t *testing.T, e *Engine, key store.Key) {
	t.Helper()
	must(t, e.PutSubscription(t.Context(), store.Subscription{
		ID: fmt.Sprintf("%02xs", store.Shard(key.AOR)) + key.AOR, Key: key, Fence: 1, Agent: e.agent, TTL: time.Hour,
	}))
	watch(t, e, key)
}
