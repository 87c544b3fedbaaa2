package rules

import (
	"context"
	"sync"
	"time"
)

// Run follows the changes of documents until ctx ends.
func (c *Cache) Run(ctx context.Context) error {
	var wait sync.WaitGroup
	defer wait.Wait()
	wait.Go(func() { c.catchUp(ctx) })
	for {
		aor, name, err := c.Store.DocumentChanged(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		}
		c.Invalidate(aor, name)
		c.Changed(ctx, aor, name)
	}
}

// A document that could not be read is tried again, after twice as long each
// time.
const longestPause = 30 * time.Second

// catchUp reads what could not be read, until ctx ends.
func (c *Cache) catchUp(ctx context.Context) {
	for pause := retryPause; ; {
		if c.nextOverdue() == nil {
			pause = retryPause
			select {
			case <-c.late:
			case <-ctx.Done():
				return
			}
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
		if pause = min(2*pause, longestPause); c.readOverdue(ctx) {
			pause = retryPause
		}
	}
}

// readOverdue reads what is overdue until the store fails again; true where
// nothing is left.
func (c *Cache) readOverdue(ctx context.Context) bool {
	for e := c.nextOverdue(); e != nil; e = c.nextOverdue() {
		c.mu.Lock()
		e.pause = time.Time{}
		delete(c.overdue, e.key)
		c.mu.Unlock()
		if _, err := c.get(ctx, e.key); err != nil || c.isOverdue(e.key) {
			return false
		}
		c.Changed(ctx, e.key.aor, e.key.name)
	}
	return true
}

// nextOverdue is any of those that are overdue, nil where none is.
func (c *Cache) nextOverdue() *entry {
	c.mu.Lock()
	defer c.mu.Unlock()
	for k := range c.overdue {
		return c.entries.Get(k)
	}
	return nil
}

func (c *Cache) isOverdue(k key) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.overdue[k]
}
