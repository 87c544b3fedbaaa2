package transaction

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"presenced/sip"
	"presenced/sip/transport"
)

// exchange is a request whose handler waits or runs.
type exchange struct {
	request *sip.Request
	raw     []byte  // nil once it is settled
	lent    *buffer // that raw stands in; nil where raw is for ever
	key     key
	since   time.Duration
	ordered bool
	next    *exchange // in its line
	done    bool      // guarded by the shard
}

// serverShard is a part of the server transactions. A transaction is an entry
// of open, with the 100 that was sent, empty while there is none, and then one
// of held, with the final response. That is all that RFC 3261 s.17.2.2 asks of
// states Trying, Proceeding and Completed.
type serverShard struct {
	layer *Layer

	mu      sync.Mutex
	closed  bool
	open    map[key]kept     // no more than Config lets wait or run
	held    archive          // Timer J
	trying  queue[*exchange] // until the 100 of RFC 4320
	alarm   alarm
	expires sync.WaitGroup
}

func (s *serverShard) init(l *Layer) {
	s.layer = l
	s.open = make(map[key]kept)
	s.trying.delay = l.config.Timers.trying()
	s.alarm.fire = s.expire
}

func (l *Layer) shardOf(k key) *serverShard { return &l.servers[k[0]%shards] }

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

// begin opens a server transaction. It is false for a repeat, which gets the
// last response again if there is one. RFC 3261 s.17.2.2.
func (s *serverShard) begin(x *exchange) bool {
	s.mu.Lock()
	response, known := s.open[x.key]
	if !known {
		response, known = s.held.find(x.key)
	}
	if !known {
		s.open[x.key] = ""
		s.trying.trim(isDone)
		s.trying.push(x.since, x)
		if at, ok := s.trying.wake(); ok {
			s.alarm.set(x.since, at)
		}
	}
	s.mu.Unlock()
	switch {
	case !known:
		return true
	case response == "":
		s.layer.counters.absorbed.Add(1)
	default:
		s.layer.counters.repeated.Add(1)
		s.layer.reply(x.request, x.key, response.response())
	}
	return false
}

func isDone(x *exchange) bool { return x.done }

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

// serve runs x's handler and sends what it returns, now or later.
func (l *Layer) serve(x *exchange) {
	if l.ctx.Err() != nil {
		l.shardOf(x.key).settle(x)
		l.leave(x)
		return
	}
	res, err := l.handle(l.patience.context(l.ctx), x)
	if err == nil && res != nil && res.Later != nil {
		res.Later(func(res *sip.Response, err error) { l.finish(x, res, err) })
		return
	}
	l.finish(x, res, err)
}

// finish sends a handler's outcome.
func (l *Layer) finish(x *exchange, res *sip.Response, err error) {
	defer l.leave(x)
	final := sip.ResponseOf(res, err)
	if !final.Silent && (final.Code < 200 || final.Code > 699) {
		err = errors.Join(err, errNotFinal)
		final = &sip.Response{Code: sip.StatusInternalServerError}
	}
	l.record(l.ctx, x, final, err)
	l.answer(x, final)
	if final.After != nil {
		l.after(x, final.After)
	}
}

// leave gives x's memory back, though a timer's queue may still point to x.
// An ordered request is nobody's any more: who waits for others, and may keep
// it, has no order.
func (l *Layer) leave(x *exchange) {
	r := x.request
	x.request = nil
	if x.ordered {
		r.Recycle()
		if x.lent != nil {
			x.lent.wipe()
			x.lent = nil
		}
		l.counters.pending.Add(-1)
		return
	}
	l.counters.unordered.Add(-1)
}

// handle calls the handler. A panic in it is a 500 to the peer and costs
// nobody else anything.
func (l *Layer) handle(ctx context.Context, x *exchange) (res *sip.Response, err error) {
	defer func() {
		if v := recover(); v != nil {
			l.panicked(x, v)
			res, err = &sip.Response{Code: sip.StatusInternalServerError}, nil
		}
	}()
	return l.config.Handler.ServeSIP(ctx, x.request)
}

var errNotFinal = errors.New("transaction: the handler's response is not a final one")

func (l *Layer) after(x *exchange, f func()) {
	defer func() {
		if v := recover(); v != nil {
			l.panicked(x, v)
		}
	}()
	f()
}

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

// settle ends x without a response that is kept: it is forgotten.
func (s *serverShard) settle(x *exchange) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settleLocked(x)
}

func (s *serverShard) settleLocked(x *exchange) {
	x.done = true
	x.raw = nil
	delete(s.open, x.key)
}

// complete ends x with a response, which is kept until Timer J.
func (s *serverShard) complete(x *exchange, res *sip.Response, now time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settleLocked(x)
	if s.closed {
		return
	}
	if s.held.count >= max(1, s.layer.config.MaxHeld/shards) {
		s.forget()
		s.layer.counters.forgotten.Add(1)
	}
	s.held.add(x.key, now+s.layer.config.Timers.whole(), res)
	s.layer.counters.held.Add(1)
	s.wake(now)
}

// forget drops the response that is held for longest.
func (s *serverShard) forget() {
	s.held.drop()
	s.layer.counters.held.Add(-1)
}

// wake sets the alarm for the next Timer J.
func (s *serverShard) wake(now time.Duration) {
	if s.held.count > 0 {
		s.alarm.set(now, s.held.first().due()+lingerSlack)
	}
}

// expire runs Timer J and the 100s that are due.
func (s *serverShard) expire() {
	s.mu.Lock()
	s.alarm.armed = false
	if s.closed {
		s.mu.Unlock()
		return
	}
	s.expires.Add(1)
	defer s.expires.Done()
	now := s.layer.now()
	for s.held.due(now) {
		s.forget()
	}
	var slow []trying
	for x, ok := s.trying.due(now); ok; x, ok = s.trying.due(now) {
		if !x.done {
			slow = append(slow, trying{x, bytes.Clone(x.raw), x.request.Flow})
		}
	}
	s.trying.trim(isDone)
	s.wake(now)
	if at, ok := s.trying.wake(); ok {
		s.alarm.set(now, at)
	}
	s.mu.Unlock()
	for _, t := range slow {
		s.try(t)
	}
}

func (s *serverShard) close() {
	s.mu.Lock()
	s.closed = true
	s.alarm.stop()
	s.mu.Unlock()
	s.expires.Wait()
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
