package transport

import (
	"net"
	"syscall"
)

// bufferSize is the size of the receive buffer in bytes that the system gave;
// 0 where it cannot be told. Linux reports twice what it was asked for.
func bufferSize(uc *net.UDPConn) int {
	raw, err := uc.SyscallConn()
	if err != nil {
		return 0
	}
	size := 0
	err = raw.Control(func(fd uintptr) {
		if n, err := syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF); err == nil {
			size = n / 2
		}
	})
	if err != nil {
		return 0
	}
	return size
}
