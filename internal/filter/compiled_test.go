package filter

import (
	"fmt"
	"strings"
	"testing"
)

// TestCompiled: filters with the same key are one, and what is kept is bounded.
func TestCompiled(t *testing.T) {
	var c cache
	first := &Filter{key: "a"}
	c.put(first)
	if c.get("a") != first || c.get("b") != nil {
		t.Error("not the filter that was put")
	}
	long := strings.Repeat("x", 1000)
	for i := range 1000 {
		c.put(&Filter{key: long + fmt.Sprint(i)})
		total := 0
		for key := range c.filters {
			total += len(key)
		}
		if total != c.size || total > maxCompiled {
			t.Fatalf("%d bytes of keys, counted as %d", total, c.size)
		}
	}
	if c.get("a") != nil || c.get(long+"999") == nil {
		t.Error("what is kept is not the newest")
	}
	key := filterOf(t, usual).Key()
	one, err := Of(key)
	if err != nil {
		t.Fatal(err)
	}
	if other, err := Of(key); err != nil || other != one {
		t.Errorf("%p, %p, %v", one, other, err)
	}
}

// BenchmarkOf asks for the filter of a view for one more document.
func BenchmarkOf(b *testing.B) {
	key := filterOf(b, usual).Key()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Of(key); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCompile is what Of costs the first time.
func BenchmarkCompile(b *testing.B) {
	key := filterOf(b, usual).Key()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := compile(key); err != nil {
			b.Fatal(err)
		}
	}
}
