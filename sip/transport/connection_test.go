package transport_test

import (
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"presenced/sip"
	"presenced/sip/siptest"
	"presenced/sip/transport"
)

// When a silent or slow peer is cut off, in virtual time.
func TestStreamTimeouts(t *testing.T) {
	config := transport.Config{IdleTimeout: 10 * time.Minute, ReadTimeout: 30 * time.Second}
	whole := request("AAAA", 100)
	tests := []struct {
		name string
		peer func(t *testing.T, c net.Conn)
		at   time.Duration // after connecting
	}{
		{"says nothing", func(*testing.T, net.Conn) {}, time.Minute},
		{"half a message at once", func(t *testing.T, c net.Conn) { write(t, c, whole[:50]) }, 30 * time.Second},
		{"half a message late", func(t *testing.T, c net.Conn) {
			time.Sleep(50 * time.Second)
			write(t, c, whole[:50])
		}, 80 * time.Second},
		{"a byte every ten seconds", func(t *testing.T, c net.Conn) {
			for i := range 3 {
				write(t, c, whole[i:i+1])
				time.Sleep(10*time.Second - time.Millisecond)
			}
		}, 30 * time.Second},
		{"only keep-alives", func(t *testing.T, c net.Conn) {
			for range 5 {
				write(t, c, ping)
				time.Sleep(10 * time.Second)
			}
		}, time.Minute},
		{"a message, then silence", func(t *testing.T, c net.Conn) {
			time.Sleep(20 * time.Second)
			write(t, c, whole)
		}, 20*time.Second + 10*time.Minute},
		{"a message, then half a one", func(t *testing.T, c net.Conn) {
			write(t, c, whole+whole[:9])
		}, 30 * time.Second},
		{"a message, then keep-alives", func(t *testing.T, c net.Conn) {
			write(t, c, whole)
			for range 10 {
				time.Sleep(5 * time.Minute)
				write(t, c, ping)
			}
		}, 60 * time.Minute},
		{"a new message begins at the end of a slow one", func(t *testing.T, c net.Conn) {
			write(t, c, whole[:9])
			time.Sleep(20 * time.Second)
			write(t, c, whole[9:]+whole[:9])
		}, 50 * time.Second},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			inBubble(t, config, func(t *testing.T, n *node) {
				c := n.dial(t, "10.0.0.9:0")
				start := time.Now()
				test.peer(t, c)
				readAll(c)
				// An idle deadline may be an eighth early: it is not set anew for each message.
				if took := time.Since(start); took > test.at || took < test.at-config.IdleTimeout/8 && test.at > config.IdleTimeout || took < test.at && test.at < config.IdleTimeout {
					t.Errorf("closed after %v, not %v", took, test.at)
				}
				synctest.Wait()
				if n.Stats().TimedOut.Load() != 1 || len(n.gone()) != 1 {
					t.Error("timed out:", n.Stats().TimedOut.Load(), "closed:", len(n.gone()))
				}
			})
		})
	}
}

func TestFramingErrorIsAnsweredThenClosed(t *testing.T) {
	tests := []struct {
		name, stream string
		err          error
		readable     string // what the receiver sees at least
	}{
		{"no Content-Length", "MESSAGE sip:a SIP/2.0\r\nTo: b\r\n\r\n", transport.ErrFraming, "To: b\r\n\r\n"},
		{"too large", "MESSAGE sip:a SIP/2.0\r\nl: 9999999\r\n\r\n" + strings.Repeat("x", 3000), transport.ErrTooLarge, "l: 9999999\r\n\r\n"},
		{"garbage", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", transport.ErrFraming, "GET /"},
		{"after a good one", request("AAAA", 3) + "\x00\x01", transport.ErrFraming, "\x00"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			inBubble(t, transport.Config{}, func(t *testing.T, n *node) {
				n.reply = func(_ []byte, flow sip.Flow, framing error) {
					if framing != nil {
						if err := n.Send(flow, []byte("SIP/2.0 400 Bad Request\r\n\r\n")); err != nil {
							t.Error(err)
						}
					}
				}
				c := n.dial(t, "10.0.0.9:0")
				write(t, c, test.stream)
				synctest.Wait()
				write(t, c, "more that nobody wants") // must not turn the answer into a reset
				buf := make([]byte, 100)
				k, err := c.Read(buf)
				if got := string(buf[:k]); got != "SIP/2.0 400 Bad Request\r\n\r\n" {
					t.Errorf("%q, %v", got, err)
				}
				if got, took := readAll(c); got != "" || took > 0 {
					t.Errorf("%q after %v", got, took)
				}
				time.Sleep(5 * time.Second)
				data, _, err := n.message(n.count() - 1)
				if !errors.Is(err, test.err) || !strings.Contains(data, test.readable) {
					t.Errorf("%q, %v", data, err)
				}
				if len(n.gone()) != 1 || n.Stats().FramingErrors.Load() != 1 {
					t.Error(n.gone())
				}
			})
		})
	}
}

func TestConnectionLimits(t *testing.T) {
	exempt := func(a netip.Addr) bool { return a == netip.MustParseAddr("10.0.0.50") }
	config := transport.Config{MaxConnections: 5, ConnectionsPerAddress: 3, ConnectionExempt: exempt}
	inBubble(t, config, func(t *testing.T, n *node) {
		lives := func(c net.Conn) bool {
			before := n.count()
			if _, err := c.Write([]byte(request("AAAA", 0))); err != nil {
				return false
			}
			synctest.Wait()
			return n.count() == before+1
		}
		var open []net.Conn
		for i, want := range []bool{true, true, true, false} {
			c := n.dial(t, "10.0.0.9:0")
			if lives(c) != want {
				t.Errorf("connection %d of one address: %v", i+1, !want)
			}
			open = append(open, c)
		}
		for i, want := range []bool{true, true, false} {
			if lives(n.dial(t, "[2001:db8::"+string(rune('1'+i))+"]:0")) != want {
				t.Errorf("connection %d in all: %v", i+4, !want)
			}
		}
		for range 8 {
			if !lives(n.dial(t, "10.0.0.50:0")) {
				t.Error("an exempt peer was refused")
			}
		}
		s := n.Stats()
		if s.RefusedPerAddress.Load() != 1 || s.RefusedTotal.Load() != 1 || s.Connections.Load() != 13 {
			t.Error(s.RefusedPerAddress.Load(), s.RefusedTotal.Load(), s.Connections.Load())
		}
		hop := transport.Hop{Proto: sip.TCP, Addr: netip.MustParseAddrPort("10.0.0.7:5060")}
		if _, err := n.Connect(t.Context(), hop); !errors.Is(err, transport.ErrConnections) {
			t.Error(err)
		}
		for _, c := range open {
			c.Close()
		}
		synctest.Wait()
		if n.Stats().Connections.Load() != 10 {
			t.Error("after closing three:", n.Stats().Connections.Load())
		}
	})
}

func TestConnectionsOfOneIPv6Network(t *testing.T) {
	inBubble(t, transport.Config{ConnectionsPerAddress: 2}, func(t *testing.T, n *node) {
		for _, from := range []string{"[2001:db8::1]:0", "[2001:db8::2]:0", "[2001:db8::3]:0", "[2001:db8:0:1::1]:0"} {
			n.dial(t, from)
			synctest.Wait()
		}
		if n.Stats().RefusedPerAddress.Load() != 1 || n.Stats().Connections.Load() != 3 {
			t.Error(n.Stats().RefusedPerAddress.Load(), n.Stats().Connections.Load())
		}
	})
}

// A peer that does not read costs a bounded queue and is cut off; Send does
// not wait for it.
func TestBlockedPeer(t *testing.T) {
	inBubble(t, transport.Config{WriteQueue: 100 << 10, WriteTimeout: 5 * time.Second}, func(t *testing.T, n *node) {
		c := n.dial(t, "10.0.0.9:0")
		write(t, c, request("AAAA", 0))
		synctest.Wait()
		flow, start := n.lastFlow(), time.Now()
		var err error
		sent := 0
		for ; err == nil && sent < 10000; sent++ {
			err = n.Send(flow, make([]byte, 1000))
			synctest.Wait()
		}
		if !errors.Is(err, transport.ErrBlocked) || sent < 150 || sent > 300 {
			t.Errorf("%v after %d messages", err, sent)
		}
		if time.Since(start) != 0 {
			t.Error("Send waited for", time.Since(start))
		}
		synctest.Wait()
		if err := n.Send(flow, nil); !errors.Is(err, transport.ErrClosed) || len(n.gone()) != 1 {
			t.Error(err, n.gone())
		}
	})
}

func TestWriteTimeout(t *testing.T) {
	inBubble(t, transport.Config{WriteTimeout: 5 * time.Second}, func(t *testing.T, n *node) {
		c := n.dial(t, "10.0.0.9:0")
		write(t, c, request("AAAA", 0))
		synctest.Wait()
		if err := n.Send(n.lastFlow(), make([]byte, 200<<10)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(4999 * time.Millisecond)
		synctest.Wait()
		if len(n.gone()) != 0 {
			t.Error("closed too early")
		}
		time.Sleep(time.Millisecond)
		synctest.Wait()
		if len(n.gone()) != 1 || n.Stats().Blocked.Load() != 1 {
			t.Error("not closed", n.Stats().Blocked.Load())
		}
	})
}

func TestCloseFlushesQueues(t *testing.T) {
	inBubble(t, transport.Config{}, func(t *testing.T, n *node) {
		c := n.dial(t, "10.0.0.9:0")
		write(t, c, request("AAAA", 0))
		synctest.Wait()
		if err := n.Send(n.lastFlow(), make([]byte, 300<<10)); err != nil {
			t.Fatal(err)
		}
		got := make(chan int)
		go func() {
			time.Sleep(500 * time.Millisecond)
			s, _ := readAll(c)
			got <- len(s)
		}()
		start := time.Now()
		n.Close()
		if size := <-got; size != 300<<10 || time.Since(start) > time.Second {
			t.Error(size, time.Since(start))
		}
	})
}

func TestCloseWaitsASecondAtMost(t *testing.T) {
	inBubble(t, transport.Config{}, func(t *testing.T, n *node) {
		c := n.dial(t, "10.0.0.9:0")
		write(t, c, request("AAAA", 0))
		synctest.Wait()
		if err := n.Send(n.lastFlow(), make([]byte, 300<<10)); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		n.Close()
		if time.Since(start) != time.Second || len(n.gone()) != 1 {
			t.Error(time.Since(start), n.gone())
		}
	})
}

func TestAcceptSurvivesErrors(t *testing.T) {
	var log strings.Builder
	config := transport.Config{Log: slog.New(slog.NewTextHandler(&log, nil))}
	inBubble(t, config, func(t *testing.T, n *node) {
		for range 100 {
			n.tcp.Fail(syscall.EMFILE)
			time.Sleep(2 * time.Second)
		}
		write(t, n.dial(t, "10.0.0.9:0"), request("AAAA", 0))
		time.Sleep(time.Second)
		if n.count() != 1 {
			t.Error("no connection after EMFILE")
		}
	})
	if lines := strings.Count(log.String(), "\n"); lines < 10 || lines > 21 || !strings.Contains(log.String(), "omitted=") {
		t.Errorf("%d lines in 200 s:\n%s", lines, log.String())
	}
}

// The largest message that MaxMessage allows passes in any pieces; one byte
// more does not.
func TestLargestMessage(t *testing.T) {
	for _, piece := range []int{100 << 10, 4096, 1000} {
		inBubble(t, transport.Config{}, func(t *testing.T, n *node) {
			c := n.dial(t, "10.0.0.9:0")
			head := len(request("AAAA", 65000)) - 65000
			largest := request("AAAA", 65535-head)
			stream := strings.Repeat(largest+request("BBBB", 7), 3) + request("CCCC", 65536-head)
			go func() {
				for len(stream) > 0 {
					k := min(piece, len(stream))
					if _, err := c.Write([]byte(stream[:k])); err != nil {
						return // cut off in the last message
					}
					stream = stream[k:]
				}
			}()
			readAll(c)
			if n.count() != 7 {
				t.Fatal(n.count(), "messages in pieces of", piece)
			}
			for i, want := range []string{largest, request("BBBB", 7), largest, request("BBBB", 7), largest, request("BBBB", 7)} {
				if got, _, err := n.message(i); got != want || err != nil {
					t.Errorf("message %d has %d bytes, not %d: %v", i, len(got), len(want), err)
				}
			}
			if _, _, err := n.message(6); !errors.Is(err, transport.ErrTooLarge) {
				t.Error(err)
			}
		})
	}
}

// Connections come and go on both sides while messages are sent and the
// transport is closed: each is reported closed once, and no goroutine is left.
func TestChurn(t *testing.T) {
	for round := range 20 {
		inBubble(t, transport.Config{ConnectionsPerAddress: 30}, func(t *testing.T, n *node) {
			n.net.SetConditions(siptest.Conditions{Latency: time.Millisecond})
			n.reply = func(data []byte, flow sip.Flow, _ error) {
				_ = n.Send(flow, data) // the peer may be gone: that is the test
			}
			far := n.net.Listen("10.0.0.7:5060")
			var peers sync.WaitGroup
			for i := range 40 {
				peers.Go(func() {
					c, err := n.net.Dial("10.0.0.9:0", agent)
					if err != nil {
						return
					}
					for range i {
						if _, err := c.Write([]byte(request("AAAA", 100*i))); err != nil {
							break
						}
					}
					time.Sleep(time.Duration(i%4) * time.Millisecond)
					c.Close()
				})
				peers.Go(func() {
					hop := transport.Hop{Proto: sip.TCP, Addr: netip.MustParseAddrPort("10.0.0.7:5060")}
					if flow, err := n.Connect(t.Context(), hop); err == nil {
						_ = n.Send(flow, []byte("hello"))
					}
				})
				peers.Go(func() {
					if c, err := far.Accept(); err == nil {
						c.Close()
					}
				})
			}
			time.Sleep(time.Duration(round) * 500 * time.Microsecond)
			n.Close()
			far.Close()
			peers.Wait()
			seen := make(map[sip.Flow]bool)
			for _, flow := range n.gone() {
				if seen[flow] {
					t.Error("closed twice:", flow)
				}
				seen[flow] = true
			}
		})
	}
}
