package transport

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net"
	"unsafe"

	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"
)

// segments gives the kernel neighbours in a batch that go to one peer and are
// of one size as one message, which it cuts (UDP_SEGMENT, Linux 4.18): the
// answers to a proxy, the NOTIFYs to a list server. A route is looked up and a
// packet taken through the stack once for all of them, where each costs 2 us
// by itself. On the wire nothing is different, and neither is the order.
//
// A run is what becomes one message:
//
//	datagram  0   1   2   3   4   5        headers   0          1     2
//	peer      a   a   a   a   b   a   ->   iovs      0,1,2,3    4     5
//	bytes   363 363 363 200 363 363        cut at    363        -     -
//
// The last of a run may be shorter than the others.
type segments struct {
	on      bool
	ends    [sendSize]int // of each run, in the batch
	control [sendSize][]byte
}

const (
	// segmentBytes bounds a run: the kernel takes no more than an IP packet.
	segmentBytes = 60_000
	// segmentSize is the largest datagram that is cut on its way to another
	// machine. The kernel refuses to cut what does not fit the route's MTU; it
	// would fragment the same datagram alone.
	segmentSize = 1200

	controlRoom = 128 // bytes of control messages: where a datagram leaves from, and the size
)

// look turns segments on where the kernel knows them. An older one would send
// a run as one datagram.
func (s *segments) look(fd int) {
	_, err := unix.GetsockoptInt(fd, unix.IPPROTO_UDP, unix.UDP_SEGMENT)
	s.on = err == nil
}

// gather has each header of m stand for a run of ms instead of one datagram,
// and says how many runs there are.
func (s *segments) gather(m *messages, ms []ipv4.Message) (runs int) {
	for start := 0; start < len(ms); runs++ {
		end := runEnd(ms, start)
		first, h := m.headers[start], &m.headers[runs]
		*h = first // a run's header is never behind its first datagram's
		if end > start+1 {
			h.SetIovlen(end - start)
			s.cut(h, runs, &ms[start])
		}
		s.ends[runs] = end
		start = end
	}
	return runs
}

// runEnd is the end of the run that begins at start.
func runEnd(ms []ipv4.Message, start int) int {
	first := &ms[start]
	to := first.Addr.(*net.UDPAddr)
	size := len(first.Buffers[0])
	if size == 0 || size > segmentSize && !to.IP.IsLoopback() {
		return start + 1
	}
	end, total := start+1, size
	for ; end < len(ms); end++ {
		next := &ms[end]
		n := len(next.Buffers[0])
		total += n
		if n == 0 || n > size || total > segmentBytes || !samePeer(next, first) {
			break
		}
		if n < size {
			return end + 1
		}
	}
	return end
}

// samePeer says whether two datagrams go from one address to another.
func samePeer(a, b *ipv4.Message) bool {
	x, y := a.Addr.(*net.UDPAddr), b.Addr.(*net.UDPAddr)
	return x.Port == y.Port && bytes.Equal(x.IP, y.IP) && x.Zone == y.Zone && bytes.Equal(a.OOB, b.OOB)
}

// cut adds to what a header says already the size that its run is cut at.
func (s *segments) cut(h *header, run int, first *ipv4.Message) {
	if s.control[run] == nil {
		s.control[run] = make([]byte, 0, controlRoom)
	}
	b := append(s.control[run][:0], first.OOB...) // whole control messages, with their padding
	at := len(b)
	b = b[:at+unix.CmsgSpace(2)]
	c := (*unix.Cmsghdr)(unsafe.Pointer(&b[at]))
	c.Level, c.Type = unix.IPPROTO_UDP, unix.UDP_SEGMENT
	c.SetLen(unix.CmsgLen(2))
	binary.NativeEndian.PutUint16(b[at+unix.CmsgLen(0):], uint16(len(first.Buffers[0])))
	h.Control = &b[0]
	h.SetControllen(len(b))
}

// sent is how many datagrams the first n runs are.
func (s *segments) sent(n int) int {
	if n == 0 {
		return 0
	}
	return s.ends[n-1]
}

// refused says whether err may be that of cutting the first run alone, so that
// its datagrams are worth another try, one by one. What the system or a route
// cannot do is not asked of it again.
func (s *segments) refused(err error) bool {
	if err == nil || s.ends[0] == 1 || errors.Is(err, net.ErrClosed) {
		return false
	}
	for _, never := range []error{unix.EIO, unix.EINVAL, unix.EMSGSIZE, unix.EOPNOTSUPP, unix.ENOPROTOOPT} {
		s.on = s.on && !errors.Is(err, never)
	}
	return true
}
