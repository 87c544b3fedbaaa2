package store

import (
	"math"
	"reflect"
	"testing"
)

func TestKeyInner(t *testing.T) {
	tests := []struct {
		pkg, inner string
		ok         bool
	}{
		{"presence.winfo", "presence", true},
		{"presence.winfo.winfo", "presence.winfo", true},
		{"presence", "presence", false},
		{".winfo", "", false},
		{"winfo", "winfo", false},
	}
	for _, test := range tests {
		key := Key{AOR: "sip:a@example.com", Package: test.pkg}
		inner, ok := key.Inner()
		if ok != test.ok || ok && (inner != Key{key.AOR, test.inner} || inner.Winfo() != key) {
			t.Errorf("%q: %v, %v", test.pkg, inner, ok)
		}
	}
}

func TestVisitsMerge(t *testing.T) {
	list := func(ids string) (list []Ended) {
		for _, id := range ids {
			list = append(list, Ended{ID: string(id), Event: uint8(id)})
		}
		return list
	}
	stored := Visit{Watcher: "w", Display: "old", Fetches: 1, Subscriptions: math.MaxUint32, Last: 10, TTL: 100, Ended: list("abc")}
	tests := []struct {
		name          string
		written, want Visit
	}{
		{"later", Visit{Watcher: "w", Display: "new", Fetches: 2, Subscriptions: 1, Last: 5, TTL: 7, Ended: list("de")},
			Visit{Watcher: "w", Display: "new", Fetches: 3, Subscriptions: math.MaxUint32, Last: 5, TTL: 7, Ended: list("deab")}},
		{"earlier", Visit{Watcher: "w", Display: "new", Fetches: 2, Last: 20, TTL: 7, Ended: list("c")},
			Visit{Watcher: "w", Display: "old", Fetches: 3, Subscriptions: math.MaxUint32, Last: 10, TTL: 100, Ended: list("cab")}},
		{"at once", Visit{Watcher: "w", Last: 10, TTL: 9},
			Visit{Watcher: "w", Fetches: 1, Subscriptions: math.MaxUint32, Last: 10, TTL: 9, Ended: list("abc")}},
	}
	for _, test := range tests {
		if got := test.written.Merge(stored); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s:\n%+v\nwant\n%+v", test.name, got, test.want)
		}
	}
}

func TestHolds(t *testing.T) {
	tests := []struct {
		ifMatch, stored string
		want            bool
	}{
		{MatchAny, "", true}, {MatchAny, "t", true},
		{MatchStored, "", false}, {MatchStored, "t", true},
		{MatchMissing, "", true}, {MatchMissing, "t", false},
		{"t", "", false}, {"t", "t", true}, {"t", "u", false},
	}
	for _, test := range tests {
		if got := Holds(test.ifMatch, test.stored); got != test.want {
			t.Errorf("Holds(%q, %q) = %v", test.ifMatch, test.stored, got)
		}
	}
}
