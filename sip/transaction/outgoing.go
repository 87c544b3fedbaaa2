package transaction

import (
	"net/netip"
	"slices"
	"strconv"
	"sync"

	"presenced/sip"
)

// Outgoing is a request in parts. The layer writes Start, Via (with sent-by,
// branch and rport), Head, Content-Length and the body. All of it is borrowed
// until Send returns.
type Outgoing struct {
	Start  []byte   // "NOTIFY sip:watcher@192.0.2.1 SIP/2.0\r\n"
	Head   []byte   // the header after Via, each line with its CRLF, without Content-Length
	Body   [][]byte // the body's segments
	Target Target
	// RemoteTarget is the Request-URI's address where its host is numeric. A
	// request too big for UDP tries TCP only where this is the flow's own
	// remote address.
	RemoteTarget netip.AddrPort
}

// Target is where a request goes: on Flow and no other; or, where Flow is
// zero, to the hops that Route resolves to (RFC 3263), one after the other.
type Target struct {
	Flow  sip.Flow
	Route *sip.URI
}

// buffer is one message as it stands on the wire, from a pool. A request of
// ours is kept for retransmissions.
type buffer struct {
	bytes      []byte
	start, end int // where the topmost Via stands
}

var buffers = sync.Pool{New: func() any { return new(buffer) }}

// maxPooled is the largest buffer that goes back to the pool.
const maxPooled = 16 << 10

func (b *buffer) free() {
	if cap(b.bytes) <= maxPooled {
		buffers.Put(b)
	}
}

// wipe is free for what others wrote: who has kept a part of it against the
// rules sees nothing, and never somebody else's message.
func (b *buffer) wipe() {
	clear(b.bytes)
	b.free()
}

// compose writes o without a Via of ours.
func compose(o *Outgoing) *buffer {
	b := buffers.Get().(*buffer)
	length := 0
	for _, s := range o.Body {
		length += len(s)
	}
	d := slices.Grow(b.bytes[:0], len(o.Start)+len(o.Head)+length+maxVia)
	d = append(d, o.Start...)
	b.start, b.end = len(d), len(d)
	d = append(d, o.Head...)
	d = append(d, "Content-Length: "...)
	d = strconv.AppendInt(d, int64(length), 10)
	d = append(d, "\r\n\r\n"...)
	for _, s := range o.Body {
		d = append(d, s...)
	}
	b.bytes = d
	return b
}

// maxVia is room enough for a usual Via line and Content-Length.
const maxVia = 160

// address puts our Via on top, in place of an earlier one of ours.
// RFC 3261 s.18.1.1; rport: RFC 3581 s.3.
func (b *buffer) address(proto sip.Proto, sentBy string, branch branch) {
	var room [maxVia]byte
	via := append(room[:0], "Via: SIP/2.0/"...)
	via = append(via, proto.String()...)
	via = append(via, ' ')
	via = append(via, sentBy...)
	via = append(via, ";branch="...)
	via = branch.append(via)
	via = append(via, ";rport\r\n"...)
	b.bytes = slices.Replace(b.bytes, b.start, b.end, via...)
	b.end = b.start + len(via)
}

// size is how many bytes b has with a Via for proto.
func (b *buffer) size(proto sip.Proto, sentBy string) int {
	const fixed = len("Via: SIP/2.0/ ;branch=;rport\r\n") + branchLength
	return len(b.bytes) - (b.end - b.start) + fixed + len(proto.String()) + len(sentBy)
}

// clone copies b, for an attempt that starts while the last one's bytes are
// still being written.
func (b *buffer) clone() *buffer {
	return &buffer{bytes: slices.Clone(b.bytes), start: b.start, end: b.end}
}

// methodOf is the method in a start line. The common ones cost no memory.
func methodOf(start []byte) string {
	for i, c := range start {
		if c != ' ' {
			continue
		}
		switch string(start[:i]) {
		case "NOTIFY":
			return "NOTIFY"
		case "MESSAGE":
			return "MESSAGE"
		}
		return string(start[:i])
	}
	return string(start)
}
