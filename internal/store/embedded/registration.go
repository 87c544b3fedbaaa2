package embedded

import (
	"context"
	"slices"
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
	return store.Registration{Version: r.version, Bindings: sh.liveBindings(nil, r)}, nil
}

// liveBindings is a copy of a resource's bindings, in into's memory if that
// suffices.
func (sh *shard) liveBindings(into []store.Binding, r *resource) []store.Binding {
	into = slices.Grow(into[:0], len(r.bindings))
	for _, b := range r.bindings {
		into = append(into, b.Binding)
		into[len(into)-1].TTL = b.remaining(sh)
	}
	return into
}

// UpdateBindings replaces the bindings of an inbox by what change makes of
// them, in one step: nobody else's write comes between. change is called once,
// with the inbox's shard locked.
func (e *Engine) UpdateBindings(ctx context.Context, aor string, into []store.Binding, change store.BindingsChange) ([]store.Binding, error) {
	if err := e.writable(); err != nil {
		return nil, err
	}
	sh := e.enterAOR(aor)
	list, err := sh.updateBindings(aor, into[:0], change)
	if err := e.settle(ctx, sh, err); err != nil {
		return nil, err
	}
	return list, nil
}

func (sh *shard) updateBindings(aor string, into []store.Binding, change store.BindingsChange) ([]store.Binding, error) {
	r := sh.resources.Get(registrationKey(aor))
	if r != nil {
		into = sh.liveBindings(into, r)
	}
	list, err := sh.ask(change, into)
	if err == nil {
		err = entryOfBindings(aor, list)
	}
	if err != nil {
		return nil, err
	}
	sh.putBindings(r, aor, list)
	return list, nil
}

// ask calls change. If it panics the shard is unlocked, as it was before.
func (sh *shard) ask(change store.BindingsChange, live []store.Binding) ([]store.Binding, error) {
	returned := false
	defer func() {
		if !returned {
			sh.leave()
		}
	}()
	next, err := change(live)
	returned = true
	return next, err
}

// entryOfBindings is ErrLimit for bindings that make no entry of the log.
func entryOfBindings(aor string, bindings []store.Binding) error {
	size := len(aor)
	for i := range bindings {
		b := &bindings[i]
		size += len(b.Contact) + len(b.Params) + len(b.CallID) + len(b.Flow) + len(b.UserAgent)
		for _, hop := range b.Path {
			size += len(hop)
		}
	}
	return tooLarge(size)
}

// putBindings makes the list an inbox's bindings. r is what is stored for it,
// nil for nothing.
func (sh *shard) putBindings(r *resource, aor string, list []store.Binding) {
	if r == nil || len(r.bindings) == 0 {
		if !slices.ContainsFunc(list, lives) {
			return
		}
		r = sh.resource(registrationKey(aor))
	}
	if r.refreshes(list) {
		sh.refreshBindings(r, list)
	} else {
		sh.replaceBindings(r, list)
	}
	sh.bindingsChanged(r)
	sh.drop(r)
}

func lives(b store.Binding) bool { return b.TTL > 0 }

// refreshes tells whether the list has the stored contacts, in their order.
func (r *resource) refreshes(list []store.Binding) bool {
	if len(list) != len(r.bindings) {
		return false
	}
	for i, b := range r.bindings {
		if list[i].TTL <= 0 || list[i].Contact != b.Contact {
			return false
		}
	}
	return true
}

// refreshBindings is replaceBindings where the list refreshes the stored
// bindings: they keep their places and their memory.
func (sh *shard) refreshBindings(r *resource, list []store.Binding) {
	for i, b := range r.bindings {
		sh.prolong(b, list[i].TTL)
		if sameBinding(&b.Binding, &list[i]) {
			continue
		}
		path := b.Path
		b.Binding = list[i]
		b.Updated = sh.now.wall.Unix()
		if b.Path = path; !slices.Equal(path, list[i].Path) {
			b.Path = slices.Clone(list[i].Path)
		}
	}
}

func (sh *shard) replaceBindings(r *resource, list []store.Binding) {
	before := sh.takeBindings(r)
	for _, b := range list {
		if !lives(b) {
			continue
		}
		b.Updated = updated(before, &b, sh.now.wall.Unix())
		b.Path = slices.Clone(b.Path)
		sh.placeBinding(&binding{of: r, Binding: b}, b.TTL)
	}
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
func updated(before []*binding, b *store.Binding, now int64) int64 {
	for _, stored := range before {
		if stored.Contact == b.Contact {
			if sameBinding(&stored.Binding, b) {
				return stored.Updated
			}
			break
		}
	}
	return now
}

// sameBinding compares all but Updated and TTL.
func sameBinding(a, b *store.Binding) bool {
	return a.Contact == b.Contact && a.Params == b.Params && a.Q == b.Q &&
		slices.Equal(a.Path, b.Path) && a.CallID == b.CallID && a.CSeq == b.CSeq &&
		a.Agent == b.Agent && a.Flow == b.Flow && a.UserAgent == b.UserAgent && a.Withdrawn == b.Withdrawn
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
