package identity

import (
	"hash/maphash"
	"sync"
)

const recentShards = 16

// recent is a bounded map that remembers what was used last. Each shard has two generations: what is new or changed
// goes to the younger; when that is full, the elder is dropped and the younger takes its place. It is safe for
// concurrent use.
type recent[K comparable, V any] struct {
	seed   maphash.Seed
	half   int // entries in one generation of one shard
	shards [recentShards]recentShard[K, V]
}

type recentShard[K comparable, V any] struct {
	mu             sync.Mutex
	younger, elder map[K]V
}

// newRecent returns a map of at most that many entries, 32 at least.
func newRecent[K comparable, V any](entries int) *recent[K, V] {
	return &recent[K, V]{seed: maphash.MakeSeed(), half: max(1, entries/(2*recentShards))}
}

func (r *recent[K, V]) shard(key K) *recentShard[K, V] {
	return &r.shards[maphash.Comparable(r.seed, key)%recentShards]
}

// get returns the value of key, the zero value where there is none.
func (r *recent[K, V]) get(key K) V {
	s := r.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.get(key)
}

// update sets the value of key to what f makes of it. f runs under a lock and must not block.
func (r *recent[K, V]) update(key K, f func(V) V) {
	s := r.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	v := f(s.get(key))
	if _, here := s.younger[key]; !here && len(s.younger) >= r.half {
		s.elder, s.younger = s.younger, nil
	}
	if s.younger == nil {
		s.younger = make(map[K]V)
	}
	s.younger[key] = v
}

func (s *recentShard[K, V]) get(key K) V {
	if v, ok := s.younger[key]; ok {
		return v
	}
	return s.elder[key]
}
