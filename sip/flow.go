package sip

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"
)

// Proto is a transport protocol as Via names it.
type Proto uint8

const (
	UDP Proto = iota + 1
	TCP
	TLS
)

func (p Proto) String() string {
	switch p {
	case UDP:
		return "UDP"
	case TCP:
		return "TCP"
	case TLS:
		return "TLS"
	}
	return "proto" + strconv.Itoa(int(p))
}

// Reliable says whether the protocol itself retransmits (RFC 3261 s.17).
func (p Proto) Reliable() bool { return p != UDP }

// Flow is the path a message came on: the same path takes its answer back
// (RFC 3261 s.18.2.2, RFC 3581, RFC 5626 s.3). It is comparable, and it never
// stands for another peer's connection: Conn is unique for ever, across
// restarts too.
type Flow struct {
	Proto  Proto
	Local  netip.AddrPort // the listener's or connection's address on this machine
	Remote netip.AddrPort
	Conn   uint64 // the connection; 0 for UDP
}

// IsZero says that there is no flow.
func (f Flow) IsZero() bool { return f.Proto == 0 }

func (f Flow) String() string {
	return f.Proto.String() + " " + f.Remote.String() + " -> " + f.Local.String()
}

// Text is the flow in the form that ParseFlow reads.
func (f Flow) Text() string {
	var b [128]byte
	return string(f.AppendTo(b[:0]))
}

// AppendTo appends what Text writes.
func (f Flow) AppendTo(dst []byte) []byte {
	dst = append(dst, f.Proto.String()...)
	dst = append(dst, ' ')
	dst = f.Local.AppendTo(dst)
	dst = append(dst, ' ')
	dst = f.Remote.AppendTo(dst)
	dst = append(dst, ' ')
	return strconv.AppendUint(dst, f.Conn, 16)
}

// ParseFlow reads what Text wrote; a flow that cannot be read is zero.
func ParseFlow(s string) Flow {
	part := strings.Split(s, " ")
	if len(part) != 4 {
		return Flow{}
	}
	var f Flow
	for _, p := range [...]Proto{UDP, TCP, TLS} {
		if part[0] == p.String() {
			f.Proto = p
		}
	}
	var errs [3]error
	f.Local, errs[0] = netip.ParseAddrPort(part[1])
	f.Remote, errs[1] = netip.ParseAddrPort(part[2])
	f.Conn, errs[2] = strconv.ParseUint(part[3], 16, 64)
	if f.Proto == 0 || errors.Join(errs[:]...) != nil {
		return Flow{}
	}
	return f
}
