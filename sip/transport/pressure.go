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
//
// Where no answers come there is nothing to protect, and the kernel may drop:
// that costs its sender, and not us some 2 us for each.
type pressure struct {
	buffer   buffer // nil: not known
	shedding bool
	silence  int // batches in a row without an answer
}

// longestSilence is a receive buffer's worth of batches.
const longestSilence = 64

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
	if p.silence++; p.silence > longestSilence {
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
func (p *pressure) sheds(data []byte) bool {
	if sip.IsResponse(data) {
		p.silence = 0
		return false
	}
	return p.shedding
}
