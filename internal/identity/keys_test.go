package identity

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"presenced/internal/store"
	"presenced/sip/digest"
)

// vault is the contract of Secrets in memory.
type vault struct {
	mu   sync.Mutex
	list []store.Secret
	made []time.Time
	err  error
}

func (v *vault) Secrets(_ context.Context, name string) ([]store.Secret, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.err != nil {
		return nil, v.err
	}
	list := slices.Clone(v.list)
	for i := range list {
		list[i].Age = time.Since(v.made[i])
	}
	return list, nil
}

func (v *vault) AddSecret(_ context.Context, name string, s store.Secret, keep int, ifNewest uint32) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	newest := uint32(0)
	if len(v.list) > 0 {
		newest = v.list[0].ID
	}
	if v.err != nil || newest != ifNewest {
		return v.err
	}
	v.list = append([]store.Secret{s}, v.list...)
	v.made = append([]time.Time{time.Now()}, v.made...)
	v.list, v.made = v.list[:min(keep, len(v.list))], v.made[:min(keep, len(v.made))]
	return nil
}

func (v *vault) set(change func()) {
	v.mu.Lock()
	defer v.mu.Unlock()
	change()
}

func (v *vault) copy() []store.Secret {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.list)
}

// signing is the key that the agent signs with.
func signing(g *Guard) store.Secret {
	g.keyring.mu.Lock()
	defer g.keyring.mu.Unlock()
	return g.keyring.held[0]
}

// agents starts guards that share a vault. Their clock is the bubble's.
func agents(t *testing.T, v *vault, log *slog.Logger, n int) []*Guard {
	guards := make([]*Guard, n)
	for i := range guards {
		guards[i], _ = newGuard(t, func(c *Config) { c.Secrets, c.Now, c.Log = v, time.Now, log })
		go guards[i].Run(t.Context())
		synctest.Wait()
	}
	return guards
}

// pass lets time go by and whatever is due happen.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// knows says whether an agent takes another's nonce for genuine.
func knows(g *Guard, nonce string) bool {
	_, ok := g.keyring.keys.Load().IssuedAt(nonce)
	return ok
}

// TestKeysAreShared: through a rotation every agent knows the nonces of every other at every moment, and those issued
// a nonce's life ago.
func TestKeysAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vault{}
		guards := agents(t, v, slog.New(slog.DiscardHandler), 3)
		var old []string
		for hour := range 60 {
			for range 4 {
				for i, g := range guards {
					nonce := nonceOf(t, g)
					for j, other := range guards {
						if !knows(other, nonce) {
							t.Fatalf("hour %d: agent %d does not know the nonce of agent %d", hour, j, i)
						}
					}
				}
				pass(15*time.Minute + 7*time.Second)
			}
			old = append(old, nonceOf(t, guards[0]))
			if back := hour - int(nonceLifetime/time.Hour); back >= 0 && !knows(guards[1], old[back]) {
				t.Fatalf("hour %d: a nonce of hour %d is forgotten", hour, back)
			}
		}
		if list := v.copy(); list[0].ID != 3 || len(list) != keptSecrets {
			t.Errorf("after 60 hours the newest of %d keys is %d, want 3 of 2", len(list), list[0].ID)
		}
		if knows(guards[0], old[0]) {
			t.Error("a nonce of the first key is still known")
		}
	})
}

// TestKeysSettle: nobody signs with a new key before everybody can have seen it.
func TestKeysSettle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vault{}
		guards := agents(t, v, slog.New(slog.DiscardHandler), 1)
		for _, moment := range []struct {
			later   time.Duration
			stored  int
			signing uint32
		}{
			{24*time.Hour - time.Second, 1, 1},
			{time.Second, 2, 1}, // added, but the other agents do not know it yet
			{settling - time.Second, 2, 1},
			{refreshEvery, 2, 2},
		} {
			pass(moment.later)
			if stored, signing := len(v.copy()), signing(guards[0]).ID; stored != moment.stored || signing != moment.signing {
				t.Errorf("%v later: key %d of %d signs, want %d of %d", moment.later, signing, stored, moment.signing, moment.stored)
			}
		}
	})
}

// TestStoreEmptied: the keys at hand are put back, so no client is asked again.
func TestStoreEmptied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vault{}
		guards := agents(t, v, slog.New(slog.DiscardHandler), 2)
		nonce := nonceOf(t, guards[0])
		v.set(func() { v.list, v.made = nil, nil })
		pass(2 * refreshEvery)
		if len(v.copy()) != 1 || !knows(guards[0], nonce) || !knows(guards[1], nonce) {
			t.Error("another key took the place of the one that was lost")
		}
	})
}

// TestKeysWithoutStore: the agent works with a key of its own, says so once, and shares keys when the store comes.
func TestKeysWithoutStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var text strings.Builder
		v := &vault{err: store.ErrUnavailable}
		guards := agents(t, v, slog.New(slog.NewTextHandler(&text, nil)), 1)
		field := "Authorization: " + credentials(nonceOf(t, guards[0]), nil)
		identify(t, guards[0], message{fields: []string{field}}.request(t))
		pass(10 * refreshEvery)
		v.set(func() { v.err = nil })
		pass(2 * refreshEvery)
		if n := strings.Count(text.String(), "\n"); n != 2 {
			t.Errorf("%d lines, want one that it is away and one that it is back:\n%s", n, text.String())
		}
		if list := v.copy(); len(list) != 1 || !sameSecret(list[0], signing(guards[0])) {
			t.Error("the key is not shared")
		}
	})
}

// TestKeysOfAnotherAgent: an agent with a key of its own takes the stored ones; its clients hear stale=true once.
func TestKeysOfAnotherAgent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vault{}
		agents(t, v, slog.New(slog.DiscardHandler), 1)
		g, _ := newGuard(t, func(c *Config) { c.Secrets, c.Now = v, time.Now })
		nonce := nonceOf(t, g)
		if err := g.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		field := "Authorization: " + credentials(nonce, nil)
		refusal := refusalOf(t, g, message{fields: []string{field}}.request(t))
		if !strings.Contains(refusal.Header[0].Value, "stale=true") {
			t.Errorf("%v", refusal.Header)
		}
		field = "Authorization: " + credentials(challengeNonce(t, refusal), nil)
		identify(t, g, message{fields: []string{field}}.request(t))
	})
}

func TestKeyThatIsNone(t *testing.T) {
	for _, s := range []store.Secret{{ID: 1, Key: []byte("short")}, {ID: 0, Key: make([]byte, secretLength)}} {
		v := &vault{list: []store.Secret{s}, made: []time.Time{time.Now()}}
		g, _ := newGuard(t, func(c *Config) { c.Secrets = v })
		held := g.keyring.held
		if err := g.Refresh(t.Context()); err == nil || strings.Contains(err.Error(), "short") {
			t.Errorf("key %d of %d bytes: %v", s.ID, len(s.Key), err)
		}
		if !slices.EqualFunc(held, g.keyring.held, sameSecret) {
			t.Error("the key at hand was dropped")
		}
	}
}

func TestRotationOutlivesNonces(t *testing.T) {
	g, _ := newGuard(t, nil)
	if g.Rotation <= g.Nonces.Lifetime+digest.ClockSkew+settling {
		t.Error("a nonce can outlive its key")
	}
}
