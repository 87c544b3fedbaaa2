package redis

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"

	"presenced/internal/store"
)

// What a PUBLISH does, as the script is told.
const (
	add     = '+'
	modify  = '='
	refresh = '>'
	remove  = '-'
)

// Publish makes one PUBLISH (RFC 3903 s.6) as one step.
func (e *Engine) Publish(ctx context.Context, key store.Key, p store.Publish) error {
	shard := int(store.Shard(key.AOR))
	pub := &p.Publication
	if p.IfMatch == "" && pub.TTL <= 0 {
		return nil
	}
	operation, member := operationOf(p), memberOf(key)
	answer, err := e.runCall(ctx, shard, publishScript, e.publishCall(shard, member, operation, p))
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
	if operation != remove {
		e.expiry.due(shard, pub.TTL)
	}
	return nil
}

func operationOf(p store.Publish) byte {
	switch {
	case p.IfMatch == "":
		return add
	case p.Publication.TTL <= 0:
		return remove
	case p.Publication.Body == nil:
		return refresh
	}
	return modify
}

func (e *Engine) publishCall(shard int, member string, operation byte, p store.Publish) call {
	k, body := &e.keys[shard], []byte(nil)
	if operation == add || operation == modify {
		body = packBody(&p.Publication)
	}
	return call{
		keys:   []string{k.base + "pub:" + member, k.changes, k.base + "watch:" + member},
		packed: e.packPublish(operation, member, p),
		own:    []any{body},
	}
}

// packPublish packs all that publish.lua is told but the body: each argument
// of its own costs Redis time.
func (e *Engine) packPublish(operation byte, member string, p store.Publish) []byte {
	pub := &p.Publication
	texts := [...]string{member, p.IfMatch, pub.ID, pub.Tag}
	size := 40 // of the numbers, and of the lengths
	for _, text := range texts {
		size += 4 + len(text)
	}
	b := e.packedClock(make([]byte, 0, size))
	b = binary.BigEndian.AppendUint64(b, uint64(lifetime(pub.TTL)))
	b = binary.BigEndian.AppendUint32(b, uint32(min(max(p.Limit, 0), math.MaxInt32)))
	b = append(b, operation)
	for _, text := range texts {
		b = binary.BigEndian.AppendUint32(b, uint32(len(text)))
		b = append(b, text...)
	}
	return b
}

// Publications are all live publications of a key at one version. A key that
// had state when it was last seen, and lost it with Redis, is store.ErrLost
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
