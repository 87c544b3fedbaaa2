package identity

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"presenced/internal/store"
	"presenced/sip/digest"
)

// Secrets keeps key material that all agents share.
type Secrets interface {
	// Secrets are those of a name, newest first.
	Secrets(ctx context.Context, name string) ([]store.Secret, error)
	// AddSecret adds one and keeps the newest keep; it does nothing where the newest is not ifNewest any more (0: none).
	AddSecret(ctx context.Context, name string, s store.Secret, keep int, ifNewest uint32) error
}

const (
	secretName   = "nonce"
	secretLength = 32
	keptSecrets  = 2
	refreshEvery = 30 * time.Second
	// settling is how old a new key is before nonces are signed with it: by then every agent has seen it.
	settling = 2*refreshEvery + 10*time.Second
)

// keyring holds the keys of the nonces. Each agent adds the next one when the newest is old enough; the store lets one
// of them win.
type keyring struct {
	secrets  Secrets
	rotation time.Duration
	log      *slog.Logger
	keys     atomic.Pointer[digest.Keys]

	mu   sync.Mutex
	held []store.Secret // what keys was made of: the signing one, the other one
	away bool
}

// newKeyring starts with a random key. It gets the ID that a store without keys would give, and is put there if there are
// none: the nonces signed with it stay good.
func newKeyring(secrets Secrets, rotation time.Duration, log *slog.Logger) *keyring {
	k := &keyring{secrets: secrets, rotation: rotation, log: log}
	k.hold([]store.Secret{randomSecret(1)})
	return k
}

func randomSecret(id uint32) store.Secret {
	key := make([]byte, secretLength)
	rand.Read(key) // never fails, see crypto/rand
	return store.Secret{ID: id, Key: key}
}

func (k *keyring) run(ctx context.Context) {
	ticker := time.NewTicker(refreshEvery)
	defer ticker.Stop()
	for {
		k.tell(ctx, k.refresh(ctx))
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// tell logs that the store went away or came back.
func (k *keyring) tell(ctx context.Context, err error) {
	switch {
	case ctx.Err() != nil:
	case err != nil && !k.away:
		k.away = true
		k.log.Warn("nonce keys: the store is away, the keys at hand serve on; clients of other agents may be challenged once more", "err", err)
	case err == nil && k.away:
		k.away = false
		k.log.Info("nonce keys: the store is back")
	}
}

// refresh loads the keys, after adding one where there is none or the newest is too old.
func (k *keyring) refresh(ctx context.Context) error {
	if k.secrets == nil {
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	list, err := k.secrets.Secrets(ctx, secretName)
	if err != nil {
		return err
	}
	if next, newest, due := k.next(list); due {
		if err := k.secrets.AddSecret(ctx, secretName, next, keptSecrets, newest); err != nil {
			return err
		}
		if list, err = k.secrets.Secrets(ctx, secretName); err != nil {
			return err
		}
	}
	return k.take(list)
}

// next is the key to add, and the newest of the list, if it is time for one. A store that was emptied is given the key
// that signs now, so that no client notices.
func (k *keyring) next(list []store.Secret) (next store.Secret, newest uint32, due bool) {
	if len(list) == 0 {
		return k.held[0], 0, true
	}
	newest = list[0].ID
	return randomSecret(max(1, newest+1)), newest, list[0].Age >= k.rotation
}

// take makes keys of the store's list. The newest signs, unless it is so new that other agents may not know it.
func (k *keyring) take(list []store.Secret) error {
	for _, s := range list {
		if len(s.Key) != secretLength || s.ID == 0 {
			return fmt.Errorf("nonce key %d in the store has %d bytes, not %d", s.ID, len(s.Key), secretLength)
		}
	}
	list = slices.Clone(list[:min(len(list), keptSecrets)])
	if len(list) == keptSecrets && list[0].Age < settling {
		list[0], list[1] = list[1], list[0]
	}
	if len(list) == 0 || slices.EqualFunc(list, k.held, sameSecret) {
		return nil
	}
	k.hold(list)
	return nil
}

func sameSecret(a, b store.Secret) bool { return a.ID == b.ID && slices.Equal(a.Key, b.Key) }

// hold puts the keys to use; the first one signs.
func (k *keyring) hold(list []store.Secret) {
	k.held = list
	var previous *digest.Key
	if len(list) > 1 {
		previous = keyOf(list[1])
	}
	k.keys.Store(digest.NewKeys(*keyOf(list[0]), previous))
}

// keyOf takes the ID's low byte: two IDs in a row never share it.
func keyOf(s store.Secret) *digest.Key {
	return &digest.Key{ID: byte(s.ID), Secret: [secretLength]byte(s.Key)}
}
