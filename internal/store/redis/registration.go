package redis

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

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
	return e.registration(ctx, shard, member, newReply(answer))
}

// registration is the rest of a reply: version, and remaining us, updated and
// packed binding of each.
func (e *Engine) registration(ctx context.Context, shard int, member string, r *reply) (store.Registration, error) {
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
// reg.Version, and returns them as they are stored: else ErrConflict, and what
// they are. An empty list removes them.
func (e *Engine) saveBindings(ctx context.Context, aor string, reg store.Registration) (store.Registration, error) {
	shard := int(store.Shard(aor))
	k, member, name := &e.keys[shard], store.RegistrationPackage+":"+aor, "reg:"+aor
	own := []any{member, name, k.base, uint64(reg.Version)}
	list := reg.Bindings[:0]
	for i := range reg.Bindings {
		if reg.Bindings[i].TTL <= 0 {
			continue
		}
		list = append(list, reg.Bindings[i])
		own = append(own, lifetime(reg.Bindings[i].TTL), packBinding(&reg.Bindings[i]))
	}
	answer, err := e.run(ctx, shard, saveBindingsScript,
		[]string{k.base + name, k.changes, k.expiry, k.counts}, own...)
	if err != nil {
		return store.Registration{}, err
	}
	r := newReply(answer)
	version := r.number()
	if version < 0 && !r.failed {
		reg, err = e.registration(ctx, shard, member, r)
		if err == nil {
			err = store.ErrConflict
		}
		return reg, err
	}
	for i := range list {
		list[i].Updated = r.number()
		e.expiry.due(shard, list[i].TTL)
	}
	if r.failed {
		return store.Registration{}, away(fmt.Errorf("%w: save answered %v", errMalformed, answer))
	}
	e.feed.told(shard, member, store.Version(version))
	return store.Registration{Version: store.Version(version), Bindings: list}, nil
}

// updateAttempts are how often a lost compare-and-set is tried again.
const updateAttempts = 8

// UpdateBindings replaces the bindings of an inbox by what change makes of
// them. Where others are faster each time it is ErrConflict.
//
// Where this agent stored them last, change gets that at first: Redis refuses
// what was made of an old list, and says what there is. So one round trip does
// unless another agent had the inbox in between.
func (e *Engine) UpdateBindings(ctx context.Context, aor string, _ []store.Binding, change store.BindingsChange) ([]store.Binding, error) {
	reg, guessed := e.recent.get(aor, time.Now())
	var err error
	if !guessed {
		reg, err = e.Bindings(ctx, aor)
	}
	for attempt := 0; err == nil && attempt < updateAttempts; attempt++ {
		none := len(reg.Bindings) == 0
		next, refused := change(reg.Bindings)
		none = none && len(next) == 0
		switch {
		case guessed && (refused != nil || none): // Redis does not hear of it, and may know better
			reg, err = e.Bindings(ctx, aor)
		case refused != nil || none:
			return nil, refused
		default:
			asked := time.Now()
			reg, err = e.saveBindings(ctx, aor, store.Registration{Version: reg.Version, Bindings: next})
			if err == nil {
				e.recent.put(aor, reg, asked)
				return reg.Bindings, nil
			}
			if errors.Is(err, store.ErrConflict) {
				err = nil
			}
		}
		guessed = false
	}
	return nil, cmp.Or(err, store.ErrConflict)
}

// packBinding leaves out Updated and TTL, which are Redis's: two equal packed
// bindings say that nothing about the binding changed.
func packBinding(b *store.Binding) []byte {
	var p []byte
	for _, s := range []string{b.Contact, b.Params, b.CallID, b.Agent, b.Flow, b.UserAgent} {
		p = appendString(p, s)
	}
	p = binary.AppendUvarint(p, uint64(b.PackedQ()))
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
	b.UnpackQ(uint16(u.number()))
	b.CSeq = uint32(u.number())
	for u.rest != "" {
		b.Path = append(b.Path, u.text())
	}
	return !u.failed
}
