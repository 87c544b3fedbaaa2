package storetest

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"presenced/internal/store"
)

func secret(id uint32) store.Secret {
	return store.Secret{ID: id, Key: bytes.Repeat([]byte{byte(id)}, 32)}
}

func addSecret(t *testing.T, e Engine, id uint32, keep int, ifNewest uint32) {
	t.Helper()
	must(t, e.AddSecret(t.Context(), "nonce", secret(id), keep, ifNewest))
}

// wantSecrets compares ids, newest first, and the key of each.
func wantSecrets(t *testing.T, e Engine, want ...uint32) []store.Secret {
	t.Helper()
	list, err := e.Secrets(t.Context(), "nonce")
	must(t, err)
	var got []uint32
	for _, s := range list {
		got = append(got, s.ID)
		if !bytes.Equal(s.Key, secret(s.ID).Key) {
			t.Errorf("secret %d has another key", s.ID)
		}
	}
	if !slices.Equal(got, want) {
		t.Fatalf("got %d, want %d", got, want)
	}
	return list
}

var secretSentences = []sentence{
	{"a name of nothing has no secrets", func(t *testing.T, h Harness) {
		wantSecrets(t, h.Open(t, "agent-a"))
	}},
	{"secrets are read newest first, and the newest are kept", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		addSecret(t, e, 9, 3, 0)
		addSecret(t, e, 2, 3, 9)
		addSecret(t, e, 5, 3, 2)
		wantSecrets(t, e, 5, 2, 9)
		addSecret(t, e, 4, 3, 5)
		wantSecrets(t, e, 4, 5, 2)
		addSecret(t, e, 7, 1, 4)
		wantSecrets(t, e, 7)
	}},
	{"nothing is added where another secret is newest by now", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		addSecret(t, e, 1, 3, 42)
		wantSecrets(t, e)
		addSecret(t, e, 1, 3, 0)
		addSecret(t, e, 2, 3, 0)
		wantSecrets(t, e, 1)
		addSecret(t, e, 2, 3, 1)
		addSecret(t, e, 3, 3, 1)
		wantSecrets(t, e, 2, 1)
	}},
	{"names are apart", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		addSecret(t, e, 1, 3, 0)
		must(t, e.AddSecret(t.Context(), "other", secret(2), 3, 0))
		wantSecrets(t, e, 1)
	}},
	{"the age is the time since it was added", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		addSecret(t, e, 1, 3, 0)
		h.Advance(10 * time.Minute)
		addSecret(t, e, 2, 3, 1)
		h.Advance(5 * time.Minute)
		list := wantSecrets(t, e, 2, 1)
		wantAge(t, list[0].Age, 5*time.Minute)
		wantAge(t, list[1].Age, 15*time.Minute)
	}},
}

func wantAge(t *testing.T, got, want time.Duration) {
	t.Helper()
	if got < want || got > want+patience {
		t.Fatalf("age %v, want %v", got, want)
	}
}
