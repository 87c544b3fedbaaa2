package redis

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"presenced/internal/store"
)

// Bindings are all live bindings of an inbox at one version, with the same
// exception as Publications.
func (e *Engine) Bindings(ctx context.Context, aor string) (store.Registration, error) {
	shard := int(store.Shard(aor))
	k, member, name := &e.keys[shard], store.RegistrationPackage+":"+aor, "reg:"+aor
	answer, err := e.run(ctx, shard, readBindingsScript,
		[]string{k.base + name, k.changes, k.expiry, k.counts}, member, name, k.base)
	if err != nil {
		return store.Registration{}, err
	}
	r := newReply(answer)
	reg := store.Registration{Version: store.Version(r.number())}
	for r.more() {
		b := store.Binding{TTL: micros(r.number()), Updated: r.number()}
		if !unpackBinding(&b, r.text()) {
			r.failed = true
		}
		reg.Bindings = append(reg.Bindings, b)
	}
	if r.failed {
		return store.Registration{}, away(fmt.Errorf("%w: registration", errMalformed))
	}
	if reg.Version == 0 {
		return reg, e.lostState(ctx, shard, member)
	}
	return reg, nil
}

// saveBindings replaces the bindings of an inbox if they are still at
// reg.Version: else ErrConflict. An empty list removes them.
func (e *Engine) saveBindings(ctx context.Context, aor string, reg store.Registration) (store.Version, error) {
	shard := int(store.Shard(aor))
	k, member, name := &e.keys[shard], store.RegistrationPackage+":"+aor, "reg:"+aor
	own := []any{member, name, k.base, uint64(reg.Version)}
	for i := range reg.Bindings {
		if reg.Bindings[i].TTL <= 0 {
			continue
		}
		own = append(own, lifetime(reg.Bindings[i].TTL), packBinding(&reg.Bindings[i]))
	}
	answer, err := e.run(ctx, shard, saveBindingsScript,
		[]string{k.base + name, k.changes, k.expiry, k.counts}, own...)
	if err != nil {
		return 0, err
	}
	version, ok := answer.(int64)
	switch {
	case !ok:
		return 0, away(fmt.Errorf("%w: save answered %v", errMalformed, answer))
	case version < 0:
		return 0, store.ErrConflict
	}
	e.feed.told(shard, member, store.Version(version))
	for i := range reg.Bindings {
		e.expiry.due(shard, reg.Bindings[i].TTL)
	}
	return store.Version(version), nil
}

// updateAttempts are how often a lost compare-and-set is tried again.
const updateAttempts = 8

// UpdateBindings replaces the bindings of an inbox by what change makes of
// them. Where others are faster each time it is ErrConflict.
func (e *Engine) UpdateBindings(ctx context.Context, aor string, _ []store.Binding, change store.BindingsChange) ([]store.Binding, error) {
	for range updateAttempts {
		reg, err := e.Bindings(ctx, aor)
		if err != nil {
			return nil, err
		}
		before := len(reg.Bindings)
		if reg.Bindings, err = change(reg.Bindings); err != nil {
			return nil, err
		}
		if before == 0 && len(reg.Bindings) == 0 {
			return nil, nil
		}
		_, err = e.saveBindings(ctx, aor, reg)
		if !errors.Is(err, store.ErrConflict) {
			return reg.Bindings, err
		}
	}
	return nil, store.ErrConflict
}

// packBinding leaves out Updated and TTL, which are Redis's: two equal packed
// bindings say that nothing about the binding changed.
func packBinding(b *store.Binding) []byte {
	var p []byte
	for _, s := range []string{b.Contact, b.Params, b.CallID, b.Agent, b.Flow, b.UserAgent} {
		p = appendString(p, s)
	}
	p = binary.AppendUvarint(p, uint64(b.Q))
	p = binary.AppendUvarint(p, uint64(b.CSeq))
	for _, hop := range b.Path {
		p = appendString(p, hop)
	}
	return p
}

func unpackBinding(b *store.Binding, packed string) bool {
	u := unpacker{rest: packed}
	for _, s := range []*string{&b.Contact, &b.Params, &b.CallID, &b.Agent, &b.Flow, &b.UserAgent} {
		*s = u.text()
	}
	b.Q, b.CSeq = uint16(u.number()), uint32(u.number())
	for u.rest != "" {
		b.Path = append(b.Path, u.text())
	}
	return !u.failed
}
