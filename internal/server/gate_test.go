package server

import (
	"io"
	"net"
	"testing"
)

// TestGate: more connections of one address than there may be are closed as
// they come, and one that ends makes room.
func TestGate(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := newGate(ln)
	accepted := make(chan net.Conn, gatePerAddress+1)
	go func() {
		for {
			c, err := g.Accept()
			if err != nil {
				close(accepted)
				return
			}
			accepted <- c
		}
	}()
	dial := func() net.Conn {
		c, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	for range gatePerAddress {
		dial()
	}
	first := <-accepted
	for range gatePerAddress - 1 {
		defer (<-accepted).Close()
	}
	if _, err := dial().Read(make([]byte, 1)); err == nil {
		t.Fatal("one too many was let in")
	} else if len(accepted) > 0 {
		t.Fatal("one too many was accepted")
	}
	first.Close()
	first.Close() // counts once
	in := dial()
	c := <-accepted
	c.Write([]byte("x"))
	if b, err := io.ReadAll(io.LimitReader(in, 1)); err != nil || string(b) != "x" {
		t.Errorf("after one has gone: %q, %v", b, err)
	}
	c.Close()
	g.Close()
	if _, open := <-accepted; open {
		t.Error("accepted after its end")
	}
	if g.open != gatePerAddress-1 {
		t.Errorf("%d are counted, want %d", g.open, gatePerAddress-1)
	}
}
