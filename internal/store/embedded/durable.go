package embedded

import (
	"errors"
	"maps"
	"slices"
	"sync"

	"presenced/internal/store"
)

// durable keeps what must be on disk before it is answered. Errors of the disk
// are ErrUnavailable.
type durable interface {
	principal(aor string) (store.Principal, error) // ErrNotFound
	putPrincipal(p store.Principal) error
	deletePrincipal(aor string) error // ErrNotFound
	principals() ([]store.Principal, error)
	countPrincipals() int
	countDocuments() int
	secrets(name string) ([]secret, error) // newest first
	addSecret(name string, s secret, keep int, ifNewest uint32) error
	document(aor, name string) (store.Document, error)  // ErrNotFound
	putDocument(d store.Document, ifMatch string) error // ErrNoMatch
	deleteDocument(aor, name, ifMatch string) error     // ErrNotFound, ErrNoMatch
	close() error
}

var errNoAOR = errors.New("store: a principal without an address-of-record")

// memoryDurable is the durable state of an engine without files.
type memoryDurable struct {
	mu    sync.Mutex
	known map[string]store.Principal
	keys  map[string][]secret
	docs  map[string]store.Document // by documentKey
}

func newMemoryDurable() *memoryDurable {
	return &memoryDurable{
		known: make(map[string]store.Principal), keys: make(map[string][]secret), docs: make(map[string]store.Document),
	}
}

func (m *memoryDurable) principal(aor string) (store.Principal, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p, ok := m.known[aor]
	if !ok {
		return store.Principal{}, store.ErrNotFound
	}
	return clonePrincipal(p), nil
}

func (m *memoryDurable) putPrincipal(p store.Principal) error {
	if p.AOR == "" {
		return errNoAOR
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.known[p.AOR] = clonePrincipal(p)
	return nil
}

func (m *memoryDurable) deletePrincipal(aor string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.known[aor]; !ok {
		return store.ErrNotFound
	}
	delete(m.known, aor)
	return nil
}

func (m *memoryDurable) principals() ([]store.Principal, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := make([]store.Principal, 0, len(m.known))
	for _, aor := range slices.Sorted(maps.Keys(m.known)) {
		list = append(list, clonePrincipal(m.known[aor]))
	}
	return list, nil
}

func (m *memoryDurable) countPrincipals() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.known)
}

func (m *memoryDurable) countDocuments() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.docs)
}

func (m *memoryDurable) secrets(name string) ([]secret, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.keys[name], nil
}

func (m *memoryDurable) addSecret(name string, s secret, keep int, ifNewest uint32) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.keys[name] = rotate(m.keys[name], s, keep, ifNewest)
	return nil
}

func (m *memoryDurable) document(aor, name string) (store.Document, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	d, ok := m.docs[string(documentKey(aor, name))]
	if !ok {
		return store.Document{}, store.ErrNotFound
	}
	return d, nil
}

func (m *memoryDurable) putDocument(d store.Document, ifMatch string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := string(documentKey(d.AOR, d.Name))
	switch stored := m.docs[key].Tag; {
	case stored == d.Tag:
	case !store.Holds(ifMatch, stored):
		return store.ErrNoMatch
	default:
		m.docs[key] = d
	}
	return nil
}

func (m *memoryDurable) deleteDocument(aor, name, ifMatch string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := string(documentKey(aor, name))
	d, ok := m.docs[key]
	switch {
	case !ok:
		return store.ErrNotFound
	case !store.Holds(ifMatch, d.Tag):
		return store.ErrNoMatch
	}
	delete(m.docs, key)
	return nil
}

func (m *memoryDurable) close() error { return nil }

func clonePrincipal(p store.Principal) store.Principal {
	p.HA1 = maps.Clone(p.HA1)
	return p
}
