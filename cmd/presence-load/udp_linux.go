package main

import (
	"fmt"
	"net/netip"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	readBatch  = 64 // datagrams
	writeBatch = 64
	// slotSize holds any datagram. It is no power of two, so that the short
	// ones do not all fall on the same cache lines.
	slotSize = 1<<16 + 17*64
)

// udpLink is a connected UDP socket, read and written in batches. It is a bare
// descriptor: Go's net package would wake a thread of its own for each
// datagram that arrives, and allocate an address for it.
type udpLink struct {
	socket int
	host   string

	in     []mmsg
	inIOV  []unix.Iovec
	arena  []byte
	stamps []stamp
	out    []mmsg
	outIOV []unix.Iovec
	bytes  []byte // what waits to be written
	ends   []int
}

// mmsg is struct mmsghdr of recvmmsg(2).
type mmsg struct {
	header unix.Msghdr
	length uint32
}

// openUDP: rcvbuf is in bytes; 0 leaves what the kernel gives (208 kB, as a rule).
func openUDP(to netip.AddrPort, rcvbuf int) (*udpLink, error) {
	family := unix.AF_INET
	var sa unix.Sockaddr = &unix.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().Unmap().As4()}
	if to.Addr().Is6() && !to.Addr().Is4In6() {
		family = unix.AF_INET6
		sa = &unix.SockaddrInet6{Port: int(to.Port()), Addr: to.Addr().As16()}
	}
	socket, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	l := &udpLink{socket: socket}
	if rcvbuf > 0 {
		if err := unix.SetsockoptInt(socket, unix.SOL_SOCKET, unix.SO_RCVBUF, rcvbuf); err != nil {
			unix.Close(socket)
			return nil, os.NewSyscallError("SO_RCVBUF", err)
		}
	}
	if err := unix.SetsockoptInt(socket, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1); err != nil {
		unix.Close(socket)
		return nil, os.NewSyscallError("SO_TIMESTAMPNS", err)
	}
	if err := unix.Connect(socket, sa); err != nil {
		unix.Close(socket)
		return nil, os.NewSyscallError("connect", err)
	}
	name, err := unix.Getsockname(socket)
	if err != nil {
		unix.Close(socket)
		return nil, os.NewSyscallError("getsockname", err)
	}
	switch n := name.(type) {
	case *unix.SockaddrInet4:
		l.host = netip.AddrPortFrom(netip.AddrFrom4(n.Addr), uint16(n.Port)).String()
	case *unix.SockaddrInet6:
		l.host = netip.AddrPortFrom(netip.AddrFrom16(n.Addr), uint16(n.Port)).String()
	}
	l.in, l.inIOV = make([]mmsg, readBatch), make([]unix.Iovec, readBatch)
	l.out, l.outIOV = make([]mmsg, writeBatch), make([]unix.Iovec, writeBatch)
	l.arena, l.stamps = make([]byte, readBatch*slotSize), make([]stamp, readBatch)
	for i := range l.in {
		l.inIOV[i].Base = &l.arena[i*slotSize]
		l.inIOV[i].SetLen(1 << 16)
		l.in[i].header.Iov = &l.inIOV[i]
		l.in[i].header.SetIovlen(1)
		l.in[i].header.Control = (*byte)(unsafe.Pointer(&l.stamps[i]))
	}
	for i := range l.out {
		l.out[i].header.Iov = &l.outIOV[i]
		l.out[i].header.SetIovlen(1)
	}
	return l, nil
}

func (l *udpLink) proto() string { return "udp" }
func (l *udpLink) local() string { return l.host }
func (l *udpLink) fd() int       { return l.socket }
func (l *udpLink) close() error  { return unix.Close(l.socket) }

func (l *udpLink) queue(message []byte) {
	l.bytes = append(l.bytes, message...)
	l.ends = append(l.ends, len(l.bytes))
}

func (l *udpLink) flush() error {
	start := 0
	for done := 0; done < len(l.ends); {
		n := min(len(l.ends)-done, writeBatch)
		from := start
		for i, end := range l.ends[done : done+n] {
			l.outIOV[i].Base = &l.bytes[from]
			l.outIOV[i].SetLen(end - from)
			from = end
		}
		sent, _, errno := unix.RawSyscall6(unix.SYS_SENDMMSG, uintptr(l.socket), uintptr(unsafe.Pointer(&l.out[0])), uintptr(n), unix.MSG_DONTWAIT, 0, 0)
		switch errno {
		case 0:
		case unix.EINTR, unix.ECONNREFUSED: // the latter tells of an earlier datagram
			continue
		case unix.EAGAIN: // the send buffer is full
			if _, err := unix.Poll([]unix.PollFd{{Fd: int32(l.socket), Events: unix.POLLOUT}}, 100); err != nil && err != unix.EINTR {
				return os.NewSyscallError("poll", err)
			}
			continue
		default:
			return fmt.Errorf("sendmmsg: %w", errno)
		}
		start = l.ends[done+int(sent)-1]
		done += int(sent)
	}
	l.bytes, l.ends = l.bytes[:0], l.ends[:0]
	return nil
}

// stamp is the control message in which the kernel says when a datagram came
// to the socket (SO_TIMESTAMPNS, socket(7)): however late it is read, it was
// not the server that was late.
type stamp struct {
	header unix.Cmsghdr
	at     unix.Timespec
}

// arrived is in ns since 1970; 0 where the kernel has not said it.
func (s *stamp) arrived() int64 {
	if s.header.Level != unix.SOL_SOCKET || s.header.Type != unix.SO_TIMESTAMPNS {
		return 0
	}
	return s.at.Nano()
}

func (l *udpLink) receive(handle func([]byte, int64)) error {
	for i := range l.in {
		l.stamps[i].header = unix.Cmsghdr{}
		l.in[i].header.SetControllen(int(unsafe.Sizeof(l.stamps[i])))
	}
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, uintptr(l.socket), uintptr(unsafe.Pointer(&l.in[0])), readBatch, unix.MSG_DONTWAIT, 0, 0)
	switch errno {
	case 0:
	case unix.EAGAIN, unix.EINTR, unix.ECONNREFUSED:
		return nil
	default:
		return fmt.Errorf("recvmmsg: %w", errno)
	}
	for i := range l.in[:n] {
		handle(l.arena[i*slotSize:][:l.in[i].length], l.stamps[i].arrived())
	}
	return nil
}
