package embedded

import (
	"fmt"
	"sync"

	"go.etcd.io/bbolt"

	"presenced/internal/store"
)

// documentBucket has documentKey -> tag and body.
var documentBucket = []byte("document")

// documentIndex is which documents there are: most presentities have none, and
// that must cost no look at the disk. It names at least those that are stored
// and answered.
type documentIndex struct {
	mu    sync.RWMutex
	known map[string]struct{} // documentKey
}

func (x *documentIndex) has(key []byte) bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	_, ok := x.known[string(key)]
	return ok
}

func (d *diskDurable) countDocuments() int {
	d.documents.mu.RLock()
	defer d.documents.mu.RUnlock()
	return len(d.documents.known)
}

// load reads the keys of the bucket.
func (x *documentIndex) load(bucket *bbolt.Bucket) {
	x.known = make(map[string]struct{})
	cursor := bucket.Cursor()
	for key, _ := cursor.First(); key != nil; key, _ = cursor.Next() {
		x.known[string(key)] = struct{}{}
	}
}

// follow makes the index what the database says of a key. It looks there again
// with the index locked: writes of one key may come here in another order than
// they were made in.
func (x *documentIndex) follow(db *bbolt.DB, key []byte) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	return db.View(func(tx *bbolt.Tx) error {
		if tx.Bucket(documentBucket).Get(key) == nil {
			delete(x.known, string(key))
		} else {
			x.known[string(key)] = struct{}{}
		}
		return nil
	})
}

func (d *diskDurable) document(aor, name string) (doc store.Document, err error) {
	key := documentKey(aor, name)
	if !d.documents.has(key) {
		return store.Document{}, store.ErrNotFound
	}
	err = d.db.View(func(tx *bbolt.Tx) error {
		value := tx.Bucket(documentBucket).Get(key)
		if value == nil {
			return store.ErrNotFound
		}
		doc, err = unpackDocument(aor, name, value)
		return err
	})
	return doc, away(err)
}

// storedTag is the entity-tag of what is stored, or "".
func storedTag(value []byte) string { return (&fields{rest: value}).string() }

func (d *diskDurable) putDocument(doc store.Document, ifMatch string) error {
	key, value := documentKey(doc.AOR, doc.Name), packDocument(doc)
	err := d.db.Batch(func(tx *bbolt.Tx) error {
		bucket := tx.Bucket(documentBucket)
		stored := bucket.Get(key)
		switch tag := storedTag(stored); {
		case tag == doc.Tag:
			return nil
		case !store.Holds(ifMatch, tag):
			return store.ErrNoMatch
		}
		return bucket.Put(key, value)
	})
	if err == nil {
		err = d.documents.follow(d.db, key)
	}
	return away(err)
}

func (d *diskDurable) deleteDocument(aor, name, ifMatch string) error {
	key := documentKey(aor, name)
	err := d.db.Batch(func(tx *bbolt.Tx) error {
		bucket := tx.Bucket(documentBucket)
		stored := bucket.Get(key)
		switch {
		case stored == nil:
			return store.ErrNotFound
		case !store.Holds(ifMatch, storedTag(stored)):
			return store.ErrNoMatch
		}
		return bucket.Delete(key)
	})
	if err == nil {
		err = d.documents.follow(d.db, key)
	}
	return away(err)
}

func packDocument(d store.Document) []byte {
	b := make([]byte, 0, len(d.Tag)+len(d.Body)+16)
	return appendBytes(appendString(b, d.Tag), d.Body)
}

// unpackDocument copies out of value, which is the database's.
func unpackDocument(aor, name string, value []byte) (store.Document, error) {
	f := &fields{rest: value}
	d := store.Document{AOR: aor, Name: name, Tag: f.string(), Body: f.bytes()}
	if f.err != nil {
		return store.Document{}, fmt.Errorf("document %q of %q: %w", name, aor, f.err)
	}
	return d, nil
}
