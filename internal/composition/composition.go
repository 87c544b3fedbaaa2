// Package composition makes one presence document of a presentity's several
// publications (RFC 3856 s.6.11, RFC 4479 s.3): the rules of the merge are
// pidf.Compose's. It keeps what it has composed, so that a document is made
// once per version, and so that it can still be read while the store is away.
package composition

import (
	"container/list"
	"context"
	"errors"
	"math"
	"sync"
	"time"

	"presenced/internal/store"
	"presenced/internal/table"
	"presenced/pidf"
)

// Publications is where a presentity's publications are.
type Publications interface {
	// Publications returns all live ones of a key; none is no error.
	Publications(ctx context.Context, key store.Key) (store.Publications, error)
}

// Document is a composed presence document. What it says does not change.
type Document struct {
	Version store.Version
	Entity  string // the presentity's address-of-record
	Bytes   []byte
	Hash    uint64 // equal documents have equal hashes, in every process; never 0
	// Sphere is the presentity's, in lower case; "" where it is undefined (RFC
	// 5025 s.3.1.2).
	Sphere string

	views views
}

// Composer composes documents and keeps the latest ones.
type Composer struct {
	store    Publications
	capacity int

	mu    sync.Mutex
	kept  table.Table[store.Key, entry]
	order list.List // of *entry, most recently used first
}

type entry struct {
	key   store.Key
	doc   *Document
	place *list.Element // in order
	used  time.Time
}

// New makes a composer that keeps at most capacity documents.
func New(publications Publications, capacity int) *Composer {
	return &Composer{store: publications, capacity: max(capacity, 1),
		kept: table.New(func(e *entry) store.Key { return e.key })}
}

// Document is the present document of key. While the store is away it is the
// last one composed, if it is still kept; else store.ErrUnavailable. That of a
// presentity without publications is made each time, and not kept: there would
// be one for each address that anybody ever subscribed to.
func (c *Composer) Document(ctx context.Context, key store.Key) (*Document, error) {
	have := c.get(key)
	pubs, err := c.store.Publications(ctx, key)
	switch {
	case errors.Is(err, store.ErrUnavailable) && have != nil:
		return have, nil
	case err != nil:
		return nil, err
	case have != nil && have.Version == pubs.Version:
		return have, nil
	}
	doc := compose(key.AOR, pubs)
	if len(pubs.List) > 0 {
		c.put(key, doc)
	} else if have != nil {
		c.drop(key)
	}
	return doc, nil
}

// stored reads what was accepted: its size was judged then.
var stored = pidf.Reader{MaxSize: math.MaxInt32 / 2}

// compose makes the document. A publication that cannot be read any more
// counts as absent: it was read when it was accepted.
func compose(entity string, pubs store.Publications) *Document {
	sources := make([]pidf.Source, 0, len(pubs.List))
	for _, p := range pubs.List {
		doc := new(pidf.Document)
		if err := stored.Read(doc, p.Body); err != nil {
			continue
		}
		sources = append(sources, pidf.Source{Doc: doc, Device: p.Source + " " + p.UserAgent})
	}
	bytes := pidf.Compose(nil, entity, sources)
	return &Document{Version: pubs.Version, Entity: entity, Bytes: bytes, Hash: Hash(bytes), Sphere: sphereOf(sources)}
}

func (c *Composer) get(key store.Key) *Document {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.kept.Get(key)
	if e == nil {
		return nil
	}
	c.use(e)
	return e.doc
}

func (c *Composer) put(key store.Key, doc *Document) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.kept.Get(key); e != nil {
		e.doc = doc
		c.use(e)
		return
	}
	e := &entry{key: key, doc: doc, used: time.Now()}
	e.place = c.order.PushFront(e)
	c.kept.Put(e)
	if c.order.Len() > c.capacity {
		c.forget(c.oldest())
	}
}

// Forget drops the documents that nobody has asked for within idle: whoever
// watches has the document already.
func (c *Composer) Forget(idle time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.order.Len() > 0 && time.Since(c.oldest().used) >= idle {
		c.forget(c.oldest())
	}
}

func (c *Composer) drop(key store.Key) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.kept.Get(key); e != nil {
		c.forget(e)
	}
}

// The methods below are called with c locked.

func (c *Composer) oldest() *entry { return c.order.Back().Value.(*entry) }

func (c *Composer) use(e *entry) {
	e.used = time.Now()
	c.order.MoveToFront(e.place)
}

func (c *Composer) forget(e *entry) {
	c.order.Remove(e.place)
	c.kept.Delete(e.key)
}
