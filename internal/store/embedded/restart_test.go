package embedded

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"presenced/internal/store"
)

var alice = store.Key{AOR: "sip:alice@example.com", Package: "presence"}

func initial(name string, ttl time.Duration) store.Publish {
	return store.Publish{Publication: store.Publication{
		ID: name, Tag: name + "-1", ContentType: "application/pidf+xml", Body: []byte("body of " + name),
		Source: "192.0.2.1", UserAgent: "baresip", TTL: ttl,
	}}
}

func subscriptionOf(key store.Key, name string) store.Subscription {
	return store.Subscription{
		ID: fmt.Sprintf("%02x%s", store.Shard(key.AOR), name), Key: key, Watcher: "sip:bob@example.com",
		Fence: 3, Agent: "agent-a", TTL: time.Hour, Data: "data of " + name,
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// state is everything soft that an engine holds for alice.
type state struct {
	publications  store.Publications
	registration  store.Registration
	subscriptions []store.Subscription
}

func stateOf(t *testing.T, e *Engine) (s state) {
	t.Helper()
	var err error
	s.publications, err = e.Publications(t.Context(), alice)
	must(t, err)
	s.registration, err = e.Bindings(t.Context(), alice.AOR)
	must(t, err)
	watchers, err := e.Watchers(t.Context(), alice)
	must(t, err)
	s.subscriptions = watchers.Subscriptions
	return s
}

// replaceBy is the change that has nothing of what was.
func replaceBy(list []store.Binding) store.BindingsChange {
	return func([]store.Binding) ([]store.Binding, error) { return list, nil }
}

// fill stores something of each kind, and changes and removes some of it.
func fill(t *testing.T, e *Engine) {
	t.Helper()
	ctx := t.Context()
	for _, p := range []store.Publish{
		initial("a", time.Hour), initial("b", 2*time.Hour), initial("gone", time.Hour), initial("c", time.Hour),
		{IfMatch: "a-1", Publication: store.Publication{Tag: "a-2", Body: []byte("modified"), TTL: time.Hour}},
		{IfMatch: "b-1", Publication: store.Publication{Tag: "b-2", TTL: 3 * time.Hour}},
		{IfMatch: "gone-1"},
	} {
		must(t, e.Publish(ctx, alice, p))
	}
	_, err := e.UpdateBindings(ctx, alice.AOR, nil, replaceBy([]store.Binding{
		{Contact: "sip:a@192.0.2.1", Params: ";x=1", Q: 500, Path: []string{"<sip:p;lr>", "<sip:q;lr>"}, CallID: "c", CSeq: 7,
			Agent: "agent-a", Flow: "\x00\xff", UserAgent: "u", TTL: time.Hour},
		{Contact: "sip:a@192.0.2.2", TTL: 2 * time.Hour},
	}))
	must(t, err)
	for _, name := range []string{"s", "t", "gone"} {
		must(t, e.PutSubscription(ctx, subscriptionOf(alice, name)))
	}
	_, err = e.ClaimSubscription(ctx, subscriptionOf(alice, "t").ID)
	must(t, err)
	must(t, e.DeleteSubscription(ctx, alice, subscriptionOf(alice, "gone").ID, 3))
}

func TestRestartReadsWhatWasStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := Config{Path: t.TempDir(), Agent: "agent-a"}
		e := openTest(t, c)
		fill(t, e)
		before := stateOf(t, e)
		for _, how := range []string{"log", "snapshot"} {
			if how == "snapshot" {
				must(t, e.compact())
			}
			must(t, e.Close())
			e = openTest(t, c)
			after := stateOf(t, e)
			sortSubscriptions(before.subscriptions)
			sortSubscriptions(after.subscriptions)
			if !reflect.DeepEqual(before, after) {
				t.Fatalf("%s: after the restart\n%+v\nwant\n%+v", how, after, before)
			}
		}
		stats, err := e.Stats(t.Context())
		must(t, err)
		if want := (store.Stats{Publications: 3, Subscriptions: 2, Bindings: 2}); stats != want {
			t.Fatalf("stats %+v, want %+v", stats, want)
		}
	})
}

func TestDurableStateOutlivesARestart(t *testing.T) {
	c := Config{Path: t.TempDir()}
	e := openTest(t, c)
	p := store.Principal{AOR: alice.AOR, HA1: map[string]string{"MD5": "01", "SHA-256": "02"}}
	must(t, e.PutPrincipal(t.Context(), p))
	must(t, e.AddSecret(t.Context(), "nonce", store.Secret{ID: 7, Key: []byte("key")}, 2, 0))
	must(t, e.Close())
	e = openTest(t, c)
	got, err := e.Principal(t.Context(), alice.AOR)
	must(t, err)
	if !reflect.DeepEqual(got, p) {
		t.Fatalf("principal %+v, want %+v", got, p)
	}
	stats, err := e.Stats(t.Context())
	must(t, err)
	if stats.Principals != 1 {
		t.Fatalf("%d principals, want 1", stats.Principals)
	}
	secrets, err := e.Secrets(t.Context(), "nonce")
	must(t, err)
	if len(secrets) != 1 || secrets[0].ID != 7 || string(secrets[0].Key) != "key" {
		t.Fatalf("secrets %+v", secrets)
	}
}

func TestRestartDropsWhatLapsedMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := Config{Path: t.TempDir()}
		e := openTest(t, c)
		fill(t, e)
		before := stateOf(t, e)
		must(t, e.Close())
		time.Sleep(90 * time.Minute)
		e = openTest(t, c)
		after := stateOf(t, e)
		if n := len(after.publications.List); n != 1 || after.publications.List[0].TTL != 90*time.Minute {
			t.Errorf("publications %+v", after.publications)
		}
		if len(after.registration.Bindings) != 1 || len(after.subscriptions) != 0 {
			t.Errorf("bindings %+v, subscriptions %+v", after.registration, after.subscriptions)
		}
		if after.publications.Version == before.publications.Version || after.registration.Version == before.registration.Version {
			t.Error("a version stayed though something lapsed")
		}
		e.Watch(alice, after.publications.Version)
		time.Sleep(90 * time.Minute)
		if key, err := e.Next(t.Context()); err != nil || key != alice {
			t.Errorf("Next: %v, %v", key, err)
		}
	})
}

func TestVersionsGoOnAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := time.Now()
		c := Config{Path: t.TempDir(), Clock: func() time.Time { return clock }}
		e := openTest(t, c)
		given := make(map[store.Version]bool)
		for i := range 6 {
			name := fmt.Sprint("p", i)
			must(t, e.Publish(t.Context(), alice, initial(name, 48*time.Hour)))
			v := stateOf(t, e).publications.Version
			if given[v] {
				t.Fatalf("version %d again", v)
			}
			given[v] = true
			must(t, e.Publish(t.Context(), alice, store.Publish{IfMatch: name + "-1"}))
			if i == 3 {
				must(t, e.compact())
			}
			must(t, e.Close())
			clock = clock.Add(-time.Hour) // the wall clock is set back
			e = openTest(t, c)
		}
	})
}

func TestVersionsDoNotComeBackThoughTheLogIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := Config{Path: t.TempDir()}
		given := make(map[store.Version]bool)
		for range 3 {
			e := openTest(t, c)
			must(t, e.Publish(t.Context(), alice, initial("a", time.Hour)))
			v := stateOf(t, e).publications.Version
			if given[v] {
				t.Fatalf("version %d again", v)
			}
			given[v] = true
			must(t, e.Close())
			must(t, os.Remove(filepath.Join(c.Path, "state.log")))
			time.Sleep(time.Second)
		}
	})
}

func TestWallClockThatStepsExpiresNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ahead atomic.Int64 // nanoseconds; timers read it too
		c := Config{Path: t.TempDir(), Clock: func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }}
		e := openTest(t, c)
		must(t, e.Publish(t.Context(), alice, initial("a", 90*time.Minute)))
		must(t, e.Publish(t.Context(), alice, initial("b", 30*time.Minute)))
		for _, step := range []time.Duration{24 * time.Hour, -24 * time.Hour} {
			ahead.Store(int64(step))
			if n := len(stateOf(t, e).publications.List); n != 2 {
				t.Fatalf("%d publications with a clock %v ahead", n, step)
			}
		}
		time.Sleep(30 * time.Minute)
		if n := len(stateOf(t, e).publications.List); n != 1 {
			t.Fatalf("%d publications after 30 minutes", n)
		}
		must(t, e.Close())
		// What has lapsed stays so, though the clock now says that it has not.
		e = openTest(t, c)
		if n := len(stateOf(t, e).publications.List); n != 1 {
			t.Fatalf("%d publications after the restart", n)
		}
		must(t, e.Close())
		ahead.Store(int64(time.Hour))
		e = openTest(t, c)
		if n := len(stateOf(t, e).publications.List); n != 0 {
			t.Fatalf("%d publications after a restart an hour later", n)
		}
	})
}

func TestSubscriptionsInTheLogBelongToWhoStarts(t *testing.T) {
	c := Config{Path: t.TempDir(), Agent: "agent-a"}
	e := openTest(t, c)
	s := subscriptionOf(alice, "s")
	must(t, e.PutSubscription(t.Context(), s))
	must(t, e.Close())
	c.Agent = "renamed"
	e = openTest(t, c)
	var own []store.Subscription
	must(t, e.OwnSubscriptions(t.Context(), func(s store.Subscription) error {
		own = append(own, s)
		return nil
	}))
	if len(own) != 1 || own[0].ID != s.ID || own[0].Fence != s.Fence || own[0].Agent != "renamed" {
		t.Fatalf("own %+v", own)
	}
	s.Agent = "renamed"
	must(t, e.PutSubscription(t.Context(), s))
}

func TestPathIsOpenOnce(t *testing.T) {
	c := Config{Path: t.TempDir()}
	e := openTest(t, c)
	_, err := Open(c)
	if !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), fmt.Sprint("process ", os.Getpid())) ||
		!strings.Contains(err.Error(), c.Path) {
		t.Fatalf("error %v", err)
	}
	must(t, e.Close())
	openTest(t, c)
}

func TestDamagedDurableStateIsAnError(t *testing.T) {
	c := Config{Path: t.TempDir()}
	must(t, os.WriteFile(filepath.Join(c.Path, "durable.db"), []byte(strings.Repeat("no database ", 1000)), 0o600))
	if e, err := Open(c); err == nil {
		e.Close()
		t.Fatal("no error")
	}
	must(t, os.Remove(filepath.Join(c.Path, "durable.db")))
	openTest(t, c) // the lock was let go
}

// A log of version 1 is read, and written anew in today's.
func TestLogOfVersion1IsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := t.TempDir()
		s := subscriptionOf(alice, "s")
		gone := subscriptionOf(alice, "gone")
		text := []byte(logMagic1)
		for _, s := range []store.Subscription{s, gone} {
			text = appendFrame(text, func(b []byte) []byte {
				b = appendKey(append(b, entrySubscription1), s.Key)
				b = appendString(appendString(b, s.ID), s.Watcher)
				b = binary.AppendUvarint(b, s.Fence)
				b = binary.AppendVarint(b, time.Now().Add(s.TTL).UnixMicro())
				return appendString(b, s.Data)
			})
		}
		text = appendFrame(text, func(b []byte) []byte {
			return appendString(appendString(append(b, entryUnsubscribed1), alice.AOR), gone.ID)
		})
		log := filepath.Join(path, "state.log")
		must(t, os.WriteFile(log, text, 0o600))
		for range 2 { // the second time it is what the first has written
			e := openTest(t, Config{Path: path, Agent: "agent-a"})
			if got := stateOf(t, e).subscriptions; len(got) != 1 || !reflect.DeepEqual(got[0], s) {
				t.Fatalf("read %+v, want %+v", got, s)
			}
			must(t, e.Close())
			written, err := os.ReadFile(log)
			must(t, err)
			if !strings.HasPrefix(string(written), logMagic) {
				t.Fatalf("the log begins with %.40q", written)
			}
		}
		if names := filesAside(t, path); names != nil {
			t.Fatalf("set aside %q", names)
		}
	})
}

func TestRestartKeepsStandingAndAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := Config{Path: t.TempDir(), Agent: "agent-a"}
		e := openTest(t, c)
		s := subscriptionOf(alice, "s")
		s.Standing = 0xfffe
		must(t, e.PutSubscription(t.Context(), s))
		age := time.Duration(0)
		for _, how := range []string{"log", "snapshot", "log behind a snapshot"} {
			time.Sleep(5 * time.Minute)
			switch how {
			case "snapshot":
				must(t, e.compact())
			case "log behind a snapshot":
				must(t, e.PutSubscription(t.Context(), s))
			}
			must(t, e.Close())
			time.Sleep(5 * time.Minute)
			age += 10 * time.Minute
			e = openTest(t, c)
			if got := stateOf(t, e).subscriptions; len(got) != 1 || got[0].Standing != s.Standing || got[0].Age != age {
				t.Fatalf("%s: got %+v, want age %v", how, got, age)
			}
		}
	})
}
