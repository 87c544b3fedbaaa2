package store

import "time"

// Watchers is all that is known of who watches a key: WATCHER INFORMATION by
// RFC 2778 s.2.5, fetchers and watchers of the recent past included.
type Watchers struct {
	Version       Version        // of key.Winfo()
	Subscriptions []Subscription // live ones, in no order
	Visits        []Visit        // newest first
}

// Visit is the recent past of one watcher of a key: its fetches, and its
// subscriptions that have ended. Soft state. It changes no version: a fetch
// tells nobody (RFC 3857 s.4.3).
//
// A key has one record per watcher. To write a visit is to merge it into the
// stored one: Fetches and Subscriptions are added, Ended goes before what is
// there, each ID once. Of Display, Last and TTL the later visit's count, that
// with the smaller Last at this moment; with equal ones the one written.
//
// A key keeps as many watchers as the limit of the write says; the stalest go.
// A visit with a lifetime of 0 or less is not written.
type Visit struct {
	Watcher       string        // address-of-record; "" for the anonymous ones together
	Display       string        // display name
	Fetches       uint32        // how often it fetched
	Subscriptions uint32        // how many of its subscriptions have ended
	Last          time.Duration // how long ago that was last
	Ended         []Ended       // the last few, newest first, at most MaxEnded
	TTL           time.Duration // granted when written, remaining when read
}

// Ended is a subscription that is no more.
type Ended struct {
	ID    string
	Event uint8 // that ended it (RFC 3857 s.4.7.1), packed by the notifier
}

// MaxEnded is how many ended subscriptions a visit names.
const MaxEnded = 4

// EndedKept is how long a visit names all of them. When another ends later, an
// engine may forget those before it: the next watcherinfo documents have told
// of them.
const EndedKept = 10 * time.Minute

// Merge is the record that a stored visit becomes when v is written; both are
// of one watcher and one moment.
func (v Visit) Merge(stored Visit) Visit {
	merged := stored
	if v.Last <= stored.Last {
		merged.Display, merged.Last, merged.TTL = v.Display, v.Last, v.TTL
	}
	merged.Fetches = add(stored.Fetches, v.Fetches)
	merged.Subscriptions = add(stored.Subscriptions, v.Subscriptions)
	merged.Ended = nil
	for _, list := range [][]Ended{v.Ended, stored.Ended} {
		for _, ended := range list {
			if len(merged.Ended) < MaxEnded && !names(merged.Ended, ended.ID) {
				merged.Ended = append(merged.Ended, ended)
			}
		}
	}
	return merged
}

// add is the sum, or the most that there is room for.
func add(a, b uint32) uint32 {
	if sum := a + b; sum >= a {
		return sum
	}
	return 1<<32 - 1
}

func names(list []Ended, id string) bool {
	for _, ended := range list {
		if ended.ID == id {
			return true
		}
	}
	return false
}
