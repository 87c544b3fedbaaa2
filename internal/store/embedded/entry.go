package embedded

import (
	"encoding/binary"
	"errors"
	"time"

	"presenced/internal/store"
)

// The kinds of entries. An entry is its kind and the fields in the order in
// which the append function writes them: numbers as varints, strings and bytes
// behind their length.
const (
	entryShard        = 1 // the highest version that the shard gave
	entryPublication  = 2 // added or modified
	entryRefresh      = 3 // of a publication
	entryRemoved      = 4 // a publication, by hand or lapsed
	entryBindings     = 5 // all of an inbox; none: removed
	entrySubscription = 8 // put or claimed
	entryUnsubscribed = 9 // by hand or lapsed
	entryVisit        = 10
	entryUnvisited    = 11 // for want of room; a lapse is told by the deadline

	// In logs of version 1, without standing, age and version.
	entrySubscription1 = 6
	entryUnsubscribed1 = 7
)

var errEntry = errors.New("entry that cannot be read")

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendBytes(b, s []byte) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendKey(b []byte, key store.Key) []byte {
	return appendString(appendString(b, key.AOR), key.Package)
}

// deadline is the wall clock at the end of a record's life, in Unix
// microseconds.
func (l *lapse) deadline(sh *shard) int64 {
	return sh.now.wall.UnixMicro() + int64(l.remaining(sh)/time.Microsecond)
}

func (sh *shard) appendShard(b []byte, number uint8) []byte {
	b = append(b, entryShard, number)
	return binary.AppendUvarint(b, uint64(sh.last))
}

func (sh *shard) appendPublication(b []byte, p *publication) []byte {
	b = appendKey(append(b, entryPublication), p.of.key)
	b = binary.AppendUvarint(b, uint64(p.of.version))
	b = appendString(b, p.ID)
	b = appendString(b, p.Tag)
	b = binary.AppendUvarint(b, p.Order)
	b = binary.AppendVarint(b, p.deadline(sh))
	b = appendString(b, p.ContentType)
	b = appendString(b, p.Source)
	b = appendString(b, p.UserAgent)
	return appendBytes(b, p.Body)
}

func (sh *shard) appendRefresh(b []byte, p *publication) []byte {
	b = appendKey(append(b, entryRefresh), p.of.key)
	b = appendString(b, p.ID)
	b = appendString(b, p.Tag)
	return binary.AppendVarint(b, p.deadline(sh))
}

func (sh *shard) appendRemoved(b []byte, p *publication) []byte {
	b = appendKey(append(b, entryRemoved), p.of.key)
	b = binary.AppendUvarint(b, uint64(p.of.version))
	b = binary.AppendUvarint(b, uint64(sh.last))
	return appendString(b, p.ID)
}

func (sh *shard) appendBindings(b []byte, r *resource) []byte {
	b = appendString(append(b, entryBindings), r.key.AOR)
	b = binary.AppendUvarint(b, uint64(r.version))
	b = binary.AppendUvarint(b, uint64(sh.last))
	b = binary.AppendUvarint(b, uint64(len(r.bindings)))
	for _, bind := range r.bindings {
		b = appendString(b, bind.Contact)
		b = appendString(b, bind.Params)
		b = binary.AppendUvarint(b, uint64(bind.PackedQ()))
		b = binary.AppendUvarint(b, uint64(len(bind.Path)))
		for _, hop := range bind.Path {
			b = appendString(b, hop)
		}
		b = appendString(b, bind.CallID)
		b = binary.AppendUvarint(b, uint64(bind.CSeq))
		b = binary.AppendVarint(b, bind.Updated)
		b = appendString(b, bind.Agent)
		b = appendString(b, bind.Flow)
		b = appendString(b, bind.UserAgent)
		b = binary.AppendVarint(b, bind.deadline(sh))
	}
	return b
}

func (sh *shard) appendSubscription(b []byte, sub *subscription) []byte {
	b = appendKey(append(b, entrySubscription), sub.of.key)
	b = appendString(b, sub.id)
	b = appendString(b, sub.watcher)
	b = binary.AppendUvarint(b, sub.fence)
	b = binary.AppendVarint(b, sub.deadline(sh))
	b = binary.AppendUvarint(b, uint64(sub.standing))
	b = binary.AppendVarint(b, sh.now.wall.UnixMicro()-int64(sub.age(sh)/time.Microsecond))
	b = binary.AppendUvarint(b, uint64(sh.last))
	return appendString(b, sub.data)
}

func (sh *shard) appendUnsubscribed(b []byte, sub *subscription) []byte {
	b = appendString(append(b, entryUnsubscribed), sub.of.key.AOR)
	b = binary.AppendUvarint(b, uint64(sh.last))
	return appendString(b, sub.id)
}

// fields reads an entry from its front. After an error every field is zero.
type fields struct {
	rest   []byte
	err    error
	shared map[string]string // strings that many records have; may be nil
}

func (f *fields) fail() { f.rest, f.err = nil, errEntry }

func (f *fields) byte() byte {
	if len(f.rest) == 0 {
		f.fail()
		return 0
	}
	b := f.rest[0]
	f.rest = f.rest[1:]
	return b
}

func (f *fields) number() uint64 {
	n, size := binary.Uvarint(f.rest)
	if size <= 0 {
		f.fail()
		return 0
	}
	f.rest = f.rest[size:]
	return n
}

func (f *fields) signed() int64 {
	n, size := binary.Varint(f.rest)
	if size <= 0 {
		f.fail()
		return 0
	}
	f.rest = f.rest[size:]
	return n
}

// count is a number of things that each take a byte or more.
func (f *fields) count() int {
	n := f.number()
	if n > uint64(len(f.rest)) {
		f.fail()
		return 0
	}
	return int(n)
}

// view is the bytes of a string in place.
func (f *fields) view() []byte {
	n := f.count()
	v := f.rest[:n:n]
	f.rest = f.rest[n:]
	return v
}

func (f *fields) string() string { return string(f.view()) }

// common is a string that other entries have too, kept once.
func (f *fields) common() string {
	const most = 10_000 // strings that are kept
	v := f.view()
	if s, ok := f.shared[string(v)]; ok {
		return s
	}
	s := string(v)
	if f.shared != nil && len(f.shared) < most {
		f.shared[s] = s
	}
	return s
}

// bytes is a copy, never nil.
func (f *fields) bytes() []byte { return append([]byte{}, f.view()...) }

func (f *fields) key() store.Key { return store.Key{AOR: f.string(), Package: f.common()} }

// lifetime turns a deadline into what is left of it now, at most 285 years.
func (f *fields) lifetime(now instant) time.Duration {
	const most = 1 << 53 // microseconds
	deadline := f.signed()
	left := min(max(-most, deadline-now.wall.UnixMicro()), most)
	if deadline < -most {
		left = -most // the difference would not fit
	}
	return time.Duration(left) * time.Microsecond
}
