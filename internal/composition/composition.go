// Package composition makes one presence document of all that is known of a
// presentity (RFC 3856 s.6.11, RFC 4479 s.3): its publications, its hard state
// (RFC 4827 s.3), and, where no service that is published is open, whether a
// program is registered that publishes nothing. The rules of the merge are
// pidf.Composition's. It keeps for a while what it has composed, and asks who
// watches for theirs, so that a document is made once per version, and so that
// it can still be read while the store is away.
package composition

import (
	"container/list"
	"context"
	"errors"
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

// Registrations is where inboxes are registered.
type Registrations interface {
	// Bindings returns all live ones of an inbox; none is no error.
	Bindings(ctx context.Context, aor string) (store.Registration, error)
}

// HardState is what presentities say of themselves whether or not a device of
// theirs publishes.
type HardState interface {
	// Presence returns a presentity's document, the same one until it changes;
	// nil where there is none.
	Presence(ctx context.Context, aor string) (*pidf.Document, error)
}

// Config is what a Composer composes of.
type Config struct {
	Publications  Publications
	Registrations Registrations // nil: being registered says nothing
	HardState     HardState     // nil: there is none
	Capacity      int           // documents that are kept at most
	// Watched returns the document that watchers of key have been told, nil where
	// nobody watches: it need not be kept here as long as it is there. It is asked
	// for where none is kept. Nil: there are no watchers.
	Watched func(key store.Key) *Document
}

// Document is a composed presence document. What it says does not change.
type Document struct {
	Version store.Version // of the publications
	// Registered is the version of the registration, where it bears on the
	// document.
	Registered *store.Version
	// Until is when the document is another one although nothing changes, by
	// the agent's clock; zero: never.
	Until  time.Time
	Entity string // the presentity's address-of-record
	Bytes  []byte
	Hash   uint64 // equal documents have equal hashes, in every process; never 0
	// Sphere is the presentity's, in lower case; "" where it is undefined (RFC
	// 5025 s.3.1.2).
	Sphere string

	hard  *pidf.Document
	views views
}

// Composer composes documents and keeps the latest ones.
type Composer struct {
	Config

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

// New makes a composer that has composed nothing yet.
func New(c Config) *Composer {
	c.Capacity = max(c.Capacity, 1)
	return &Composer{Config: c, kept: table.New(func(e *entry) store.Key { return e.key })}
}

// Document is the present document of key. While the store is away it is the
// last one composed, if it is still kept; else store.ErrUnavailable. That of a
// presentity without publications is made each time, and not kept: there would
// be one for each address that anybody ever subscribed to.
func (c *Composer) Document(ctx context.Context, key store.Key) (*Document, error) {
	have, kept := c.get(key)
	if !kept && c.Watched != nil {
		have = c.Watched(key)
	}
	f, err := c.gather(ctx, key, have)
	if err == nil && have != nil && f.are(have) {
		return have, nil
	}
	var doc *Document
	if err == nil {
		doc, err = f.compose(ctx)
	}
	switch {
	case errors.Is(err, store.ErrUnavailable) && have != nil:
		return have, nil
	case err != nil:
		return nil, err
	case len(f.pubs.List) > 0:
		c.put(key, doc)
	case have != nil:
		c.drop(key)
	}
	return doc, nil
}

func (c *Composer) get(key store.Key) (doc *Document, kept bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.kept.Get(key)
	if e == nil {
		return nil, false
	}
	c.use(e)
	return e.doc, true
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
	if c.order.Len() > c.Capacity {
		c.forget(c.oldest())
	}
}

// Forget lets go of the documents that nobody has asked for within idle: those
// that are watched are still to be had.
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
