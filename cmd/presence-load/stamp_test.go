package main

import (
	"context"
	"net"
	"testing"
	"time"
)

// What lies in the socket before it is read is dated by the kernel: before the
// moment at which the generator gets round to it.
func TestArrivalIsTheKernels(t *testing.T) {
	server, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	to, err := parseAddress("udp:" + server.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	l, err := dial(context.Background(), to, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	peer, err := net.ResolveUDPAddr("udp", l.local())
	if err != nil {
		t.Fatal(err)
	}
	before := time.Now()
	for range 3 {
		if _, err := server.WriteToUDP([]byte("x"), peer); err != nil {
			t.Fatal(err)
		}
	}
	g := &generator{epoch: before}
	g.look()
	var arrivals int
	if err := l.receive(func(_ []byte, at int64) {
		g.arrives(at)
		if at < before.UnixNano() || g.arrival < 0 || at == 0 {
			t.Errorf("arrived at %d, sent after %d", at, before.UnixNano())
		}
		arrivals++
	}); err != nil || arrivals != 3 {
		t.Fatalf("%d arrivals, %v", arrivals, err)
	}
	g.arrives(0)
	if g.arrival != 0 {
		t.Error("an arrival that nobody dates has a date")
	}
}
