package transport

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"presenced/sip"
)

// receiveBuffer is the kernel's buffer that we ask for, in bytes: answers to
// a fan-out arrive at once, and a stock 208 kB loses some of them.
const receiveBuffer = 4 << 20

// socket is one UDP socket.
type socket struct {
	t         *Transport
	pc        net.PacketConn
	closer    io.Closer      // pc, or what has taken its socket over
	local     netip.AddrPort // as bound; may be unspecified
	advertise string
	buffer    int    // the receive buffer in bytes; 0 where it is not known
	batch     *batch // nil: datagrams are read and written one by one
	spelled   atomic.Pointer[spelled]
}

// spelled is the local address that was written last, nearly always the only one.
type spelled struct {
	local netip.AddrPort
	text  string
}

// ServePacket reads datagrams from pc until Close, and returns at once.
// advertise is what stands in Via and Contact, a host with or without a port;
// empty: the address that the peer sent to.
//
// On a *net.UDPConn that is bound to an unspecified address, the flow's Local
// is the address that the datagram was sent to, and what is sent on the flow
// leaves from it. Any other PacketConn must be bound to one address.
func (t *Transport) ServePacket(pc net.PacketConn, advertise string) {
	s := &socket{t: t, pc: pc, closer: pc, local: addrPort(pc.LocalAddr()), advertise: advertise}
	if uc, ok := pc.(*net.UDPConn); ok {
		s.buffer = t.enlargeBuffer(uc)
		s.batch = newBatch(s, uc)
	}
	t.mu.Lock()
	sockets := append(slices.Clone(*t.sockets.Load()), s)
	t.sockets.Store(&sockets)
	t.mu.Unlock()
	read := s.readSingly
	if s.batch != nil {
		read = s.batch.read
	}
	if !t.start(read) {
		s.close()
	}
}

func (s *socket) close() {
	if err := s.closer.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		s.t.Log.Debug("closing a socket", "socket", s.local, "err", err)
	}
}

// socket is the one that is bound to local, or to every address and local's
// port; nil if there is none.
func (t *Transport) socket(local netip.AddrPort) *socket {
	var wildcard *socket
	for _, s := range *t.sockets.Load() {
		if s.local == local {
			return s
		}
		if s.local.Port() == local.Port() && s.local.Addr().IsUnspecified() && s.reaches(local.Addr()) {
			wildcard = s
		}
	}
	return wildcard
}

// sentBy is what stands in Via for what leaves from local.
func (s *socket) sentBy(local netip.AddrPort) string {
	if s.advertise != "" {
		return s.advertise
	}
	last := s.spelled.Load()
	if last == nil || last.local != local {
		last = &spelled{local, local.String()}
		s.spelled.Store(last)
	}
	return last.text
}

// reaches says whether the socket's family can send to a. A socket on [::]
// serves IPv4 as well, where the system has it so.
func (s *socket) reaches(a netip.Addr) bool {
	own := s.local.Addr()
	return own.Is4() == a.Is4() || own == netip.IPv6Unspecified()
}

// Room is about how many answers to what we send the receive buffer of our UDP
// socket at local holds; 0 where that is not known.
func (t *Transport) Room(local netip.AddrPort) int {
	const answer = 1664 // bytes that the kernel counts for one, with some room to spare
	if s := t.socket(local); s != nil {
		return s.buffer / answer
	}
	return 0
}

// enlargeBuffer asks for a large receive buffer and says once when the system
// gives less. It returns what the system gave.
func (t *Transport) enlargeBuffer(uc *net.UDPConn) (got int) {
	if err := uc.SetReadBuffer(receiveBuffer); err != nil {
		t.Log.Warn("UDP receive buffer", "socket", uc.LocalAddr(), "err", err)
		return bufferSize(uc)
	}
	if got = bufferSize(uc); got > 0 && got < receiveBuffer {
		t.warnings.warn("the UDP receive buffer is small; raise net.core.rmem_max",
			"socket", uc.LocalAddr(), "bytes", got, "wanted", receiveBuffer)
	}
	return got
}

// readSingly reads a socket that has no batches.
func (s *socket) readSingly() {
	buf := make([]byte, 1<<16)
	var failures failures
	for {
		n, from, err := s.pc.ReadFrom(buf)
		if err != nil {
			if !failures.survive(s, err) {
				return
			}
			continue
		}
		failures = 0
		s.received(buf[:n], sip.Flow{Proto: sip.UDP, Local: s.local, Remote: addrPort(from)})
	}
}

// shed counts a datagram that is dropped unread.
func (s *socket) shed(n int) {
	s.t.stats.DatagramsIn.Add(1)
	s.t.stats.BytesIn.Add(uint64(n))
	s.t.stats.DatagramsShed.Add(1)
}

// received hands a datagram to the receiver, unless it is a keep-alive.
func (s *socket) received(data []byte, flow sip.Flow) {
	s.t.stats.DatagramsIn.Add(1)
	s.t.stats.BytesIn.Add(uint64(len(data)))
	if isKeepAlive(data) {
		s.t.stats.DatagramsDropped.Add(1)
		return
	}
	var err error
	if len(data) > s.t.MaxMessage {
		err = ErrTooLarge
	}
	s.t.Receiver.Receive(data, flow, err)
}

// isKeepAlive is true for datagrams that only keep a NAT's binding open: line
// ends, zero bytes, nothing at all, and STUN (RFC 5626 s.8: its first byte is
// 0 or 1 in what clients send, and the magic cookie follows).
func isKeepAlive(data []byte) bool {
	if len(data) >= 20 && data[0] < 4 && binary.BigEndian.Uint32(data[4:]) == 0x2112A442 {
		return true
	}
	return len(data) == 0 || data[0] < ' ' && len(bytes.Trim(data, "\r\n\x00")) == 0
}

// failures counts read errors in a row.
type failures int

// survive is false when the socket is closed. An ICMP error (ECONNREFUSED)
// concerns one datagram that we sent, not the socket; a loop of errors slows
// down.
func (f *failures) survive(s *socket, err error) bool {
	if errors.Is(err, net.ErrClosed) || s.t.ctx.Err() != nil {
		return false
	}
	s.t.stats.ReadErrors.Add(1)
	if *f++; *f < 10 {
		return true
	}
	s.t.warnings.warn("reading a UDP socket", "socket", s.local, "err", err)
	return s.t.sleep(min(time.Duration(*f)*time.Millisecond, time.Second))
}

// send writes a datagram or adds it to the batch.
func (s *socket) send(data []byte, flow sip.Flow) error {
	if len(data) > MaxDatagram {
		return ErrTooLarge
	}
	if s.batch != nil {
		return s.batch.send(data, flow)
	}
	s.t.BeforeWrite()
	n, err := s.pc.WriteTo(data, net.UDPAddrFromAddrPort(flow.Remote))
	s.sent(n, err)
	if errors.Is(err, net.ErrClosed) {
		return ErrClosed
	}
	return err
}

func (s *socket) sent(n int, err error) {
	if err != nil {
		s.t.stats.DatagramsFailed.Add(1)
		return
	}
	s.t.stats.DatagramsOut.Add(1)
	s.t.stats.BytesOut.Add(uint64(n))
}

func (s *socket) hold() {
	if s.batch != nil {
		s.batch.hold()
	}
}

func (s *socket) release() {
	if s.batch != nil {
		s.batch.release()
	}
}
