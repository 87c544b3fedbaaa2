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
	packed := goredis.NewStringCmd(ctx, "hget", e.keys[shard].principals, aor)
	err := e.do(ctx, shard, packed)
	if errors.Is(err, goredis.Nil) {
		return store.Principal{}, store.ErrNotFound
	}
	if err != nil {
		return store.Principal{}, err
	}
	return unpackPrincipal(aor, packed.Val())
}

// PutPrincipal inserts or replaces a principal. ErrRisk where Redis would not
// keep it through a power cut and the operator has not accepted that.
func (e *Engine) PutPrincipal(ctx context.Context, p store.Principal) error {
	if err := e.onDisk(ctx); err != nil {
		return err
	}
	shard := int(store.Shard(p.AOR))
	return e.do(ctx, shard, goredis.NewIntCmd(ctx, "hset", e.keys[shard].principals, p.AOR, packPrincipal(p)))
}

// onDisk is nil where a write is on disk when it is answered, or the operator
// has accepted that it may not be; else ErrRisk.
func (e *Engine) onDisk(ctx context.Context) error {
	if e.risk || e.health.durable.Load() {
		return nil
	}
	if err := e.checkServers(ctx); err != nil {
		return err
	}
	if !e.health.durable.Load() {
		return store.ErrRisk
	}
	return nil
}

// DeletePrincipal removes a principal. ErrNotFound. It works where PutPrincipal
// is ErrRisk: refusing would keep a stolen password good.
func (e *Engine) DeletePrincipal(ctx context.Context, aor string) error {
	shard := int(store.Shard(aor))
	removed := goredis.NewIntCmd(ctx, "hdel", e.keys[shard].principals, aor)
	err := e.do(ctx, shard, removed)
	if err == nil && removed.Val() == 0 {
		return store.ErrNotFound
	}
	return err
}

// Principals yields every principal. It stops at yield's first error and
// returns it.
func (e *Engine) Principals(ctx context.Context, yield func(store.Principal) error) error {
	for shard := range e.keys {
		stored := goredis.NewMapStringStringCmd(ctx, "hgetall", e.keys[shard].principals)
		if err := e.do(ctx, shard, stored); err != nil {
			return err
		}
		all := stored.Val()
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
