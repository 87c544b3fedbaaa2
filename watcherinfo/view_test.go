package watcherinfo

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// table writes a view as "resource package: id=status id=status; ...".
func (v *View) text() string {
	var lists []string
	for _, l := range v.Lists() {
		s := l.Resource + " " + l.Package + ":"
		for _, w := range l.Watchers {
			s += " " + w.ID + "=" + string(w.Status)
		}
		lists = append(lists, s)
	}
	return strings.Join(lists, "; ")
}

// parsed reads "id=status id=status" into a document about sip:a@h.
func parsed(version uint32, full bool, watchers string) *Document {
	l := List{Resource: "sip:a@h", Package: "presence"}
	for _, field := range strings.Fields(watchers) {
		id, status, _ := strings.Cut(field, "=")
		l.Watchers = append(l.Watchers, Watcher{ID: id, Status: Status(status), Event: Subscribe})
	}
	return &Document{version, full, []List{l}}
}

func TestApply(t *testing.T) {
	type step struct {
		version  uint32
		full     bool
		watchers string
		refresh  bool
		err      error
		want     string
		complete bool
	}
	const full, partial = true, false
	const a = "sip:a@h presence:"
	for _, c := range []struct {
		name  string
		steps []step
	}{
		{"full and partial, in order", []step{
			{0, full, "1=pending 2=active", false, nil, a + " 1=pending 2=active", true},
			{1, partial, "1=active", false, nil, a + " 1=active 2=active", true},
			{2, partial, "3=pending", false, nil, a + " 1=active 2=active 3=pending", true},
		}},
		{"what is terminated is told once", []step{
			{0, full, "1=terminated 2=active", false, nil, a + " 1=terminated 2=active", true},
			{1, partial, "2=terminated", false, nil, a + " 2=terminated", true},
			{2, partial, "3=active", false, nil, a + " 3=active", true},
			{3, partial, "2=pending", false, nil, a + " 3=active 2=pending", true},
		}},
		{"full state flushes all", []step{
			{5, full, "1=active", false, nil, a + " 1=active", true},
			{6, full, "2=active", false, nil, a + " 2=active", true},
		}},
		{"a lower or equal version is discarded", []step{
			{5, full, "1=active", false, nil, a + " 1=active", true},
			{5, full, "2=active", false, ErrOld, a + " 1=active", true},
			{4, partial, "1=terminated", false, ErrOld, a + " 1=active", true},
			{6, partial, "1=waiting", false, nil, a + " 1=waiting", true},
		}},
		{"a gap is processed and asks for full state, once", []step{
			{0, full, "1=active", false, nil, a + " 1=active", true},
			{2, partial, "2=active", true, nil, a + " 1=active 2=active", false},
			{3, partial, "3=active", false, nil, a + " 1=active 2=active 3=active", false},
			{5, partial, "4=active", true, nil, a + " 1=active 2=active 3=active 4=active", false},
			{6, full, "1=active", false, nil, a + " 1=active", true},
		}},
		{"a gap before full state needs no refresh", []step{
			{0, full, "1=active", false, nil, a + " 1=active", true},
			{9, full, "2=active", false, nil, a + " 2=active", true},
		}},
		{"partial state first", []step{
			{0, partial, "1=active", true, nil, a + " 1=active", false},
			{1, full, "1=active 2=active", false, nil, a + " 1=active 2=active", true},
		}},
		{"versions do not wrap", []step{
			{1<<32 - 1, full, "1=active", false, nil, a + " 1=active", true},
			{0, full, "2=active", false, ErrOld, a + " 1=active", true},
		}},
	} {
		var v View
		for i, s := range c.steps {
			refresh, err := v.Apply(parsed(s.version, s.full, s.watchers))
			if refresh != s.refresh || !errors.Is(err, s.err) || v.text() != s.want || v.Complete() != s.complete {
				t.Errorf("%s, step %d: %v %v complete=%v\n%s\nwant %v %v\n%s", c.name, i, refresh, err, v.Complete(), v.text(), s.refresh, s.err, s.want)
			}
		}
	}
}

// One id may stand in several lists: rows belong to their list.
func TestApplyLists(t *testing.T) {
	var v View
	w := func(id string, s Status) []Watcher { return []Watcher{{ID: id, Status: s}} }
	for i, d := range []Document{
		{Full: true, Lists: []List{{"sip:a@h", "presence", w("1", Active)}, {"sip:b@h", "presence", w("1", Pending)}}},
		{Version: 1, Lists: []List{{"sip:b@h", "presence", w("1", Terminated)}, {"sip:a@h", "dialog", w("1", Waiting)}}},
		{Version: 2},
	} {
		if refresh, err := v.Apply(&d); refresh || err != nil {
			t.Fatalf("document %d: %v %v", i, refresh, err)
		}
	}
	if got, want := v.text(), "sip:a@h presence: 1=active; sip:b@h presence:; sip:a@h dialog: 1=waiting"; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

// A server cannot make a view grow without bound.
func TestApplyTooMany(t *testing.T) {
	var v View
	many := func(version uint32, full bool) *Document {
		var ids strings.Builder
		for i := range MaxWatchers/2 + 1 {
			fmt.Fprintf(&ids, "%d-%d=active ", version, i)
		}
		return parsed(version, full, ids.String())
	}
	if _, err := v.Apply(many(0, true)); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Apply(many(1, false)); !errors.Is(err, ErrTooMany) {
		t.Fatalf("more than %d watchers: %v", MaxWatchers, err)
	}
	if _, err := v.Apply(many(1, true)); err != nil {
		t.Fatalf("full state in their place: %v", err)
	}
}
