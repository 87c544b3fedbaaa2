package embedded

import (
	"encoding/binary"
	"iter"
	"slices"
	"time"

	"presenced/internal/store"
)

// past is the visits of one key, packed: there may be hundreds of thousands,
// and they are seldom read. Each costs about 75 bytes with its watcher's
// address, where a record of its own with a deadline took 230. It is
//
//	length of what follows    uvarint
//	watcher                   its length as uvarint, and the bytes
//	last, deadline            varints: us since the engine's epoch
//	display                   as the watcher
//	fetches, subscriptions    uvarints
//	how many have ended       uvarint
//	  id, event               of each: as the watcher, and a byte
//
// and they stand behind each other, stalest first. Bytes that were handed out
// hold until the next change.
type past []byte

// visited is a visit with its times by the engine's clock: Last and TTL of the
// embedded record are not used.
type visited struct {
	store.Visit
	last, deadline time.Duration // since the engine's epoch, in whole us
}

func (p past) append(v visited) past {
	var room [256]byte
	entry := appendString(room[:0], v.Watcher)
	entry = binary.AppendVarint(entry, v.last.Microseconds())
	entry = binary.AppendVarint(entry, v.deadline.Microseconds())
	entry = appendString(entry, v.Display)
	entry = binary.AppendUvarint(entry, uint64(v.Fetches))
	entry = binary.AppendUvarint(entry, uint64(v.Subscriptions))
	entry = appendEnded(entry, v.Ended)
	return past(appendBytes(p, entry))
}

// read is a copy of the first visit.
func (p past) read() visited {
	f := p.fields()
	var v visited
	v.Watcher, v.last, v.deadline = f.string(), f.moment(), f.moment()
	v.Display = f.string()
	v.Fetches, v.Subscriptions = uint32(f.number()), uint32(f.number())
	v.Ended = f.ended()
	return v
}

// times are those of the first visit.
func (p past) times() (last, deadline time.Duration) {
	f := p.fields()
	f.view()
	return f.moment(), f.moment()
}

// fields of the first visit.
func (p past) fields() fields {
	f := fields{rest: p}
	return fields{rest: f.view()}
}

func (f *fields) moment() time.Duration { return time.Duration(f.signed()) * time.Microsecond }

// length reads a length at an offset: it, and where what it is of begins.
func (p past) length(at int) (n, begin int) {
	if p[at] < 0x80 { // most are of one byte
		return int(p[at]), at + 1
	}
	long, size := binary.Uvarint(p[at:])
	return int(long), at + size
}

// all yields each visit alone, and where it begins.
func (p past) all() iter.Seq2[int, past] {
	return func(yield func(int, past) bool) {
		for at := 0; at < len(p); {
			n, begin := p.length(at)
			if !yield(at, p[at:begin+n]) {
				return
			}
			at = begin + n
		}
	}
}

// of is a watcher's visit and where it begins; nil if there is none. All are
// looked at for each write, so no field is read that need not be.
func (p past) of(watcher string) (int, past) {
	for at := 0; at < len(p); {
		n, begin := p.length(at)
		end := begin + n
		if n, begin = p.length(begin); n == len(watcher) && string(p[begin:begin+n]) == watcher {
			return at, p[at:end]
		}
		at = end
	}
	return 0, nil
}

// stalest is the first visit; nil if there is none.
func (p past) stalest() past {
	for _, one := range p.all() {
		return one
	}
	return nil
}

// behind is the offset behind the visits that were no later than last.
func (p past) behind(last time.Duration) int {
	for at, one := range p.all() {
		if later, _ := one.times(); later > last {
			return at
		}
	}
	return len(p)
}

// spliced has other bytes in place of those from one offset to another. Memory
// that is too much is given back; to grow leaves a sixteenth free.
func (p past) spliced(from, to int, other past) past {
	size := len(p) - (to - from) + len(other)
	if size <= cap(p) && size >= cap(p)/2 {
		return slices.Replace(p, from, to, other...)
	}
	if size == 0 {
		return nil
	}
	next := slices.Grow(past(nil), size+size/16)
	return append(append(append(next, p[:from]...), other...), p[to:]...)
}

// lapsed is without the visits whose time is up, and the earliest deadline of
// the others.
func (p past) lapsed(now time.Duration) (kept past, gone int, earliest time.Duration) {
	earliest, end := longest, 0
	for _, one := range p.all() {
		_, deadline := one.times()
		if deadline <= now {
			gone++
			continue
		}
		earliest = min(earliest, deadline)
		end += copy(p[end:], one)
	}
	return p.spliced(end, len(p), nil), gone, earliest
}
