package embedded

import (
	"context"
	"slices"
	"time"

	"presenced/internal/store"
)

// publication is a live publication. TTL of the embedded record is not used:
// the deadline stands in lapse.
type publication struct {
	lapse
	of *resource
	store.Publication
}

// Publish carries out one PUBLISH on key (RFC 3903 s.6).
func (e *Engine) Publish(ctx context.Context, key store.Key, p store.Publish) error {
	if err := e.writable(); err != nil {
		return err
	}
	if err := tooLarge(len(key.AOR), len(p.Publication.Body), len(p.Publication.UserAgent)); err != nil {
		return err
	}
	sh := e.enterAOR(key.AOR)
	return e.settle(ctx, sh, sh.publish(key, p))
}

func (sh *shard) publish(key store.Key, p store.Publish) error {
	r := sh.resources.Get(key)
	remove := p.IfMatch != "" && p.Publication.TTL <= 0
	if !remove && r.byTag(p.Publication.Tag) != nil {
		return nil
	}
	if p.IfMatch == "" {
		return sh.addPublication(r, key, p)
	}
	stored := r.byTag(p.IfMatch)
	switch {
	case stored == nil:
		return store.ErrNoMatch
	case remove:
		sh.removePublication(stored)
	case p.Publication.Body == nil:
		sh.refreshPublication(stored, p.Publication)
	default:
		sh.modifyPublication(stored, p.Publication)
	}
	return nil
}

// byTag is the live publication with that entity-tag, or nil.
func (r *resource) byTag(tag string) *publication {
	if r == nil || tag == "" {
		return nil
	}
	for _, p := range r.publications {
		if p.Tag == tag {
			return p
		}
	}
	return nil
}

func (sh *shard) addPublication(r *resource, key store.Key, p store.Publish) error {
	if p.Publication.TTL <= 0 {
		return nil
	}
	if r != nil && p.Limit > 0 && len(r.publications) >= p.Limit {
		return store.ErrLimit
	}
	if r == nil {
		r = sh.resource(key)
	}
	added := &publication{of: r}
	added.ID = keep("", p.Publication.ID)
	added.replace(p.Publication)
	sh.placePublication(added, p.Publication.TTL)
	sh.publicationChanged(added)
	return nil
}

// publicationChanged makes the publication the newest, and its resource news.
func (sh *shard) publicationChanged(p *publication) {
	sh.changed(p.of)
	p.Order = uint64(p.of.version)
	if sh.logging() {
		sh.record(sh.appendPublication(sh.scratch, p))
	}
}

// placePublication puts a publication behind its resource's others.
func (sh *shard) placePublication(p *publication, ttl time.Duration) {
	p.of.publications = append(p.of.publications, p)
	sh.counts.Publications++
	sh.live(p, ttl)
}

// takePublication undoes what placePublication did.
func (sh *shard) takePublication(p *publication) {
	sh.end(p)
	r := p.of
	i := slices.Index(r.publications, p)
	r.publications = slices.Delete(r.publications, i, i+1)
	sh.counts.Publications--
}

// replace takes over all but ID, Order and lifetime.
func (p *publication) replace(with store.Publication) {
	p.Tag = keep(p.Tag, with.Tag)
	p.ContentType = keep(p.ContentType, with.ContentType)
	p.Body = with.Body
	p.Source = keep(p.Source, with.Source)
	p.UserAgent = keep(p.UserAgent, with.UserAgent)
}

// modifyPublication makes the publication the newest of its resource.
func (sh *shard) modifyPublication(p *publication, with store.Publication) {
	p.replace(with)
	sh.prolong(p, with.TTL)
	r := p.of
	if i := slices.Index(r.publications, p); i < len(r.publications)-1 {
		r.publications = append(slices.Delete(r.publications, i, i+1), p)
	}
	sh.publicationChanged(p)
}

func (sh *shard) refreshPublication(p *publication, with store.Publication) {
	p.Tag = keep(p.Tag, with.Tag)
	sh.prolong(p, with.TTL)
	if sh.logging() {
		sh.record(sh.appendRefresh(sh.scratch, p))
	}
}

func (sh *shard) removePublication(p *publication) {
	sh.takePublication(p)
	sh.changed(p.of)
	if sh.logging() {
		sh.record(sh.appendRemoved(sh.scratch, p))
	}
	sh.drop(p.of)
}

func (p *publication) lapsed(sh *shard) { sh.removePublication(p) }

// Publications is all live event state of key.
func (e *Engine) Publications(_ context.Context, key store.Key) (store.Publications, error) {
	sh := e.enterAOR(key.AOR)
	defer sh.leave()
	r := sh.resources.Get(key)
	if r == nil {
		return store.Publications{}, nil
	}
	got := store.Publications{Version: r.version}
	if len(r.publications) > 0 {
		got.List = make([]store.Publication, len(r.publications))
	}
	for i, p := range r.publications {
		got.List[i] = p.Publication
		got.List[i].TTL = p.remaining(sh)
	}
	return got, nil
}
