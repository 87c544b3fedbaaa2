package transaction

import "sync/atomic"

// Stats is a snapshot of the layer. The first group says what is there now,
// the others count since the start.
type Stats struct {
	Pending int // requests whose handler waits or runs
	Held    int // answered requests kept for repeats until Timer J
	Clients int // requests of ours without a final response

	Requests  uint64 // new requests, given to a handler
	Absorbed  uint64 // repeats of a request in progress
	Repeated  uint64 // repeats that got their response again
	Malformed uint64 // requests refused for their form
	Unread    uint64 // messages too broken to be answered
	Dropped   uint64 // new requests that found no room
	Forgotten uint64 // responses given up before Timer J, for want of room
	Late      uint64 // responses that came after the client had stopped waiting
	Panics    uint64 // handlers that panicked

	Sent            uint64 // requests of ours, each attempt at each hop
	Retransmitted   uint64 // requests of ours sent again by Timer E
	Timeouts        uint64 // attempts ended by Timer F
	Answered        uint64 // final responses that matched
	Duplicates      uint64 // responses to what was answered or cancelled
	Unmatched       uint64 // responses to nothing that we sent
	TransportErrors uint64 // messages that the transport could not send
}

// counters are the moving parts of Stats.
type counters struct {
	pending, unordered, held, clients, routing atomic.Int64

	nextShard atomic.Uint32
	draining  atomic.Bool

	requests, absorbed, repeated, malformed, unread, dropped, forgotten, late, panics atomic.Uint64
	sent, retransmitted, timeouts, answered, duplicates, unmatched, transportErrors   atomic.Uint64
}

// Stats reads every counter; they are not read at one instant.
func (l *Layer) Stats() Stats {
	c := &l.counters
	return Stats{
		Pending: int(c.pending.Load() + c.unordered.Load()),
		Held:    int(c.held.Load()),
		Clients: int(c.clients.Load()),

		Requests:  c.requests.Load(),
		Absorbed:  c.absorbed.Load(),
		Repeated:  c.repeated.Load(),
		Malformed: c.malformed.Load(),
		Unread:    c.unread.Load(),
		Dropped:   c.dropped.Load(),
		Forgotten: c.forgotten.Load(),
		Late:      c.late.Load(),
		Panics:    c.panics.Load(),

		Sent:            c.sent.Load(),
		Retransmitted:   c.retransmitted.Load(),
		Timeouts:        c.timeouts.Load(),
		Answered:        c.answered.Load(),
		Duplicates:      c.duplicates.Load(),
		Unmatched:       c.unmatched.Load(),
		TransportErrors: c.transportErrors.Load(),
	}
}
