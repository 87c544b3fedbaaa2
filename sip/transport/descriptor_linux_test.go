package transport

import (
	"errors"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"
)

// Close wakes a reader that waits; nothing that looks like a datagram comes of it.
func TestCloseWakesTheReader(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(max(2, runtime.GOMAXPROCS(0)))) // with one, sockets are not taken over
	for _, address := range []string{"127.0.0.1:0", "[::1]:0", "[::]:0"} {
		pc, err := net.ListenPacket("udp", address)
		if err != nil && address[0] == '[' {
			t.Log("without IPv6 on this machine:", err)
			continue
		} else if err != nil {
			t.Fatal(err)
		}
		d := takeOver(pc.(*net.UDPConn), address[0] == '[')
		if d == nil {
			t.Fatal("the socket was not taken over")
		}
		if n, err := d.poll([]ipv4.Message{{Buffers: [][]byte{make([]byte, 100)}, Addr: new(net.UDPAddr)}}); n != 0 || err != nil {
			t.Error("an idle socket has", n, err)
		}
		ended := make(chan error)
		go func() {
			n, err := d.ReadBatch([]ipv4.Message{{Buffers: [][]byte{make([]byte, 100)}, Addr: new(net.UDPAddr)}}, 0)
			if n != 0 {
				t.Error(n, "datagrams")
			}
			ended <- err
		}()
		time.Sleep(10 * time.Millisecond) // the reader is in the kernel by then, where no bubble reaches
		if err := d.Close(); err != nil {
			t.Error(err)
		}
		if err := <-ended; !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
		if err := d.Close(); !errors.Is(err, net.ErrClosed) {
			t.Error("closed twice:", err)
		}
		if _, err := d.WriteBatch([]ipv4.Message{{Buffers: [][]byte{{1}}, Addr: &net.UDPAddr{IP: net.IPv6loopback, Port: 9}}}, 0); !errors.Is(err, net.ErrClosed) {
			t.Error("written after Close:", err)
		}
	}
}

// With the gate closed, answers come in whole and alone; what else came before
// it is still there.
func TestKernelLetsAnswersInAlone(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(max(2, runtime.GOMAXPROCS(0))))
	for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
		pc, err := net.ListenPacket("udp", address)
		if err != nil {
			t.Log(err)
			continue
		}
		to := pc.LocalAddr().String()
		d := takeOver(pc.(*net.UDPConn), address[0] == '[')
		client, err := net.Dial("udp", to)
		if err != nil {
			t.Fatal(err)
		}
		send := func(all ...string) {
			for _, s := range all {
				if _, err := client.Write([]byte(s)); err != nil {
					t.Error(err)
				}
			}
		}
		gate := func(on bool) {
			if err := d.answersOnly(on); err != nil {
				t.Fatal(err)
			}
		}
		long := "SIP/2.0 200 OK" + strings.Repeat(".", 3000)
		send("MESSAGE before")
		gate(true)
		send("MESSAGE", "SIP", "", "SIP-not", long, "OPTIONS")
		gate(false)
		send("MESSAGE after")
		want := []string{"MESSAGE before", long, "MESSAGE after"}
		ms := make([]ipv4.Message, 8)
		for i := range ms {
			ms[i] = ipv4.Message{Buffers: [][]byte{make([]byte, 4096)}, Addr: new(net.UDPAddr)}
		}
		n, err := d.poll(ms) // over the loopback what is sent is there
		if n != len(want) || err != nil {
			t.Fatal(n, "datagrams,", err)
		}
		for i, s := range want {
			if got := string(ms[i].Buffers[0][:ms[i].N]); got != s {
				t.Errorf("%q in place of %q", got, s)
			}
		}
		if n := d.dropped(); n != 5 {
			t.Error(n, "counted as dropped")
		}
		if err := errors.Join(client.Close(), d.Close()); err != nil {
			t.Error(err)
		}
		if err := d.answersOnly(true); !errors.Is(err, net.ErrClosed) {
			t.Error("a filter after Close:", err)
		}
	}
}

// What is written as a name reads back as the same address.
func TestNames(t *testing.T) {
	for _, test := range []struct {
		address string
		six     bool
	}{
		{"192.0.2.1:5060", false}, {"192.0.2.1:5060", true}, {"[2001:db8::1]:65535", true}, {"[fe80::1%3]:1", true},
	} {
		want := netip.MustParseAddrPort(test.address)
		var name unix.RawSockaddrInet6
		putName(&name, net.UDPAddrFromAddrPort(want), test.six)
		if got := address(&name); got != want {
			t.Errorf("%v became %v", want, got)
		}
	}
}
