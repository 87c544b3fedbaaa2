package embedded

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"presenced/internal/store"
)

func rules(tag string) store.Document {
	return store.Document{AOR: alice.AOR, Name: "pres-rules", Tag: tag, Body: []byte("rules " + tag)}
}

func TestDocumentsOutliveARestart(t *testing.T) {
	c := Config{Path: t.TempDir()}
	e := openTest(t, c)
	gone := store.Document{AOR: alice.AOR, Name: "gone", Tag: "1"}
	must(t, e.PutDocument(t.Context(), rules("1"), store.MatchMissing))
	must(t, e.PutDocument(t.Context(), rules("2"), "1"))
	must(t, e.PutDocument(t.Context(), gone, store.MatchAny))
	must(t, e.DeleteDocument(t.Context(), gone.AOR, gone.Name, store.MatchAny))
	must(t, e.Close())
	e = openTest(t, c)
	got, err := e.Document(t.Context(), alice.AOR, "pres-rules")
	must(t, err)
	if !reflect.DeepEqual(got, rules("2")) {
		t.Fatalf("got %+v", got)
	}
	if _, err := e.Document(t.Context(), gone.AOR, gone.Name); !errors.Is(err, store.ErrNotFound) {
		t.Fatalf("error %v", err)
	}
}

// A document is on disk when it is answered: the file as it is at that moment
// has it, whatever becomes of the process.
func TestDocumentIsOnDiskWhenAnswered(t *testing.T) {
	path := t.TempDir()
	e := openTest(t, Config{Path: path})
	for i := range 5 {
		want := rules(fmt.Sprint(i))
		must(t, e.PutDocument(t.Context(), want, store.MatchAny))
		copied := t.TempDir()
		copyFile(t, filepath.Join(path, "durable.db"), filepath.Join(copied, "durable.db"))
		other := openTest(t, Config{Path: copied})
		got, err := other.Document(t.Context(), want.AOR, want.Name)
		must(t, err)
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("got %+v, want %+v", got, want)
		}
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	in, err := os.Open(from)
	must(t, err)
	defer in.Close()
	out, err := os.Create(to)
	must(t, err)
	_, err = io.Copy(out, in)
	must(t, errors.Join(err, out.Close()))
}

// That there is no document is known without the database.
func TestNoDocumentCostsNoLookAtTheDisk(t *testing.T) {
	e := openTest(t, Config{Path: t.TempDir()})
	disk := e.durable.(*diskDurable)
	must(t, e.PutDocument(t.Context(), rules("1"), store.MatchAny))
	must(t, e.DeleteDocument(t.Context(), alice.AOR, "pres-rules", store.MatchAny))
	before := disk.db.Stats().TxN
	for range 10 {
		if _, err := e.Document(t.Context(), alice.AOR, "pres-rules"); !errors.Is(err, store.ErrNotFound) {
			t.Fatalf("error %v", err)
		}
	}
	if after := disk.db.Stats().TxN; after != before {
		t.Fatalf("%d looks", after-before)
	}
}

func TestVisitsOutliveARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := Config{Path: t.TempDir()}
		e := openTest(t, c)
		for i := range 5 {
			v := store.Visit{
				Watcher: fmt.Sprint("sip:w", i, "@example.com"), Display: "w", Fetches: uint32(i), Subscriptions: 1, TTL: time.Hour,
				Ended: []store.Ended{{ID: "x", Event: 7}},
			}
			must(t, e.Visit(t.Context(), alice, v, 3))
			must(t, e.Visit(t.Context(), alice, v, 3))
			time.Sleep(time.Minute)
		}
		before, err := e.Watchers(t.Context(), alice)
		must(t, err)
		if len(before.Visits) != 3 {
			t.Fatalf("%d visits", len(before.Visits))
		}
		for _, how := range []string{"log", "snapshot"} {
			if how == "snapshot" {
				must(t, e.compact())
			}
			must(t, e.Close())
			e = openTest(t, c)
			after, err := e.Watchers(t.Context(), alice)
			must(t, err)
			if !reflect.DeepEqual(after.Visits, before.Visits) {
				t.Fatalf("%s:\n%+v\nwant\n%+v", how, after.Visits, before.Visits)
			}
		}
		must(t, e.Close())
		time.Sleep(58 * time.Minute)
		e = openTest(t, c)
		if got, _ := e.Watchers(t.Context(), alice); len(got.Visits) != 1 {
			t.Fatalf("after the lapse of two: %+v", got.Visits)
		}
	})
}
