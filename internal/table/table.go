// Package table is a hash table for what comes and goes in storms: hundreds of
// thousands of subscriptions at once, and an hour later none. A Go map never
// becomes smaller, and takes about 40 bytes a record beside the record; a
// Table gives memory back as records go, and takes about 17.
//
// Records carry their own keys. The table is two arrays of the same length, a
// power of two: a part of the key's hash, 0 where the place is free, and the
// record. A record stands at the first place from its hash on that was free
// (linear probing). When one is removed, those behind it move up, so that no
// free place comes between a record and the place where the search for it
// begins.
//
// A Table is not safe for concurrent use.
package table

import (
	"hash/maphash"
	"iter"
)

// Table holds records by key. Use New.
type Table[K comparable, R any] struct {
	keyOf   func(*R) K
	hashes  []uint32
	records []*R
	count   int
}

const smallest = 8 // places

var seed = maphash.MakeSeed()

// New makes an empty table. keyOf is the key of a record; it must not change
// while the record is in the table.
func New[K comparable, R any](keyOf func(*R) K) Table[K, R] {
	return Table[K, R]{keyOf: keyOf}
}

// Len is the number of records.
func (t *Table[K, R]) Len() int { return t.count }

// Get is the record with that key, or nil.
func (t *Table[K, R]) Get(key K) *R {
	if t.count == 0 {
		return nil
	}
	if i, found := t.find(key, hashOf(key)); found {
		return t.records[i]
	}
	return nil
}

// Put adds a record, in place of the one with its key.
func (t *Table[K, R]) Put(r *R) {
	if 8*(t.count+1) > 7*len(t.records) {
		t.resize(max(smallest, 2*len(t.records)))
	}
	key := t.keyOf(r)
	hash := hashOf(key)
	i, found := t.find(key, hash)
	if !found {
		t.count++
	}
	t.hashes[i], t.records[i] = hash, r
}

// Delete removes the record with that key, if there is one.
func (t *Table[K, R]) Delete(key K) {
	if t.count == 0 {
		return
	}
	i, found := t.find(key, hashOf(key))
	if !found {
		return
	}
	t.vacate(i)
	t.count--
	switch {
	case t.count == 0:
		t.hashes, t.records = nil, nil
	case 4*t.count < len(t.records) && len(t.records) > smallest:
		t.resize(len(t.records) / 2)
	}
}

// All yields every record, in no order. The table must not change meanwhile.
func (t *Table[K, R]) All() iter.Seq[*R] {
	return func(yield func(*R) bool) {
		for _, r := range t.records {
			if r != nil && !yield(r) {
				return
			}
		}
	}
}

func hashOf[K comparable](key K) uint32 { return max(uint32(maphash.Comparable(seed, key)), 1) }

// find is the place of the key, or the free one where it belongs. At least one
// place in eight is free.
func (t *Table[K, R]) find(key K, hash uint32) (place int, found bool) {
	mask := len(t.hashes) - 1
	for i := int(hash) & mask; ; i = (i + 1) & mask {
		switch t.hashes[i] {
		case 0:
			return i, false
		case hash:
			if t.keyOf(t.records[i]) == key {
				return i, true
			}
		}
	}
}

// vacate frees a place, and moves up what was put behind it for want of it.
func (t *Table[K, R]) vacate(free int) {
	mask := len(t.hashes) - 1
	for i := (free + 1) & mask; t.hashes[i] != 0; i = (i + 1) & mask {
		home := int(t.hashes[i]) & mask
		if (i-home)&mask >= (i-free)&mask { // its search passes the free place
			t.hashes[free], t.records[free] = t.hashes[i], t.records[i]
			free = i
		}
	}
	t.hashes[free], t.records[free] = 0, nil
}

func (t *Table[K, R]) resize(size int) {
	hashes, records := t.hashes, t.records
	t.hashes, t.records = make([]uint32, size), make([]*R, size)
	for from, hash := range hashes {
		if hash == 0 {
			continue
		}
		i := int(hash) & (size - 1)
		for t.hashes[i] != 0 {
			i = (i + 1) & (size - 1)
		}
		t.hashes[i], t.records[i] = hash, records[from]
	}
}

// Trim gives memory back that a list has had no use for since it has become
// much shorter: the same elements, in a smaller array where that is worth it.
func Trim[S ~[]E, E any](list S) S {
	const worth = 32 // elements
	switch {
	case cap(list) <= worth || len(list) > cap(list)/4:
		return list
	case len(list) == 0:
		return nil
	}
	return append(make(S, 0, 2*len(list)), list...)
}
