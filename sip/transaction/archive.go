package transaction

import (
	"encoding/binary"
	"sort"
	"time"

	"presenced/sip"
)

// archive holds the answers of a shard's transactions for repeats, until
// Timer J. What is answered last is due last, so they stand one behind the
// other in the order of time, in chunks of memory without a pointer: the
// garbage collector has nothing to follow, and an answer costs no allocation.
// An entry is a multiple of 8 bytes:
//
//	key 16 | due 8, in ns | length of what follows 4 | kept | 0 to 7 spare
//
// A hash table (linear probing, no pointers either) finds an entry: a slot is
// 32 bits of its key, and its place, counted in units of 8 bytes since the
// archive was made, modulo 2^32. So a new request, as nearly all are, reads a
// slot or two and no entry.
//
//	slots    [ - | 9c01,18 | - | 07f3,1 | ... ]
//	chunks   [ entry at 1 ............ | entry at 18 .... | free ]   [ ... ]
//
// The owner's lock guards it. The zero archive is empty.
type archive struct {
	chunks []chunk // oldest first; what is new goes to the last
	spare  []byte  // a whole chunk whose entries are gone
	next   uint32  // the next entry's place
	count  int
	slots  []slot // their number is a power of two
}

// chunk is the memory of some entries. Those before read are gone.
type chunk struct {
	first uint32 // the place of its first byte
	bytes []byte
	read  int
}

// slot of the table. No entry is at place 0: it is a free slot.
type slot struct{ hash, place uint32 }

const (
	archiveUnit = 8 // bytes
	archiveHead = 16 + 8 + 4

	leastChunk = 4 << 10 // bytes; chunks grow with what is held
	mostChunk  = 64 << 10
	leastSlots = 64
)

// add keeps the answer to the request with this key.
func (a *archive) add(k key, due time.Duration, res *sip.Response) {
	var room [512]byte
	b := binary.LittleEndian.AppendUint64(room[:0], k[0])
	b = binary.LittleEndian.AppendUint64(b, k[1])
	b = binary.LittleEndian.AppendUint64(b, uint64(due))
	b = append(b, 0, 0, 0, 0)
	b = appendResponse(b, res)
	binary.LittleEndian.PutUint32(b[archiveHead-4:], uint32(len(b)-archiveHead))
	for len(b)%archiveUnit != 0 {
		b = append(b, 0)
	}
	c := a.room(len(b))
	c.bytes = append(c.bytes, b...)
	a.insert(slot{hashOf(k), a.next})
	a.next += uint32(len(b) / archiveUnit)
	a.count++
}

// room is the last chunk, with room for so many bytes at a place that is not 0.
func (a *archive) room(size int) *chunk {
	if n := len(a.chunks); n > 0 && a.next != 0 {
		if c := &a.chunks[n-1]; cap(c.bytes)-len(c.bytes) >= size {
			return c
		}
	}
	a.next = max(a.next, 1)
	bytes := a.spare
	a.spare = nil
	if want := a.chunkSize(size); cap(bytes) < want {
		bytes = make([]byte, 0, want)
	}
	a.chunks = append(a.chunks, chunk{first: a.next, bytes: bytes[:0]})
	return &a.chunks[len(a.chunks)-1]
}

// chunkSize is that of the next chunk, for an entry of this size and more.
func (a *archive) chunkSize(entry int) int {
	size := leastChunk
	if n := len(a.chunks); n > 0 {
		size = min(mostChunk, max(size, 2*cap(a.chunks[n-1].bytes)))
	}
	return max(size, entry)
}

// find is the answer to the request with this key, if it is held.
func (a *archive) find(k key) (kept, bool) {
	if a.count == 0 {
		return "", false
	}
	hash := hashOf(k)
	for at := hash; ; at++ {
		s := a.slot(at)
		if s.place == 0 {
			return "", false
		}
		if s.hash != hash {
			continue
		}
		if e := a.entry(s.place); e.key() == k {
			return kept(e.kept()), true
		}
	}
}

// first is the oldest entry of an archive that is not empty.
func (a *archive) first() entry {
	c := &a.chunks[0]
	return entry(c.bytes[c.read:])
}

// due says whether the oldest entry's time has come.
func (a *archive) due(now time.Duration) bool { return a.count > 0 && a.first().due() <= now }

// drop forgets the oldest entry of an archive that is not empty.
func (a *archive) drop() {
	c, e := &a.chunks[0], a.first()
	a.remove(slot{hashOf(e.key()), c.first + uint32(c.read/archiveUnit)})
	a.count--
	c.read += e.size()
	switch {
	case a.count == 0: // memory goes back after a storm
		a.chunks, a.spare, a.slots = nil, nil, nil
	case c.read == len(c.bytes):
		if cap(c.bytes) == mostChunk {
			a.spare = c.bytes
		}
		a.chunks[0] = chunk{}
		a.chunks = a.chunks[1:]
	}
}

// entry at a place where there is one.
func (a *archive) entry(place uint32) entry {
	oldest := a.chunks[0].first // places are counted from it, because they wrap
	behind := sort.Search(len(a.chunks), func(i int) bool { return a.chunks[i].first-oldest > place-oldest })
	c := &a.chunks[behind-1]
	return entry(c.bytes[(place-c.first)*archiveUnit:])
}

// entry begins with an entry; others may follow.
type entry []byte

func (e entry) key() key {
	return key{binary.LittleEndian.Uint64(e), binary.LittleEndian.Uint64(e[8:])}
}

func (e entry) due() time.Duration { return time.Duration(binary.LittleEndian.Uint64(e[16:])) }

func (e entry) length() int { return int(binary.LittleEndian.Uint32(e[24:])) }

func (e entry) kept() []byte { return e[archiveHead:][:e.length()] }

// size is in bytes, the spare ones included.
func (e entry) size() int { return (archiveHead + e.length() + archiveUnit - 1) &^ (archiveUnit - 1) }

// hashOf is the part of a key that is in the table. The other half has chosen
// the shard.
func hashOf(k key) uint32 { return uint32(k[1]) }

// slot is that of a hash, or so many behind it.
func (a *archive) slot(hash uint32) *slot { return &a.slots[hash&uint32(len(a.slots)-1)] }

func (a *archive) insert(s slot) {
	if 4*(a.count+1) > 3*len(a.slots) {
		a.resize(max(leastSlots, 2*len(a.slots)))
	}
	at := s.hash
	for a.slot(at).place != 0 {
		at++
	}
	*a.slot(at) = s
}

// remove frees a slot, and has those behind it that were pushed on by it move
// up, so that no search ends before them.
func (a *archive) remove(s slot) {
	free := s.hash
	for *a.slot(free) != s {
		free++
	}
	for at := free + 1; a.slot(at).place != 0; at++ {
		if distance(a, a.slot(at).hash, at) >= distance(a, free, at) {
			*a.slot(free) = *a.slot(at)
			free = at
		}
	}
	*a.slot(free) = slot{}
	if len(a.slots) > leastSlots && 8*a.count < len(a.slots) {
		a.resize(len(a.slots) / 2)
	}
}

// distance from one slot to another behind it.
func distance(a *archive, from, to uint32) uint32 { return (to - from) & uint32(len(a.slots)-1) }

func (a *archive) resize(size int) {
	old := a.slots
	a.slots = make([]slot, size)
	for _, s := range old {
		if s.place == 0 {
			continue
		}
		at := s.hash
		for a.slot(at).place != 0 {
			at++
		}
		*a.slot(at) = s
	}
}
