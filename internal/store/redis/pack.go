package redis

import (
	"encoding/binary"
	"errors"
	"math"
	"time"
)

// errMalformed is the cause when what Redis holds was not written by us.
var errMalformed = errors.New("redis: malformed record")

// Packed records are fields with their length before them, as a varint.

func appendString(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

// unpacker reads what appendString and binary.AppendUvarint wrote. After a
// fault it reads zeros, and failed is true.
type unpacker struct {
	rest   string
	failed bool
}

func (u *unpacker) number() uint64 {
	var n uint64
	for i := 0; i < len(u.rest) && i < binary.MaxVarintLen64; i++ {
		c := u.rest[i]
		n |= uint64(c&0x7f) << (7 * i)
		if c < 0x80 {
			u.rest = u.rest[i+1:]
			return n
		}
	}
	u.failed, u.rest = true, ""
	return 0
}

func (u *unpacker) text() string {
	n := u.number()
	if n > uint64(len(u.rest)) {
		u.failed, u.rest = true, ""
		return ""
	}
	s := u.rest[:n]
	u.rest = u.rest[n:]
	return s
}

// reply reads the elements of a script's answer in order. After a fault it
// reads zeros, and failed is true.
type reply struct {
	rest   []any
	failed bool
}

func newReply(answer any) *reply {
	list, ok := answer.([]any)
	return &reply{rest: list, failed: !ok}
}

func (r *reply) more() bool { return len(r.rest) > 0 && !r.failed }

func (r *reply) next() any {
	if len(r.rest) == 0 {
		r.failed = true
		return nil
	}
	v := r.rest[0]
	r.rest = r.rest[1:]
	return v
}

// list is an element that is a list itself.
func (r *reply) list() *reply { return newReply(r.next()) }

func (r *reply) number() int64 {
	n, ok := r.next().(int64)
	if !ok {
		r.failed = true
	}
	return n
}

func (r *reply) text() string {
	s, ok := r.next().(string)
	if !ok {
		r.failed = true
	}
	return s
}

func micros(n int64) time.Duration { return time.Duration(n) * time.Microsecond }

// lifetime is a duration in microseconds as the scripts take it: small enough
// that an end stays exact in a floating-point number.
func lifetime(d time.Duration) int64 {
	return min(d.Microseconds(), math.MaxUint32*1_000_000)
}
