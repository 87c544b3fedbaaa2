package transport

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"

	"golang.org/x/net/ipv4"

	"presenced/sip"
)

// fakeSocket gives the datagrams of each channel element in one read, and
// takes a token for every write.
type fakeSocket struct {
	reads  chan []string
	tokens chan int // how many datagrams the system takes, or -1: an error
	writes []string // the datagrams of each write, joined
}

func (f *fakeSocket) ReadBatch(ms []ipv4.Message, _ int) (int, error) {
	batch, ok := <-f.reads
	if !ok {
		return 0, net.ErrClosed
	}
	for i, s := range batch {
		f.put(&ms[i], s)
	}
	return len(batch), nil
}

func (f *fakeSocket) put(m *ipv4.Message, s string) {
	m.N = copy(m.Buffers[0], s)
	m.Addr = &net.UDPAddr{IP: net.IPv4(192, 0, 2, 7), Port: 5060}
}

func (f *fakeSocket) WriteBatch(ms []ipv4.Message, _ int) (int, error) {
	n := min(<-f.tokens, len(ms))
	if n < 0 {
		f.writes = append(f.writes, "!")
		return 0, errors.New("refused")
	}
	var sent []string
	for _, m := range ms[:n] {
		sent = append(sent, string(m.Buffers[0]))
	}
	f.writes = append(f.writes, strings.Join(sent, "+"))
	return n, nil
}

// fakeBatch is a batch on a fakeSocket, and a function that sends on it.
func fakeBatch(receive func(data []byte, send func(string) error)) (*batch, *fakeSocket, func(string) error) {
	f := &fakeSocket{reads: make(chan []string), tokens: make(chan int, 1000)}
	t := New(Config{Receiver: nobody{}})
	s := &socket{t: t, local: netip.MustParseAddrPort("192.0.2.1:5060")}
	s.batch = &batch{s: s, conn: f, out: make([]ipv4.Message, sendSize)}
	s.batch.free.L = &s.batch.mu
	for i := range s.batch.out {
		s.batch.out[i].Buffers = make([][]byte, 1)
		s.batch.out[i].Addr = new(net.UDPAddr)
	}
	flow := sip.Flow{Proto: sip.UDP, Local: s.local, Remote: netip.MustParseAddrPort("192.0.2.7:5060")}
	send := func(text string) error { return s.send([]byte(text), flow) }
	t.Receiver = receiverOf(func(data []byte) { receive(data, send) })
	return s.batch, f, send
}

type receiverOf func(data []byte)

func (f receiverOf) Receive(data []byte, _ sip.Flow, _ error) { f(data) }

func (f *fakeSocket) expect(t *testing.T, want ...string) {
	t.Helper()
	synctest.Wait()
	if fmt.Sprintf("%q", f.writes) != fmt.Sprintf("%q", want) {
		t.Errorf("written %q, not %q", f.writes, want)
	}
	f.writes = nil
}

// What is sent while a batch is handled leaves when it is done, in order.
func TestAnswersToABatchLeaveTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f *fakeSocket
		b, f, send := fakeBatch(func(data []byte, send func(string) error) {
			for _, s := range []string{"200 ", "NOTIFY "} {
				if err := send(s + string(data)); err != nil {
					t.Error(err)
				}
			}
			if len(f.writes) != 0 {
				t.Errorf("written during the batch: %q", f.writes)
			}
		})
		for range 10 {
			f.tokens <- sendSize
		}
		go b.read()
		f.reads <- []string{"a", "b", "c"}
		f.expect(t, "200 a+NOTIFY a+200 b+NOTIFY b+200 c+NOTIFY c")
		if err := send("alone"); err != nil {
			t.Error(err)
		}
		f.expect(t, "alone")
		close(f.reads)
	})
}

// A sender that writes takes along what others send meanwhile.
func TestSenderTakesOthersAlong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, f, send := fakeBatch(nil)
		go send("first")
		synctest.Wait() // it writes now
		for _, s := range []string{"second", "third"} {
			if err := send(s); err != nil {
				t.Error(err)
			}
		}
		f.expect(t)
		f.tokens <- sendSize
		f.expect(t, "first")
		f.tokens <- 1 // the system takes one of two
		f.expect(t, "second")
		f.tokens <- sendSize
		f.expect(t, "third")
	})
}

// A full queue makes senders wait; they then write, and the first one leaves.
func TestFullQueueIsHandedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, f, send := fakeBatch(nil)
		left := make(chan string, 2)
		go func() { send("first"); left <- "first" }()
		synctest.Wait()
		for i := range sendSize {
			if err := send(fmt.Sprint(i)); err != nil {
				t.Error(err)
			}
		}
		go func() { send("last"); left <- "last" }()
		synctest.Wait()
		if b.waiting != 1 {
			t.Error(b.waiting, "wait")
		}
		f.tokens <- sendSize
		f.expect(t, "first")
		if who := <-left; who != "first" {
			t.Error(who, "left")
		}
		f.tokens <- sendSize
		synctest.Wait()
		if len(f.writes) != 1 || strings.Count(f.writes[0], "+") != sendSize-1 {
			t.Errorf("%q", f.writes)
		}
		f.writes = nil
		f.tokens <- sendSize
		f.expect(t, "last")
		<-left
	})
}

func TestHeldBatchIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, f, send := fakeBatch(nil)
		for range 10 {
			f.tokens <- sendSize
		}
		b.hold()
		b.hold()
		for range 5 {
			if err := send(strings.Repeat("x", 60000)); err != nil {
				t.Error(err)
			}
		}
		b.release()
		synctest.Wait()
		if len(f.writes) != 1 {
			t.Errorf("%d writes while 300,000 bytes are held", len(f.writes))
		}
		f.writes = nil
		if err := send("one more"); err != nil {
			t.Error(err)
		}
		f.expect(t)
		b.release()
		f.expect(t, "one more")
	})
}

func TestRefusedDatagramsAreSkipped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, f, send := fakeBatch(nil)
		b.hold()
		for _, s := range []string{"a", "b", "c"} {
			if err := send(s); err != nil {
				t.Error(err)
			}
		}
		f.tokens <- 1
		f.tokens <- -1
		f.tokens <- sendSize
		b.release()
		f.expect(t, "a", "!", "c")
		f.tokens <- -1
		if err := send("d"); err == nil {
			t.Error("a datagram that left alone was refused without an error")
		}
		if got := b.s.t.stats.DatagramsFailed.Load(); got != 2 {
			t.Error(got)
		}
	})
}
