//go:build !linux

package transport

import (
	"net"

	"golang.org/x/net/ipv4"
)

// descriptor is for Linux only.
type descriptor struct{ mmsg }

func takeOver(*net.UDPConn, bool) *descriptor { return nil }

func (*descriptor) poll([]ipv4.Message) (int, error) { return 0, nil }

func (*descriptor) answersOnly(bool) error { return nil }

func (*descriptor) dropped() uint32 { return 0 }

// Close is never called.
func (*descriptor) Close() error { return nil }
