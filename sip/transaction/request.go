package transaction

import (
	"bytes"
	"errors"
	"strings"

	"presenced/sip"
	"presenced/sip/transport"
)

func (l *Layer) receiveRequest(data []byte, flow sip.Flow, framing error) {
	raw, lent := l.copy(data)
	r, err := sip.ParseRequest(raw, flow)
	if r == nil {
		l.counters.unread.Add(1)
		return
	}
	if r.Method() == "ACK" { // RFC 3261 s.17: it has no response, whatever is wrong with it
		return
	}
	if framing != nil {
		err = refusalOf(framing)
	}
	if err != nil {
		l.counters.malformed.Add(1)
		l.reply(r, l.keys.of(r), sip.ResponseOf(nil, err))
		return
	}
	x := &exchange{request: r, raw: raw, lent: lent, key: l.keys.of(r), since: l.now()}
	if !l.shardOf(x.key).begin(x) {
		return
	}
	if l.counters.draining.Load() || !l.enqueue(x) {
		l.shardOf(x.key).settle(x)
		x.request = nil
		l.turnAway(r, x.key)
		return
	}
	l.counters.requests.Add(1)
}

// copy is the one copy of a request, in memory that is lent where its method
// says so.
func (l *Layer) copy(data []byte) (raw []byte, lent *buffer) {
	for _, method := range l.config.Lent {
		if n := len(method); len(data) > n && data[n] == ' ' && string(data[:n]) == method {
			lent = buffers.Get().(*buffer)
			lent.bytes = append(lent.bytes[:0], data...)
			return lent.bytes, lent
		}
	}
	return bytes.Clone(data), nil
}

// refusalOf is what the sender of a message hears that the transport could
// not frame: 413 where it is too large, else 400 with what was wrong.
func refusalOf(framing error) error {
	var refusal *sip.Error
	switch {
	case errors.As(framing, &refusal):
		return refusal
	case errors.Is(framing, transport.ErrTooLarge):
		return &sip.Error{Code: sip.StatusRequestEntityTooLarge, Cause: framing}
	}
	reason := strings.TrimPrefix(framing.Error(), transport.ErrFraming.Error()+": ")
	return &sip.Error{Code: sip.StatusBadRequest, Reason: reason, Cause: framing}
}

// enqueue gives x to the line that Order names, or to a goroutine of its own.
// It is false where there is no room.
func (l *Layer) enqueue(x *exchange) bool {
	name, ordered := l.config.Order(x.request)
	x.ordered = ordered
	if !ordered {
		switch {
		case l.counters.unordered.Add(1) > int64(l.config.MaxUnordered):
		case l.config.Inline:
			l.serve(x)
			return true
		case l.crew.do(func() { l.serve(x) }):
			return true
		}
		l.counters.unordered.Add(-1)
		return false
	}
	if l.counters.pending.Add(1) <= int64(l.config.MaxPending) && l.lines.put(name, x) {
		return true
	}
	l.counters.pending.Add(-1)
	return false
}

// turnAway refuses a request for want of room. Over UDP it is dropped: its
// sender tries again by itself, later, and an answer would only add to the
// load. Elsewhere nobody would send it again.
func (l *Layer) turnAway(r *sip.Request, k key) {
	l.counters.dropped.Add(1)
	if !r.Flow.Proto.Reliable() {
		return
	}
	l.reply(r, k, sip.Unavailable(nil).Response())
}
