package redis

import (
	"context"
	"encoding/binary"
	"fmt"

	"presenced/internal/store"
)

// Publish makes one PUBLISH (RFC 3903 s.6) as one step.
func (e *Engine) Publish(ctx context.Context, key store.Key, p store.Publish) error {
	shard := int(store.Shard(key.AOR))
	k, pub := &e.keys[shard], &p.Publication
	if p.IfMatch == "" && pub.TTL <= 0 {
		return nil
	}
	operation, ttl, body := "add", lifetime(pub.TTL), []byte(nil)
	switch {
	case p.IfMatch != "" && pub.TTL <= 0:
		operation = "remove"
	case p.IfMatch != "" && pub.Body == nil:
		operation = "refresh"
	case p.IfMatch != "":
		operation, body = "modify", packBody(pub)
	default:
		body = packBody(pub)
	}
	member := memberOf(key)
	name := "pub:" + member
	answer, err := e.run(ctx, shard, publishScript,
		[]string{k.base + name, k.changes, k.expiry, k.counts},
		member, name, k.base, operation, p.IfMatch, pub.ID, pub.Tag, ttl, p.Limit, body)
	if err != nil {
		return err
	}
	result, ok := answer.(int64)
	switch {
	case !ok || result < 0:
		return away(fmt.Errorf("%w: publish answered %v", errMalformed, answer))
	case result == 1:
		return store.ErrNoMatch
	case result == 2:
		return store.ErrLimit
	case result > 2:
		e.feed.told(shard, member, store.Version(result))
	}
	if operation != "remove" {
		e.expiry.due(shard, pub.TTL)
	}
	return nil
}

// Publications are all live publications of a key at one version. A key that
// had state when it was last seen, and lost it with Redis, is ErrUnavailable
// until the grace period is over.
func (e *Engine) Publications(ctx context.Context, key store.Key) (store.Publications, error) {
	shard := int(store.Shard(key.AOR))
	k, member := &e.keys[shard], memberOf(key)
	name := "pub:" + member
	answer, err := e.run(ctx, shard, readPublicationsScript,
		[]string{k.base + name, k.changes, k.expiry, k.counts}, member, name, k.base)
	if err != nil {
		return store.Publications{}, err
	}
	r := newReply(answer)
	all := store.Publications{Version: store.Version(r.number())}
	for r.more() {
		p := store.Publication{ID: r.text(), Tag: r.text(), TTL: micros(r.number()), Order: uint64(r.number())}
		if !unpackBody(&p, r.text()) {
			r.failed = true
		}
		all.List = append(all.List, p)
	}
	if r.failed {
		return store.Publications{}, away(fmt.Errorf("%w: publications", errMalformed))
	}
	if all.Version == 0 {
		return all, e.lostState(ctx, shard, member)
	}
	return all, nil
}

func packBody(p *store.Publication) []byte {
	b := make([]byte, 0, len(p.ContentType)+len(p.Source)+len(p.UserAgent)+len(p.Body)+4*binary.MaxVarintLen16)
	b = appendString(b, p.ContentType)
	b = appendString(b, p.Source)
	b = appendString(b, p.UserAgent)
	return append(b, p.Body...)
}

func unpackBody(p *store.Publication, packed string) bool {
	u := unpacker{rest: packed}
	p.ContentType, p.Source, p.UserAgent = u.text(), u.text(), u.text()
	p.Body = []byte(u.rest)
	return !u.failed
}

// memberOf names a key in the change index. A package has no colon in it.
func memberOf(key store.Key) string { return key.Package + ":" + key.AOR }
