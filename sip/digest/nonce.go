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
	m := k.current.get()
	defer k.current.put(m)
	m.seedTag(raw[seedAt:sourceAt], seed)
	m.sourceTag(raw[sourceAt:macAt], seed.Source)
	m.nonceTag(raw[macAt:], raw[:macAt])
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
	m := key.get()
	m.nonceTag(want[:], raw[:macAt])
	key.put(m)
	if subtle.ConstantTimeCompare(want[:], raw[macAt:]) != 1 {
		return nil
	}
	return key
}

// from says whether the nonce was issued to this host.
func (k *macKey) from(raw *[nonceLen]byte, source netip.Addr) bool {
	var want [macAt - sourceAt]byte
	m := k.get()
	m.sourceTag(want[:], source)
	k.put(m)
	return subtle.ConstantTimeCompare(want[:], raw[sourceAt:macAt]) == 1
}

// macKey keeps HMACs that are ready for its secret: making one costs more than using it.
type macKey struct {
	id   byte
	pool sync.Pool
}

func newMACKey(key Key) *macKey {
	return &macKey{id: key.ID, pool: sync.Pool{New: func() any {
		return &mac{hash: hmac.New(sha256.New, key.Secret[:])}
	}}}
}

func (k *macKey) get() *mac  { return k.pool.Get().(*mac) }
func (k *macKey) put(m *mac) { k.pool.Put(m) }

// mac is one HMAC with room for its input and output.
type mac struct {
	hash hash.Hash
	in   [128]byte
	out  [sha256.Size]byte
}

// A label in front of each input keeps the three tags apart.
const (
	seedLabel   = 's'
	sourceLabel = 'h'
	nonceLabel  = 'n'
)

func (m *mac) seedTag(dst []byte, seed NonceSeed) {
	m.hash.Reset()
	head := append(m.in[:0], seedLabel)
	head = binary.BigEndian.AppendUint32(head, seed.CSeq)
	head = binary.BigEndian.AppendUint32(head, uint32(len(seed.Branch)))
	m.hash.Write(head)
	m.write(seed.Branch)
	m.write(seed.CallID)
	m.finish(dst)
}

func (m *mac) sourceTag(dst []byte, source netip.Addr) {
	m.hash.Reset()
	host := source.As16() // an IPv4 address and its IPv6-mapped form are one host
	m.hash.Write(append(append(m.in[:0], sourceLabel), host[:]...))
	m.finish(dst)
}

func (m *mac) nonceTag(dst, payload []byte) {
	m.hash.Reset()
	m.hash.Write(append(append(m.in[:0], nonceLabel), payload...))
	m.finish(dst)
}

// write hashes s piece by piece, so that a long one allocates nothing. hash.Hash never returns an error.
func (m *mac) write(s string) {
	for len(s) > 0 {
		n := copy(m.in[:], s)
		m.hash.Write(m.in[:n])
		s = s[n:]
	}
}

func (m *mac) finish(dst []byte) {
	copy(dst, m.hash.Sum(m.out[:0]))
}
