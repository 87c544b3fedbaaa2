package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"presenced/internal/store"
)

func rulesOf(aor, tag string) store.Document {
	return store.Document{AOR: aor, Name: "pres-rules", Tag: tag, Body: []byte("<ruleset/>\x00" + tag)}
}

func putDocument(t *testing.T, e Engine, d store.Document, ifMatch string) {
	t.Helper()
	must(t, e.PutDocument(t.Context(), d, ifMatch))
}

func wantDocument(t *testing.T, e Engine, want store.Document) {
	t.Helper()
	got, err := e.Document(t.Context(), want.AOR, want.Name)
	must(t, err)
	if got.AOR != want.AOR || got.Name != want.Name || got.Tag != want.Tag || string(got.Body) != string(want.Body) {
		t.Fatalf("got %+v, want %+v", got, want)
	}
}

func wantNoDocument(t *testing.T, e Engine, aor, name string) {
	t.Helper()
	_, err := e.Document(t.Context(), aor, name)
	wantError(t, err, store.ErrNotFound)
}

// wantChanged waits until the engine tells of a document, or of every one, and
// passes over others, which at-least-once allows.
func wantChanged(t *testing.T, e Engine, aor, name string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		gotAOR, gotName, err := e.DocumentChanged(ctx)
		if err != nil {
			t.Fatalf("DocumentChanged: %v, want %q of %q", err, name, aor)
		}
		if gotAOR == aor && gotName == name || gotAOR == "" && gotName == "" {
			return
		}
	}
}

// every is what changes has for every document: "" of "".
const every = " of "

// changes are the documents that the engine tells of until it is quiet.
func changes(t *testing.T, e Engine) (told []string) {
	t.Helper()
	for {
		ctx, cancel := context.WithTimeout(t.Context(), quiet)
		aor, name, err := e.DocumentChanged(ctx)
		cancel()
		if err != nil {
			return told
		}
		told = append(told, name+" of "+aor)
	}
}

var documentSentences = []sentence{
	{"a document is read as it was put, and put again", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		wantNoDocument(t, e, alice.AOR, "pres-rules")
		for _, tag := range []string{"1", "\x00\xff", strings.Repeat("t", 100)} {
			putDocument(t, e, rulesOf(alice.AOR, tag), store.MatchAny)
			wantDocument(t, e, rulesOf(alice.AOR, tag))
		}
		large := rulesOf(alice.AOR, "large")
		large.Body = []byte(strings.Repeat("x", 1<<20))
		putDocument(t, e, large, store.MatchAny)
		wantDocument(t, e, large)
		empty := store.Document{AOR: alice.AOR, Name: "pres-rules", Tag: "empty"}
		putDocument(t, e, empty, store.MatchAny)
		wantDocument(t, e, empty)
	}},
	{"documents of other names and other addresses are others", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		putDocument(t, e, rulesOf(alice.AOR, "a"), store.MatchMissing)
		putDocument(t, e, rulesOf(bob.AOR, "b"), store.MatchMissing)
		other := store.Document{AOR: alice.AOR, Name: "resource-lists", Tag: "a", Body: []byte("other")}
		putDocument(t, e, other, store.MatchMissing)
		must(t, e.DeleteDocument(t.Context(), alice.AOR, "pres-rules", "a"))
		wantNoDocument(t, e, alice.AOR, "pres-rules")
		wantDocument(t, e, other)
		wantDocument(t, e, rulesOf(bob.AOR, "b"))
	}},
	{"a put whose condition does not hold is ErrNoMatch and changes nothing", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		for _, ifMatch := range []string{store.MatchStored, "1"} {
			wantError(t, e.PutDocument(t.Context(), rulesOf(alice.AOR, "2"), ifMatch), store.ErrNoMatch)
			wantNoDocument(t, e, alice.AOR, "pres-rules")
		}
		putDocument(t, e, rulesOf(alice.AOR, "1"), store.MatchMissing)
		for _, ifMatch := range []string{store.MatchMissing, "0"} {
			wantError(t, e.PutDocument(t.Context(), rulesOf(alice.AOR, "2"), ifMatch), store.ErrNoMatch)
			wantDocument(t, e, rulesOf(alice.AOR, "1"))
		}
		putDocument(t, e, rulesOf(alice.AOR, "2"), "1")
		wantDocument(t, e, rulesOf(alice.AOR, "2"))
		putDocument(t, e, rulesOf(alice.AOR, "3"), store.MatchStored)
		wantDocument(t, e, rulesOf(alice.AOR, "3"))
	}},
	{"a put whose tag is stored already succeeds, whatever it was to match, and changes nothing", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		for _, ifMatch := range []string{store.MatchMissing, store.MatchMissing, store.MatchAny, store.MatchStored, "0", "1"} {
			d := rulesOf(alice.AOR, "1")
			if _, err := e.Document(t.Context(), d.AOR, d.Name); err == nil {
				d.Body = []byte("another one")
			}
			putDocument(t, e, d, ifMatch)
			wantDocument(t, e, rulesOf(alice.AOR, "1"))
		}
	}},
	{"a delete removes where its condition holds", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		for _, ifMatch := range []string{store.MatchAny, store.MatchStored, store.MatchMissing, "1"} {
			wantError(t, e.DeleteDocument(t.Context(), alice.AOR, "pres-rules", ifMatch), store.ErrNotFound)
		}
		for _, ifMatch := range []string{store.MatchAny, store.MatchStored, "1"} {
			putDocument(t, e, rulesOf(alice.AOR, "1"), store.MatchMissing)
			for _, other := range []string{"0", store.MatchMissing} {
				wantError(t, e.DeleteDocument(t.Context(), alice.AOR, "pres-rules", other), store.ErrNoMatch)
			}
			wantDocument(t, e, rulesOf(alice.AOR, "1"))
			must(t, e.DeleteDocument(t.Context(), alice.AOR, "pres-rules", ifMatch))
			wantNoDocument(t, e, alice.AOR, "pres-rules")
		}
	}},
	{"a document without a name, an address or a tag of its own is refused", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		refused := []store.Document{{Name: "pres-rules", Tag: "1"}, {AOR: alice.AOR, Tag: "1"}, {AOR: alice.AOR, Name: "a:b", Tag: "1"}}
		for _, tag := range []string{store.MatchAny, store.MatchStored, store.MatchMissing} {
			refused = append(refused, rulesOf(alice.AOR, tag))
		}
		for _, d := range refused {
			if err := e.PutDocument(t.Context(), d, store.MatchAny); err == nil || errors.Is(err, store.ErrUnavailable) {
				t.Errorf("%+v: error %v", d, err)
			}
		}
		wantNoDocument(t, e, alice.AOR, "pres-rules")
	}},
	{"of concurrent puts with one condition one wins", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		for round, ifMatch := range []string{store.MatchMissing, ""} {
			if round > 0 {
				d, err := e.Document(t.Context(), alice.AOR, "pres-rules")
				must(t, err)
				ifMatch = d.Tag
			}
			won := concurrently(t, 16, store.ErrNoMatch, func(i int) error {
				return e.PutDocument(t.Context(), rulesOf(alice.AOR, fmt.Sprint(round, "-", i)), ifMatch)
			})
			if won != 1 {
				t.Fatalf("%d writers won", won)
			}
		}
	}},
	{"of concurrent deletes and puts the last one stands", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		concurrently(t, 16, store.ErrNotFound, func(i int) error {
			if i%2 == 0 {
				return e.DeleteDocument(t.Context(), alice.AOR, "pres-rules", store.MatchAny)
			}
			return e.PutDocument(t.Context(), rulesOf(alice.AOR, fmt.Sprint(i)), store.MatchAny)
		})
		putDocument(t, e, rulesOf(alice.AOR, "last"), store.MatchAny)
		wantDocument(t, e, rulesOf(alice.AOR, "last"))
		must(t, e.DeleteDocument(t.Context(), alice.AOR, "pres-rules", "last"))
		wantNoDocument(t, e, alice.AOR, "pres-rules")
	}},
	{"a document outlives every lifetime", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		putDocument(t, e, rulesOf(alice.AOR, "1"), store.MatchAny)
		h.Advance(1000 * time.Hour)
		wantDocument(t, e, rulesOf(alice.AOR, "1"))
	}},
	{"a put and a delete are told", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		changes(t, e) // everything, once
		putDocument(t, e, rulesOf(alice.AOR, "1"), store.MatchAny)
		wantChanged(t, e, alice.AOR, "pres-rules")
		must(t, e.DeleteDocument(t.Context(), alice.AOR, "pres-rules", store.MatchAny))
		wantChanged(t, e, alice.AOR, "pres-rules")
		putDocument(t, e, rulesOf(alice.AOR, "2"), store.MatchAny)
		wantChanged(t, e, alice.AOR, "pres-rules")
	}},
	{"what changed nothing is not told, and neither is a subscription", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		changes(t, e)
		wantError(t, e.PutDocument(t.Context(), rulesOf(alice.AOR, "1"), store.MatchStored), store.ErrNoMatch)
		wantError(t, e.DeleteDocument(t.Context(), alice.AOR, "pres-rules", store.MatchAny), store.ErrNotFound)
		putSubscription(t, e, subscriptionTo(alice, "s", "agent-a"))
		publish(t, e, alice, initial("a"))
		for _, told := range changes(t, e) {
			if told != every { // which an engine may tell whenever it likes
				t.Fatalf("told of %q", told)
			}
		}
	}},
	{"many changes of a document are coalesced, and each of many documents is told", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		changes(t, e)
		const n = 60
		for i := range n {
			putDocument(t, e, rulesOf(fmt.Sprintf("sip:p%d@example.com", i), "1"), store.MatchAny)
			putDocument(t, e, rulesOf(alice.AOR, fmt.Sprint(i)), store.MatchAny)
		}
		time.Sleep(quiet) // an engine that tells by hints has them all by now
		count := make(map[string]int)
		for _, told := range changes(t, e) {
			count[told]++
		}
		if count[every] == 0 && len(count) != n+1 || count["pres-rules of "+alice.AOR] > n/2 {
			t.Fatalf("told %v", count)
		}
	}},
	{"a change of a document is not told by the feed", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		e.Watch(alice, 0)
		putDocument(t, e, rulesOf(alice.AOR, "1"), store.MatchAny)
		wantQuiet(t, e)
	}},
	{"DocumentChanged ends with its context, and with the engine", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		changes(t, e)
		ctx, cancel := context.WithTimeout(t.Context(), quiet)
		defer cancel()
		if _, _, err := e.DocumentChanged(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("error %v", err)
		}
		must(t, e.Close())
		_, _, err := e.DocumentChanged(t.Context())
		wantError(t, err, store.ErrUnavailable)
		wantError(t, e.PutDocument(t.Context(), rulesOf(alice.AOR, "1"), store.MatchAny), store.ErrUnavailable)
	}},
}
