// Package store holds the records of a presence agent and the few errors that
// an engine answers with. The interfaces stand with their users; the engines
// (store/embedded, store/redis) implement them all, and storetest is one suite
// for every engine.
//
// The engine owns the clock: callers give and get durations, never times.
// Every method may return ErrUnavailable, after which the caller does not know
// whether the call took effect; ids and entity-tags are chosen by the caller,
// so that the same call can be made again.
//
// Two promises. Soft state (publications, subscriptions, bindings) outlives
// the death of the agent's process at any instant after the answer; a power
// cut or a fail-over may forget the last moments, and the protocol heals.
// Durable state (principals, secrets) is answered only when it is on disk.
//
// A lapse is one atomic step: the record is gone and the version of its key is
// another one, both at once. No read shows a record at or after its deadline.
package store

import (
	"errors"
	"fmt"
	"strings"
)

// Sentinel errors of every engine. They may come wrapped: test with errors.Is.
var (
	ErrNotFound    = errors.New("store: not found")
	ErrNoMatch     = errors.New("store: entity-tag does not match")       // RFC 3903 s.6: 412
	ErrLimit       = errors.New("store: limit reached")                   // a quota of this presentity or inbox
	ErrConflict    = errors.New("store: changed meanwhile")               // compare-and-set lost: load and try again
	ErrFenced      = errors.New("store: owned by another agent")          // a subscription that was claimed elsewhere
	ErrUnavailable = errors.New("store: away")                            // 503 with Retry-After
	ErrLost        = fmt.Errorf("%w: its state was lost", ErrUnavailable) // of a key, and may be published again: no entity-tag matches
	ErrRisk        = errors.New("store: would not survive a power cut")   // durable state without a disk behind it: 503
)

// Key names one thing that can be watched: the state of an event package for
// an address-of-record.
type Key struct {
	AOR     string // canonical, as sip.AOR writes it
	Package string // "presence", "registration", "presence.winfo"
}

const winfo = ".winfo"

// Winfo is the key under which the watchers of k are watched (RFC 3857 s.3).
// Its version is another one whenever a subscription to k is added, put with
// another Standing, deleted, or lapses. An engine keeps it only while somebody
// watches it or has read it lately: who comes back with an older one is told,
// though nothing may have changed.
func (k Key) Winfo() Key { return Key{k.AOR, k.Package + winfo} }

// Inner is the key whose watchers k is about. ok is false where k is about
// none.
func (k Key) Inner() (inner Key, ok bool) {
	pkg, ok := strings.CutSuffix(k.Package, winfo)
	return Key{k.AOR, pkg}, ok && pkg != ""
}

// Version is opaque: only equality means something. 0 is the version of what
// was never stored; an engine may give 0 again for a key that was emptied.
// Any other version never comes back for its key, not even after the key was
// emptied and forgotten: engines use max(previous + 1, now in microseconds).
type Version uint64

// Shards is the number of logical shards; every record of an
// address-of-record lives in one.
const Shards = 256

// Shard is the shard of an address-of-record: its FNV-1a hash, folded.
func Shard(aor string) uint8 {
	const offset, prime = 2166136261, 16777619
	h := uint32(offset)
	for i := range len(aor) {
		h ^= uint32(aor[i])
		h *= prime
	}
	return uint8(h ^ h>>8 ^ h>>16 ^ h>>24)
}
