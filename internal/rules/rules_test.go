package rules_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"presenced/internal/rules"
	"presenced/internal/store"
	"presenced/policy"
)

const (
	alice = "sip:alice@example.com"
	bob   = "sip:bob@example.com"
	carol = "sip:carol@example.com"
)

// shelf is a store of documents whose readings can be counted, held up and
// made to fail.
type shelf struct {
	mu      sync.Mutex
	docs    map[string]store.Document
	reads   int
	err     error
	gate    chan struct{} // nil: readings are not held up
	changes chan [2]string
}

func newShelf() *shelf {
	return &shelf{docs: map[string]store.Document{}, changes: make(chan [2]string, 100)}
}

// put stores a document; an empty one is a deletion.
func (s *shelf) put(aor, name, body string) {
	s.mu.Lock()
	if body == "" {
		delete(s.docs, aor+" "+name)
	} else {
		s.docs[aor+" "+name] = store.Document{AOR: aor, Name: name, Tag: fmt.Sprint(len(body), body), Body: []byte(body)}
	}
	s.mu.Unlock()
	s.changes <- [2]string{aor, name}
}

func (s *shelf) Document(_ context.Context, aor, name string) (store.Document, error) {
	s.mu.Lock()
	s.reads++
	doc, found := s.docs[aor+" "+name]
	err, gate := s.err, s.gate
	s.mu.Unlock()
	if gate != nil {
		<-gate
	}
	if err == nil && !found {
		err = store.ErrNotFound
	}
	return doc, err
}

func (s *shelf) DocumentChanged(ctx context.Context) (aor, name string, err error) {
	select {
	case c := <-s.changes:
		return c[0], c[1], nil
	case <-ctx.Done():
		return "", "", ctx.Err()
	}
}

func (s *shelf) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

func (s *shelf) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reads
}

// fixture is a cache on a shelf, which runs; log is what it has logged.
type fixture struct {
	*rules.Cache
	*shelf
	log     *strings.Builder
	changed []string
}

// inBubble runs a test with a cache, in virtual time.
func inBubble(t *testing.T, test func(t *testing.T, f *fixture)) {
	synctest.Test(t, func(t *testing.T) {
		f := &fixture{shelf: newShelf(), log: &strings.Builder{}}
		f.Cache = rules.New(rules.Config{
			Store: f.shelf, Size: 1 << 20, Log: slog.New(slog.NewTextHandler(f.log, nil)),
			Changed: func(_ context.Context, aor, name string) {
				f.mu.Lock()
				defer f.mu.Unlock()
				f.changed = append(f.changed, aor+" "+name)
			},
		})
		ctx, stop := context.WithCancel(t.Context())
		var wait sync.WaitGroup
		wait.Go(func() {
			if err := f.Run(ctx); err != nil {
				t.Error(err)
			}
		})
		test(t, f)
		stop()
		wait.Wait()
	})
}

// told is what the cache has called Changed with since it was asked last.
func (f *fixture) told() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	defer func() { f.changed = nil }()
	return f.changed
}

func ruleset(content string) string {
	return `<cp:ruleset xmlns:cp="urn:ietf:params:xml:ns:common-policy" xmlns="urn:ietf:params:xml:ns:pres-rules">` + content + `</cp:ruleset>`
}

// handling is a document with one rule, for everybody.
func handling(h string) string {
	return ruleset(`<cp:rule id="a"><cp:conditions><cp:identity><cp:many/></cp:identity></cp:conditions>` +
		`<cp:actions><sub-handling>` + h + `</sub-handling></cp:actions></cp:rule>`)
}

// gets checks what bob's access rules make of alice; "" is no document.
func (f *fixture) gets(t *testing.T, want string) {
	t.Helper()
	r, err := f.Access(t.Context(), bob)
	got := ""
	if r != nil {
		got = r.Evaluate(policy.Watcher{URI: alice}, policy.Context{}).Handling.String()
	}
	if err != nil || got != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}

func (f *fixture) read(t *testing.T, want int) {
	t.Helper()
	if n := f.count(); n != want {
		t.Errorf("the store was read %d times, want %d", n, want)
	}
}

func TestDocumentIsReadOnceAndAgainWhenItHasChanged(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fixture) {
		f.gets(t, "")
		f.gets(t, "") // that there is none is remembered too
		f.read(t, 1)
		for i, h := range []string{"allow", "confirm", "block", ""} {
			body := handling(h)
			if h == "" {
				body = ""
			}
			f.put(bob, rules.NameAccess, body)
			synctest.Wait()
			f.gets(t, h)
			f.gets(t, h)
			f.read(t, i+2)
		}
		if told, want := f.told(), bob+" pres-rules"; len(told) != 4 || told[3] != want {
			t.Errorf("told of %q, want %q four times", told, want)
		}
		f.put(carol, rules.NameAccess, handling("allow"))
		f.put(bob, rules.NameDelegation, ruleset(""))
		synctest.Wait()
		f.gets(t, "")
		f.read(t, 5) // other documents have changed
	})
}

// After a lost connection any document may have changed.
func TestEverythingMayHaveChanged(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fixture) {
		f.put(bob, rules.NameAccess, handling("allow"))
		synctest.Wait()
		f.gets(t, "allow")
		f.mu.Lock()
		for name, d := range f.docs {
			d.Tag, d.Body = "2", []byte(handling("block"))
			f.docs[name] = d
		}
		f.mu.Unlock()
		f.gets(t, "allow")
		f.changes <- [2]string{}
		synctest.Wait()
		f.gets(t, "block")
		if told := f.told(); len(told) != 2 || told[1] != " " {
			t.Errorf("told of %q", told)
		}
	})
}

// A store that was emptied opens no door.
func TestLostDocumentStaysInForce(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fixture) {
		f.put(bob, rules.NameAccess, handling("block"))
		synctest.Wait()
		f.gets(t, "block")
		for range 2 { // it is lost again, and found lost again
			f.mu.Lock()
			f.docs = map[string]store.Document{}
			f.mu.Unlock()
			f.changes <- [2]string{}
			synctest.Wait()
			f.gets(t, "block")
			f.gets(t, "block")
		}
		if lost, said := f.Stats().Lost, strings.Count(f.log.String(), "level=WARN"); lost != 1 || said != 1 {
			t.Errorf("%d lost, said %d times", lost, said)
		}
		f.put(bob, rules.NameAccess, "")
		synctest.Wait()
		f.gets(t, "") // now it is deleted

		f.put(bob, rules.NameAccess, handling("allow"))
		synctest.Wait()
		f.gets(t, "allow")
		f.put(bob, rules.NameAccess, "") // deleted, and the hint is followed by one of everything
		f.changes <- [2]string{}
		synctest.Wait()
		f.gets(t, "")
	})
}

func TestConcurrentCallersShareOneReading(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fixture) {
		f.docs[bob+" pres-rules"] = store.Document{Body: []byte(handling("allow"))}
		f.gate = make(chan struct{})
		var wait sync.WaitGroup
		for range 10 {
			wait.Go(func() { f.gets(t, "allow") })
		}
		synctest.Wait()
		f.read(t, 1)
		close(f.gate)
		wait.Wait()
		f.read(t, 1)
	})
}

// What was being read when it changed is not kept, and who asks afterwards
// does not wait for it.
func TestChangeDuringAReading(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fixture) {
		f.docs[bob+" pres-rules"] = store.Document{Body: []byte(handling("allow"))}
		slow := make(chan struct{})
		f.gate = slow
		var wait sync.WaitGroup
		wait.Go(func() { f.gets(t, "allow") })
		synctest.Wait()
		f.mu.Lock()
		f.gate = nil
		f.mu.Unlock()
		f.put(bob, rules.NameAccess, handling("block"))
		synctest.Wait()
		f.gets(t, "block")
		close(slow)
		wait.Wait()
		f.gets(t, "block")
		f.read(t, 2)
	})
}

func TestDocumentThatDoesNotParseIsNotInForce(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fixture) {
		f.put(bob, rules.NameAccess, "<broken") // no good one yet: as if it said nothing
		synctest.Wait()
		f.gets(t, "block")
		f.put(bob, rules.NameAccess, handling("allow"))
		synctest.Wait()
		f.gets(t, "allow")
		f.put(bob, rules.NameAccess, "<broken again")
		synctest.Wait()
		f.gets(t, "allow") // the last good one
		f.changes <- [2]string{}
		synctest.Wait()
		f.gets(t, "allow")
		if n := strings.Count(f.log.String(), "level=WARN"); n != 2 || f.Stats().Broken != 2 {
			t.Errorf("%d lines for two documents, %+v:\n%s", n, f.Stats(), f.log)
		}
		f.put(bob, rules.NameAccess, "")
		synctest.Wait()
		f.gets(t, "")
		f.put(bob, rules.NameAccess, "<broken once more")
		synctest.Wait()
		f.gets(t, "block")
		f.put(alice, rules.NameVisibility, "<broken")
		f.put(bob, rules.NameDelegation, "<broken")
		if w, err := f.Watching(t.Context(), alice, bob); err != nil || w != policy.Hidden {
			t.Errorf("shown as %v, %v", w, err)
		}
		if d, err := f.Delegated(t.Context(), bob, alice); err != nil || d != (policy.Delegated{}) {
			t.Errorf("delegated %+v, %v", d, err)
		}
	})
}

// No guesses while the store is away: what is known counts, else its error.
// What has changed meanwhile comes into force once it can be read.
func TestStoreAway(t *testing.T) {
	away := fmt.Errorf("%w: a test", store.ErrUnavailable)
	inBubble(t, func(t *testing.T, f *fixture) {
		f.put(bob, rules.NameAccess, handling("allow"))
		synctest.Wait()
		f.gets(t, "allow")
		f.fail(away)
		if r, err := f.Access(t.Context(), carol); r != nil || !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("unknown: %v, %v", r, err)
		}
		f.gets(t, "allow")
		f.put(bob, rules.NameAccess, handling("block"))
		synctest.Wait()
		f.gets(t, "allow")
		f.gets(t, "allow") // and does not ask again at once
		f.read(t, 3)
		time.Sleep(10 * time.Minute)
		if n := f.count(); n > 40 {
			t.Errorf("%d readings in 10 minutes of a store that is away", n)
		}
		f.gets(t, "allow")
		f.fail(nil)
		f.told()
		time.Sleep(time.Minute)
		if told := f.told(); len(told) != 2 {
			t.Errorf("told of %q, want both", told)
		}
		f.gets(t, "block")
	})
}

func TestBounded(t *testing.T) {
	s := newShelf()
	c := rules.New(rules.Config{Store: s, Size: 100_000, Log: slog.New(slog.DiscardHandler)})
	for i := range 10_000 {
		if i%10 == 0 { // the one that is asked for stays
			if _, err := c.Access(t.Context(), bob); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := c.Access(t.Context(), fmt.Sprintf("sip:%d@example.com", i)); err != nil {
			t.Fatal(err)
		}
	}
	st := c.Stats()
	if st.Bytes > 100_000 || st.Entries > 400 || st.Entries < 100 {
		t.Errorf("%+v", st)
	}
	if s.count() != 10_001 {
		t.Errorf("%d readings", s.count())
	}
}

func TestDelegated(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fixture) {
		f.put(bob, rules.NameDelegation, ruleset(`<cp:rule id="a"><cp:conditions><cp:identity><cp:one id="sip:alice@example.com"/></cp:identity></cp:conditions>`+
			`<cp:actions><publish xmlns="urn:presenced:delegation">true</publish></cp:actions></cp:rule>`))
		synctest.Wait()
		f.Operator = func(aor string) bool { return aor == "sip:root@example.com" }
		everything := policy.Delegated{Publish: true, Watchers: true, Rules: true}
		for who, want := range map[string]policy.Delegated{
			alice: {Publish: true}, carol: {}, "": {}, bob: everything, "sip:root@example.com": everything,
		} {
			if got, err := f.Delegated(t.Context(), bob, who); err != nil || got != want {
				t.Errorf("%q: %+v, %v, want %+v", who, got, err, want)
			}
		}
		may := func(ok bool, err error) bool { return ok && err == nil }
		if !may(f.MayPublish(t.Context(), alice, bob)) || may(f.MayWatchWatchers(t.Context(), alice, bob)) ||
			may(f.MayEditRules(t.Context(), alice, bob)) || may(f.MayPublish(t.Context(), bob, alice)) || !may(f.MayWatchWatchers(t.Context(), bob, bob)) {
			t.Error("what one may is not what is delegated")
		}
	})
}

func TestWatching(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fixture) {
		f.put(alice, rules.NameVisibility, ruleset(`<cp:rule id="a"><cp:conditions><cp:identity><cp:one id="sip:bob@example.com"/></cp:identity><cp:sphere value="home"/></cp:conditions>`+
			`<cp:actions><watching xmlns="urn:presenced:visibility-rules">hidden</watching></cp:actions></cp:rule>`))
		synctest.Wait()
		sphere, mayHide := "", true
		f.Sphere = func(context.Context, string) (string, error) { return sphere, nil }
		f.MayHide = func() bool { return mayHide }
		is := func(presentity string, want policy.Watching) {
			t.Helper()
			if got, err := f.Watching(t.Context(), alice, presentity); err != nil || got != want {
				t.Errorf("%s, sphere %q: %v, %v, want %v", presentity, sphere, got, err, want)
			}
		}
		is(bob, policy.Shown)
		sphere = "home"
		is(bob, policy.Hidden)
		is(carol, policy.Shown)
		mayHide = false
		is(bob, policy.Brief)
	})
}

func BenchmarkAccess(b *testing.B) {
	s := newShelf()
	s.docs[bob+" pres-rules"] = store.Document{Body: []byte(handling("allow"))}
	c := rules.New(rules.Config{Store: s, Size: 1 << 20})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Access(b.Context(), bob); err != nil {
			b.Fatal(err)
		}
	}
}

// Who has no document is forgotten, if nobody has asked of late; a document is
// not, and what could not be read is still read again.
func TestForget(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fixture) {
		ask := func(aor string, reads int) {
			t.Helper()
			before := f.count()
			if _, err := f.Access(t.Context(), aor); err != nil {
				t.Fatal(err)
			}
			if got := f.count() - before; got != reads {
				t.Errorf("%s: %d readings, want %d", aor, got, reads)
			}
		}
		f.put(alice, rules.NameAccess, `<ruleset xmlns="urn:ietf:params:xml:ns:common-policy"/>`)
		synctest.Wait()
		for _, aor := range []string{alice, bob, carol} {
			ask(aor, 1)
		}
		f.Forget()
		ask(carol, 0)
		f.Forget()
		ask(alice, 0)
		ask(carol, 0)
		ask(bob, 1)
		if s := f.Stats(); s.Entries != 3 || s.Bytes <= 0 {
			t.Errorf("%+v", s)
		}
		f.Forget()
		f.Forget()
		if s := f.Stats(); s.Entries != 1 {
			t.Errorf("more is kept than the one document: %+v", s)
		}
	})
}

func TestForgetKeepsWhatIsOverdue(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fixture) {
		f.fail(store.ErrUnavailable)
		if _, err := f.Access(t.Context(), bob); !errors.Is(err, store.ErrUnavailable) {
			t.Error(err)
		}
		f.Forget()
		f.Forget()
		f.fail(nil)
		time.Sleep(time.Minute)
		if got := f.count(); got != 2 {
			t.Errorf("%d readings, want another one once the store is back", got)
		}
		f.Forget()
		f.Forget()
		if s := f.Stats(); s.Entries != 0 {
			t.Errorf("%+v", s)
		}
	})
}
