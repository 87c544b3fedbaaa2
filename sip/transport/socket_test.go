package transport_test

import (
	"errors"
	"net"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"presenced/sip"
	"presenced/sip/transport"
)

func TestDatagrams(t *testing.T) {
	stun := "\x00\x01\x00\x00\x21\x12\xA4\x42" + strings.Repeat("i", 12)
	tests := []struct {
		name, data string
		passes     bool
	}{
		{"message", request("AAAA", 3), true},
		{"no Content-Length", "MESSAGE sip:a SIP/2.0\r\n\r\n", true},
		{"garbage is for the parser", "garbage", true},
		{"garbage with a control", "\x01garbage", true},
		{"empty", "", false},
		{"CRLF", "\r\n", false},
		{"double CRLF", ping, false},
		{"four zero bytes", "\x00\x00\x00\x00", false},
		{"STUN binding request", stun, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			inBubble(t, transport.Config{}, func(t *testing.T, n *node) {
				pc := n.net.ListenPacket("10.0.0.9:4000")
				defer pc.Close()
				pc.WriteTo([]byte(test.data), n.udp.LocalAddr())
				synctest.Wait()
				if passed := n.count() == 1; passed != test.passes {
					t.Error("passed:", passed)
				}
				if n.Stats().DatagramsIn.Load() != 1 || (n.Stats().DatagramsDropped.Load() == 0) != test.passes {
					t.Error("miscounted")
				}
				if !test.passes || n.count() == 0 {
					return
				}
				want := "UDP 10.0.0.9:4000 -> " + agent
				if data, flow, err := n.message(0); data != test.data || flow.String() != want || flow.Conn != 0 || err != nil {
					t.Errorf("%q, %v, %v", data, flow, err)
				}
			})
		})
	}
}

func TestDatagramAnswer(t *testing.T) {
	inBubble(t, transport.Config{MaxMessage: 1000}, func(t *testing.T, n *node) {
		n.reply = func(_ []byte, flow sip.Flow, framing error) {
			text := "200"
			if errors.Is(framing, transport.ErrTooLarge) {
				text = "413"
			}
			if err := n.Send(flow, []byte(text)); err != nil {
				t.Error(err)
			}
		}
		pc := n.net.ListenPacket("10.0.0.9:4000")
		defer pc.Close()
		for _, size := range []int{10, 2000} {
			pc.WriteTo([]byte(request("AAAA", size)), n.udp.LocalAddr())
		}
		buf := make([]byte, 10)
		for _, want := range []string{"200", "413"} {
			if k, from, err := pc.ReadFrom(buf); string(buf[:k]) != want || from.String() != agent {
				t.Error(string(buf[:k]), from, err)
			}
		}
		flow := n.lastFlow()
		if err := n.Send(flow, make([]byte, transport.MaxDatagram+1)); !errors.Is(err, transport.ErrTooLarge) {
			t.Error(err)
		}
		flow.Local = pc.LocalAddr().(*net.UDPAddr).AddrPort()
		if err := n.Send(flow, []byte("x")); !errors.Is(err, transport.ErrNoSocket) {
			t.Error(err)
		}
	})
}

func TestReadErrorsPass(t *testing.T) {
	inBubble(t, transport.Config{}, func(t *testing.T, n *node) {
		for range 100 {
			n.udp.Fail(syscall.ECONNREFUSED)
			time.Sleep(time.Second)
		}
		pc := n.net.ListenPacket("10.0.0.9:4000")
		defer pc.Close()
		pc.WriteTo([]byte(request("AAAA", 0)), n.udp.LocalAddr())
		time.Sleep(time.Second)
		if n.count() != 1 || n.Stats().ReadErrors.Load() != 100 {
			t.Error(n.count(), n.Stats().ReadErrors.Load())
		}
	})
}
