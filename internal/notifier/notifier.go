// Package notifier is the life of subscriptions, for any event package: RFC
// 6665's notifier. It keeps the dialogs, sends one NOTIFY at a time in each,
// paces them, ends them, and persists and restores them. Event packages
// register with it; it knows none of them.
//
// # The states of a subscription
//
//	           SUBSCRIBE
//	              |
//	     decision of the package
//	    /         |          \
//	pending --> active     (403)
//	    \         |
//	     terminated; reason       after its last NOTIFY nothing is left
//
// of an active one; a pending one whose time ends is waiting then, without a
// dialog, until the presentity decides or Config.GiveUp has passed.
//
// Who watches is an event package too: the template "winfo" of RFC 3857, made
// for each package that registers.
//
// Within active and pending a subscription is in one of these conditions:
//
//	quiet       what was last sent is what is true
//	dirty       something newer is to be sent: it waits for the answer to the
//	            NOTIFY in flight, for the pace, or for a place in the window
//	busy        one NOTIFY is in flight (never two)
//	suspended   its connection is gone: nothing is sent until a refresh
//
// No NOTIFY leaves between a SUBSCRIBE and its 200.
//
// # Terms
//
// A watcher may ask for the differences alone (RFC 5263), for a part (RFC 4660),
// for nothing that it has (RFC 5839) and for a rate (RFC 6446). Few do: such
// terms are kept beside the subscription, and packed in its record. A filter's
// key is part of the view's name, so that what packages and topics know of views
// holds for filtered ones.
//
// A SUBSCRIBE starts an epoch: the NOTIFY in flight is abandoned and its
// outcome ignored, and a new one goes to the new target at once
// (RFC 6665 s.4.2.1.2).
//
// # Order of locks
//
// A shard's lock, then a window's. Neither is held across a store call, a
// state's composition or a send.
package notifier

import (
	"context"
	"log/slog"
	"net/netip"
	"sync/atomic"
	"time"

	"presenced/internal/store"
	"presenced/sip"
	"presenced/sip/transaction"
)

// Feed tells which watched keys have changed in the store. Level-triggered,
// coalesced, at least once.
type Feed interface {
	// Watch makes Next return key whenever its stored version is not have.
	Watch(key store.Key, have store.Version)
	// Seen says which version the caller has loaded.
	Seen(key store.Key, have store.Version)
	Unwatch(key store.Key)
	Next(ctx context.Context) (store.Key, error)
}

// Subscriptions is the copy of subscriptions that outlives the process.
type Subscriptions interface {
	// PutSubscription inserts or replaces; ErrFenced when another agent has
	// claimed it since.
	PutSubscription(ctx context.Context, s store.Subscription) error
	DeleteSubscription(ctx context.Context, key store.Key, id string, fence uint64) error
	// ClaimSubscription makes this agent the owner of a dialog that another
	// one has served; ErrNotFound.
	ClaimSubscription(ctx context.Context, id string) (store.Subscription, error)
	Watchers(ctx context.Context, key store.Key) (store.Watchers, error)
	// Visit merges v into what is kept of the same watcher. The stalest of
	// more than limit watchers of a key are forgotten.
	Visit(ctx context.Context, key store.Key, v store.Visit, limit int) error
	// OwnSubscriptions yields what this agent's name owns.
	OwnSubscriptions(ctx context.Context, yield func(store.Subscription) error) error
	// Orphans claims a batch of what dead agents have left; empty when there
	// is nothing more.
	Orphans(ctx context.Context) ([]store.Subscription, error)
	// Moved blocks until another agent has claimed one of ours. A hint: it
	// may be lost.
	Moved(ctx context.Context) (id string, err error)
}

// Sender is the client side of the transaction layer.
type Sender interface {
	Send(o *transaction.Outgoing, u transaction.User) transaction.ID
	Cancel(id transaction.ID)
}

// Observer hears what is worth counting. Its methods must not block.
type Observer interface {
	// Notified is called once per NOTIFY with what became of it: a status
	// code, "timeout", "closed", "too large", "transport" or "superseded".
	Notified(pkg, outcome string)
	// Latency is the time from the moment at which this agent heard of a
	// change to the moment at which a NOTIFY of it left. What waited for its
	// pace or a Retry-After does not count.
	Latency(time.Duration)
}

// Expires bounds the lifetime of a subscription, in seconds
// (RFC 6665 s.4.2.1.1).
type Expires struct{ Min, Max, Default uint32 }

// Config is what a Notifier needs.
type Config struct {
	Agent    string // this agent's name in the store
	Store    Subscriptions
	Feed     Feed
	Sender   Sender
	Observer Observer
	Log      *slog.Logger

	Expires     Expires
	MinInterval time.Duration // between NOTIFYs of document changes; 0 is off (RFC 3856 s.6.10)
	Burst       int           // how many may go at once before MinInterval binds; at least 1
	PerWatcher  int           // subscriptions of one watcher at this agent; 0: no limit
	Grace       time.Duration // how long a subscription without its connection is kept
	// WinfoInterval is the least time between two NOTIFYs of watcher
	// information to one subscription, but for those of its own state
	// (RFC 3857 s.4.10); 0 is off.
	WinfoInterval time.Duration
	// GiveUp is how long a subscription waits for the presentity's decision: a
	// pending one, and again once it is waiting (RFC 3857 s.4.7.1). 0: none
	// waits after its end, and a pending one does not end for it.
	GiveUp time.Duration
	// Undecided is how many pending and waiting subscriptions one watcher has at
	// this agent at most; 0: no limit.
	Undecided int
	// Past is how long visits are remembered; 0: not at all.
	Past     time.Duration
	Visitors int // watchers of one resource whose visits are remembered

	Delegates  Delegates  // nil: nobody has delegates
	Visibility Visibility // nil: all watching is shown
	// Contact is our Contact field's value in a dialog that came on flow.
	Contact func(flow sip.Flow, secure bool) string
	// Reroute turns a flow of another agent, or of an earlier process, into
	// one of ours that reaches the same peer; false where none does.
	Reroute func(flow sip.Flow) (sip.Flow, bool)
	// Prompt is what Promptly takes changes from; nil: the Feed has none.
	Prompt Prompt
	// Room is how many answers the receive buffer of a UDP socket of ours holds:
	// so many NOTIFYs may be unanswered there, and 64 for each peer. nil or
	// less: 64 in all.
	Room func(local netip.AddrPort) int
}

// Notifier serves SUBSCRIBE and sends NOTIFY.
type Notifier struct {
	Config
	packages map[string]*served
	// followers are, by the package of a key that the feed tells, the packages
	// whose states are made of it.
	followers map[string]string
	shards    [store.Shards]shard
	windows   windows
	conns     connections
	watchers  quota
	workers   [feedWorkers]chan load
	loads     atomic.Uint64
	rulings   atomic.Uint64 // changes of the rules
	start     time.Time
	draining  atomic.Bool
	chores    chores
}

// New makes a notifier without packages; Register adds them before Run.
func New(c Config) *Notifier {
	c.Burst = max(c.Burst, 1)
	n := &Notifier{Config: c, packages: map[string]*served{}, followers: map[string]string{}, start: time.Now()}
	for i := range n.shards {
		n.shards[i].init()
	}
	for i := range n.workers {
		n.workers[i] = make(chan load, 1024)
	}
	n.windows.init(n)
	n.conns.init()
	n.watchers.init(c.PerWatcher, c.Undecided)
	n.chores.init()
	return n
}

// Register adds an event package, and with it those of its watchers: its name
// with ".winfo" and ".winfo.winfo" (RFC 3857). Not concurrently with anything
// else.
func (n *Notifier) Register(p Package) {
	s := serve(p, pace{interval: n.MinInterval, burst: n.Burst})
	n.packages[p.Name()] = s
	if f, ok := p.(Follower); ok {
		for _, followed := range f.Follows() {
			n.followers[followed] = p.Name()
		}
	}
	n.registerTemplates(s)
}

// instant is a point of the monotonic clock: nanoseconds since the notifier
// was made.
type instant int64

func (n *Notifier) now() instant { return instant(time.Since(n.start)) }

func (i instant) add(d time.Duration) instant { return i + instant(d) }

func (i instant) sub(j instant) time.Duration { return time.Duration(i - j) }

// seconds is the whole seconds from now to i, rounded up, never below 0.
func (i instant) seconds(now instant) int {
	return int(max(0, (time.Duration(i-now)+time.Second-1)/time.Second))
}
