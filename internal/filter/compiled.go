package filter

import "sync"

// maxCompiled bounds the keys of all filters that are kept compiled, in bytes; a
// compiled filter takes some ten times its key.
const maxCompiled = 256 << 10

// compiled has the filters that documents were filtered with of late.
var compiled cache

// cache is filters by key. It forgets all when it is full: what is still in use
// is compiled once more.
type cache struct {
	mu      sync.RWMutex
	filters map[string]*Filter
	size    int // bytes of keys
}

func (c *cache) get(key string) *Filter {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.filters[key]
}

func (c *cache) put(f *Filter) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.filters[f.key] != nil {
		return
	}
	if c.size += len(f.key); c.filters == nil || c.size > maxCompiled {
		c.filters, c.size = make(map[string]*Filter), len(f.key)
	}
	c.filters[f.key] = f
}
