package embedded

import (
	"bytes"
	"context"
	"time"

	"presenced/internal/store"
)

// secret is a store.Secret with the time it was made by the wall clock, which
// outlives the process.
type secret struct {
	id   uint32
	made int64 // Unix microseconds
	key  []byte
}

// rotate is the list with s in front, at most keep long; the same list where
// its newest is not ifNewest. The old list stays as it is.
func rotate(list []secret, s secret, keep int, ifNewest uint32) []secret {
	newest := uint32(0)
	if len(list) > 0 {
		newest = list[0].id
	}
	if newest != ifNewest {
		return list
	}
	rotated := append([]secret{s}, list...)
	return rotated[:min(len(rotated), max(1, keep))]
}

// Secrets is the secrets of that name, newest first. A wall clock that was set
// back makes none younger than 0.
func (e *Engine) Secrets(_ context.Context, name string) ([]store.Secret, error) {
	stored, err := e.durable.secrets(name)
	if err != nil {
		return nil, err
	}
	now := e.now().wall.UnixMicro()
	list := make([]store.Secret, len(stored))
	for i, s := range stored {
		age := time.Duration(max(0, now-s.made)) * time.Microsecond
		list[i] = store.Secret{ID: s.id, Key: bytes.Clone(s.key), Age: age}
	}
	return list, nil
}

// AddSecret adds a secret in front of that name's and keeps the newest keep.
// Where the newest is not ifNewest (0: none) any more, it does nothing.
func (e *Engine) AddSecret(_ context.Context, name string, s store.Secret, keep int, ifNewest uint32) error {
	if err := e.writable(); err != nil {
		return err
	}
	added := secret{id: s.ID, made: e.now().wall.UnixMicro(), key: bytes.Clone(s.Key)}
	return e.durable.addSecret(name, added, keep, ifNewest)
}
