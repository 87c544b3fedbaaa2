package redis

import (
	"context"
	"encoding/binary"
	"fmt"

	"presenced/internal/store"
)

// Bindings are all live bindings of an inbox at one version, with the same
// exception as Publications.
func (e *Engine) Bindings(ctx context.Context, aor string) (store.Registration, error) {
	shard := int(store.Shard(aor))
	k, member, name := &e.keys[shard], store.RegistrationPackage+":"+aor, "reg:"+aor
	answer, err := e.run(ctx, shard, readBindingsScript,
		[]string{k.base + name, k.changes, k.expiry, k.counts}, member, name, k.hints)
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

// SaveBindings replaces the bindings of an inbox if they are still at
// reg.Version: else ErrConflict. An empty list removes them.
func (e *Engine) SaveBindings(ctx context.Context, aor string, reg store.Registration) (store.Version, error) {
	shard := int(store.Shard(aor))
	k, member, name := &e.keys[shard], store.RegistrationPackage+":"+aor, "reg:"+aor
	own := []any{member, name, k.hints, uint64(reg.Version)}
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
	for i := range reg.Bindings {
		e.expiry.due(shard, reg.Bindings[i].TTL)
	}
	return store.Version(version), nil
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
