package notifier

import (
	"testing"

	"presenced/internal/filter"
	"presenced/internal/store"
)

var bobPresence = store.Key{AOR: "sip:bob@example.com", Package: "presence"}

func filterSet(t testing.TB, what string) *filter.Set {
	t.Helper()
	set, err := filter.Parse([]byte(`<filter-set xmlns="urn:ietf:params:xml:ns:simple-filter"><ns-bindings>`+
		`<ns-binding prefix="p" urn="urn:ietf:params:xml:ns:pidf"/></ns-bindings>`+
		`<filter id="f"><what><include>`+what+`</include></what></filter></filter-set>`), filter.Subscription{Resource: bobPresence.AOR})
	if err != nil {
		t.Fatal(err)
	}
	merged, err := filter.Merge(nil, set)
	if err != nil {
		t.Fatal(err)
	}
	return merged
}

// Terms come back from a record as they were, with the attempt behind them.
func TestTermsPacked(t *testing.T) {
	plain := terms{}.settled(bobPresence)
	if plain != nil || plain.pack() != "" {
		t.Errorf("plain terms are %+v, packed %q", plain, plain.pack())
	}
	for _, want := range []terms{
		{partial: true},
		{dormant: true},
		{rated: true, rates: rates{max: 1, min: rateUnit, adaptive: 99*rateUnit + rateUnit - 1}},
		{filters: filterSet(t, "//p:tuple")},
		{partial: true, dormant: true, rated: true, rates: rates{max: 5}, filters: filterSet(t, "//p:note")},
	} {
		packed := want.settled(bobPresence).pack()
		for _, attempt := range []string{"", "past=true", "a\x00\x01\x02\x03\x04\x05\x06\x07\x08"} {
			_, behind := split(packed + attempt)
			got, err := unpackTerms(packed+attempt, bobPresence)
			if err != nil || behind != attempt {
				t.Fatalf("%q: %v, attempt %q", packed, err, behind)
			}
			if got.pack() != packed || got.filter.Key() != want.settled(bobPresence).filter.Key() {
				t.Errorf("%+v came back as %+v", want, got)
			}
		}
	}
	if _, attempt := split("past=true"); attempt != "past=true" {
		t.Errorf("attempt %q", attempt)
	}
}

// FuzzTerms reads damaged records: what is read is what is written again.
func FuzzTerms(f *testing.F) {
	f.Add("past=true")
	f.Add((&terms{partial: true, filters: filterSet(f, "//p:tuple")}).pack())
	f.Add((&terms{rated: true, rates: rates{max: 7}}).pack() + "x")
	f.Fuzz(func(t *testing.T, rest string) {
		got, err := unpackTerms(rest, bobPresence)
		if err != nil || got == nil {
			return
		}
		again, err := unpackTerms(got.pack(), bobPresence)
		if err != nil || again.pack() != got.pack() {
			t.Errorf("%q: %+v came back as %+v, %v", rest, got, again, err)
		}
	})
}

// One watcher's filters take no more room than maxFilters, and give it back.
func TestFilterQuota(t *testing.T) {
	var q quota
	q.init(0, 0)
	a := q.count("sip:alice@example.com")
	large, small := &terms{size: maxFilters - 10}, &terms{size: 20}
	if !q.carries(a, nil, large) {
		t.Error("the first is refused")
	}
	q.carry(a, nil, large)
	if q.carries(a, nil, small) {
		t.Error("too much is accepted")
	}
	if !q.carries(a, large, small) {
		t.Error("less is refused")
	}
	q.carry(a, large, small)
	q.carry(a, small, nil)
	if a.filters != 0 {
		t.Errorf("%d bytes are left", a.filters)
	}
}

// Filters are part of what a view is called, where a watcher sees anything.
func TestExtended(t *testing.T) {
	filtered := terms{filters: filterSet(t, "//p:tuple")}.settled(bobPresence)
	for _, c := range []struct {
		terms *terms
		d     Decision
		want  string
	}{
		{nil, Decision{"active", "full"}, "full"},
		{&terms{partial: true}, Decision{"active", "full"}, "full"},
		{filtered, Decision{"active", "full"}, "full\x00" + filtered.filter.Key()},
		{filtered, Decision{"pending", "pending"}, "pending\x00" + filtered.filter.Key()},
		{filtered, Decision{"terminated", ""}, ""},
	} {
		if got := c.terms.extended(c.d); got.View != c.want || got.State != c.d.State {
			t.Errorf("%+v: %+v, want view %q", c.d, got, c.want)
		}
	}
}

// Entity-tags are 16 digits, one more for the partial type.
func TestEntityTag(t *testing.T) {
	for _, c := range []struct {
		hash  uint64
		terms *terms
		want  string
	}{
		{0x1f, nil, "000000000000001f"},
		{0x89abcdef01234567, &terms{dormant: true}, "89abcdef01234567"},
		{0x89abcdef01234567, &terms{partial: true}, "89abcdef01234567p"},
	} {
		if got := string(appendTag(nil, c.hash, c.terms)); got != c.want {
			t.Errorf("%x: %q, want %q", c.hash, got, c.want)
		}
	}
}
