package rules

import (
	"context"
	"errors"
	"time"

	"presenced/internal/store"
)

// loadTime bounds one reading of the store. It does not end with the request
// that began it: others wait for it too.
const loadTime = 5 * time.Second

// get returns the rules of a document that are in force; nil where there is
// none.
func (c *Cache) get(ctx context.Context, k key) (any, error) {
	c.mu.Lock()
	e := c.entry(k)
	if e.known && (e.era == c.era || !e.pause.IsZero() && time.Now().Before(e.pause)) {
		defer c.mu.Unlock()
		return e.value, nil
	}
	f := e.flight
	if f != nil && f.era == c.era {
		c.mu.Unlock()
		return f.wait(ctx)
	}
	f = &flight{done: make(chan struct{}), era: c.era}
	e.flight = f
	c.mu.Unlock()
	c.load(ctx, e, f)
	return f.value, f.err
}

func (f *flight) wait(ctx context.Context) (any, error) {
	select {
	case <-f.done:
		return f.value, f.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// load reads the document of e, and lands f.
func (c *Cache) load(ctx context.Context, e *entry, f *flight) {
	defer close(f.done)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), loadTime)
	defer cancel()
	doc, err := c.Store.Document(ctx, e.key.aor, e.key.name)
	none := errors.Is(err, store.ErrNotFound)
	var value any
	var malformed error
	if err == nil {
		value, malformed = usages[e.key.name].parse(doc.Body)
	}

	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts.loads++
	switch {
	case err != nil && !none:
		c.fail(e, f, err)
		return
	case malformed != nil:
		value = c.refuse(e, doc.Tag, malformed)
	case none && e.value != nil && !e.named:
		value = c.miss(e)
	}
	f.value = value
	if e.flight != f { // it has changed again: what was read is for those who asked before
		return
	}
	e.flight, e.value, e.known, e.era, e.pause = nil, value, true, f.era, time.Time{}
	if e.named = false; !none {
		e.lost = false
	}
	if none && value != nil {
		return // it takes as much room as before
	}
	c.resize(e, overhead+len(e.key.aor)+2*len(doc.Body))
}

// retryPause is how long a known document is used before one that could not be
// read is tried again.
const retryPause = time.Second

// fail has what is known stay in force, and e read again later. The cache is
// locked.
func (c *Cache) fail(e *entry, f *flight, err error) {
	c.counts.failed++
	if e.flight == f {
		e.flight = nil
	}
	if f.value = e.value; !e.known {
		f.err = err
	} else {
		e.pause = time.Now().Add(retryPause)
	}
	if c.entries.Get(e.key) != e {
		return
	}
	c.overdue[e.key] = true
	select {
	case c.late <- struct{}{}:
	default:
	}
}

// refuse returns what is in force in place of a document that does not parse:
// the last good one. The cache is locked.
func (c *Cache) refuse(e *entry, tag string, reason error) any {
	if e.broken != tag {
		e.broken = tag
		c.counts.broken++
		c.Log.Warn("rules that cannot be read are not in force", "aor", e.key.aor, "document", e.key.name, "err", reason)
	}
	if e.value != nil {
		return e.value
	}
	return usages[e.key.name].closed
}

// miss returns what is in force in place of a document that was lost: the last
// one. The cache is locked.
func (c *Cache) miss(e *entry) any {
	if !e.lost {
		e.lost = true
		c.counts.lost++
		c.Log.Warn("rules are gone from the store, and nobody has deleted them: the last ones stay in force here", "aor", e.key.aor, "document", e.key.name)
	}
	return e.value
}

// The methods below are called with c locked.

// entry is that of a document, made where there is none.
func (c *Cache) entry(k key) *entry {
	e := c.entries.Get(k)
	if e == nil {
		e = &entry{key: k, era: stale}
		c.entries.Put(e)
		c.resize(e, overhead+len(k.aor))
	}
	c.order.use(e)
	return e
}

// resize notes how much room an entry takes, and makes room for it.
func (c *Cache) resize(e *entry, size int) {
	if c.entries.Get(e.key) != e { // it was forgotten while it was read
		return
	}
	c.order.use(e)
	c.size += size - e.size
	e.size = size
	for c.size > c.Size && c.entries.Len() > 1 {
		c.forget(c.order.oldest())
	}
}

// absent says whether all that e tells is that there is no document.
func (c *Cache) absent(e *entry) bool {
	return e.known && e.value == nil && e.flight == nil && !c.overdue[e.key]
}

func (c *Cache) forget(e *entry) {
	c.order.Remove(e.place)
	c.entries.Delete(e.key)
	delete(c.overdue, e.key)
	c.size -= e.size
}
