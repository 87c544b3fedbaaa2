package transaction

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"presenced/sip"
)

// filed is an archive beside what it should hold.
type filed struct {
	archive archive
	order   []key // oldest first
	due     []time.Duration
	answers map[key]kept
}

func newFiled(next uint32) *filed {
	return &filed{archive: archive{next: next}, answers: map[key]kept{}}
}

func (f *filed) add(k key, due time.Duration, size int) {
	res := &sip.Response{Code: 200, Reason: strings.Repeat("x", size)}
	f.archive.add(k, due, res)
	f.order, f.due = append(f.order, k), append(f.due, due)
	f.answers[k] = keep(res)
}

func (f *filed) drop() {
	f.archive.drop()
	delete(f.answers, f.order[0])
	f.order, f.due = f.order[1:], f.due[1:]
}

func (f *filed) check(t *testing.T, k key) {
	t.Helper()
	got, found := f.archive.find(k)
	want, held := f.answers[k]
	if got != want || found != held {
		t.Fatalf("%x: %d bytes (%t), want %d (%t), of %d held", k, len(got), found, len(want), held, len(f.order))
	}
}

// checkAll looks at everything that is held, and at the next to go.
func (f *filed) checkAll(t *testing.T) {
	t.Helper()
	for _, k := range f.order {
		f.check(t, k)
	}
	if f.archive.count != len(f.order) {
		t.Fatalf("%d held, want %d", f.archive.count, len(f.order))
	}
	if len(f.order) == 0 {
		if f.archive.chunks != nil || f.archive.slots != nil || f.archive.spare != nil {
			t.Fatal("an empty archive keeps memory")
		}
		return
	}
	if f.archive.first().due() != f.due[0] || f.archive.due(f.due[0]-1) || !f.archive.due(f.due[0]) {
		t.Fatalf("the first is due at %v, want %v", f.archive.first().due(), f.due[0])
	}
}

// TestArchive plays storms that come and go, with keys of few hashes and of
// many, and answers of all sizes.
func TestArchive(t *testing.T) {
	for _, test := range []struct {
		name   string
		next   uint32
		hashes uint64
		most   int // bytes of an answer
	}{
		{"of many hashes", 0, 1 << 40, 200},
		{"of few hashes", 0, 50, 200},
		{"of neighbours that wrap", 0, 3, 20},
		{"large ones", 0, 1 << 40, 70_000},
		{"places that wrap", 1<<32 - 5000, 1 << 40, 300},
		{"places that wrap at zero", 1<<32 - 6, 1 << 40, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := newFiled(test.next)
			random := rand.New(rand.NewPCG(1, 2))
			for round, now := 0, time.Duration(0); round < 6; round++ {
				adds, drops := 4, 1
				if round%2 == 1 {
					adds, drops = 1, 4
				}
				for range 300 {
					for range random.IntN(adds + 1) {
						now += time.Duration(random.IntN(3))
						f.add(key{random.Uint64(), random.Uint64N(test.hashes) - 1}, now, random.IntN(test.most+1))
					}
					for range min(len(f.order), random.IntN(drops+1)) {
						f.drop()
					}
					f.check(t, key{1, random.Uint64N(test.hashes) - 1})
				}
				f.checkAll(t)
			}
			for len(f.order) > 0 {
				f.drop()
			}
			f.checkAll(t)
		})
	}
}

// Memory goes back while some are still held.
func TestArchiveShrinks(t *testing.T) {
	f := newFiled(0)
	random := rand.New(rand.NewPCG(3, 4))
	for i := range 20_000 {
		f.add(key{random.Uint64(), random.Uint64()}, time.Duration(i), 60)
	}
	for len(f.order) > 10 {
		f.drop()
	}
	f.checkAll(t)
	bytes := cap(f.archive.spare)
	for _, c := range f.archive.chunks {
		bytes += cap(c.bytes)
	}
	if bytes > 3*mostChunk || len(f.archive.slots) > 128 {
		t.Errorf("%d bytes and %d slots for 10 answers", bytes, len(f.archive.slots))
	}
}

// A storm that lasts needs no new memory.
func TestArchiveAllocates(t *testing.T) {
	var a archive
	res := &sip.Response{Code: 200, ToTag: "0123456789"}
	n := uint64(0)
	add := func() {
		n++
		a.add(key{n, n * 0x9E3779B97F4A7C15}, time.Duration(n), res)
	}
	for range 10_000 {
		add()
	}
	if got := testing.AllocsPerRun(20_000, func() { a.drop(); add() }); got >= 0.01 {
		t.Errorf("%v allocations an answer", got)
	}
}
