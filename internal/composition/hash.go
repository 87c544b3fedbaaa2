package composition

import "encoding/binary"

// Hash is a document's hash; never 0. It is the same in every process: it serves
// as an entity-tag of what watchers see (RFC 5839 s.6.1). Each step can be
// undone, so that documents of one length that differ in one word differ here.
// Four words go side by side, because a multiplication need not wait for that of
// the word before.
func Hash(b []byte) uint64 {
	const step = 32
	length := uint64(len(b))
	h, second, third, fourth := uint64(1), uint64(odd), uint64(odd>>1), uint64(odd>>2)
	for ; len(b) >= step; b = b[step:] {
		h = mix(h, binary.LittleEndian.Uint64(b))
		second = mix(second, binary.LittleEndian.Uint64(b[8:]))
		third = mix(third, binary.LittleEndian.Uint64(b[16:]))
		fourth = mix(fourth, binary.LittleEndian.Uint64(b[24:]))
	}
	h = mix(mix(mix(mix(h, length), second), third), fourth)
	var rest [step]byte
	copy(rest[:], b)
	for at := 0; at < len(b); at += 8 {
		h = mix(h, binary.LittleEndian.Uint64(rest[at:]))
	}
	return max(mix(mix(h, 0), 0), 1)
}

const odd = 0x9e3779b97f4a7c15

func mix(h, word uint64) uint64 {
	h = (h ^ word) * odd
	return h ^ h>>32
}
