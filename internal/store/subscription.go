package store

import "time"

// Subscription is the copy of a subscription that outlives its agent. The
// notifier packs what it needs into Data; the engine does not look inside.
//
//	put     inserts, or replaces where Fence is greater than the stored one, or
//	        equal to it with the same Agent; else ErrFenced and nothing changes
//	claim   one atomic step: Fence + 1, and the claiming agent is the owner
//	delete  with a Fence lower than the stored one: ErrFenced; unknown id: nil
//	lapse   silently gone. The owner drives its own timer and sends the last
//	        NOTIFY itself.
//
// None of this changes the version of Key; that of Key.Winfo() changes as said
// there. A refresh, which leaves Standing as it was, and a claim change none.
//
// A lifetime of 0 or less is put as a delete would be.
//
// An engine in this process may keep ID, Watcher and Data as they are, so they
// are best parts of one string, and of no larger buffer.
type Subscription struct {
	// ID is the local dialog tag. Its first two characters are the shard of
	// Key.AOR in lower-case hexadecimal, so that a subscription can be found by
	// its dialog alone. An ID of another shard is refused by put, and is
	// ErrNotFound to claim.
	ID      string
	Key     Key
	Watcher string // address-of-record; "" for an anonymous one
	// Fence rises with each change of owner. A write with a lower fence than
	// the stored one is ErrFenced and changes nothing.
	Fence uint64
	Agent string        // the owner
	TTL   time.Duration // granted when written, remaining when read
	// Standing is what watcher information says of the subscription, packed by
	// the notifier. The engine only tells whether it is another one.
	Standing uint16
	// Age is how long ago the subscription was first put, by the engine's
	// clock: refresh, claim and restart leave it. A put that finds a stored one
	// does not look at it; else it is where the age begins, 0 for a new
	// subscription, more for one that an engine has lost.
	Age  time.Duration
	Data string // packed
}

// ShardOfSubscription is the shard that a subscription's ID names. ok is false
// for an ID that names none: no engine has such a subscription.
func ShardOfSubscription(id string) (shard uint8, ok bool) {
	if len(id) < 2 {
		return 0, false
	}
	high, low := hexDigit(id[0]), hexDigit(id[1])
	if high < 0 || low < 0 {
		return 0, false
	}
	return uint8(high<<4 | low), true
}

func hexDigit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	}
	return -1
}
