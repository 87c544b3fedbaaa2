package transaction

import (
	"slices"

	"presenced/sip"
)

// answer sends the final response and keeps it for repeats where there can
// be any. RFC 4320 s.4.2: no response comes after the client's Timer F, and
// none is a 408.
func (l *Layer) answer(x *exchange, res *sip.Response) {
	s := l.shardOf(x.key)
	if res.Silent {
		s.settle(x)
		return
	}
	now := l.now()
	if res.Code == sip.StatusRequestTimeout || now-x.since >= l.config.Timers.whole() {
		l.counters.late.Add(1)
		s.settle(x)
		return
	}
	b := buffers.Get().(*buffer)
	defer b.free()
	b.bytes = l.render(b.bytes[:0], x.request, x.key, res)
	if res.Stateless || x.request.Flow.Proto.Reliable() {
		s.settle(x)
	} else {
		s.complete(x, res, now)
	}
	l.write(x.request, b.bytes)
}

// reply answers without a transaction (RFC 3261 s.8.2.7).
func (l *Layer) reply(r *sip.Request, k key, res *sip.Response) {
	b := buffers.Get().(*buffer)
	defer b.free()
	b.bytes = l.render(b.bytes[:0], r, k, res)
	l.write(r, b.bytes)
}

func (l *Layer) render(dst []byte, r *sip.Request, k key, res *sip.Response) []byte {
	var tag string
	if res.ToTag == "" && res.Code != sip.StatusTrying && r.ToTag() == "" {
		tag = l.tagger.tag(k)
	}
	return sip.AppendResponse(slices.Grow(dst, 512), r, res, tag)
}

// write sends a response to where r's responses go. RFC 3261 s.17.2.4: that
// it failed matters to nobody; a repeat will have it tried again.
func (l *Layer) write(r *sip.Request, response []byte) {
	if err := l.transport.Send(r.ReplyTo(), response); err != nil {
		l.counters.transportErrors.Add(1)
	}
}
