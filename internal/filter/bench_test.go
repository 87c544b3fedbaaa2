package filter

import (
	"strconv"
	"strings"
	"testing"

	"presenced/pidf"
)

const usual = `<what><include>//p:tuple/p:status/p:basic</include><include>//p:tuple/p:contact</include><include>//r:activities</include></what>`

func BenchmarkParse(b *testing.B) {
	body := []byte(filterSet(`<filter id="1">` + usual + `</filter>`))
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		s, err := Parse(body, Subscription{Resource: bob})
		if err == nil {
			_, err = Merge(nil, s)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkUnpack(b *testing.B) {
	s, err := Parse([]byte(filterSet(`<filter id="1">`+usual+`</filter>`)), Subscription{Resource: bob})
	if err == nil {
		s, err = Merge(nil, s)
	}
	if err != nil {
		b.Fatal(err)
	}
	packed := s.Pack(nil)
	b.ReportMetric(float64(len(packed)), "B/set")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Unpack(packed); err != nil {
			b.Fatal(err)
		}
	}
}

func benchmarkApply(b *testing.B, contents, document string) {
	f := filterOf(b, contents)
	d := parseDocument(b, document)
	dst := f.Apply(nil, d)
	b.SetBytes(int64(len(document)))
	b.ReportMetric(float64(len(dst)), "B/doc")
	b.ReportAllocs()
	for b.Loop() {
		dst = f.Apply(dst[:0], d)
	}
}

func BenchmarkApply(b *testing.B) { benchmarkApply(b, usual, typical) }

func BenchmarkApplyCondition(b *testing.B) {
	benchmarkApply(b, what([]string{`//p:tuple[p:status/p:basic="open" and p:contact/@priority>0.5]`}, []string{`//p:note`, `//dm:deviceID`}), typical)
}

// BenchmarkApplyHostile is the dearest filter over the dearest document.
func BenchmarkApplyHostile(b *testing.B) {
	condition := func(n int) string { return `//*[.="a"` + strings.Repeat(` or .="a"`, n-1) + `]` }
	benchmarkApply(b, what([]string{condition(MaxComparisons)}, nil), hostile())
}

func BenchmarkApplyHostilePaths(b *testing.B) {
	var all []string
	for range MaxSteps / maxSteps {
		all = append(all, strings.Repeat(`//*`, maxSteps))
	}
	benchmarkApply(b, what(all, nil), hostile())
}

// hostile is a document as deep and as large as pidf's reader takes it.
func hostile() string {
	depth := pidf.DefaultMaxDepth - 2
	branch := strings.Repeat("<x:a>", depth) + "b" + strings.Repeat("</x:a>", depth)
	count := pidf.DefaultMaxElements/depth - 1
	text := strings.Repeat(" ", (pidf.DefaultMaxSize-count*len(branch)-1000)/count)
	return document(strings.Repeat("<x:b>"+strings.Replace(branch, "b", text+"b", 1)+"</x:b>", count-1))
}

func benchmarkTriggers(b *testing.B, old, current string) {
	f := filterOf(b, `<trigger><changed from="closed" to="open">//p:tuple/p:status/p:basic</changed></trigger><trigger><added>//p:tuple</added></trigger>`)
	before, after := parseDocument(b, old), parseDocument(b, current)
	b.ReportAllocs()
	for b.Loop() {
		f.Triggers(before, after)
	}
}

func BenchmarkTriggers(b *testing.B) {
	benchmarkTriggers(b, typical, strings.Replace(typical, "closed", "open", 1))
}

func BenchmarkTriggersNone(b *testing.B) {
	benchmarkTriggers(b, typical, strings.Replace(typical, "On the train", "Out of the train", 1))
}

// BenchmarkTriggersHostile compares all with all that is in it, and finds it
// unchanged.
func BenchmarkTriggersHostile(b *testing.B) {
	depth := pidf.DefaultMaxDepth - 2
	var attributes strings.Builder
	for i := range 60 {
		attributes.WriteString(" a" + strconv.Itoa(i) + `=""`)
	}
	deepest := "<x:b" + attributes.String() + "/>"
	branch := strings.Repeat("<x:a>", depth) + strings.Repeat(deepest, 16) + strings.Repeat("</x:a>", depth)
	document := document(strings.Repeat(branch, 7))
	f := filterOf(b, strings.Repeat(`<trigger><changed>//*</changed></trigger><trigger><changed from="b">//*</changed></trigger>`, MaxCriteria/2))
	old, current := parseDocument(b, document), parseDocument(b, document)
	b.ReportMetric(float64(len(document)), "B/doc")
	b.ReportAllocs()
	for b.Loop() {
		f.Triggers(old, current)
	}
}
