//go:build !linux

package transport

import "net"

// descriptor is for Linux only.
type descriptor struct{ mmsg }

func takeOver(*net.UDPConn, bool) *descriptor { return nil }

func (*descriptor) filled() (used, size int) { return 0, 0 }

// Close is never called.
func (*descriptor) Close() error { return nil }
