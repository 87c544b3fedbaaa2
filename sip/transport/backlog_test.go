package transport

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"presenced/sip"
)

// What goes in comes out, in order, with its flow; the memory is bounded by
// what waits, and given back.
func TestBacklogKeepsOrder(t *testing.T) {
	var q backlog
	flow := func(i int) sip.Flow {
		return sip.Flow{Proto: sip.UDP, Remote: netip.AddrPortFrom(netip.IPv6Loopback(), uint16(i))}
	}
	in, out := 0, 0
	text := func(i int) string { return fmt.Sprint(i, strings.Repeat("x", i%700)) }
	for round := range 400 {
		for range 3 + round%5 {
			if q.push([]byte(text(in)), flow(in)) {
				in++
			}
		}
		for range 2 + round%7 {
			data, f, ok := q.pop()
			if ok != (out < in) {
				t.Fatalf("%d of %d came out, and then %t", out, in, ok)
			}
			if !ok {
				continue
			}
			if string(data) != text(out) || f != flow(out) {
				t.Fatalf("%.20q from %v at %d", data, f, out)
			}
			out++
		}
		if q.len() != in-out || cap(q.items) > 1024 {
			t.Fatalf("%d wait in %d places, not %d", q.len(), cap(q.items), in-out)
		}
	}
	big := make([]byte, 60_000)
	n := 0
	for q.push(big, flow(0)) {
		n++
	}
	if n < backlogBytes/4*3/len(big) || cap(q.bytes) > 2*backlogBytes {
		t.Errorf("full with %d, in %d bytes", n, cap(q.bytes))
	}
	for q.size() > 0 {
		q.pop()
	}
	if _, _, ok := q.pop(); ok || cap(q.bytes) > keptBytes {
		t.Errorf("empty, it keeps %d bytes", cap(q.bytes))
	}
}
