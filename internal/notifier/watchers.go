package notifier

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"sync"
	"time"

	"presenced/internal/store"
	"presenced/policy"
	"presenced/watcherinfo"
)

// watchers is the state of a template: who watches a key, at one moment.
type watchers struct {
	key     store.Key // what they watch
	version store.Version
	made    instant
	clock   func() instant
	rows    []row         // oldest first
	visits  []store.Visit // newest first, of who is shown
	endings []store.Ended

	index func() map[string]int // rows by the id in the store
	own   func() map[string][]int
	ended func() map[string]watcherinfo.Event
}

// row is one subscription.
type row struct {
	id       string // in the store
	watcher  string // address-of-record; "" anonymous
	data     string // the record's
	code     code
	watching policy.Watching
	expires  time.Duration // of the subscription itself; below 0: not told
	age      time.Duration
}

// rowOf reads a stored subscription.
func (n *Notifier) rowOf(r store.Subscription) row {
	w := row{id: r.ID, watcher: r.Watcher, data: r.Data, code: code(r.Standing), expires: r.TTL, age: r.Age}
	switch w.code.status() {
	case watcherinfo.Init: // put by an earlier release
		w.code = codeOf(watcherinfo.Active, watcherinfo.Subscribe)
	case watcherinfo.Pending:
		if w.expires -= n.GiveUp; n.overdue(r) {
			w.code, w.expires = waitingStanding.Value().code, watcherinfo.Absent
		}
	case watcherinfo.Waiting:
		w.expires = watcherinfo.Absent
	}
	return w
}

// arrange sorts the rows, so that documents have one order.
func (w *watchers) arrange() {
	slices.SortFunc(w.rows, func(a, b row) int {
		if a.age != b.age {
			return int(min(max(b.age-a.age, -1), 1))
		}
		return strings.Compare(a.id, b.id)
	})
	w.index = sync.OnceValue(func() map[string]int {
		index := make(map[string]int, len(w.rows))
		for i := range w.rows {
			index[w.rows[i].id] = i
		}
		return index
	})
	w.own = sync.OnceValue(func() map[string][]int {
		own := make(map[string][]int, len(w.rows))
		for i := range w.rows {
			own[w.rows[i].watcher] = append(own[w.rows[i].watcher], i)
		}
		return own
	})
	w.ended = sync.OnceValue(func() map[string]watcherinfo.Event {
		ended := make(map[string]watcherinfo.Event, len(w.endings))
		for _, e := range w.endings {
			ended[e.ID] = watcherinfo.EventOf(e.Event)
		}
		return ended
	})
}

// seen yields the rows that a view shows.
func (w *watchers) seen(view string) func(yield func(*row) bool) {
	return func(yield func(*row) bool) {
		if own, ok := strings.CutPrefix(view, viewOwn); ok {
			for _, i := range w.own()[own] {
				if !yield(&w.rows[i]) {
					return
				}
			}
			return
		}
		for i := range w.rows {
			if w.rows[i].shown() && !yield(&w.rows[i]) {
				return
			}
		}
	}
}

// shows says whether a view shows the row.
func (r *row) shows(view string) bool {
	if own, ok := strings.CutPrefix(view, viewOwn); ok {
		return r.watcher == own
	}
	return r.shown()
}

// shown says whether others see the row. Who waits for a decision is never
// hidden: it asks for one.
func (r *row) shown() bool {
	return r.watching != policy.Hidden || r.undecided()
}

func (r *row) undecided() bool {
	status := r.code.status()
	return status == watcherinfo.Pending || status == watcherinfo.Waiting
}

// look is how much of the row a view shows.
func (r *row) look(view string) policy.Watching {
	if strings.HasPrefix(view, viewOwn) {
		return policy.Shown
	}
	return max(r.watching, policy.Brief)
}

// same says whether a view shows two states of a subscription alike: what runs
// with the clock does not count.
func (r *row) same(view string, old *row) bool {
	return r.code == old.code && r.look(view) == old.look(view)
}

// Version is State's, as Body; Hash and Document are Partial's.
func (w *watchers) Version() store.Version { return w.version }

func (w *watchers) Body(view string) Body { return w.Document(view, nil, 1) }

// Hash is the same at every agent. A filter does not count: whatever changes
// is told through it (RFC 4660 s.5.3).
func (w *watchers) Hash(view string) uint64 {
	view = unfiltered(view)
	sum := uint64(1)
	for r := range w.seen(view) { // in whatever order
		sum += (hashOfString(r.id) ^ uint64(r.code)<<8 ^ uint64(r.look(view))) * 0x9e3779b97f4a7c15
	}
	if view == viewPast {
		for _, v := range w.visits {
			sum += (hashOfString(v.Watcher) ^ uint64(v.Fetches)<<32 ^ uint64(v.Subscriptions)) * 0xd6e8feb86659fd93
		}
	}
	return max(sum, 1)
}

// hashOfString is FNV-1a.
func hashOfString(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}

// Document is the watcherinfo document number count, from 1: its versions count
// from 0 (RFC 3858 s.3).
func (w *watchers) Document(view string, since State, count uint32) Body {
	old, _ := since.(*watchers)
	view, key, filtered := strings.Cut(view, ViewFilter)
	if filtered {
		return w.filtered(view, key, old, count)
	}
	list := w.list(view, old, old != nil)
	return w.body(view, watcherinfo.Document{Version: count - 1, Full: old == nil, Lists: []watcherinfo.List{list}})
}

func (w *watchers) body(view string, d watcherinfo.Document) Body {
	return Body{Type: watcherinfo.ContentType, Bytes: watcherinfo.Append(nil, &d), Hash: w.Hash(view)}
}

// list is the watchers of a view: those that are new since old in partial state,
// else all of them; and once those that have ended since old.
func (w *watchers) list(view string, old *watchers, partial bool) watcherinfo.List {
	list := watcherinfo.List{Resource: w.key.AOR, Package: w.key.Package}
	for r := range w.seen(view) {
		if partial {
			if i, known := old.index()[r.id]; known && old.rows[i].shows(view) && r.same(view, &old.rows[i]) {
				continue
			}
		}
		list.Watchers = append(list.Watchers, w.tell(r, view))
	}
	if old != nil {
		list.Watchers = w.appendGone(list.Watchers, view, old)
	}
	if view == viewPast {
		if !partial {
			old = nil
		}
		list.Watchers = w.appendPast(list.Watchers, old)
	}
	return list
}

// tell is a row as a document has it.
func (w *watchers) tell(r *row, view string) watcherinfo.Watcher {
	t := watcherinfo.Watcher{
		ID: publicID(r.id), URI: uriOf(r.watcher), Status: r.code.status(), Event: r.code.event(),
		Expiration: watcherinfo.Absent, Subscribed: watcherinfo.Absent,
	}
	if r.look(view) != policy.Shown {
		return t
	}
	passed := w.clock().sub(w.made)
	if r.expires >= 0 {
		t.Expiration = max(0, r.expires-passed)
	}
	t.Subscribed = r.age + passed
	t.DisplayName = displayName(dialogIn(r.data))
	return t
}

// appendGone tells once of the subscriptions that have ended since old
// (RFC 3857 s.4.7.2: what came and went in between is not told).
func (w *watchers) appendGone(list []watcherinfo.Watcher, view string, old *watchers) []watcherinfo.Watcher {
	for r := range old.seen(view) {
		if i, still := w.index()[r.id]; still && w.rows[i].shows(view) {
			continue
		}
		t := old.tell(r, view)
		t.Event, t.Status, t.Expiration = w.ending(r), watcherinfo.Terminated, watcherinfo.Absent
		list = append(list, t)
	}
	return list
}

// ending is the event that ended a subscription; where it is not known, that
// of its time.
func (w *watchers) ending(r *row) watcherinfo.Event {
	if e := w.ended()[r.id]; e != "" {
		return e
	}
	if r.undecided() {
		return watcherinfo.Giveup
	}
	return watcherinfo.Timeout
}

// appendPast tells of the visits, in partial state of those since old.
func (w *watchers) appendPast(list []watcherinfo.Watcher, old *watchers) []watcherinfo.Watcher {
	known := map[string]store.Visit{}
	if old != nil {
		for _, v := range old.visits {
			known[v.Watcher] = v
		}
	}
	passed := w.clock().sub(w.made)
	for _, v := range w.visits {
		if was, ok := known[v.Watcher]; ok && was.Fetches == v.Fetches && was.Subscriptions == v.Subscriptions {
			continue
		}
		list = append(list, watcherinfo.Watcher{
			ID: publicID("past " + v.Watcher), URI: uriOf(v.Watcher), Status: watcherinfo.Terminated, Event: lastEvent(v),
			DisplayName: v.Display, Expiration: watcherinfo.Absent, Subscribed: v.Last + passed,
		})
	}
	return list
}

// lastEvent is what ended the last subscription of a visitor.
func lastEvent(v store.Visit) watcherinfo.Event {
	if len(v.Ended) > 0 {
		if e := watcherinfo.EventOf(v.Ended[0].Event); e != "" {
			return e
		}
	}
	return watcherinfo.Timeout
}

// publicID is the id of a subscription in documents: a token that tells nothing
// of the dialog's tag, which only its two sides know.
func publicID(id string) string {
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:8])
}

// uriOf is a watcher's URI; RFC 3323 s.4.1.1.3 names who is anonymous.
func uriOf(watcher string) string {
	if watcher == "" {
		return "sip:anonymous@anonymous.invalid"
	}
	return watcher
}
