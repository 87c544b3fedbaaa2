package redis

import (
	"context"
	"fmt"
	"strings"
	"sync"

	goredis "github.com/redis/go-redis/v9"

	"presenced/internal/store"
)

// documents hears of documents that change. A change stands in the change index
// as "/<name>:<aor>", so that what no hint told is found there by the sweep.
type documents struct {
	news *store.News

	mu    sync.Mutex
	heard map[string]store.Version // by member
}

const maxHeard = 1 << 12 // members whose last version is known; a change of one that is not may be told twice

func newDocuments() *documents {
	return &documents{news: store.NewNews(), heard: make(map[string]store.Version)}
}

// hint takes a hint or an entry of the change index, if it is about a document.
func (d *documents) hint(member string, version store.Version) {
	key, ok := strings.CutPrefix(member, "/")
	if !ok {
		return
	}
	name, aor, ok := strings.Cut(key, ":")
	if !ok {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.heard[member] >= version {
		return
	}
	if len(d.heard) >= maxHeard {
		clear(d.heard)
	}
	d.heard[member] = version
	d.news.Tell(aor, name)
}

func documentMember(aor, name string) string { return "/" + name + ":" + aor }

// Document is the stored one, or ErrNotFound.
func (e *Engine) Document(ctx context.Context, aor, name string) (store.Document, error) {
	shard := int(store.Shard(aor))
	fields := goredis.NewSliceCmd(ctx, "hmget", e.documentKey(shard, aor, name), "t", "b")
	if err := e.do(ctx, shard, fields); err != nil {
		return store.Document{}, err
	}
	r := &reply{rest: fields.Val()}
	if len(r.rest) == 2 && r.rest[0] == nil {
		return store.Document{}, store.ErrNotFound
	}
	d := store.Document{AOR: aor, Name: name, Tag: r.text(), Body: []byte(r.text())}
	if r.failed {
		return store.Document{}, away(fmt.Errorf("%w: document %q of %s", errMalformed, name, aor))
	}
	return d, nil
}

// PutDocument stores a document in place of the one with its AOR and Name,
// where ifMatch holds; else ErrNoMatch. ErrRisk where Redis would not keep it
// through a power cut and the operator has not accepted that.
func (e *Engine) PutDocument(ctx context.Context, d store.Document, ifMatch string) error {
	if err := d.Check(); err != nil {
		return err
	}
	return e.writeDocument(ctx, putDocumentScript, d.AOR, d.Name, nil, ifMatch, d.Tag, d.Body)
}

// DeleteDocument removes a document where ifMatch holds. ErrNotFound,
// ErrNoMatch, ErrRisk.
func (e *Engine) DeleteDocument(ctx context.Context, aor, name, ifMatch string) error {
	return e.writeDocument(ctx, deleteDocumentScript, aor, name, store.ErrNotFound, ifMatch)
}

// writeDocument runs a script that changes a document. unchanged is what it
// means that there was nothing to do.
func (e *Engine) writeDocument(ctx context.Context, s *script, aor, name string, unchanged error, own ...any) error {
	if err := e.onDisk(ctx); err != nil {
		return err
	}
	shard, member := int(store.Shard(aor)), documentMember(aor, name)
	k := &e.keys[shard]
	answer, err := e.run(ctx, shard, s, []string{e.documentKey(shard, aor, name), k.changes, k.expiry},
		append([]any{k.base, member}, own...)...)
	if err != nil {
		return err
	}
	switch version, ok := answer.(int64); {
	case !ok || version < 0:
		return away(fmt.Errorf("%w: document answered %v", errMalformed, answer))
	case version == 0:
		return unchanged
	case version == 1:
		return store.ErrNoMatch
	default:
		e.documents.hint(member, store.Version(version))
		return nil
	}
}

func (e *Engine) documentKey(shard int, aor, name string) string {
	return e.keys[shard].base + "doc:" + name + ":" + aor
}

// DocumentChanged blocks until a document was put or deleted by any agent, and
// returns which one; "", "" when the hints were interrupted or Redis may have
// lost state: then every document may have changed. The error is the context's,
// or ErrUnavailable once the engine is closed.
func (e *Engine) DocumentChanged(ctx context.Context) (aor, name string, err error) {
	return e.documents.news.Next(ctx)
}
