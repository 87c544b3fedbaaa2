package embedded

import (
	"context"
	"slices"
	"strings"
	"time"

	"presenced/internal/store"
)

// binding is a live binding. TTL of the embedded record is not used: the
// deadline stands in lapse.
type binding struct {
	lapse
	of *resource
	store.Binding
}

func registrationKey(aor string) store.Key {
	return store.Key{AOR: aor, Package: store.RegistrationPackage}
}

// Bindings is all live bindings of an inbox.
func (e *Engine) Bindings(_ context.Context, aor string) (store.Registration, error) {
	sh := e.enterAOR(aor)
	defer sh.leave()
	r := sh.resources.Get(registrationKey(aor))
	if r == nil {
		return store.Registration{}, nil
	}
	reg := store.Registration{Version: r.version}
	if len(r.bindings) > 0 {
		reg.Bindings = make([]store.Binding, len(r.bindings))
	}
	for i, b := range r.bindings {
		reg.Bindings[i] = b.Binding
		reg.Bindings[i].TTL = b.remaining(sh)
	}
	return reg, nil
}

// SaveBindings replaces the bindings of an inbox if their version is still
// reg.Version, else it is ErrConflict. It returns the new version.
func (e *Engine) SaveBindings(ctx context.Context, aor string, reg store.Registration) (store.Version, error) {
	if err := e.writable(); err != nil {
		return 0, err
	}
	size := len(aor)
	for _, b := range reg.Bindings {
		size += len(b.Contact) + len(b.Params) + len(strings.Join(b.Path, "")) + len(b.CallID) + len(b.Flow) + len(b.UserAgent)
	}
	if err := tooLarge(size); err != nil {
		return 0, err
	}
	sh := e.enterAOR(aor)
	version, err := sh.saveBindings(aor, reg)
	if err := e.settle(ctx, sh, err); err != nil {
		return 0, err
	}
	return version, nil
}

func (sh *shard) saveBindings(aor string, reg store.Registration) (store.Version, error) {
	key := registrationKey(aor)
	r := sh.resources.Get(key)
	if r == nil && reg.Version != 0 || r != nil && r.version != reg.Version {
		return 0, store.ErrConflict
	}
	if r == nil || len(r.bindings) == 0 {
		if !slices.ContainsFunc(reg.Bindings, lives) {
			return reg.Version, nil
		}
		r = sh.resource(key)
	}
	sh.replaceBindings(r, reg.Bindings)
	version := r.version
	sh.drop(r)
	return version, nil
}

func lives(b store.Binding) bool { return b.TTL > 0 }

func (sh *shard) replaceBindings(r *resource, bindings []store.Binding) {
	before := sh.takeBindings(r)
	for _, b := range bindings {
		if !lives(b) {
			continue
		}
		b.Updated = updated(before, b, sh.now.wall.Unix())
		b.Path = slices.Clone(b.Path)
		sh.placeBinding(&binding{of: r, Binding: b}, b.TTL)
	}
	sh.bindingsChanged(r)
}

func (sh *shard) bindingsChanged(r *resource) {
	sh.changed(r)
	if sh.logging() {
		sh.record(sh.appendBindings(sh.scratch, r))
	}
}

// placeBinding puts a binding behind its resource's others.
func (sh *shard) placeBinding(b *binding, ttl time.Duration) {
	b.of.bindings = append(b.of.bindings, b)
	sh.counts.Bindings++
	sh.live(b, ttl)
}

// takeBindings takes all bindings off a resource and returns them.
func (sh *shard) takeBindings(r *resource) []*binding {
	taken := r.bindings
	for _, b := range taken {
		sh.end(b)
	}
	sh.counts.Bindings -= len(taken)
	r.bindings = nil
	return taken
}

// updated is the time of the stored binding that b repeats, or now.
func updated(before []*binding, b store.Binding, now int64) int64 {
	for _, stored := range before {
		if stored.Contact == b.Contact {
			if sameBinding(stored.Binding, b) {
				return stored.Updated
			}
			break
		}
	}
	return now
}

// sameBinding compares all but Updated and TTL.
func sameBinding(a, b store.Binding) bool {
	return a.Contact == b.Contact && a.Params == b.Params && a.Q == b.Q &&
		slices.Equal(a.Path, b.Path) && a.CallID == b.CallID && a.CSeq == b.CSeq &&
		a.Agent == b.Agent && a.Flow == b.Flow && a.UserAgent == b.UserAgent
}

func (b *binding) lapsed(sh *shard) {
	sh.end(b)
	r := b.of
	i := slices.Index(r.bindings, b)
	r.bindings = slices.Delete(r.bindings, i, i+1)
	sh.counts.Bindings--
	sh.bindingsChanged(r)
	sh.drop(r)
}
