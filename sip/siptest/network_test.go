package siptest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/nettest"

	"presenced/sip/siptest"
)

const (
	alice = "10.0.0.1:5060"
	bob   = "10.0.0.2:5060"
)

func pair(t *testing.T, n *siptest.Network) (near, far net.Conn) {
	t.Helper()
	ln := n.Listen(bob)
	defer ln.Close()
	near, err := n.Dial("10.0.0.1:0", bob)
	if err != nil {
		t.Fatal(err)
	}
	if far, err = ln.Accept(); err != nil {
		t.Fatal(err)
	}
	return near, far
}

// TestConn holds our connections to what any net.Conn must do.
func TestConn(t *testing.T) {
	nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
		c1, c2 = pair(t, siptest.NewNetwork())
		return c1, c2, func() { c1.Close(); c2.Close() }, nil
	})
}

func udpAddr(t *testing.T, s string) net.Addr {
	t.Helper()
	a, err := net.ResolveUDPAddr("udp", s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// exchange sends 200 numbered packets and returns those that came, joined.
func exchange(t *testing.T, set func(n *siptest.Network)) (got string, took time.Duration) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := siptest.NewNetwork()
		set(n)
		a, b := n.ListenPacket(alice), n.ListenPacket(bob)
		defer a.Close()
		defer b.Close()
		start := time.Now()
		for i := range 200 {
			if _, err := a.WriteTo(fmt.Append(nil, i), b.LocalAddr()); err != nil {
				t.Fatal(err)
			}
		}
		b.SetReadDeadline(start.Add(time.Hour))
		var all []string
		buf := make([]byte, 100)
		for {
			k, from, err := b.ReadFrom(buf)
			if errors.Is(err, os.ErrDeadlineExceeded) {
				break
			}
			if err != nil || from.String() != alice {
				t.Fatal(from, err)
			}
			took = time.Since(start)
			all = append(all, string(buf[:k]))
		}
		if time.Since(start) != time.Hour {
			t.Error("the deadline came at", time.Since(start))
		}
		got = strings.Join(all, " ")
	})
	return got, took
}

func TestPacketConditions(t *testing.T) {
	var all []string
	for i := range 200 {
		all = append(all, fmt.Sprint(i))
	}
	inOrder := strings.Join(all, " ")
	count := func(s string) int { return len(strings.Fields(s)) }
	unique := func(s string) int {
		f := strings.Fields(s)
		slices.Sort(f)
		return len(slices.Compact(f))
	}
	tests := []struct {
		name string
		c    siptest.Conditions
		ok   func(got string, took time.Duration) bool
	}{
		{"none", siptest.Conditions{}, func(got string, took time.Duration) bool { return got == inOrder && took == 0 }},
		{"latency keeps order", siptest.Conditions{Latency: 30 * time.Millisecond},
			func(got string, took time.Duration) bool { return got == inOrder && took == 30*time.Millisecond }},
		{"loss", siptest.Conditions{Loss: .5, Seed: 1},
			func(got string, _ time.Duration) bool { return count(got) > 60 && count(got) < 140 }},
		{"loss of everything", siptest.Conditions{Loss: 1},
			func(got string, _ time.Duration) bool { return got == "" }},
		{"duplicates", siptest.Conditions{Duplicate: 1},
			func(got string, _ time.Duration) bool { return count(got) == 400 && unique(got) == 200 }},
		{"reordering", siptest.Conditions{Reorder: .3, Jitter: time.Second, Seed: 2},
			func(got string, took time.Duration) bool {
				return got != inOrder && unique(got) == 200 && took == time.Second
			}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			set := func(n *siptest.Network) { n.SetConditions(test.c) }
			got, took := exchange(t, set)
			if !test.ok(got, took) {
				t.Errorf("after %v: %s", took, got)
			}
			if again, _ := exchange(t, set); again != got {
				t.Error("the same seed gave something else")
			}
		})
	}
}

func TestHookDecides(t *testing.T) {
	got, took := exchange(t, func(n *siptest.Network) {
		n.SetConditions(siptest.Conditions{Loss: 1})
		n.SetHook(func(p siptest.Packet) siptest.Verdict {
			switch string(p.Data) {
			case "7":
				return siptest.Verdict{Delay: time.Minute}
			case "8":
				return siptest.Verdict{Copies: 2}
			}
			return siptest.Verdict{Drop: p.From.String() == alice}
		})
	})
	if got != "8 8 8 7" || took != time.Minute {
		t.Errorf("got %q after %v", got, took)
	}
}

func TestPacketConnCloseAndFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := siptest.NewNetwork()
		c := n.ListenPacket(alice)
		errs := make(chan error, 2)
		go func() {
			for range 2 {
				_, _, err := c.ReadFrom(make([]byte, 10))
				errs <- err
			}
		}()
		synctest.Wait()
		c.Fail(syscall.ECONNREFUSED)
		if err := <-errs; !errors.Is(err, syscall.ECONNREFUSED) {
			t.Error(err)
		}
		synctest.Wait()
		c.Close()
		if err := <-errs; !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
		if _, err := c.WriteTo([]byte("x"), udpAddr(t, bob)); !errors.Is(err, net.ErrClosed) {
			t.Error("write after close:", err)
		}
		n.ListenPacket(alice).Close() // the address is free again
	})
}

func TestDialWithoutListener(t *testing.T) {
	n := siptest.NewNetwork()
	if _, err := n.Dial("10.0.0.1:0", bob); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Error(err)
	}
	n.Listen(bob).Close()
	if _, err := n.Dial("10.0.0.1:0", bob); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Error(err)
	}
}

func TestDialerIsCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := siptest.NewNetwork()
		defer n.Listen(bob).Close()
		n.SetConditions(siptest.Conditions{Latency: time.Minute})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		_, err := n.Dialer("10.0.0.1:0")(ctx, netip.MustParseAddrPort(bob))
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
			t.Error(err, time.Since(start))
		}
	})
}

func TestStreamLatency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := siptest.NewNetwork()
		near, far := pair(t, n)
		defer near.Close()
		defer far.Close()
		n.SetConditions(siptest.Conditions{Latency: 20 * time.Millisecond})
		start := time.Now()
		near.Write([]byte("ping"))
		buf := make([]byte, 10)
		k, err := far.Read(buf)
		if string(buf[:k]) != "ping" || err != nil || time.Since(start) != 20*time.Millisecond {
			t.Error(string(buf[:k]), err, time.Since(start))
		}
	})
}

func TestWriteWaitsForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := pair(t, siptest.NewNetwork())
		defer near.Close()
		near.SetWriteDeadline(time.Now().Add(time.Second))
		start := time.Now()
		k, err := near.Write(make([]byte, 100<<10))
		if k != 64<<10 || !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != time.Second {
			t.Error(k, err, time.Since(start))
		}
		far.Close() // with bytes unread: a reset
		near.SetWriteDeadline(time.Time{})
		if _, err := near.Write([]byte("x")); !errors.Is(err, syscall.EPIPE) {
			t.Error(err)
		}
		if _, err := near.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Error(err)
		}
	})
}

func TestHalfClose(t *testing.T) {
	near, far := pair(t, siptest.NewNetwork())
	near.Write([]byte("question"))
	near.(*siptest.Conn).CloseWrite()
	got, err := io.ReadAll(far)
	if err != nil || string(got) != "question" {
		t.Error(string(got), err)
	}
	far.Write([]byte("answer"))
	far.Close() // all was read: no reset
	got, err = io.ReadAll(near)
	if err != nil || !bytes.Equal(got, []byte("answer")) {
		t.Error(string(got), err)
	}
}

func TestAcceptFails(t *testing.T) {
	ln := siptest.NewNetwork().Listen(bob)
	ln.Fail(syscall.EMFILE)
	if _, err := ln.Accept(); !errors.Is(err, syscall.EMFILE) {
		t.Error(err)
	}
	ln.Close()
	if _, err := ln.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
}
