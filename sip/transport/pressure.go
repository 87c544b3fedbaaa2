package transport

import "presenced/sip"

// pressure decides which datagrams are dropped unread while more arrive than
// can be served. When the kernel's receive buffer is full the kernel drops
// whatever comes, and an answer that is lost costs more than a request: it
// brings a retransmission of ours, its answer, and holds up what waits for it.
// So from three quarters on requests are dropped here, at a look at their
// first bytes, and answers keep a quarter of the buffer to themselves. Their
// clients send the requests again, later (RFC 3261 s.17.1.2.2). It bounds
// also how long a request waits that is served.
type pressure struct {
	buffer   buffer // nil: not known
	shedding bool
}

// buffer tells how full a socket's receive buffer is.
type buffer interface {
	filled() (used, size int)
}

// look is told how many datagrams were read together. Only a full batch is a
// sign that there may be many more.
func (p *pressure) look(n int) {
	if p.buffer == nil || n < batchSize {
		p.shedding = false
		return
	}
	used, size := p.buffer.filled()
	switch {
	case used > size/4*3:
		p.shedding = true
	case used < size/8*5:
		p.shedding = false
	}
}

// sheds says whether a datagram is dropped.
func (p *pressure) sheds(data []byte) bool { return p.shedding && !sip.IsResponse(data) }
