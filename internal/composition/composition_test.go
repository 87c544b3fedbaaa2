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
	c := composition.New(composition.Config{Publications: s, Capacity: 10})
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
	first := document(t, composition.New(composition.Config{Publications: s, Capacity: 1}), key(1))
	s.put(key(1), 2, bodies...)
	second := document(t, composition.New(composition.Config{Publications: s, Capacity: 1}), key(1))
	if !bytes.Equal(first.Bytes, second.Bytes) || first.Hash != second.Hash || first.Hash == 0 {
		t.Errorf("%s\nand\n%s", first.Bytes, second.Bytes)
	}
}

// Nobody who published, or what cannot be read any more, is offline.
func TestOffline(t *testing.T) {
	s := newShelf()
	s.put(key(2), 3, "<presence", "")
	c := composition.New(composition.Config{Publications: s, Capacity: 10})
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
	c := composition.New(composition.Config{Publications: s, Capacity: 10})
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
	c := composition.New(composition.Config{Publications: s, Capacity: 3})
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
		c := composition.New(composition.Config{Publications: s, Capacity: 10})
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

// What watchers have is not composed again, while it is true or the store is
// away.
func TestWatched(t *testing.T) {
	s := newShelf()
	var watched *composition.Document
	c := composition.New(composition.Config{
		Publications: s, Capacity: 10,
		Watched: func(k store.Key) *composition.Document {
			if k != key(1) {
				return nil
			}
			return watched
		},
	})
	s.put(key(1), 1, tuple("a", "open"))
	s.put(key(2), 1, tuple("a", "open"))
	watched = document(t, c, key(1))
	c.Forget(0)
	if doc := document(t, c, key(1)); doc != watched {
		t.Errorf("composed again: %+v", doc)
	}
	if doc := document(t, c, key(2)); doc == watched {
		t.Error("another presentity's")
	}
	s.put(key(1), 2, tuple("b", "open"))
	if doc := document(t, c, key(1)); doc == watched || doc.Version != 2 {
		t.Errorf("not what is published: %+v", doc)
	}
	c.Forget(0)
	s.fail(store.ErrUnavailable)
	if doc := document(t, c, key(1)); doc != watched {
		t.Errorf("while the store is away: %+v", doc)
	}
}

// How large a body may be is decided when it is published.
func TestLargeBody(t *testing.T) {
	s := newShelf()
	note := "<note>" + strings.Repeat("x", 100<<10) + "</note></presence>"
	s.put(key(1), 1, strings.Replace(tuple("a", "open"), "</presence>", note, 1))
	if doc := document(t, composition.New(composition.Config{Publications: s, Capacity: 1}), key(1)); len(doc.Bytes) < 100<<10 {
		t.Errorf("%d bytes", len(doc.Bytes))
	}
}

func TestConcurrentUse(t *testing.T) {
	s := newShelf()
	c := composition.New(composition.Config{Publications: s, Capacity: 4})
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
	s.put(key(2), 1, tuple("a", "open"), tuple("b", "open"))
	ask := func(b *testing.B, c *composition.Composer, i int) *composition.Document {
		doc, err := c.Document(b.Context(), key(i))
		if err != nil {
			b.Fatal(err)
		}
		return doc
	}
	b.Run("kept", func(b *testing.B) {
		c := composition.New(composition.Config{Publications: s, Capacity: 2})
		b.ReportAllocs()
		for b.Loop() {
			ask(b, c, 1)
		}
	})
	b.Run("composed", func(b *testing.B) { // each puts the other out
		c := composition.New(composition.Config{Publications: s, Capacity: 1})
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			ask(b, c, 1+i%2)
		}
	})
	b.Run("watched", func(b *testing.B) {
		watched := ask(b, composition.New(composition.Config{Publications: s, Capacity: 1}), 1)
		c := composition.New(composition.Config{Publications: s, Capacity: 1, Watched: func(store.Key) *composition.Document { return watched }})
		b.ReportAllocs()
		for b.Loop() {
			ask(b, c, 1)
		}
	})
}

// desk is all that a presentity can be known by.
type desk struct {
	*shelf
	bindings store.Registration
	hard     *pidf.Document
	asked    int // for bindings
}

func (d *desk) Bindings(context.Context, string) (store.Registration, error) {
	d.asked++
	return d.bindings, d.err
}

func (d *desk) Presence(context.Context, string) (*pidf.Document, error) { return d.hard, nil }

func newDesk() (*desk, *composition.Composer) {
	d := &desk{shelf: newShelf()}
	return d, composition.New(composition.Config{Publications: d, Registrations: d, HardState: d, Capacity: 10})
}

const person = `<presence xmlns="urn:ietf:params:xml:ns:pidf"><person xmlns="urn:ietf:params:xml:ns:pidf:data-model" id="p"><note>n</note></person></presence>`

// A registration counts only where not all that is published is open, and then
// that of a program that publishes nothing. Otherwise it is not even asked for.
func TestRegistration(t *testing.T) {
	d, c := newDesk()
	for _, tt := range []struct {
		name       string
		bodies     []string
		by         string // their User-Agent
		registered string // the program, where any is
		counts     bool
		open       bool
	}{
		{"neither", nil, "", "", true, false},
		{"registered", nil, "", "phone", true, true},
		{"published open", []string{tuple("a", "open")}, "phone", "phone", false, true},
		{"published closed", []string{tuple("a", "closed")}, "phone", "phone", true, false},
		{"published closed by another program", []string{tuple("a", "closed")}, "laptop", "phone", true, true},
		{"published closed, nobody knows by whom", []string{tuple("a", "closed")}, "", "phone", true, false},
		{"published open and closed", []string{tuple("a", "open"), tuple("b", "closed")}, "laptop", "phone", true, true},
		{"only a person", []string{person}, "phone", "phone", true, true},
		{"only a person, unregistered", []string{person}, "phone", "", true, false},
		{"unreadable", []string{"<presence"}, "phone", "phone", true, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d.asked = 0
			d.bindings.Version++
			d.bindings.Bindings = nil
			if tt.registered != "" {
				d.bindings.Bindings = []store.Binding{{Contact: "sip:u1@192.0.2.77:5060", UserAgent: tt.registered}}
			}
			d.put(key(1), store.Version(100+int(d.bindings.Version)), tt.bodies...)
			for i := range d.all[key(1)].List {
				d.all[key(1)].List[i].UserAgent = tt.by
			}
			doc := document(t, c, key(1))
			if open := bytes.Contains(doc.Bytes, []byte(">open<")); open != tt.open || bytes.Contains(doc.Bytes, []byte("192.0.2.77")) {
				t.Errorf("%s", doc.Bytes)
			}
			if counts := doc.Registered != nil; counts != tt.counts || counts && *doc.Registered != d.bindings.Version || !counts && d.asked > 0 {
				t.Errorf("asked %d times: %+v", d.asked, doc)
			}
		})
	}
}

// What is kept is composed anew when anything that it was made of is another
// one, and only then.
func TestKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, c := newDesk()
		d.bindings.Version = 1
		until := time.Now().Add(time.Minute).UTC().Format(time.RFC3339)
		d.put(key(1), 5, strings.Replace(person, "<note>", `<r:mood xmlns:r="urn:ietf:params:xml:ns:pidf:rpid" until="`+until+`"><r:sad/></r:mood><note>`, 1))
		last := document(t, c, key(1))
		same := func(name string, want bool) {
			t.Helper()
			doc := document(t, c, key(1))
			if (doc == last) != want {
				t.Errorf("%s: the same %t", name, !want)
			}
			last = doc
		}
		same("nothing", true)
		d.bindings.Version = 2
		same("registration", false)
		same("registration, seen", true)
		d.hard = new(pidf.Document)
		if err := (&pidf.Reader{}).ReadString(d.hard, tuple("hard", "closed")); err != nil {
			t.Fatal(err)
		}
		same("hard state", false)
		if !bytes.Contains(last.Bytes, []byte("sip:hard@")) || !bytes.Contains(last.Bytes, []byte("sad")) || last.Until.IsZero() {
			t.Errorf("until %v: %s", last.Until, last.Bytes)
		}
		same("hard state, seen", true)
		time.Sleep(time.Minute)
		same("time", false)
		if bytes.Contains(last.Bytes, []byte("sad")) || !last.Until.IsZero() {
			t.Errorf("until %v: %s", last.Until, last.Bytes)
		}
		same("time, passed", true)
		d.fail(store.ErrUnavailable)
		d.bindings.Version = 3
		same("store away", true)
	})
}
