package redis

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	goredis "github.com/redis/go-redis/v9"

	"presenced/internal/store"
)

// Principal is who has this address-of-record. ErrNotFound.
func (e *Engine) Principal(ctx context.Context, aor string) (store.Principal, error) {
	shard := int(store.Shard(aor))
	var packed string
	err := e.plain(ctx, shard, func() (err error) {
		packed, err = e.client.HGet(ctx, e.keys[shard].principals, aor).Result()
		return err
	})
	if errors.Is(err, goredis.Nil) {
		return store.Principal{}, store.ErrNotFound
	}
	if err != nil {
		return store.Principal{}, err
	}
	return unpackPrincipal(aor, packed)
}

// PutPrincipal inserts or replaces a principal. ErrRisk where Redis would not
// keep it through a power cut and the operator has not accepted that.
func (e *Engine) PutPrincipal(ctx context.Context, p store.Principal) error {
	if !e.risk && !e.health.durable.Load() {
		if err := e.checkServers(ctx); err != nil {
			return err
		}
		if !e.health.durable.Load() {
			return store.ErrRisk
		}
	}
	shard := int(store.Shard(p.AOR))
	return e.plain(ctx, shard, func() error {
		return e.client.HSet(ctx, e.keys[shard].principals, p.AOR, packPrincipal(p)).Err()
	})
}

// DeletePrincipal removes a principal. ErrNotFound. It works where PutPrincipal
// is ErrRisk: refusing would keep a stolen password good.
func (e *Engine) DeletePrincipal(ctx context.Context, aor string) error {
	shard := int(store.Shard(aor))
	removed := int64(0)
	err := e.plain(ctx, shard, func() (err error) {
		removed, err = e.client.HDel(ctx, e.keys[shard].principals, aor).Result()
		return err
	})
	if err == nil && removed == 0 {
		return store.ErrNotFound
	}
	return err
}

// Principals yields every principal. It stops at yield's first error and
// returns it.
func (e *Engine) Principals(ctx context.Context, yield func(store.Principal) error) error {
	for shard := range e.keys {
		var all map[string]string
		err := e.plain(ctx, shard, func() (err error) {
			all, err = e.client.HGetAll(ctx, e.keys[shard].principals).Result()
			return err
		})
		if err != nil {
			return err
		}
		for _, aor := range slices.Sorted(maps.Keys(all)) {
			p, err := unpackPrincipal(aor, all[aor])
			if err != nil {
				return err
			}
			if err := yield(p); err != nil {
				return err
			}
		}
	}
	return nil
}

// plain makes one command that needs no script, through the shard's gate.
func (e *Engine) plain(ctx context.Context, shard int, command func() error) error {
	gate := e.gate(shard)
	if err := gate.enter(); err != nil {
		return err
	}
	err := command()
	gate.leave(ctx, err)
	if err != nil && !errors.Is(err, goredis.Nil) {
		return away(err)
	}
	return err
}

func packPrincipal(p store.Principal) []byte {
	var b []byte
	for _, algorithm := range slices.Sorted(maps.Keys(p.HA1)) {
		b = appendString(appendString(b, algorithm), p.HA1[algorithm])
	}
	return b
}

func unpackPrincipal(aor, packed string) (store.Principal, error) {
	p := store.Principal{AOR: aor, HA1: make(map[string]string)}
	u := unpacker{rest: packed}
	for u.rest != "" {
		algorithm := u.text()
		p.HA1[algorithm] = u.text()
	}
	if u.failed {
		return store.Principal{}, away(fmt.Errorf("%w: principal %s", errMalformed, aor))
	}
	return p, nil
}
