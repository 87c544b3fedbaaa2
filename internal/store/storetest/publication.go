package storetest

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"
	"unsafe"

	"presenced/internal/store"
)

var (
	alice = store.Key{AOR: "sip:alice@example.com", Package: "presence"}
	bob   = store.Key{AOR: "sip:bob@example.com", Package: "presence"}
)

// initial is a PUBLISH that adds a publication named name, with tag name-1.
func initial(name string) store.Publish {
	return store.Publish{Publication: store.Publication{
		ID: name, Tag: name + "-1", ContentType: "application/pidf+xml", Body: []byte("<presence id='" + name + "'/>"),
		Source: "192.0.2.1", UserAgent: "baresip", TTL: time.Hour,
	}}
}

func modify(match, tag string) store.Publish {
	return store.Publish{IfMatch: match, Publication: store.Publication{
		Tag: tag, ContentType: "text/plain", Body: []byte("modified to " + tag), Source: "192.0.2.2",
		UserAgent: "linphone", TTL: 2 * time.Hour,
	}}
}

func refresh(match, tag string, ttl time.Duration) store.Publish {
	return store.Publish{IfMatch: match, Publication: store.Publication{Tag: tag, TTL: ttl}}
}

func remove(match string) store.Publish { return store.Publish{IfMatch: match} }

func publish(t *testing.T, e Engine, key store.Key, p store.Publish) {
	t.Helper()
	must(t, e.Publish(t.Context(), key, p))
}

func publications(t *testing.T, e Engine, key store.Key) store.Publications {
	t.Helper()
	got, err := e.Publications(t.Context(), key)
	must(t, err)
	return got
}

func version(t *testing.T, e Engine, key store.Key) store.Version {
	t.Helper()
	return publications(t, e, key).Version
}

// wantTags compares the entity-tags of a key's publications, oldest first.
func wantTags(t *testing.T, e Engine, key store.Key, want ...string) {
	t.Helper()
	var got []string
	for _, p := range publications(t, e, key).List {
		got = append(got, p.Tag)
	}
	if !slices.Equal(got, want) {
		t.Fatalf("publications of %v: %q, want %q", key, got, want)
	}
}

func wantError(t *testing.T, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Fatalf("error %v, want %v", got, want)
	}
}

// wantTTL allows what passes by itself while a test runs.
func wantTTL(t *testing.T, got, want time.Duration) {
	t.Helper()
	if got > want || got < want-patience {
		t.Fatalf("remaining lifetime %v, want %v", got, want)
	}
}

var publicationSentences = []sentence{
	{"a key of nothing has version 0 and no publications", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		if got := publications(t, e, alice); got.Version != 0 || len(got.List) != 0 {
			t.Fatalf("got %+v", got)
		}
	}},
	{"an initial publication is read as it was written", initialIsRead},
	{"several publications of a key are read oldest first", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		for _, name := range []string{"c", "a", "b"} {
			publish(t, e, alice, initial(name))
		}
		wantTags(t, e, alice, "c-1", "a-1", "b-1")
		list := publications(t, e, alice).List
		if list[0].Order >= list[1].Order || list[1].Order >= list[2].Order {
			t.Fatalf("order %d, %d, %d", list[0].Order, list[1].Order, list[2].Order)
		}
	}},
	{"modify replaces all but the ID and makes it the newest", modifyReplaces},
	{"refresh replaces tag and lifetime and nothing else", refreshReplaces},
	{"remove removes that publication only", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		publish(t, e, alice, initial("a"))
		publish(t, e, alice, initial("b"))
		publish(t, e, alice, remove("a-1"))
		wantTags(t, e, alice, "b-1")
		publish(t, e, alice, remove("b-1"))
		wantTags(t, e, alice)
	}},
	{"a tag that names no live publication is ErrNoMatch and changes nothing", noMatch},
	{"a call whose tag is stored already succeeds and changes nothing", repeatedCall},
	{"an initial publication over the limit is ErrLimit, others are not limited", limit},
	{"keys are apart by address and by package", func(t *testing.T, h Harness) {
		e := h.Open(t, "agent-a")
		other := store.Key{AOR: alice.AOR, Package: "dialog"}
		publish(t, e, alice, initial("a"))
		publish(t, e, other, initial("o"))
		publish(t, e, bob, initial("b"))
		wantError(t, e.Publish(t.Context(), bob, remove("a-1")), store.ErrNoMatch)
		wantError(t, e.Publish(t.Context(), other, remove("a-1")), store.ErrNoMatch)
		wantTags(t, e, alice, "a-1")
		wantTags(t, e, other, "o-1")
		wantTags(t, e, bob, "b-1")
	}},
	{"the version changes with initial, modify and remove, not with refresh", versionChanges},
	{"no version comes back, not even after the key was emptied", versionNeverRepeats},
	{"any bytes are kept as they are", anyBytes},
	{"a body that was read is not written to by later calls", bodyStays},
}

func initialIsRead(t *testing.T, h Harness) {
	e := h.Open(t, "agent-a")
	want := initial("a").Publication
	publish(t, e, alice, initial("a"))
	got := publications(t, e, alice)
	if got.Version == 0 || len(got.List) != 1 {
		t.Fatalf("got %+v", got)
	}
	p := got.List[0]
	wantTTL(t, p.TTL, want.TTL)
	if p.ID != want.ID || p.Tag != want.Tag || p.ContentType != want.ContentType || string(p.Body) != string(want.Body) ||
		p.Source != want.Source || p.UserAgent != want.UserAgent || p.Order == 0 {
		t.Fatalf("got %+v, want %+v", p, want)
	}
}

func modifyReplaces(t *testing.T, h Harness) {
	e := h.Open(t, "agent-a")
	publish(t, e, alice, initial("a"))
	publish(t, e, alice, initial("b"))
	publish(t, e, alice, modify("a-1", "a-2"))
	wantTags(t, e, alice, "b-1", "a-2")
	list := publications(t, e, alice).List
	got, want := list[1], modify("", "a-2").Publication
	wantTTL(t, got.TTL, want.TTL)
	if got.ID != "a" || got.ContentType != want.ContentType || string(got.Body) != string(want.Body) ||
		got.Source != want.Source || got.UserAgent != want.UserAgent || got.Order <= list[0].Order {
		t.Fatalf("got %+v, want %+v", got, want)
	}
}

func refreshReplaces(t *testing.T, h Harness) {
	e := h.Open(t, "agent-a")
	publish(t, e, alice, initial("a"))
	publish(t, e, alice, initial("b"))
	before := publications(t, e, alice)
	publish(t, e, alice, refresh("a-1", "a-2", 3*time.Hour))
	after := publications(t, e, alice)
	wantTags(t, e, alice, "a-2", "b-1")
	wantTTL(t, after.List[0].TTL, 3*time.Hour)
	wantTTL(t, after.List[1].TTL, time.Hour)
	got, want := after.List[0], before.List[0]
	if after.Version != before.Version {
		t.Fatalf("version %d, want %d", after.Version, before.Version)
	}
	if got.ID != want.ID || got.ContentType != want.ContentType || string(got.Body) != string(want.Body) ||
		got.Source != want.Source || got.UserAgent != want.UserAgent || got.Order != want.Order {
		t.Fatalf("got %+v, want %+v", got, want)
	}
	wantError(t, e.Publish(t.Context(), alice, refresh("a-1", "a-3", time.Hour)), store.ErrNoMatch)
}

func noMatch(t *testing.T, h Harness) {
	e := h.Open(t, "agent-a")
	wantError(t, e.Publish(t.Context(), alice, modify("a-1", "a-2")), store.ErrNoMatch)
	publish(t, e, alice, initial("a"))
	publish(t, e, alice, modify("a-1", "a-2"))
	before := publications(t, e, alice)
	for _, p := range []store.Publish{
		modify("a-1", "a-3"), refresh("a-1", "a-3", time.Minute), remove("a-1"), modify("never", "a-3"), remove("never"),
	} {
		wantError(t, e.Publish(t.Context(), alice, p), store.ErrNoMatch)
	}
	after := publications(t, e, alice)
	if after.Version != before.Version {
		t.Fatalf("version %d, want %d", after.Version, before.Version)
	}
	wantTags(t, e, alice, "a-2")
	wantTTL(t, after.List[0].TTL, 2*time.Hour)
	publish(t, e, alice, remove("a-2"))
	wantError(t, e.Publish(t.Context(), alice, remove("a-2")), store.ErrNoMatch)
}

func repeatedCall(t *testing.T, h Harness) {
	e := h.Open(t, "agent-a")
	first := initial("a")
	first.Limit = 1
	for _, p := range []store.Publish{first, modify("a-1", "a-2"), refresh("a-2", "a-3", time.Hour)} {
		publish(t, e, alice, p)
		before := publications(t, e, alice)
		publish(t, e, alice, p)
		after := publications(t, e, alice)
		if after.Version != before.Version || after.List[0].Order != before.List[0].Order {
			t.Fatalf("repeat of %+v changed version %d to %d", p, before.Version, after.Version)
		}
		wantTags(t, e, alice, p.Publication.Tag)
	}
}

func limit(t *testing.T, h Harness) {
	e := h.Open(t, "agent-a")
	limited := func(p store.Publish) store.Publish {
		p.Limit = 2
		return p
	}
	publish(t, e, alice, limited(initial("a")))
	publish(t, e, alice, limited(initial("b")))
	before := version(t, e, alice)
	wantError(t, e.Publish(t.Context(), alice, limited(initial("c"))), store.ErrLimit)
	if version(t, e, alice) != before {
		t.Fatal("a refused publication changed the version")
	}
	publish(t, e, alice, limited(modify("a-1", "a-2")))
	publish(t, e, alice, limited(refresh("b-1", "b-2", time.Hour)))
	publish(t, e, bob, limited(initial("c")))
	publish(t, e, alice, initial("d")) // 0 is no limit
	publish(t, e, alice, remove("d-1"))
	publish(t, e, alice, remove("b-2"))
	publish(t, e, alice, limited(initial("c")))
	wantTags(t, e, alice, "a-2", "c-1")
}

func versionChanges(t *testing.T, h Harness) {
	e := h.Open(t, "agent-a")
	before := version(t, e, alice)
	for _, step := range []struct {
		name    string
		p       store.Publish
		changes bool
	}{
		{"initial", initial("a"), true},
		{"second initial", initial("b"), true},
		{"modify", modify("a-1", "a-2"), true},
		{"refresh", refresh("a-2", "a-3", time.Hour), false},
		{"remove", remove("a-3"), true},
		{"last remove", remove("b-1"), true},
	} {
		publish(t, e, alice, step.p)
		after := version(t, e, alice)
		if (after != before) != step.changes {
			t.Fatalf("%s: version %d became %d", step.name, before, after)
		}
		before = after
	}
}

func versionNeverRepeats(t *testing.T, h Harness) {
	e := h.Open(t, "agent-a")
	given := make(map[store.Version]bool)
	for i := range 20 {
		name := fmt.Sprint("p", i)
		publish(t, e, alice, initial(name))
		v := version(t, e, alice)
		if v == 0 || given[v] {
			t.Fatalf("version %d again, or 0", v)
		}
		given[v] = true
		publish(t, e, alice, remove(name+"-1"))
		if v := version(t, e, alice); given[v] {
			t.Fatalf("version %d again for the emptied key", v)
		} else if v != 0 {
			given[v] = true
		}
	}
}

func anyBytes(t *testing.T, h Harness) {
	e := h.Open(t, "agent-a")
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	key := store.Key{AOR: "sip:j%C3%BCrgen@[2001:db8::1]", Package: "presence"}
	p := initial("a")
	p.Publication.Body = all
	p.Publication.UserAgent = "a:b|c\x00{d}\r\n\xff ü"
	p.Publication.Source = ""
	publish(t, e, key, p)
	got := publications(t, e, key).List[0]
	if string(got.Body) != string(all) || got.UserAgent != p.Publication.UserAgent || got.Source != "" {
		t.Fatalf("got %+v", got)
	}
	empty := modify("a-1", "a-2")
	empty.Publication.Body = []byte{} // empty, not nil: a modification
	publish(t, e, key, empty)
	if got := publications(t, e, key).List[0]; len(got.Body) != 0 || got.Tag != "a-2" {
		t.Fatalf("got %+v", got)
	}
}

// bodyStays also lets the race detector see a write to a shared body.
func bodyStays(t *testing.T, h Harness) {
	e := h.Open(t, "agent-a")
	publish(t, e, alice, initial("a"))
	before := publications(t, e, alice).List[0].Body
	want := string(before)
	publish(t, e, alice, modify("a-1", "a-2"))
	publish(t, e, alice, remove("a-2"))
	publish(t, e, alice, initial("b"))
	if string(before) != want {
		t.Fatalf("body became %q, want %q", before, want)
	}
	after := publications(t, e, alice).List[0].Body
	if unsafe.SliceData(before) == unsafe.SliceData(after) {
		t.Fatal("two publications share a body")
	}
}
