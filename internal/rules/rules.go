// Package rules keeps the rules that are in force: the documents of
// presentities and watchers, parsed, for whoever decides by them. It knows when
// one has changed, at whichever agent, and says so.
//
// What it promises about documents that cannot be had:
//
//   - One that does not parse never comes into force. The last good one stays;
//     where there is none it is as if the document closed every door: nobody is
//     allowed, nobody is delegated, the watcher is hidden. Its reason is logged
//     once.
//   - One that is gone, and of which nobody said that it was deleted, was lost
//     with the store: Redis was emptied, or failed over to an older copy. The
//     last one known stays in force here until the next change, or until this
//     process ends or needs its room.
//   - While the store is away the last one known stays in force. Where nothing
//     is known the store's error is returned: nobody is let in by guesswork.
//     What could not be read is read again until it can be.
//
// Writing documents is not its business, nor is what they mean: package policy
// says that.
package rules

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"presenced/internal/store"
	"presenced/internal/table"
	"presenced/pidf"
	"presenced/policy"
)

// Names of the documents in the store: their application usages (RFC 4825
// s.5.1).
const (
	NameAccess     = "pres-rules"                 // RFC 5025 s.9.1
	NameVisibility = "presenced.visibility-rules" // our own
	NameDelegation = "presenced.delegation"       // our own
	NamePresence   = "pidf-manipulation"          // RFC 4827 s.4
)

// Documents is where documents are.
type Documents interface {
	// Document returns one; store.ErrNotFound where there is none.
	Document(ctx context.Context, aor, name string) (store.Document, error)
	// DocumentChanged blocks until a document has changed, at any agent: at
	// least once each, coalesced. Two empty names: any may have changed.
	DocumentChanged(ctx context.Context) (aor, name string, err error)
}

// Config is what a Cache needs.
type Config struct {
	Store Documents
	Size  int // bytes of documents that are kept, about
	Log   *slog.Logger
	// Changed is called once the document that is asked for is the new one;
	// with two empty names, any may be. It may block.
	Changed func(ctx context.Context, aor, name string)
	// Operator says who may do for every principal what a delegate may. Nil:
	// nobody.
	Operator func(aor string) bool
	// MayHide says whether watchers may hide from watcher information. Nil:
	// they may.
	MayHide func() bool
	// Sphere is that of an address-of-record (RFC 5025 s.3.1.2). Nil: unknown.
	Sphere func(ctx context.Context, aor string) (string, error)
}

// Cache keeps parsed documents, the most recently asked for, and remembers who
// has none.
type Cache struct {
	Config
	mu      sync.Mutex
	entries table.Table[key, entry]
	order   recency
	size    int           // of all entries
	era     uint64        // rises when any document may have changed
	overdue map[key]bool  // entries that could not be read
	late    chan struct{} // there is an overdue one
	counts  counts
}

// New makes an empty cache.
func New(c Config) *Cache {
	return &Cache{Config: c, entries: table.New(func(e *entry) key { return e.key }),
		overdue: map[key]bool{}, late: make(chan struct{}, 1)}
}

// Access returns a presentity's access rules; nil where it has no document.
func (c *Cache) Access(ctx context.Context, presentity string) (*policy.Rules, error) {
	v, err := c.get(ctx, key{presentity, NameAccess})
	rules, _ := v.(*policy.Rules)
	return rules, err
}

// Visibility returns a watcher's visibility rules; nil where it has no
// document.
func (c *Cache) Visibility(ctx context.Context, watcher string) (*policy.Visibility, error) {
	v, err := c.get(ctx, key{watcher, NameVisibility})
	rules, _ := v.(*policy.Visibility)
	return rules, err
}

// Delegation returns whom a principal has delegated; nil where it has no
// document.
func (c *Cache) Delegation(ctx context.Context, principal string) (*policy.Delegation, error) {
	v, err := c.get(ctx, key{principal, NameDelegation})
	rules, _ := v.(*policy.Delegation)
	return rules, err
}

// Presence returns a presentity's hard state, the same document until it
// changes; nil where it has none, or none that is well-formed.
func (c *Cache) Presence(ctx context.Context, presentity string) (*pidf.Document, error) {
	v, err := c.get(ctx, key{presentity, NamePresence})
	doc, _ := v.(*pidf.Document)
	return doc, err
}

// Invalidate has a document read again when it is next asked for; with two
// empty names, any. Run does so for every change; who has just stored one does
// so before it says that it has.
func (c *Cache) Invalidate(aor, name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if aor == "" && name == "" {
		c.era++
		return
	}
	if e := c.entries.Get(key{aor, name}); e != nil {
		e.era, e.pause, e.named = stale, time.Time{}, true
		e.flight = nil // what is being read may be the old one
	}
}

// Forget lets go of who has no document and was not asked for since the call
// before. Documents stay: they may be all that is left of them.
func (c *Cache) Forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for p := c.order.Back(); p != nil; {
		e := p.Value.(*entry)
		if e.round == c.order.round { // and so were all before it
			break
		}
		p = p.Prev()
		if c.absent(e) {
			c.forget(e)
		}
	}
	c.order.round++
}

// Stats are counters since the start, and what is kept now.
type Stats struct {
	Entries, Bytes        int
	Loads, Failed, Broken uint64 // reads of the store; those that failed; documents that do not parse
	Lost                  uint64 // documents that went without being deleted
}

// Stats returns the present values.
func (c *Cache) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	return Stats{Entries: c.entries.Len(), Bytes: c.size, Loads: c.counts.loads, Failed: c.counts.failed, Broken: c.counts.broken, Lost: c.counts.lost}
}

type counts struct{ loads, failed, broken, lost uint64 }
