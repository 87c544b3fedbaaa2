package table

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
)

type record struct{ key string }

func keyOf(r *record) string { return r.key }

// TestAgainstMap does the same at random to a table and to a map.
func TestAgainstMap(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	table, model := New(keyOf), map[string]*record{}
	for step := range 200_000 {
		key := strconv.Itoa(random.IntN(1 + step%4000))
		if random.IntN(4000) < step%4000 {
			table.Delete(key)
			delete(model, key)
		} else {
			r := &record{key}
			table.Put(r)
			model[key] = r
		}
		if other := strconv.Itoa(random.IntN(4000)); table.Get(other) != model[other] {
			t.Fatalf("step %d: %q is %v, want %v", step, other, table.Get(other), model[other])
		}
		if table.Len() != len(model) {
			t.Fatalf("step %d: %d records, want %d", step, table.Len(), len(model))
		}
	}
	all := map[string]*record{}
	for r := range table.All() {
		all[r.key] = r
	}
	if !maps.Equal(all, model) {
		t.Errorf("the table has %d records, the map %d", len(all), len(model))
	}
}

// TestCollisions puts records of one hash's low bits at the end of the array,
// where the search goes round.
func TestCollisions(t *testing.T) {
	table := New(keyOf)
	var last []*record
	for i := 0; len(last) < 5; i++ {
		r := &record{strconv.Itoa(i)}
		if hashOf(r.key)&7 == 6 {
			last = append(last, r)
		}
	}
	for gone := range last {
		for _, r := range last {
			table.Put(r)
		}
		if len(table.records) != 8 {
			t.Fatalf("%d places", len(table.records))
		}
		table.Delete(last[gone].key)
		for i, r := range last {
			if got := table.Get(r.key); (got == r) != (i != gone) {
				t.Errorf("without %d: %d is %v", gone, i, got)
			}
		}
	}
}

// TestMemoryComesBack fills a table and empties it but for a few.
func TestMemoryComesBack(t *testing.T) {
	table := New(keyOf)
	for i := range 50_000 {
		table.Put(&record{strconv.Itoa(i)})
	}
	if places := len(table.records); places > 2*50_000 {
		t.Errorf("%d places for 50,000 records", places)
	}
	for i := 10; i < 50_000; i++ {
		table.Delete(strconv.Itoa(i))
	}
	if places := len(table.records); places > 64 {
		t.Errorf("%d places for 10 records", places)
	}
	for i := range 10 {
		if table.Get(strconv.Itoa(i)) == nil {
			t.Errorf("%d is gone", i)
		}
		table.Delete(strconv.Itoa(i))
	}
	if table.records != nil || table.hashes != nil {
		t.Error("an empty table has memory")
	}
}

func TestTrim(t *testing.T) {
	for _, test := range []struct{ length, capacity, most int }{
		{0, 0, 0}, {0, 32, 32}, {0, 33, 0}, {1, 33, 2}, {100, 1000, 200}, {300, 1000, 1000},
	} {
		list := make([]int, test.length, test.capacity)
		for i := range list {
			list[i] = i
		}
		got := Trim(list)
		if !slices.Equal(got, list) || cap(got) > max(test.most, len(list)) {
			t.Errorf("%d of %d: %d of %d", test.length, test.capacity, len(got), cap(got))
		}
	}
}

// BenchmarkTable looks up one of 200 records by a key such as a dialog's tag,
// and reports the table's memory.
func BenchmarkTable(b *testing.B) {
	const n = 200
	keys := make([]string, n)
	records := make([]record, n)
	for i := range keys {
		keys[i] = "a" + strconv.Itoa(1e15+i)
		records[i] = record{keys[i]}
	}
	table := New(keyOf)
	for i := range records {
		table.Put(&records[i])
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if table.Get(keys[i%n]) == nil {
			b.Fatal("not there")
		}
	}
	b.ReportMetric(float64(len(table.records)*12)/n, "B/record")
}
