package transport

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"runtime"
	"testing"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"
)

// datagram is one that is sent, with its own content.
type datagram struct{ peer, size int }

// writer is a descriptor that writes, and peers that read what it wrote.
type writer struct {
	*descriptor
	peers []*net.UDPConn
}

func newWriter(t *testing.T, peers int) *writer {
	t.Helper()
	listen := func() *net.UDPConn {
		pc, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		return pc
	}
	own := listen()
	fd := -1
	raw, err := own.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := raw.Control(func(f uintptr) { fd = int(f) }); err != nil {
		t.Fatal(err)
	}
	w := &writer{descriptor: &descriptor{fd: fd, in: newMessages(batchSize), out: newMessages(sendSize)}}
	w.segments.look(fd)
	t.Cleanup(func() { own.Close() })
	for range peers {
		peer := listen()
		if err := peer.SetReadBuffer(4 << 20); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { peer.Close() })
		w.peers = append(w.peers, peer)
	}
	return w
}

func (w *writer) messages(list []datagram) []ipv4.Message {
	ms := make([]ipv4.Message, len(list))
	for i, d := range list {
		content := bytes.Repeat([]byte{byte(i + 1)}, d.size)
		ms[i] = ipv4.Message{Buffers: [][]byte{content}, Addr: w.peers[d.peer].LocalAddr()}
	}
	return ms
}

// arrives fails unless each peer has got its datagrams, whole and in order.
func (w *writer) arrives(t *testing.T, list []datagram) {
	t.Helper()
	ms := w.messages(list)
	for done := 0; done < len(ms); {
		n, err := w.WriteBatch(ms[done:], 0)
		if n == 0 || err != nil {
			t.Fatalf("%d sent, %v: %v", n, err, list[done:])
		}
		done += n
	}
	got := make([]byte, 1<<16)
	for i, d := range list {
		if err := w.peers[d.peer].SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
			t.Fatal(err)
		}
		n, err := w.peers[d.peer].Read(got)
		if err != nil || !bytes.Equal(got[:n], ms[i].Buffers[0]) {
			t.Fatalf("datagram %d, %v: %d bytes of %d, %v", i, d, n, got[:min(1, n)], err)
		}
	}
}

func TestSegments(t *testing.T) {
	w := newWriter(t, 3)
	if !w.segments.on {
		t.Fatal("this kernel cuts no messages: Linux 4.18 does")
	}
	many := func(n int, d datagram) []datagram {
		list := make([]datagram, n)
		for i := range list {
			list[i] = d
		}
		return list
	}
	for _, test := range []struct {
		name string
		list []datagram
		runs int
	}{
		{"one", []datagram{{0, 363}}, 1},
		{"all alike", many(sendSize, datagram{0, 363}), 1},
		{"the last is shorter", []datagram{{0, 9}, {0, 9}, {0, 8}, {0, 8}, {0, 9}}, 3},
		{"the next is longer", []datagram{{0, 8}, {0, 9}, {0, 9}}, 2},
		{"peers by turns", []datagram{{0, 9}, {1, 9}, {0, 9}, {1, 9}}, 4},
		{"peers in a row", []datagram{{0, 9}, {0, 9}, {1, 9}, {1, 9}, {2, 9}}, 3},
		{"empty ones", []datagram{{0, 0}, {0, 0}, {0, 9}, {0, 0}, {0, 9}}, 5},
		{"more than a packet holds", many(6, datagram{0, 20_000}), 2},
		{"as large as can be", many(2, datagram{0, MaxDatagram}), 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			ms := w.messages(test.list)
			w.address(ms)
			if got := w.segments.gather(&w.out, ms); got != test.runs {
				t.Errorf("%d runs, want %d", got, test.runs)
			}
			w.arrives(t, test.list)
		})
	}
}

// What arrives is the same whether the kernel cuts or not.
func TestSegmentsLikeSingly(t *testing.T) {
	cut, singly := newWriter(t, 2), newWriter(t, 2)
	singly.segments.on = false
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, 1))
		list := make([]datagram, 1+random.IntN(sendSize))
		for i := range list {
			list[i] = datagram{peer: random.IntN(8) / 7, size: 400 - random.IntN(5)/3}
		}
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			cut.arrives(t, list)
			singly.arrives(t, list)
		})
	}
}

// Datagrams leave one by one where the kernel does not take them together, and
// are not offered together again where it never will.
func TestSegmentsRefused(t *testing.T) {
	w := newWriter(t, 1)
	if err := unix.SetsockoptInt(w.fd, unix.SOL_SOCKET, unix.SO_NO_CHECK, 1); err != nil { // which cannot be cut
		t.Fatal(err)
	}
	w.arrives(t, []datagram{{0, 9}, {0, 9}, {0, 9}})
	if w.segments.on {
		t.Error("cutting was refused, and is still on")
	}
	w.arrives(t, []datagram{{0, 9}, {0, 9}})
}

// A datagram beyond a machine's usual MTU is not cut on its way to another.
func TestSegmentsAndMTU(t *testing.T) {
	for _, test := range []struct {
		to   net.IP
		size int
		end  int
	}{
		{net.IPv4(192, 0, 2, 1), segmentSize, 2}, {net.IPv4(192, 0, 2, 1), segmentSize + 1, 1},
		{net.IPv4(127, 0, 0, 1), segmentSize + 1, 2}, {net.IPv6loopback, segmentSize + 1, 2},
	} {
		ms := make([]ipv4.Message, 2)
		for i := range ms {
			ms[i] = ipv4.Message{Buffers: [][]byte{make([]byte, test.size)}, Addr: &net.UDPAddr{IP: test.to, Port: 5060}}
		}
		if got := runEnd(ms, 0); got != test.end {
			t.Errorf("%d bytes to %v: a run of %d, want %d", test.size, test.to, got, test.end)
		}
		ms[1].OOB = []byte{1}
		if got := runEnd(ms, 0); got != 1 {
			t.Errorf("two sources in a run of %d", got)
		}
	}
}

// A control message of the source stays beside that of the size.
func TestSegmentsFromASource(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(max(2, runtime.GOMAXPROCS(0)))) // with one, sockets are not taken over
	w := newWriter(t, 1)
	list := []datagram{{0, 9}, {0, 9}, {0, 8}}
	ms := w.messages(list)
	source := (&ipv4.ControlMessage{Src: net.IPv4(127, 0, 0, 7)}).Marshal()
	for i := range ms {
		ms[i].OOB = source
	}
	own, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4zero})
	if err != nil {
		t.Fatal(err)
	}
	d := takeOver(own, false)
	if d == nil {
		t.Fatal("the socket was not taken over")
	}
	defer d.Close()
	if n, err := d.WriteBatch(ms, 0); n != len(ms) || err != nil {
		t.Fatal(n, err)
	}
	got := make([]byte, 100)
	for _, want := range list {
		n, from, err := w.peers[0].ReadFromUDP(got)
		if err != nil || n != want.size || !from.IP.Equal(net.IPv4(127, 0, 0, 7)) {
			t.Errorf("%d bytes from %v, %v", n, from, err)
		}
	}
}
