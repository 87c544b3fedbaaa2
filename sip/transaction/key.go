package transaction

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash/maphash"
	"net/netip"
	"strconv"

	"presenced/sip"
)

// key stands for all that makes a request a repeat of another: 128 bits of
// keyed hash, so that it is small and nobody can make two meet.
type key [2]uint64

type keys struct{ seeds [2]maphash.Seed }

func newKeys() keys { return keys{[2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}} }

// of hashes what RFC 3261 s.17.2.3 matches by (branch, sent-by, method; for
// RFC 2543 clients without the magic cookie their own list), and two things
// more. The flow: two clients behind two NATs may use the same private
// sent-by and, being libpurple, the same branches. The credentials: after a
// challenge libpurple repeats its request with the same branch and CSeq, and
// that is a new request.
func (k keys) of(r *sip.Request) key {
	var room [768]byte
	via := r.Via()
	b := appendPart(room[:0], r.Method())
	b = appendPart(b, via.Branch)
	b = appendPart(b, via.SentBy)
	b = appendFlow(b, r.Flow)
	b = appendValues(b, r, "Authorization")
	b = appendValues(b, r, "Proxy-Authorization")
	if !hasMagicCookie(via.Branch) {
		b = appendPart(b, r.RequestURI())
		b = appendPart(b, r.ToTag())
		b = appendPart(b, r.FromTag())
		b = appendPart(b, r.CallID())
		b = strconv.AppendUint(b, uint64(r.CSeq()), 10)
		b = appendPart(b, string(via.Params))
	}
	return key{maphash.Bytes(k.seeds[0], b), maphash.Bytes(k.seeds[1], b)}
}

// appendPart appends s and its length, so that no two lists of parts look
// alike.
func appendPart(dst []byte, s string) []byte {
	dst = append(dst, byte(len(s)), byte(len(s)>>8), byte(len(s)>>16))
	return append(dst, s...)
}

func appendFlow(dst []byte, f sip.Flow) []byte {
	dst = append(dst, byte(f.Proto))
	for shift := 0; shift < 64; shift += 8 {
		dst = append(dst, byte(f.Conn>>shift))
	}
	dst = appendAddr(dst, f.Local)
	return appendAddr(dst, f.Remote)
}

func appendAddr(dst []byte, a netip.AddrPort) []byte {
	ip := a.Addr().As16()
	dst = append(dst, ip[:]...)
	dst = appendPart(dst, a.Addr().Zone())
	return append(dst, byte(a.Port()), byte(a.Port()>>8))
}

func appendValues(dst []byte, r *sip.Request, name string) []byte {
	if !r.Has(name) {
		return append(dst, 0)
	}
	values := r.Values(name)
	dst = append(dst, byte(len(values)))
	for _, v := range values {
		dst = appendPart(dst, v)
	}
	return dst
}

// tagger makes the To tags of responses that open no dialog, by a secret. A
// repeat, which has the same key, gets the same tag, so a stateless response is
// the same each time (RFC 3261 s.8.2.7); nobody can guess it (s.19.3), and it
// tells nothing of the key.
type tagger [32]byte

func newTagger() (t tagger) {
	rand.Read(t[:]) // it never fails: crypto/rand ends the process instead
	return t
}

func (t *tagger) tag(k key) string {
	var b [len(t) + 16]byte // with its padding one block of SHA-256
	copy(b[:], t[:])
	binary.LittleEndian.PutUint64(b[len(t):], k[0])
	binary.LittleEndian.PutUint64(b[len(t)+8:], k[1])
	sum := sha256.Sum256(b[:])
	return hex.EncodeToString(sum[:10])
}
