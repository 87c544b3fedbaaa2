package embedded

import (
	"time"

	"presenced/internal/store"
)

// apply carries out one entry. Nothing lapses while a log is read: the shards
// are not entered, and what is past its deadline goes with the first use.
func (e *Engine) apply(entry []byte) error {
	f := &fields{rest: entry, shared: e.shared}
	switch kind := f.byte(); kind {
	case entryShard:
		sh := &e.shards[f.byte()]
		sh.gave(store.Version(f.number()))
	case entryPublication:
		e.applyPublication(f)
	case entryRefresh:
		e.applyRefresh(f)
	case entryRemoved:
		e.applyRemoved(f)
	case entryBindings:
		e.applyBindings(f)
	case entrySubscription, entrySubscription1:
		e.applySubscription(f, kind)
	case entryUnsubscribed, entryUnsubscribed1:
		aor := f.view()
		sh := &e.shards[store.Shard(string(aor))]
		if kind == entryUnsubscribed {
			sh.gave(store.Version(f.number()))
		}
		if sub := sh.subscriptions.Get(string(f.view())); f.err == nil && sub != nil {
			sh.takeSubscription(sub)
		}
	case entryVisit:
		e.applyVisit(f)
	case entryUnvisited:
		e.applyUnvisited(f)
	default:
		return errEntry
	}
	if f.err == nil && len(f.rest) > 0 {
		return errEntry
	}
	return f.err
}

// gave raises the highest version that the shard is known to have given.
func (sh *shard) gave(v store.Version) { sh.last = max(sh.last, v) }

// byID is the live publication with that ID, or nil.
func (r *resource) byID(id []byte) *publication {
	if r == nil {
		return nil
	}
	for _, p := range r.publications {
		if p.ID == string(id) {
			return p
		}
	}
	return nil
}

func (e *Engine) applyPublication(f *fields) {
	key := f.key()
	sh := &e.shards[store.Shard(key.AOR)]
	version := store.Version(f.number())
	read := publication{Publication: store.Publication{ID: f.string(), Tag: f.string(), Order: f.number()}}
	ttl := f.lifetime(sh.now)
	read.ContentType, read.Source, read.UserAgent, read.Body = f.common(), f.common(), f.common(), f.bytes()
	if f.err != nil {
		return
	}
	r := sh.resource(key)
	if old := r.byID([]byte(read.ID)); old != nil {
		sh.takePublication(old)
	}
	p := &publication{of: r, Publication: read.Publication}
	sh.placePublication(p, ttl)
	r.version = version
	sh.gave(max(version, store.Version(p.Order)))
}

func (e *Engine) applyRefresh(f *fields) {
	key := f.key()
	sh := &e.shards[store.Shard(key.AOR)]
	p := sh.resources.Get(key).byID(f.view())
	tag, ttl := f.string(), f.lifetime(sh.now)
	if f.err == nil && p != nil {
		p.Tag = tag
		sh.prolong(p, ttl)
	}
}

func (e *Engine) applyRemoved(f *fields) {
	key := f.key()
	sh := &e.shards[store.Shard(key.AOR)]
	version, last := store.Version(f.number()), store.Version(f.number())
	r := sh.resources.Get(key)
	p := r.byID(f.view())
	if f.err != nil {
		return
	}
	sh.gave(last)
	if p != nil {
		sh.takePublication(p)
		r.version = version
		sh.drop(r)
	}
}

func (e *Engine) applyBindings(f *fields) {
	key := registrationKey(f.string())
	sh := &e.shards[store.Shard(key.AOR)]
	version, last := store.Version(f.number()), store.Version(f.number())
	list := make([]*binding, 0, f.count())
	ttls := make([]time.Duration, 0, cap(list))
	for range cap(list) {
		b := &binding{}
		b.Contact, b.Params = f.string(), f.string()
		b.UnpackQ(uint16(f.number()))
		for range f.count() {
			b.Path = append(b.Path, f.string())
		}
		b.CallID, b.CSeq, b.Updated = f.string(), uint32(f.number()), f.signed()
		b.Agent, b.Flow, b.UserAgent = f.string(), f.string(), f.string()
		list, ttls = append(list, b), append(ttls, f.lifetime(sh.now))
		if f.err != nil {
			return
		}
	}
	if f.err != nil {
		return
	}
	r := sh.resource(key)
	sh.takeBindings(r)
	for i, b := range list {
		b.of = r
		sh.placeBinding(b, ttls[i])
	}
	r.version = version
	sh.gave(last)
	sh.drop(r)
}

// applySubscription gives the subscription to the agent that starts: it is the
// only one here, whatever its name was before.
func (e *Engine) applySubscription(f *fields, kind byte) {
	key := f.key()
	sh := &e.shards[store.Shard(key.AOR)]
	s := store.Subscription{Key: key, ID: f.string(), Watcher: f.string(), Fence: f.number(), Agent: e.agent}
	s.TTL = f.lifetime(sh.now)
	if kind == entrySubscription {
		s.Standing, s.Age = uint16(f.number()), -f.lifetime(sh.now)
		sh.gave(store.Version(f.number()))
	}
	s.Data = f.string()
	if f.err != nil {
		return
	}
	if old := sh.subscriptions.Get(s.ID); old != nil {
		sh.takeSubscription(old)
	}
	sh.placeSubscription(s)
}
