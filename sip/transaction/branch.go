package transaction

import (
	"crypto/rand"
	"encoding/binary"
)

// A branch of ours names its transaction: after the magic cookie of RFC 3261
// s.8.1.1.7 stand, in hexadecimal, the slot, the slot's epoch and 64 random
// bits. A response finds its transaction by index, without a map, and one
// that was made up does not: it would have to guess the random part.
type branch struct {
	slot   uint32 // index and shard
	epoch  uint32 // new with each attempt to send
	secret uint64
}

const (
	magicCookie  = "z9hG4bK"
	branchLength = len(magicCookie) + 8 + 8 + 16
)

const hexDigits = "0123456789abcdef"

func (b branch) append(dst []byte) []byte {
	dst = append(dst, magicCookie...)
	dst = appendHex(dst, uint64(b.slot), 8)
	dst = appendHex(dst, uint64(b.epoch), 8)
	return appendHex(dst, b.secret, 16)
}

func appendHex(dst []byte, v uint64, digits int) []byte {
	for shift := 4 * (digits - 1); shift >= 0; shift -= 4 {
		dst = append(dst, hexDigits[v>>shift&15])
	}
	return dst
}

// parseBranch reads a branch of ours; ok is false for any other. Branches are
// tokens and compare without case (RFC 3261 s.7.3.1).
func parseBranch[S string | []byte](s S) (b branch, ok bool) {
	if len(s) != branchLength || !hasMagicCookie(s) {
		return b, false
	}
	s = s[len(magicCookie):]
	slot, ok1 := parseHex(s[:8])
	epoch, ok2 := parseHex(s[8:16])
	secret, ok3 := parseHex(s[16:])
	return branch{uint32(slot), uint32(epoch), secret}, ok1 && ok2 && ok3
}

func hasMagicCookie[S string | []byte](s S) bool {
	if len(s) < len(magicCookie) {
		return false
	}
	for i := range len(magicCookie) {
		if s[i]|0x20 != magicCookie[i]|0x20 {
			return false
		}
	}
	return true
}

func parseHex[S string | []byte](s S) (v uint64, ok bool) {
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		v = v<<4 | uint64(c)
	}
	return v, true
}

// nonces gives random numbers that nobody can predict, read in batches.
type nonces struct {
	batch [512]byte
	left  int
}

func (n *nonces) next() uint64 {
	if n.left == 0 {
		rand.Read(n.batch[:]) // it never fails: crypto/rand ends the process instead
		n.left = len(n.batch)
	}
	n.left -= 8
	return binary.LittleEndian.Uint64(n.batch[n.left:])
}
