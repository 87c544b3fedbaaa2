package transport

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"
)

// descriptor is a UDP socket that is read with a blocking recvmmsg(2), outside
// of Go's poller. With the poller each datagram of a trickle wakes a thread
// in epoll_wait, that one wakes another to look for work, and the reader reads
// twice, the second time to hear that there is nothing more. Here the reader's
// own thread sleeps in the kernel, and keeps its processor while it is away
// for less than 10 ms: one wake-up and two system calls a request.
//
// What is read needs no memory: senders' addresses are written over those of
// the batch before.
type descriptor struct {
	mu     sync.RWMutex // held for reading while fd is used
	fd     int
	closed atomic.Bool
	six    bool

	in, out  messages
	segments segments // of out
	yielded  time.Time
}

// yieldInterval is half of the time slice after which Go's monitor would take
// the reader's processor away, and then look 50 times in 20 us steps for more:
// at 5,000/s that alone costs 8 us a request.
const yieldInterval = 5 * time.Millisecond

// messages are the kernel's view of a batch.
type messages struct {
	headers []header
	iovs    []unix.Iovec
	names   []unix.RawSockaddrInet6 // large enough for IPv4 too
}

// header is struct mmsghdr of recvmmsg(2).
type header struct {
	unix.Msghdr
	length uint32
}

func newMessages(n int) messages {
	return messages{make([]header, n), make([]unix.Iovec, n), make([]unix.RawSockaddrInet6, n)}
}

// takeOver moves uc's socket out of Go's poller, and closes uc. It is nil where
// that cannot be, or would be slower: a process with one processor would wait
// for the reader's to be taken back.
func takeOver(uc *net.UDPConn, six bool) *descriptor {
	if runtime.GOMAXPROCS(0) < 2 {
		return nil
	}
	raw, err := uc.SyscallConn()
	if err != nil {
		return nil
	}
	fd := -1
	duplicate := func(own uintptr) { fd, err = unix.FcntlInt(own, unix.F_DUPFD_CLOEXEC, 0) }
	if raw.Control(duplicate) != nil || err != nil {
		return nil
	}
	// The poller forgets the socket, which lives on in fd.
	if err := errors.Join(unix.SetNonblock(fd, false), uc.Close()); err != nil {
		closeDescriptor(fd)
		return nil
	}
	d := &descriptor{fd: fd, six: six, in: newMessages(batchSize), out: newMessages(sendSize)}
	d.segments.look(fd)
	return d
}

// closeDescriptor closes what nobody has used.
func closeDescriptor(fd int) {
	if err := unix.Close(fd); err != nil {
		return // there is nothing to lose in it
	}
}

// Close ends a read that waits, and then closes the socket.
func (d *descriptor) Close() error {
	if d.closed.Swap(true) {
		return net.ErrClosed
	}
	if err := unix.Shutdown(d.fd, unix.SHUT_RD); err != nil && err != unix.ENOTCONN { // which wakes the reader all the same
		return os.NewSyscallError("shutdown", err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return os.NewSyscallError("close", unix.Close(d.fd))
}

// ReadBatch waits for one datagram and takes along what is there already. It
// has one caller at a time. The Addr of each message is its caller's memory.
func (d *descriptor) ReadBatch(ms []ipv4.Message, _ int) (int, error) {
	return d.receive(ms, unix.MSG_WAITFORONE)
}

func (d *descriptor) receive(ms []ipv4.Message, flags int) (int, error) {
	if now := time.Now(); now.Sub(d.yielded) >= yieldInterval {
		d.yielded = now
		runtime.Gosched()
	}
	d.in.point(ms)
	for i := range ms {
		h := &d.in.headers[i]
		h.Name, h.Namelen = (*byte)(unsafe.Pointer(&d.in.names[i])), unix.SizeofSockaddrInet6
	}
	n, err := d.call(unix.SYS_RECVMMSG, &d.in, len(ms), flags)
	for i := range n {
		m, h := &ms[i], &d.in.headers[i]
		m.N, m.NN, m.Flags = int(h.length), int(h.Controllen), int(h.Flags)
		setAddr(m.Addr.(*net.UDPAddr), address(&d.in.names[i]))
	}
	return n, err
}

// WriteBatch has one caller at a time.
func (d *descriptor) WriteBatch(ms []ipv4.Message, _ int) (int, error) {
	d.address(ms)
	if !d.segments.on {
		return d.call(unix.SYS_SENDMMSG, &d.out, len(ms), 0)
	}
	n, err := d.call(unix.SYS_SENDMMSG, &d.out, d.segments.gather(&d.out, ms), 0)
	if n == 0 && d.segments.refused(err) {
		d.address(ms)
		return d.call(unix.SYS_SENDMMSG, &d.out, len(ms), 0)
	}
	return d.segments.sent(n), err
}

// address has the headers of out stand for ms, one for each.
func (d *descriptor) address(ms []ipv4.Message) {
	d.out.point(ms)
	for i := range ms {
		h := &d.out.headers[i]
		h.Name = (*byte)(unsafe.Pointer(&d.out.names[i]))
		h.Namelen = putName(&d.out.names[i], ms[i].Addr.(*net.UDPAddr), d.six)
	}
}

// poll is ahead's.
func (d *descriptor) poll(ms []ipv4.Message) (int, error) {
	return d.receive(ms, unix.MSG_DONTWAIT)
}

// isResponse lets in what begins like "SIP/2.0 200 OK", whole, and nothing
// else. The kernel runs it on a datagram with its UDP header of 8 bytes.
var isResponse = [...]unix.SockFilter{
	{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 8},
	{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: 1, K: 'S'<<24 | 'I'<<16 | 'P'<<8 | '/'},
	{Code: unix.BPF_RET | unix.BPF_K, K: 1<<32 - 1},
	{Code: unix.BPF_RET | unix.BPF_K},
}

// answersOnly is ahead's.
func (d *descriptor) answersOnly(on bool) error {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if d.closed.Load() {
		return net.ErrClosed
	}
	if !on {
		return os.NewSyscallError("setsockopt", unix.SetsockoptInt(d.fd, unix.SOL_SOCKET, unix.SO_DETACH_FILTER, 0))
	}
	program := unix.SockFprog{Len: uint16(len(isResponse)), Filter: &isResponse[0]}
	return os.NewSyscallError("setsockopt", unix.SetsockoptSockFprog(d.fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &program))
}

// dropped is ahead's.
func (d *descriptor) dropped() uint32 {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if d.closed.Load() {
		return 0
	}
	var info [9]uint32 // SK_MEMINFO_RMEM_ALLOC, ... SK_MEMINFO_DROPS
	length := uint32(unsafe.Sizeof(info))
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(d.fd), unix.SOL_SOCKET, unix.SO_MEMINFO,
		uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&length)), 0)
	if errno != 0 {
		return 0
	}
	return info[len(info)-1]
}

// call is the system call, until Close.
func (d *descriptor) call(number uintptr, m *messages, count, flags int) (int, error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	for !d.closed.Load() {
		n, _, errno := unix.Syscall6(number, uintptr(d.fd), uintptr(unsafe.Pointer(&m.headers[0])), uintptr(count), uintptr(flags), 0, 0)
		switch {
		case errno == unix.EINTR:
		case errno == unix.EAGAIN && flags == unix.MSG_DONTWAIT:
			return 0, nil
		case errno != 0:
			return 0, os.NewSyscallError("mmsg", errno)
		case number == unix.SYS_SENDMMSG || !d.closed.Load(): // else it is the shutdown that looks like an empty datagram
			return int(n), nil
		}
	}
	return 0, net.ErrClosed
}

// point has the first headers of m stand for ms.
func (m *messages) point(ms []ipv4.Message) {
	for i := range ms {
		h, iov := &m.headers[i], &m.iovs[i]
		data, oob := ms[i].Buffers[0], ms[i].OOB
		iov.Base = unsafe.SliceData(data)
		iov.SetLen(len(data))
		h.Iov = iov
		h.SetIovlen(1)
		h.Control = unsafe.SliceData(oob)
		h.SetControllen(len(oob))
	}
}

// address reads a name that the kernel has written.
func address(name *unix.RawSockaddrInet6) netip.AddrPort {
	port := (*[2]byte)(unsafe.Pointer(&name.Port)) // at the same place in both families
	at := binary.BigEndian.Uint16(port[:])
	if name.Family == unix.AF_INET {
		return netip.AddrPortFrom(netip.AddrFrom4((*unix.RawSockaddrInet4)(unsafe.Pointer(name)).Addr), at)
	}
	a := netip.AddrFrom16(name.Addr).Unmap()
	if name.Scope_id != 0 && a.IsLinkLocalUnicast() {
		a = a.WithZone(strconv.FormatUint(uint64(name.Scope_id), 10))
	}
	return netip.AddrPortFrom(a, at)
}

// putName writes to as the kernel takes it, and says how long that is.
func putName(name *unix.RawSockaddrInet6, to *net.UDPAddr, six bool) uint32 {
	*name = unix.RawSockaddrInet6{}
	binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(&name.Port))[:], uint16(to.Port))
	if !six {
		name.Family = unix.AF_INET
		copy((*unix.RawSockaddrInet4)(unsafe.Pointer(name)).Addr[:], to.IP.To4())
		return unix.SizeofSockaddrInet4
	}
	name.Family = unix.AF_INET6
	copy(name.Addr[:], to.IP.To16())
	name.Scope_id = scopeOf(to.Zone)
	return unix.SizeofSockaddrInet6
}

// scopeOf is the number of an interface that is named or numbered.
func scopeOf(name string) uint32 {
	if name == "" {
		return 0
	}
	if n, err := strconv.ParseUint(name, 10, 32); err == nil {
		return uint32(n)
	}
	i, err := net.InterfaceByName(name)
	if err != nil {
		return 0
	}
	return uint32(i.Index)
}
