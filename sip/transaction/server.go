package transaction

import (
	"bytes"
	"sync"
	"time"

	"presenced/sip"
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
