package digest

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"hash"
	"net/netip"
	"sync"
	"time"
)

// Slot is how long the same request gets the same nonce, byte for byte, and the grain of a nonce's time of issue. A
// repeat that falls into the next slot gets another nonce, which is as good. A longer slot makes that rarer; a shorter
// one lets a registrar know better whether a nonce is younger than a binding.
const Slot = 8 * time.Second

// A nonce is the base64 form of: key id (1 byte), time slot (4), tag of the request (6), tag of the source host (6),
// HMAC-SHA256 over all that, cut to 16 bytes. 33 bytes make 44 characters without padding, so a nonce has exactly one
// spelling, and a Window may know it by its text.
const (
	slotAt   = 1
	seedAt   = slotAt + 4
	sourceAt = seedAt + 6
	macAt    = sourceAt + 6
	nonceLen = macAt + 16
	textLen  = nonceLen / 3 * 4
)

// A Key makes and checks nonces. Every agent of a domain has the same keys; a new key has another ID than the one
// before.
type Key struct {
	ID     byte
	Secret [32]byte
}

// Keys are the key that signs new nonces and the one before it, whose nonces are still good. A value is never changed
// and is safe for concurrent use: to rotate, make new Keys and swap the pointer. A key should be current for longer
// than the nonces' lifetime, or the clients that hold older nonces are asked again (stale=true, no more than that).
type Keys struct {
	current, previous *macKey
}

// NewKeys returns the keys for nonces. previous is nil where there is none.
func NewKeys(current Key, previous *Key) *Keys {
	k := &Keys{current: newMACKey(current)}
	if previous != nil {
		k.previous = newMACKey(*previous)
	}
	return k
}

// NonceSeed is what a nonce is a function of, besides key and time: the challenged request (challenges are stateless,
// RFC 3261 s.8.2.7) and the host that it came from.
type NonceSeed struct {
	Branch string // of the topmost Via
	CallID string
	CSeq   uint32
	Source netip.Addr // the invalid Addr where there is none
}

// Nonce returns a nonce of 44 characters. The same seed gets the same nonce within a Slot.
func (k *Keys) Nonce(seed NonceSeed, now time.Time) string {
	var raw [nonceLen]byte
	raw[0] = k.current.id
	binary.BigEndian.PutUint32(raw[slotAt:], uint32(now.UnixNano()/int64(Slot)))
	k.current.seedTag(raw[seedAt:sourceAt], seed)
	k.current.sourceTag(raw[sourceAt:macAt], seed.Source)
	k.current.nonceTag(raw[macAt:], raw[:macAt])
	var text [textLen]byte
	base64.StdEncoding.Encode(text[:], raw[:])
	return string(text[:])
}

// IssuedAt returns the start of the slot in which a nonce of ours was issued: it was issued then or up to a Slot later,
// never before. It returns false when the nonce is not ours or its key is gone.
func (k *Keys) IssuedAt(nonce string) (time.Time, bool) {
	var raw [nonceLen]byte
	if k.open(&raw, nonce) == nil {
		return time.Time{}, false
	}
	return issuedAt(&raw), true
}

func issuedAt(raw *[nonceLen]byte) time.Time {
	return time.Unix(0, int64(binary.BigEndian.Uint32(raw[slotAt:]))*int64(Slot))
}

// open decodes the nonce into raw and returns the key that it was made with, nil when it is not genuine.
func (k *Keys) open(raw *[nonceLen]byte, nonce string) *macKey {
	if len(nonce) != textLen {
		return nil
	}
	var text [textLen]byte
	copy(text[:], nonce)
	if n, err := base64.StdEncoding.Decode(raw[:], text[:]); err != nil || n != nonceLen {
		return nil
	}
	key := k.current
	if raw[0] != key.id {
		key = k.previous
	}
	if key == nil || raw[0] != key.id {
		return nil
	}
	var want [nonceLen - macAt]byte
	key.nonceTag(want[:], raw[:macAt])
	if subtle.ConstantTimeCompare(want[:], raw[macAt:]) != 1 {
		return nil
	}
	return key
}

// from says whether the nonce was issued to this host.
func (k *macKey) from(raw *[nonceLen]byte, source netip.Addr) bool {
	var want [macAt - sourceAt]byte
	k.sourceTag(want[:], source)
	return subtle.ConstantTimeCompare(want[:], raw[sourceAt:macAt]) == 1
}

// macKey is a key ready for use.
type macKey struct {
	id    byte
	pool  sync.Pool // of *mac: making an HMAC costs more than using it
	label [sha256.Size]byte
}

func newMACKey(key Key) *macKey {
	k := &macKey{id: key.ID, pool: sync.Pool{New: func() any {
		return &mac{hash: hmac.New(sha256.New, key.Secret[:])}
	}}}
	k.nonceTag(k.label[:], []byte("label"))
	return k
}

// What makes a nonce genuine is its last part, an HMAC. The two parts before it, which that one covers, need only differ
// where requests or hosts differ, and tell nobody which host it was: SHA-256 behind a secret label, cut to 6 bytes, does
// that in a third of the time. A letter keeps the two apart.

func (k *macKey) seedTag(dst []byte, seed NonceSeed) {
	var room [512]byte
	in := append(append(room[:0], k.label[:]...), 's')
	in = binary.BigEndian.AppendUint32(in, seed.CSeq)
	in = binary.BigEndian.AppendUint32(in, uint32(len(seed.Branch)))
	in = append(append(in, seed.Branch...), seed.CallID...)
	sum := sha256.Sum256(in)
	copy(dst, sum[:])
}

func (k *macKey) sourceTag(dst []byte, source netip.Addr) {
	var room [sha256.BlockSize]byte
	host := source.As16() // an IPv4 address and its IPv6-mapped form are one host
	in := append(append(room[:0], k.label[:]...), 'h')
	sum := sha256.Sum256(append(in, host[:]...))
	copy(dst, sum[:])
}

// mac is one HMAC with room for its input and output.
type mac struct {
	hash hash.Hash
	room [sha256.Size]byte
}

// nonceTag is the HMAC of payload, which is no longer than a mac's room. hash.Hash never returns an error.
func (k *macKey) nonceTag(dst, payload []byte) {
	m := k.pool.Get().(*mac)
	m.hash.Reset()
	m.hash.Write(append(m.room[:0], payload...))
	copy(dst, m.hash.Sum(m.room[:0]))
	k.pool.Put(m)
}
