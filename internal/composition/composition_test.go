package composition_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"presenced/internal/composition"
	"presenced/internal/store"
	"presenced/pidf"
)

// shelf is a store of publications that can be away.
type shelf struct {
	mu    sync.Mutex
	all   map[store.Key]store.Publications
	err   error
	loads int
}

func (s *shelf) Publications(_ context.Context, key store.Key) (store.Publications, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.loads++
	return s.all[key], s.err
}

func (s *shelf) put(key store.Key, version store.Version, bodies ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := store.Publications{Version: version}
	for i, b := range bodies {
		p.List = append(p.List, store.Publication{ID: fmt.Sprint(i), Body: []byte(b), Source: fmt.Sprint("192.0.2.", i), Order: uint64(i)})
	}
	s.all[key] = p
}

func (s *shelf) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

func key(i int) store.Key {
	return store.Key{AOR: fmt.Sprintf("sip:u%d@example.com", i), Package: "presence"}
}

func tuple(id, basic string) string {
	return `<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:u1@example.com"><tuple id="` + id + `"><status><basic>` +
		basic + `</basic></status><contact>sip:` + id + `@192.0.2.1</contact></tuple></presence>`
}

func document(t *testing.T, c *composition.Composer, k store.Key) *composition.Document {
	t.Helper()
	doc, err := c.Document(t.Context(), k)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func newShelf() *shelf { return &shelf{all: map[store.Key]store.Publications{}} }

func TestOncePerVersion(t *testing.T) {
	s := newShelf()
	c := composition.New(s, 10)
	s.put(key(1), 5, tuple("a", "open"), tuple("b", "closed"))
	first := document(t, c, key(1))
	if again := document(t, c, key(1)); again != first {
		t.Error("composed again without a new version")
	}
	for _, id := range []string{`sip:a@`, `sip:b@`} {
		if !bytes.Contains(first.Bytes, []byte(id)) {
			t.Errorf("no %s in\n%s", id, first.Bytes)
		}
	}
	s.put(key(1), 6, tuple("a", "open"))
	second := document(t, c, key(1))
	if second == first || second.Version != 6 || bytes.Contains(second.Bytes, []byte("sip:b@")) || second.Hash == first.Hash {
		t.Errorf("version 6: %+v\n%s", second, second.Bytes)
	}
}

// The same publications make the same bytes, whatever the version.
func TestDeterminism(t *testing.T) {
	bodies := []string{tuple("a", "open"), tuple("b", "closed"), tuple("c", "open")}
	s := newShelf()
	s.put(key(1), 1, bodies...)
	first := document(t, composition.New(s, 1), key(1))
	s.put(key(1), 2, bodies...)
	second := document(t, composition.New(s, 1), key(1))
	if !bytes.Equal(first.Bytes, second.Bytes) || first.Hash != second.Hash || first.Hash == 0 {
		t.Errorf("%s\nand\n%s", first.Bytes, second.Bytes)
	}
}

// Nobody who published, or what cannot be read any more, is offline.
func TestOffline(t *testing.T) {
	s := newShelf()
	s.put(key(2), 3, "<presence", "")
	c := composition.New(s, 10)
	for i := range 3 {
		if doc := document(t, c, key(i)); !bytes.Equal(doc.Bytes, pidf.Offline(key(i).AOR)) || doc.Entity != key(i).AOR {
			t.Errorf("%d: %s", i, doc.Bytes)
		}
	}
	s.put(key(2), 4, "<presence", tuple("a", "open"))
	if doc := document(t, c, key(2)); !bytes.Contains(doc.Bytes, []byte("sip:a@")) {
		t.Errorf("one unreadable publication hides the other: %s", doc.Bytes)
	}
}

func TestStoreAway(t *testing.T) {
	s := newShelf()
	c := composition.New(s, 10)
	s.put(key(1), 5, tuple("a", "open"))
	kept := document(t, c, key(1))
	s.put(key(1), 6)
	away := fmt.Errorf("%w: refused", store.ErrUnavailable)
	s.fail(away)
	if doc := document(t, c, key(1)); doc != kept {
		t.Errorf("not what was kept: %+v", doc)
	}
	if doc, err := c.Document(t.Context(), key(2)); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("never composed: %+v, %v", doc, err)
	}
	other := errors.New("a fault")
	s.fail(other)
	if doc, err := c.Document(t.Context(), key(1)); !errors.Is(err, other) {
		t.Errorf("another fault: %+v, %v", doc, err)
	}
	s.fail(nil)
	if doc := document(t, c, key(1)); doc.Version != 6 {
		t.Errorf("back again: %+v", doc)
	}
}

// The least recently used documents go.
func TestBound(t *testing.T) {
	s := newShelf()
	c := composition.New(s, 3)
	for i := range 4 {
		s.put(key(i), 1, tuple("a", "open"))
		document(t, c, key(i)) // 3, 2, 1 are kept
		document(t, c, key(1))
	}
	s.fail(store.ErrUnavailable)
	for i, want := range []bool{false, true, true, true} {
		if _, err := c.Document(t.Context(), key(i)); (err == nil) != want {
			t.Errorf("document %d: %v", i, err)
		}
	}
}

// What nobody has asked for goes; what has no publications is not kept at all.
func TestForget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf()
		c := composition.New(s, 10)
		for i := range 3 {
			s.put(key(i), 1, tuple("a", "open"))
			document(t, c, key(i))
		}
		s.put(key(2), 0)
		document(t, c, key(2))
		document(t, c, key(3))
		time.Sleep(time.Minute)
		document(t, c, key(1))
		c.Forget(time.Minute)
		s.fail(store.ErrUnavailable)
		for i, want := range []bool{false, true, false, false} {
			if _, err := c.Document(t.Context(), key(i)); (err == nil) != want {
				t.Errorf("document %d: %v", i, err)
			}
		}
		c.Forget(0)
		if doc, err := c.Document(t.Context(), key(1)); err == nil {
			t.Errorf("still there: %+v", doc)
		}
	})
}

// How large a body may be is decided when it is published.
func TestLargeBody(t *testing.T) {
	s := newShelf()
	note := "<note>" + strings.Repeat("x", 100<<10) + "</note></presence>"
	s.put(key(1), 1, strings.Replace(tuple("a", "open"), "</presence>", note, 1))
	if doc := document(t, composition.New(s, 1), key(1)); len(doc.Bytes) < 100<<10 {
		t.Errorf("%d bytes", len(doc.Bytes))
	}
}

func TestConcurrentUse(t *testing.T) {
	s := newShelf()
	c := composition.New(s, 4)
	for i := range 8 {
		s.put(key(i), 1, tuple("a", "open"))
	}
	var wait sync.WaitGroup
	for g := range 8 {
		wait.Go(func() {
			for i := range 200 {
				k := key((i + g) % 8)
				if i%50 == 0 {
					s.put(k, store.Version(1+i), tuple(fmt.Sprint("t", i), "open"))
				}
				doc, err := c.Document(t.Context(), k)
				if err != nil || doc.Entity != k.AOR {
					t.Errorf("%v of %v, %v", doc, k, err)
				}
			}
		})
	}
	wait.Wait()
	for i := range 8 { // nothing old is left
		if doc := document(t, c, key(i)); doc.Version != s.all[key(i)].Version {
			t.Errorf("%d: version %d", i, doc.Version)
		}
	}
}

func BenchmarkDocument(b *testing.B) {
	s := newShelf()
	s.put(key(1), 1, tuple("a", "open"), tuple("b", "open"))
	for name, capacity := range map[string]int{"kept": 2, "composed": 1} {
		b.Run(name, func(b *testing.B) {
			c := composition.New(s, capacity)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.Document(b.Context(), key(1)); err != nil {
					b.Fatal(err)
				}
				if capacity == 1 { // puts the other out
					if _, err := c.Document(b.Context(), key(2)); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
