package redis

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"testing"
	"time"

	"presenced/internal/store"
)

func rules(tag string) store.Document {
	return store.Document{AOR: alice.AOR, Name: "pres-rules", Tag: tag, Body: []byte("rules " + tag)}
}

// wantChanged waits for what DocumentChanged tells, and passes over the rest.
func wantChanged(t *testing.T, e *Engine, aor, name string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		gotAOR, gotName, err := e.DocumentChanged(ctx)
		if err != nil {
			t.Fatalf("%v, want %q of %q", err, name, aor)
		}
		if gotAOR == aor && gotName == name {
			return
		}
	}
}

func TestDocumentsNeedSyncedRedis(t *testing.T) {
	synced := []string{"--appendonly", "yes", "--appendfsync", "always"}
	for _, test := range []struct {
		name   string
		server []string
		risk   bool
		put    error
		delete error
	}{
		{"no append-only file", nil, false, store.ErrRisk, store.ErrRisk},
		{"synced every second", []string{"--appendonly", "yes", "--appendfsync", "everysec"}, false, store.ErrRisk, store.ErrRisk},
		{"synced always", synced, false, nil, nil},
		{"the risk is accepted", nil, true, nil, nil},
		{"CONFIG is forbidden", append(synced, "--rename-command", "CONFIG", ""), false, store.ErrRisk, store.ErrRisk},
	} {
		t.Run(test.name, func(t *testing.T) {
			config := startRedis(t, test.server...).at("agent-a")
			config.AcceptRisk = test.risk
			e := open(t, config)
			if err := e.PutDocument(t.Context(), rules("1"), store.MatchAny); !errors.Is(err, test.put) {
				t.Errorf("put: error %v, want %v", err, test.put)
			}
			if err := e.DeleteDocument(t.Context(), alice.AOR, "pres-rules", store.MatchAny); !errors.Is(err, test.delete) {
				t.Errorf("delete: error %v, want %v", err, test.delete)
			}
			must(t, e.Visit(t.Context(), alice, store.Visit{Watcher: "w", Fetches: 1, TTL: time.Hour}, 1))
		})
	}
}

// What was answered is there after Redis was killed at that moment.
func TestKilledRedisKeepsDocumentsAndVisits(t *testing.T) {
	t.Parallel()
	s := startRedis(t, "--appendonly", "yes", "--appendfsync", "always")
	config := s.at("agent-a")
	config.AcceptRisk = false
	e := open(t, config)
	for i := range 3 {
		tag := fmt.Sprint(i)
		eventually(t, "Redis answers", func() bool { return e.PutDocument(t.Context(), rules(tag), store.MatchAny) == nil })
		must(t, e.Visit(t.Context(), alice, store.Visit{Watcher: "w", Fetches: 1, TTL: time.Hour}, 1))
		s.kill(t)
		if _, err := e.Document(t.Context(), alice.AOR, "pres-rules"); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("read of a dead Redis: %v", err)
		}
		s.start(t)
		eventually(t, "Redis answers", func() bool { return e.Ready(t.Context()) == nil })
		eventually(t, "what was put is there", func() bool {
			got, err := e.Document(t.Context(), alice.AOR, "pres-rules")
			if err == nil && got.Tag != tag {
				t.Fatalf("got %+v, want tag %s", got, tag)
			}
			return err == nil
		})
		got, err := e.Watchers(t.Context(), alice)
		must(t, err)
		if len(got.Visits) != 1 || got.Visits[0].Fetches != uint32(i+1) {
			t.Fatalf("visits %+v", got.Visits)
		}
	}
}

// After each gap in the hints every document may have changed.
func TestLostConnectionTellsThatEveryDocumentMayHaveChanged(t *testing.T) {
	t.Parallel()
	s := startRedis(t)
	a, b := open(t, s.at("agent-a")), open(t, s.at("agent-b"))
	wantChanged(t, a, "", "")
	for i := range 3 {
		must(t, s.client.Do(t.Context(), "client", "kill", "type", "pubsub").Err())
		must(t, b.PutDocument(t.Context(), rules(fmt.Sprint(i)), store.MatchAny))
		wantChanged(t, a, "", "")
		got, err := a.Document(t.Context(), alice.AOR, "pres-rules")
		must(t, err)
		if got.Tag != fmt.Sprint(i) {
			t.Fatalf("got %+v", got)
		}
	}
	must(t, s.client.FlushAll(t.Context()).Err())
	wantChanged(t, a, "", "")
}

// A change whose hint never came is found in the change index.
func TestSweepFindsAChangedDocument(t *testing.T) {
	t.Parallel()
	s := startRedis(t)
	e := open(t, s.at("agent-a"))
	following(t, e)
	wantChanged(t, e, "", "")
	index := e.keys[store.Shard(alice.AOR)].changes
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	go func() {
		for ctx.Err() == nil { // again, until the sweep has begun
			_ = s.client.Do(ctx, "zadd", index, time.Now().UnixMicro(), documentMember(alice.AOR, "pres-rules")).Err()
			time.Sleep(sweepInterval / 2)
		}
	}()
	wantChanged(t, e, alice.AOR, "pres-rules")
}

// A record of an agent of before standing and age is read, claimed and
// replaced.
func TestOldSubscriptionIsRead(t *testing.T) {
	t.Parallel()
	s := startRedis(t)
	e := open(t, s.at("agent-a"))
	id, member, base := fmt.Sprintf("%02xold", store.Shard(alice.AOR)), memberOf(alice), e.keys[store.Shard(alice.AOR)].base
	ends := time.Now().Add(time.Hour)
	old := binary.BigEndian.AppendUint64(nil, 7)
	old = binary.BigEndian.AppendUint64(old, uint64(ends.UnixMicro()))
	old = append(old, byte(len("agent-b")))
	old = binary.BigEndian.AppendUint16(old, uint16(len(member)))
	old = append(append(append(old, "agent-b"...), member...), "\x01wdata"...)
	must(t, s.client.Set(t.Context(), base+"sub:"+id, old, 0).Err())
	must(t, s.client.SAdd(t.Context(), base+"watch:"+member, id).Err())
	for fence := uint64(7); fence < 9; fence++ {
		got, err := e.Watchers(t.Context(), alice)
		must(t, err)
		if len(got.Subscriptions) != 1 {
			t.Fatalf("got %+v", got)
		}
		sub := got.Subscriptions[0]
		if sub.Fence != fence || sub.Key != alice || sub.Watcher != "w" || sub.Data != "data" || sub.TTL < 59*time.Minute || sub.Age > time.Minute {
			t.Fatalf("got %+v", sub)
		}
		_, err = e.ClaimSubscription(t.Context(), id)
		must(t, err)
	}
}

// What nobody asks for costs a subscription nothing; who asks again is told.
func TestVersionOfWatchersIsKeptWhileSomebodyAsks(t *testing.T) {
	t.Parallel()
	s := startRedis(t)
	var c clock
	e := c.open(t, s.at("agent-a")).(*Engine)
	index := e.keys[store.Shard(alice.AOR)].changes
	kept := func() bool { return s.client.ZScore(t.Context(), index, memberOf(alice.Winfo())).Err() == nil }
	put := func(standing uint16) store.Version {
		t.Helper()
		must(t, e.PutSubscription(t.Context(), store.Subscription{
			ID: fmt.Sprintf("%02xs", store.Shard(alice.AOR)), Key: alice, Fence: 1, Agent: "agent-a", TTL: 24 * time.Hour, Standing: standing,
		}))
		got, err := e.Watchers(t.Context(), alice)
		must(t, err)
		return got.Version
	}
	must(t, e.PutSubscription(t.Context(), store.Subscription{
		ID: fmt.Sprintf("%02xs", store.Shard(alice.AOR)), Key: alice, Fence: 1, Agent: "agent-a", TTL: 24 * time.Hour,
	}))
	if kept() {
		t.Fatal("a version that nobody asked for")
	}
	have := put(1)
	if !kept() || have == 0 {
		t.Fatal("no version though somebody asked")
	}
	c.advance(2 * time.Hour)
	eventually(t, "it is dropped", func() bool { return !kept() })
	must(t, e.PutSubscription(t.Context(), store.Subscription{
		ID: fmt.Sprintf("%02xs", store.Shard(alice.AOR)), Key: alice, Fence: 1, Agent: "agent-a", TTL: 24 * time.Hour, Standing: 2,
	}))
	e.Watch(alice.Winfo(), have)
	wantNext(t, e, alice.Winfo())
	if v := put(3); v == have {
		t.Fatalf("version %d again", v)
	}
}

// The version of watchers that are none any more does not stay in Redis.
func TestNothingStaysOfWhoIsGone(t *testing.T) {
	t.Parallel()
	s := startRedis(t)
	var c clock
	e := c.open(t, s.at("agent-a")).(*Engine)
	sub := store.Subscription{ID: fmt.Sprintf("%02xs", store.Shard(alice.AOR)), Key: alice, Fence: 1, Agent: "agent-a", TTL: time.Hour}
	must(t, e.PutSubscription(t.Context(), sub))
	must(t, e.DeleteSubscription(t.Context(), alice, sub.ID, 1))
	must(t, e.Visit(t.Context(), alice, store.Visit{Watcher: "w", TTL: time.Hour}, 1))
	must(t, e.PutDocument(t.Context(), rules("1"), store.MatchAny))
	must(t, e.DeleteDocument(t.Context(), alice.AOR, "pres-rules", store.MatchAny))
	c.advance(2 * time.Hour)
	base := e.keys[store.Shard(alice.AOR)].base
	eventually(t, "nothing but the birth and the counts is left of the shard", func() bool {
		keys := s.client.Keys(t.Context(), base+"*").Val()
		left := s.client.ZCard(t.Context(), base+"changes").Val()
		return len(keys) == 2 && left == 1
	})
}
