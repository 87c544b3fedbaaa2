package filter

import (
	"encoding/binary"
	"errors"
	"slices"
)

// packed is the first byte of what Pack writes.
const packed = 1

var errPacked = errors.New("filter: not a packed set")

// Pack appends a merged set to dst in a canonical form, for a subscription's
// record: equal sets are equal bytes. A set without filters appends nothing.
func (s *Set) Pack(dst []byte) []byte {
	if s.Len() == 0 {
		return dst
	}
	dst = append(dst, packed)
	for _, e := range s.filters {
		dst = appendString(dst, e.id)
		dst = appendString(dst, e.uri)
		dst = appendString(dst, e.domain)
		dst = append(dst, e.state())
		if e.filter != nil {
			dst = appendString(dst, e.filter.text(e.filter.triggers))
		}
	}
	return dst
}

// state packs whether a filter is enabled, and whether it has contents.
func (e *entry) state() byte {
	state := byte(0)
	if e.enabled {
		state |= 1
	}
	if e.filter != nil {
		state |= 2
	}
	return state
}

// Unpack is the inverse of Pack, nil for nothing. It refuses what Pack does not
// write.
func Unpack(b []byte) (*Set, error) {
	if len(b) == 0 {
		return nil, nil
	}
	s := new(Set)
	u := unpacker{rest: b[1:]}
	for b[0] == packed && len(u.rest) > 0 && !u.broken {
		s.filters = append(s.filters, u.entry())
	}
	if b[0] != packed || u.broken || !s.isSorted() || s.check() != nil || !slices.Equal(s.Pack(nil), b) {
		return nil, errPacked
	}
	return s, nil
}

// isSorted tells whether ids are unique and in order.
func (s *Set) isSorted() bool {
	for i := 1; i < len(s.filters); i++ {
		if s.filters[i-1].id >= s.filters[i].id {
			return false
		}
	}
	return true
}

func appendString(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

type unpacker struct {
	rest   []byte
	broken bool
}

func (u *unpacker) string() string {
	length, n := binary.Uvarint(u.rest)
	if n <= 0 || length > uint64(len(u.rest)-n) {
		u.broken = true
		return ""
	}
	s := string(u.rest[n : n+int(length)])
	u.rest = u.rest[n+int(length):]
	return s
}

func (u *unpacker) entry() entry {
	e := entry{id: u.string(), uri: u.string(), domain: u.string()}
	if u.broken || len(u.rest) == 0 {
		u.broken = true
		return e
	}
	state := u.rest[0]
	u.rest = u.rest[1:]
	e.enabled = state&1 != 0
	if state > 3 {
		u.broken = true
	}
	if state&2 != 0 {
		var err error
		if e.filter, err = compile(u.string()); err != nil {
			u.broken = true
		}
	}
	return e
}
