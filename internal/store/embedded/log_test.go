package embedded

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"presenced/internal/store"
)

func sortSubscriptions(list []store.Subscription) {
	slices.SortFunc(list, func(a, b store.Subscription) int { return strings.Compare(a.ID, b.ID) })
}

// writtenLog is a log with n publications, one in a frame, and the offset of
// each frame's end; the first is that of what stands before them.
func writtenLog(t *testing.T, n int) (log []byte, ends []int) {
	t.Helper()
	c := Config{Path: t.TempDir()}
	e := openTest(t, c)
	name := filepath.Join(c.Path, "state.log")
	for i := range n + 1 {
		data, err := os.ReadFile(name)
		must(t, err)
		ends = append(ends, len(data))
		log = data
		if i < n {
			must(t, e.Publish(t.Context(), alice, initial(fmt.Sprint("p", i), time.Hour)))
		}
	}
	return log, ends
}

// openLog opens an engine on a log of that content.
func openLog(t *testing.T, log []byte) (*Engine, string) {
	t.Helper()
	c := Config{Path: t.TempDir()}
	must(t, os.WriteFile(filepath.Join(c.Path, "state.log"), log, 0o600))
	return openTest(t, c), c.Path
}

func count(t *testing.T, e *Engine) int {
	t.Helper()
	return len(stateOf(t, e).publications.List)
}

func filesAside(t *testing.T, path string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(path, "state.log.bad-*"))
	must(t, err)
	return names
}

func TestTornTailIsCutAtEveryOffset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, ends := writtenLog(t, 2)
		for cut := range len(log) {
			if cut > len(logMagic) && cut < ends[0]-40 {
				continue // the 256 shard entries are alike
			}
			want := 0
			for _, end := range ends[1:] {
				if end <= cut {
					want++
				}
			}
			e, path := openLog(t, log[:cut])
			if got := count(t, e); got != want {
				t.Fatalf("cut at %d: %d publications, want %d", cut, got, want)
			}
			if names := filesAside(t, path); names != nil {
				t.Fatalf("cut at %d: set aside %q", cut, names)
			}
			must(t, e.Publish(t.Context(), alice, initial("later", time.Hour)))
			must(t, e.Close())
			e = openTest(t, Config{Path: path})
			if got := count(t, e); got != want+1 {
				t.Fatalf("cut at %d: %d publications after a restart, want %d", cut, got, want+1)
			}
			must(t, e.Close())
		}
	})
}

func TestZerosAtTheEndAreCut(t *testing.T) {
	log, _ := writtenLog(t, 3)
	e, path := openLog(t, append(log, make([]byte, 4096)...))
	if got := count(t, e); got != 3 {
		t.Fatalf("%d publications, want 3", got)
	}
	if names := filesAside(t, path); names != nil {
		t.Fatalf("set aside %q", names)
	}
}

func TestDamagedLogIsSetAside(t *testing.T) {
	log, ends := writtenLog(t, 3)
	tests := []struct {
		name   string
		offset int
		want   int // publications that stand before the damage
	}{
		{"first byte", 0, 0},
		{"length of the first publication", ends[0], 0},
		{"checksum of the first publication", ends[0] + 8, 0},
		{"payload of the second publication", ends[1] + frameHeader + 10, 1},
		{"length of the last publication", ends[2] + 1, 2},
		{"last byte", len(log) - 1, 2},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			damaged := bytes.Clone(log)
			damaged[test.offset] ^= 0x40
			e, path := openLog(t, damaged)
			if got := count(t, e); got != test.want {
				t.Fatalf("%d publications, want %d", got, test.want)
			}
			names := filesAside(t, path)
			if len(names) != 1 {
				t.Fatalf("set aside %q", names)
			}
			aside, err := os.ReadFile(names[0])
			must(t, err)
			if !bytes.Equal(aside, damaged) {
				t.Fatal("the file that was set aside is another one")
			}
			must(t, e.Publish(t.Context(), alice, initial("later", time.Hour)))
			must(t, e.Close())
			if got := count(t, openTest(t, Config{Path: path})); got != test.want+1 {
				t.Fatalf("%d publications after a restart, want %d", got, test.want+1)
			}
		})
	}
}

// FuzzReadLog: any bytes give state or a damaged or torn log, and never a
// panic; what was read can be written and read again.
func FuzzReadLog(f *testing.F) {
	seed := []byte(logMagic)
	for _, entry := range [][]byte{
		{entryShard, 3, 5}, {entryUnsubscribed, 0, 0}, {entryBindings, 1, 'a', 1, 1, 0}, {99},
	} {
		seed = appendFrame(seed, func(b []byte) []byte { return append(b, entry...) })
		f.Add(bytes.Clone(seed))
	}
	f.Add([]byte(logMagic[:5]))
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := Open(Config{})
		must(t, err)
		defer e.Close()
		good, err := readLog(bytes.NewReader(data), int64(len(data)), e.apply)
		if err != nil && !errors.Is(err, errTorn) && !errors.Is(err, errDamaged) {
			t.Fatal(err)
		}
		if good > int64(len(data)) {
			t.Fatalf("%d good bytes of %d", good, len(data))
		}
	})
}

// FuzzApply is FuzzReadLog behind the checksums.
func FuzzApply(f *testing.F) {
	e, err := Open(Config{})
	must(f, err)
	sh := e.enterAOR(alice.AOR)
	r := sh.resource(alice)
	p := &publication{of: r, Publication: initial("a", 0).Publication}
	sh.placePublication(p, time.Hour)
	b := &binding{of: r, Binding: store.Binding{Contact: "sip:a@192.0.2.1", Path: []string{"<sip:p;lr>"}}}
	sh.placeBinding(b, time.Hour)
	sub := sh.placeSubscription(subscriptionOf(alice, "s"))
	for _, entry := range [][]byte{
		sh.appendShard(nil, 3), sh.appendPublication(nil, p), sh.appendRefresh(nil, p), sh.appendRemoved(nil, p),
		sh.appendBindings(nil, r), sh.appendSubscription(nil, sub), sh.appendUnsubscribed(nil, sub),
		sh.appendVisit(nil, alice, store.Visit{Watcher: "w", Fetches: 1, TTL: time.Hour, Ended: []store.Ended{{ID: "x", Event: 2}}}),
	} {
		f.Add(entry, entry)
	}
	sh.leave()
	f.Fuzz(func(t *testing.T, first, second []byte) {
		e, err := Open(Config{})
		must(t, err)
		defer e.Close()
		for _, entry := range [][]byte{first, second} {
			if err := e.apply(entry); err != nil && !errors.Is(err, errEntry) {
				t.Fatal(err)
			}
		}
		for i := range e.shards {
			e.enter(uint8(i)).leave()
		}
		stats, err := e.Stats(t.Context())
		must(t, err)
		if stats.Publications < 0 || stats.Bindings < 0 || stats.Subscriptions < 0 || stats.Publications > 2 {
			t.Fatalf("stats %+v", stats)
		}
	})
}

// failingDisk opens files whose writes fail while full is set, after half of
// the bytes.
type failingDisk struct{ full atomic.Bool }

type failingFile struct {
	file
	disk *failingDisk
}

var errFull = errors.New("no space left on device")

func (d *failingDisk) open(path string) (file, error) {
	f, err := openForAppending(path)
	if err != nil {
		return nil, err
	}
	return &failingFile{f, d}, nil
}

func (f *failingFile) Write(p []byte) (int, error) {
	if !f.disk.full.Load() {
		return f.file.Write(p)
	}
	n, err := f.file.Write(p[:len(p)/2])
	return n, errors.Join(errFull, err)
}

func (f *failingFile) Truncate(size int64) error {
	if f.disk.full.Load() {
		return errFull
	}
	return f.file.Truncate(size)
}

func TestFullDiskRefusesWritesAndRecovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var disk failingDisk
		c := Config{Path: t.TempDir(), Log: slog.New(slog.DiscardHandler)}
		e, err := open(c, files{disk.open, compactFrom})
		must(t, err)
		must(t, e.Publish(t.Context(), alice, initial("before", time.Hour)))
		must(t, e.Ready(t.Context()))

		disk.full.Store(true)
		var wg sync.WaitGroup
		for i := range 10 {
			wg.Go(func() {
				if err := e.Publish(t.Context(), alice, initial(fmt.Sprint("during", i), time.Hour)); !errors.Is(err, store.ErrUnavailable) {
					t.Errorf("error %v", err)
				}
			})
		}
		wg.Wait()
		if err := e.Ready(t.Context()); !errors.Is(err, store.ErrUnavailable) {
			t.Fatalf("Ready: %v", err)
		}
		time.Sleep(10 * time.Second)
		if err := e.Publish(t.Context(), alice, initial("late", time.Hour)); !errors.Is(err, store.ErrUnavailable) {
			t.Fatalf("error %v", err)
		}
		if err := e.compact(); !errors.Is(err, errFull) {
			t.Fatalf("compact: %v", err)
		}
		duringTags := count(t, e) // reads go on

		disk.full.Store(false)
		time.Sleep(2 * retryAfter)
		must(t, e.Ready(t.Context()))
		must(t, e.Publish(t.Context(), alice, initial("after", time.Hour)))
		before := stateOf(t, e)
		must(t, e.Close())
		e = openTest(t, c)
		if names := filesAside(t, c.Path); names != nil {
			t.Fatalf("set aside %q", names)
		}
		after := stateOf(t, e)
		if got, want := fmt.Sprint(after), fmt.Sprint(before); got != want || count(t, e) != duringTags+1 {
			t.Fatalf("after the restart\n%s\nwant\n%s", got, want)
		}
	})
}

func TestSnapshotHealsABrokenLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var disk failingDisk
		c := Config{Path: t.TempDir(), Log: slog.New(slog.DiscardHandler)}
		e, err := open(c, files{disk.open, compactFrom})
		must(t, err)
		disk.full.Store(true)
		if err := e.Publish(t.Context(), alice, initial("a", time.Hour)); !errors.Is(err, store.ErrUnavailable) {
			t.Fatalf("error %v", err)
		}
		disk.full.Store(false)
		must(t, e.compact())
		must(t, e.Publish(t.Context(), alice, initial("b", time.Hour)))
		must(t, e.Close())
		if got := count(t, openTest(t, c)); got != 2 {
			t.Fatalf("%d publications, want 2", got)
		}
	})
}

// TestWhatWasKeptIsWrittenOnce: frames of an earlier failure must not come
// back behind later ones.
func TestWhatWasKeptIsWrittenOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var disk failingDisk
		c := Config{Path: t.TempDir(), Log: slog.New(slog.DiscardHandler)}
		e, err := open(c, files{disk.open, compactFrom})
		must(t, err)
		must(t, e.Publish(t.Context(), alice, initial("a", time.Hour)))
		must(t, e.Publish(t.Context(), alice, initial("b", time.Hour)))
		for _, step := range []struct {
			match, tag string
			full       bool
		}{{"a-1", "a-2", true}, {"a-2", "a-3", false}, {"b-1", "b-2", true}} {
			p := store.Publish{IfMatch: step.match, Publication: store.Publication{Tag: step.tag, Body: []byte("x"), TTL: time.Hour}}
			disk.full.Store(step.full)
			if err := e.Publish(t.Context(), alice, p); errors.Is(err, store.ErrUnavailable) != step.full {
				t.Fatalf("error %v at %s", err, step.tag)
			}
			disk.full.Store(false)
			time.Sleep(2 * retryAfter)
			must(t, e.Publish(t.Context(), alice, p)) // made before: succeeds
		}
		must(t, e.Close())
		list := stateOf(t, openTest(t, c)).publications.List
		if len(list) != 2 || list[0].Tag != "a-3" || list[1].Tag != "b-2" {
			t.Fatalf("got %+v", list)
		}
	})
}

// TestCompactionUnderLoad publishes while snapshots are taken, and compares
// memory with what a restart reads.
func TestCompactionUnderLoad(t *testing.T) {
	c := Config{Path: t.TempDir()}
	e := openTest(t, c)
	const workers, rounds = 8, 400
	ctx, stop := context.WithCancel(t.Context())
	var compactor, wg sync.WaitGroup
	compactor.Go(func() {
		for ctx.Err() == nil {
			if e.compacting.Swap(true) {
				continue
			}
			err := e.compact()
			e.compacting.Store(false)
			if err != nil {
				t.Error(err)
				return
			}
		}
	})
	for w := range workers {
		wg.Go(func() {
			for i := range rounds {
				if err := churn(t.Context(), e, w, i); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	stop()
	compactor.Wait()
	before := everything(t, e)
	must(t, e.Close())
	if after := everything(t, openTest(t, c)); before != after {
		t.Fatalf("after the restart\n%s\nwant\n%s", after, before)
	}
}

// churn adds, changes and removes so that a part of it stays.
func churn(ctx context.Context, e *Engine, worker, i int) error {
	key := store.Key{AOR: fmt.Sprintf("sip:p%d@example.com", (worker+i)%40), Package: "presence"}
	name := fmt.Sprintf("w%di%d", worker, i)
	p := initial(name, time.Hour)
	p.Publication.Body = bytes.Repeat([]byte("x"), 500)
	if err := e.Publish(ctx, key, p); err != nil {
		return err
	}
	if err := e.PutSubscription(ctx, subscriptionOf(key, name)); err != nil {
		return err
	}
	p.IfMatch, p.Publication.Tag = name+"-1", name+"-2"
	if err := e.Publish(ctx, key, p); err != nil {
		return err
	}
	if i%10 == 0 {
		return nil
	}
	if err := e.DeleteSubscription(ctx, key, subscriptionOf(key, name).ID, 3); err != nil {
		return err
	}
	return e.Publish(ctx, key, store.Publish{IfMatch: name + "-2"})
}

// everything is what churn left, in words.
func everything(t *testing.T, e *Engine) string {
	t.Helper()
	var b strings.Builder
	for i := range 40 {
		key := store.Key{AOR: fmt.Sprintf("sip:p%d@example.com", i), Package: "presence"}
		p, err := e.Publications(t.Context(), key)
		must(t, err)
		watchers, err := e.Watchers(t.Context(), key)
		must(t, err)
		subs := watchers.Subscriptions
		sortSubscriptions(subs)
		fmt.Fprint(&b, key.AOR, " ", p.Version)
		for _, p := range p.List {
			fmt.Fprint(&b, " ", p.Tag, p.Order)
		}
		for _, s := range subs {
			fmt.Fprint(&b, " ", s.ID)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func TestLogIsCompactedByItself(t *testing.T) {
	c := Config{Path: t.TempDir()}
	const from = 1 << 20
	e, err := open(c, files{openForAppending, from})
	must(t, err)
	p := initial("a", time.Hour)
	p.Publication.Body = bytes.Repeat([]byte("x"), 50_000)
	must(t, e.Publish(t.Context(), alice, p))
	for i := range 100 {
		p.IfMatch, p.Publication.Tag = p.Publication.Tag, fmt.Sprint("a-", i+2)
		must(t, e.Publish(t.Context(), alice, p))
	}
	e.background.Wait()
	// What was published while the snapshot was synced is behind it: one more
	// starts the next one.
	p.IfMatch, p.Publication.Tag = p.Publication.Tag, "last"
	must(t, e.Publish(t.Context(), alice, p))
	e.background.Wait()
	must(t, e.Close())
	info, err := os.Stat(filepath.Join(c.Path, "state.log"))
	must(t, err)
	if info.Size() > 2*from {
		t.Fatalf("the log has %d bytes for 50,000 live ones", info.Size())
	}
	if tag := stateOf(t, openTest(t, c)).publications.List[0].Tag; tag != p.Publication.Tag {
		t.Fatalf("tag %s, want %s", tag, p.Publication.Tag)
	}
}

// Deferred, a write is in the log when Flush returns, and one write(2) serves
// many; what no Flush follows is there soon after.
func TestDeferredWritesAreInTheLogAfterFlush(t *testing.T) {
	for name, written := range map[string]func(e *Engine){
		"Flush":    (*Engine).Flush,
		"no Flush": func(*Engine) { time.Sleep(lingerTime); synctest.Wait() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				path := t.TempDir()
				e := openTest(t, Config{Path: path, Deferred: true})
				log := filepath.Join(path, "state.log")
				for round := range 2 {
					before := size(t, log)
					for i := range 10 {
						must(t, e.Publish(t.Context(), alice, initial(fmt.Sprint(round, i), time.Hour)))
					}
					if now := size(t, log); now != before {
						t.Errorf("the log grew by %d at once", now-before)
					}
					if written(e); size(t, log) == before {
						t.Error("nothing was written")
					}
				}
				copied := t.TempDir() // as a kill would leave it
				text, err := os.ReadFile(log)
				must(t, err)
				must(t, os.WriteFile(filepath.Join(copied, "state.log"), text, 0o600))
				if got := count(t, openTest(t, Config{Path: copied})); got != 20 {
					t.Errorf("%d publications in the log, want 20", got)
				}
			})
		})
	}
}

func size(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	must(t, err)
	return info.Size()
}
