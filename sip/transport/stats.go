package transport

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// Stats counts since the start; Connections alone goes up and down.
type Stats struct {
	DatagramsIn      atomic.Uint64
	DatagramsOut     atomic.Uint64
	DatagramsFailed  atomic.Uint64 // the kernel would not send them
	DatagramsDropped atomic.Uint64 // keep-alives, STUN, empty
	DatagramsShed    atomic.Uint64 // requests, while more came than could be served
	ReadErrors       atomic.Uint64 // of UDP sockets
	MessagesIn       atomic.Uint64 // on connections
	MessagesOut      atomic.Uint64 // on connections
	BytesIn          atomic.Uint64 // every protocol
	BytesOut         atomic.Uint64
	Pings            atomic.Uint64 // answered on connections (RFC 5626 s.3.5.1)

	Connections       atomic.Int64  // open now
	Accepted          atomic.Uint64 // incoming, within the limits
	Dialled           atomic.Uint64
	DialFailures      atomic.Uint64
	RefusedTotal      atomic.Uint64 // MaxConnections was reached
	RefusedPerAddress atomic.Uint64 // ConnectionsPerAddress was reached
	HandshakeFailures atomic.Uint64 // TLS
	FramingErrors     atomic.Uint64
	Blocked           atomic.Uint64 // closed because the peer did not read
	TimedOut          atomic.Uint64 // closed because the peer was silent or slow
}

// warningInterval is how often one kind of warning is written.
const warningInterval = 10 * time.Second

// warnings writes at most one line of each kind per interval, with the number
// of those that were left out.
type warnings struct {
	log  *slog.Logger
	mu   sync.Mutex
	seen map[string]*warning // by message: a fixed set of strings
}

type warning struct {
	last    time.Time
	omitted int
}

func (w *warnings) warn(message string, args ...any) {
	omitted, write := w.count(message, time.Now())
	if !write {
		return
	}
	if omitted > 0 {
		args = append(args, "omitted", omitted)
	}
	w.log.Warn(message, args...)
}

func (w *warnings) count(message string, now time.Time) (omitted int, write bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	seen := w.seen[message]
	if seen == nil {
		if w.seen == nil {
			w.seen = make(map[string]*warning)
		}
		w.seen[message] = &warning{last: now}
		return 0, true
	}
	if now.Sub(seen.last) < warningInterval {
		seen.omitted++
		return 0, false
	}
	omitted = seen.omitted
	*seen = warning{last: now}
	return omitted, true
}
