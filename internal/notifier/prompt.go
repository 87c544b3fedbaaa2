package notifier

import (
	"context"

	"presenced/internal/store"
	"presenced/sip"
)

// Prompt is a Feed's where changes are known at once to whoever makes them.
type Prompt interface {
	// Hold keeps Next from being woken for what changes until Take.
	Hold()
	// Take ends a Hold, and appends some of the keys that Next would return.
	// What it leaves goes to Next.
	Take(keys []store.Key) []store.Key
}

// promptMost is how many watchers are told by whoever has made a change. More
// are left to a worker: the reader of a socket has others to serve.
const promptMost = 100

// Promptly wraps a handler of requests that change what is watched. The
// goroutine that answers such a request then tells the watchers too, once the
// answer is written: NOTIFYs leave in one batch with it.
//
// A worker would have to be woken, by way of follow. That is two changes of
// goroutine and mostly one of thread, which at half of two busy processors
// took the kernel up to a time slice: 3.5 ms were seen between the PUBLISH and
// its worker.
func (n *Notifier) Promptly(h sip.Handler) sip.Handler {
	if n.Prompt == nil {
		return h
	}
	return sip.HandlerFunc(func(ctx context.Context, r *sip.Request) (res *sip.Response, err error) {
		n.Prompt.Hold()
		answered := false
		defer func() {
			var room [4]store.Key
			keys := n.Prompt.Take(room[:0])
			switch {
			case len(keys) == 0:
			case answered:
				res.After = n.tellAfter(ctx, keys, res.After)
			default:
				n.tellAll(ctx, keys)
			}
		}()
		res, err = h.ServeSIP(ctx, r)
		answered = err == nil && res != nil && res.Later == nil
		return res, err
	})
}

// tellAfter is what follows an answer, with the watchers told as well.
func (n *Notifier) tellAfter(ctx context.Context, keys []store.Key, first func()) func() {
	heard := n.now()
	if len(keys) == 1 && first == nil { // nearly always
		key := keys[0]
		return func() { n.prompt(ctx, key, heard) }
	}
	return func() {
		n.tellAll(ctx, keys)
		if first != nil {
			first()
		}
	}
}

func (n *Notifier) tellAll(ctx context.Context, keys []store.Key) {
	heard := n.now()
	for _, key := range keys {
		n.prompt(ctx, key, heard)
	}
}

// prompt tells the watchers of key here, unless they are many or the state
// cannot be had: then the feed has the key again.
func (n *Notifier) prompt(ctx context.Context, key store.Key, heard instant) {
	if own := n.followed(key); own != key {
		n.reload(ctx, own)
		return
	}
	t, watchers, have := n.watched(key)
	if t == nil {
		return
	}
	if watchers <= promptMost && !t.pkg.strict {
		if state, number, err := n.load(ctx, key, t.pkg); err == nil {
			n.tell(t, state, number, heard)
			return
		}
	}
	n.Feed.Seen(key, have)
}
