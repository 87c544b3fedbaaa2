package embedded

import (
	"fmt"
	"testing"
	"time"

	"presenced/internal/store"
)

// TestPanickingChange: the shard is as it was, and open.
func TestPanickingChange(t *testing.T) {
	e := openTest(t, Config{})
	list := []store.Binding{{Contact: "sip:a@192.0.2.1", TTL: time.Hour}}
	_, err := e.UpdateBindings(t.Context(), alice.AOR, nil, replaceBy(list))
	must(t, err)
	func() {
		defer func() { _ = recover() }()
		_, _ = e.UpdateBindings(t.Context(), alice.AOR, nil, func([]store.Binding) ([]store.Binding, error) { panic("a test says so") })
	}()
	got, err := e.Bindings(t.Context(), alice.AOR)
	if err != nil || len(got.Bindings) != 1 {
		t.Fatalf("%+v, %v", got, err)
	}
}

// BenchmarkUpdateBindings is a refresh of an inbox's one binding, among 1,000.
func BenchmarkUpdateBindings(b *testing.B) {
	e, err := Open(Config{})
	if err != nil {
		b.Fatal(err)
	}
	defer e.Close()
	keys := benchmarkKeys(1000)
	var cseq uint32
	change := func(live []store.Binding) ([]store.Binding, error) {
		if len(live) == 0 {
			live = append(live, store.Binding{Contact: "sip:a@192.0.2.1", CallID: "a1b2", Flow: "udp 192.0.2.2:5060 192.0.2.1:5060 0"})
		}
		cseq++
		live[0].CSeq, live[0].TTL = cseq, time.Hour
		return live, nil
	}
	var into []store.Binding
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if into, err = e.UpdateBindings(b.Context(), keys[i%len(keys)].AOR, into, change); err != nil {
			b.Fatal(fmt.Errorf("update %d: %w", i, err))
		}
	}
}
