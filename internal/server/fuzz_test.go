package server

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"presenced/internal/store/embedded"
	"presenced/sip/siptest"
)

// FuzzNode throws bytes at a whole node, as a datagram and as a TCP stream in
// pieces. After each input the node answers an OPTIONS, no handler has
// panicked, and neither goroutines nor memory grow without bound.
func FuzzNode(f *testing.F) {
	for _, seed := range fuzzSeeds(f) {
		f.Add(seed, uint8(0))
		f.Add(seed, uint8(7))
	}
	var once sync.Once
	var n *target // lives as long as the process
	f.Fuzz(func(t *testing.T, data []byte, piece uint8) {
		if len(data) > 1<<16-1 {
			return
		}
		once.Do(func() { n = newTarget(t) })
		n.throw(t, data, int(piece))
		n.mustAnswer(t)
		n.mustBeBounded(t)
	})
}

// fuzzSeeds are what the transcripts send, and the RFCs' torture messages
// where they are.
func fuzzSeeds(f *testing.F) (seeds [][]byte) {
	for _, method := range []string{"SUBSCRIBE", "PUBLISH", "REGISTER", "MESSAGE", "OPTIONS", "NOTIFY", "CANCEL", "INVITE"} {
		seeds = append(seeds, fmt.Appendf(nil, "%s sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.2:5060;branch=z9hG4bK%[1]s;rport\r\n"+
			"Max-Forwards: 70\r\nFrom: <sip:bob@example.com>;tag=1\r\nTo: <sip:bob@example.com>\r\nCall-ID: 1\r\nCSeq: 1 %[1]s\r\n"+
			"Contact: <sip:bob@10.0.0.2>\r\nRecord-Route: <sip:10.0.0.2;lr>\r\nEvent: presence\r\nExpires: 100\r\nAccept: */*\r\n"+
			"Content-Type: application/pidf+xml\r\nContent-Length: 148\r\n\r\n"+
			"<presence xmlns=\"urn:ietf:params:xml:ns:pidf\" entity=\"sip:bob@example.com\"><tuple id=\"a\"><status><basic>open</basic></status></tuple></presence>\r\n\r\n", method))
	}
	if data := os.Getenv("PRESENCED_RFC_DATA"); data != "" {
		for _, pattern := range []string{"rfc4475-torture/*", "rfc5118-torture-ipv6/*"} {
			files, err := filepath.Glob(filepath.Join(data, "rfc-examples", pattern))
			if err != nil {
				f.Fatal(err)
			}
			for _, file := range files {
				seed, err := os.ReadFile(file)
				if err != nil {
					f.Fatal(err)
				}
				seeds = append(seeds, seed, bytes.ReplaceAll(seed, []byte("INVITE"), []byte("PUBLISH")))
			}
		}
	}
	return seeds
}

// target is a node and who asks it.
type target struct {
	*node
	network *siptest.Network
	thrower net.PacketConn
	prober  net.PacketConn
	asked   int
}

func newTarget(t testing.TB) *target {
	network := siptest.NewNetwork()
	n := &target{network: network}
	engine, err := embedded.Open(embedded.Config{Agent: agentOf(memoryPrefix)})
	if err != nil {
		t.Fatal(err)
	}
	n.node = &node{engine: engine, host: network.Host(hostOf(memoryPrefix)), prefix: memoryPrefix}
	n.start(t)
	n.thrower, n.prober = network.ListenPacket("10.0.0.2:5060"), network.ListenPacket("10.0.0.3:5060")
	go func() { // what comes back is nobody's
		for buffer := make([]byte, 1<<16); ; {
			if _, _, err := n.thrower.ReadFrom(buffer); err != nil {
				return
			}
		}
	}()
	return n
}

func (n *target) throw(t *testing.T, data []byte, piece int) {
	if _, err := n.thrower.WriteTo(data, net.UDPAddrFromAddrPort(n.addr())); err != nil {
		t.Fatal(err)
	}
	conn, err := n.network.Dial("10.0.0.2:0", n.addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if piece == 0 {
		piece = max(len(data), 1)
	}
	for part := range slices.Chunk(data, piece) {
		if _, err := conn.Write(part); err != nil {
			return // the node has closed the connection
		}
	}
}

func (n *target) mustAnswer(t *testing.T) {
	t.Helper()
	n.asked++
	id := fmt.Sprintf("alive-%d", n.asked)
	question := fmt.Sprintf("OPTIONS sip:example.com SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.3:5060;branch=z9hG4bK%s;rport\r\nFrom: <sip:a@example.com>;tag=1\r\n"+
		"To: <sip:example.com>\r\nCall-ID: %[1]s\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n", id)
	if _, err := n.prober.WriteTo([]byte(question), net.UDPAddrFromAddrPort(n.addr())); err != nil {
		t.Fatal(err)
	}
	if err := n.prober.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	buffer := make([]byte, 1<<16)
	for {
		k, _, err := n.prober.ReadFrom(buffer)
		if err != nil {
			t.Fatal("the node answers no more:", err)
		}
		if answer := string(buffer[:k]); strings.Contains(answer, "\r\nCall-ID: "+id+"\r\n") {
			if !strings.HasPrefix(answer, "SIP/2.0 200 ") {
				t.Fatal(answer)
			}
			return
		}
	}
}

const (
	mostGoroutines = 2000
	mostHeap       = 1 << 30 // bytes: transactions are held for 32 s at any rate
)

func (n *target) mustBeBounded(t *testing.T) {
	t.Helper()
	if panics := n.layer.Stats().Panics; panics > 0 {
		t.Fatalf("%d handlers panicked", panics)
	}
	if count := runtime.NumGoroutine(); count > mostGoroutines {
		t.Fatalf("%d goroutines", count)
	}
	if n.asked%1000 == 0 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		if m.HeapAlloc > mostHeap {
			t.Fatalf("%d bytes of heap", m.HeapAlloc)
		}
	}
}
