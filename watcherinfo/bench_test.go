package watcherinfo

import (
	"fmt"
	"testing"
	"time"
)

// thousand is full state of 1,000 watchers.
func thousand() *Document {
	l := List{Resource: "sip:alice@example.com", Package: "presence"}
	for i := range 1000 {
		l.Watchers = append(l.Watchers, Watcher{
			ID: fmt.Sprintf("s%08x", i*2654435761), URI: fmt.Sprintf("sip:watcher%04d@example.com", i), Status: Active, Event: Approved,
			DisplayName: fmt.Sprintf("Watcher %d", i), Expiration: time.Duration(i) * time.Second, Subscribed: time.Hour,
		})
	}
	return &Document{Full: true, Lists: []List{l}}
}

func BenchmarkAppend(b *testing.B) {
	d := thousand()
	dst := Append(nil, d)
	b.SetBytes(int64(len(dst)))
	b.ReportAllocs()
	for b.Loop() {
		dst = Append(dst[:0], d)
	}
}

func BenchmarkParse(b *testing.B) {
	body := Append(nil, thousand())
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(body); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkApplyFull(b *testing.B) {
	d := thousand()
	b.ReportAllocs()
	for b.Loop() {
		var v View
		if _, err := v.Apply(d); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkApplyPartial changes one watcher of 1,000.
func BenchmarkApplyPartial(b *testing.B) {
	d := thousand()
	var v View
	if _, err := v.Apply(d); err != nil {
		b.Fatal(err)
	}
	change := &Document{Lists: []List{{d.Lists[0].Resource, d.Lists[0].Package, d.Lists[0].Watchers[500:501]}}}
	b.ReportAllocs()
	for b.Loop() {
		change.Version++
		if _, err := v.Apply(change); err != nil {
			b.Fatal(err)
		}
	}
}
