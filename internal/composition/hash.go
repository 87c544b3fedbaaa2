package composition

import (
	"encoding/binary"
	"math/bits"
)

// Hash is a document's hash; never 0. It is the same in every process: it serves
// as an entity-tag of what watchers see (RFC 5839 s.6.1). Each step is
// invertible, so that no two documents of one length that differ in one word
// have the same.
func Hash(b []byte) uint64 {
	const odd, other = 0x9e3779b97f4a7c15, 0xd6e8feb86659fd93
	h := (uint64(len(b)) + 1) * odd
	for len(b) >= 8 {
		h = (bits.RotateLeft64(h, 29) ^ binary.LittleEndian.Uint64(b)) * odd
		b = b[8:]
	}
	var tail [8]byte
	copy(tail[:], b)
	h = (bits.RotateLeft64(h, 29) ^ binary.LittleEndian.Uint64(tail[:])) * odd
	h = (h ^ h>>32) * other
	h = (h ^ h>>32) * other
	return max(h^h>>32, 1)
}
