package transport_test

import (
	"strings"
	"testing"
	"time"

	"presenced/sip"
	"presenced/sip/transport"
)

const via = "Via: SIP/2.0/TCP 10.0.0.9:5060;branch=z9hG4bK1\r\n"

// A response and the requests that follow it reach libpurple and rakia in a
// read each, anybody else in one.
func TestMessagesStayApart(t *testing.T) {
	answers := []string{"SIP/2.0 200 OK\r\n\r\n", "NOTIFY sip:a SIP/2.0\r\n\r\n", "MESSAGE sip:a SIP/2.0\r\n\r\n"}
	tests := []struct {
		agent, vias string
		reads       []string
	}{
		{"Purple/2.14.12", via, answers},
		{"Purple/2.14.12", via + via, []string{strings.Join(answers, "")}}, // through a proxy
		{"Telepathy-Rakia/0.8.0 sofia-sip/1.12.11devel", via, answers},
		{"baresip v1.0.0", via, []string{strings.Join(answers, "")}},
	}
	for _, test := range tests {
		t.Run(test.agent+" "+test.vias, func(t *testing.T) {
			inBubble(t, transport.Config{}, func(t *testing.T, n *node) {
				n.reply = func(_ []byte, flow sip.Flow, _ error) {
					for _, a := range answers {
						if err := n.Send(flow, []byte(a)); err != nil {
							t.Error(err)
						}
					}
				}
				c := n.dial(t, "10.0.0.9:0")
				for range 2 { // also after a pause in the conversation
					write(t, c, "SUBSCRIBE sip:b SIP/2.0\r\n"+test.vias+"User-Agent: "+test.agent+"\r\nContent-Length: 0\r\n\r\n")
					for _, want := range test.reads {
						time.Sleep(10 * time.Millisecond) // slower than the writer, faster than its pause
						buf := make([]byte, 1000)
						k, err := c.Read(buf)
						if got := string(buf[:k]); got != want || err != nil {
							t.Errorf("read %q, %v; not %q", got, err, want)
						}
					}
				}
				if err := c.Close(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// A connection that ends between two such messages takes nothing down.
func TestLibpurpleLeavesBetweenMessages(t *testing.T) {
	inBubble(t, transport.Config{}, func(t *testing.T, n *node) {
		n.reply = func(_ []byte, flow sip.Flow, _ error) {
			for range 5 {
				if err := n.Send(flow, []byte("SIP/2.0 200 OK\r\n\r\n")); err != nil {
					t.Error(err)
				}
			}
		}
		c := n.dial(t, "10.0.0.9:0")
		write(t, c, "SUBSCRIBE sip:b SIP/2.0\r\n"+via+"User-Agent: Purple/2.14.12\r\nContent-Length: 0\r\n\r\n")
		time.Sleep(150 * time.Millisecond)
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Second)
		if len(n.gone()) != 1 {
			t.Error("closed:", len(n.gone()))
		}
	})
}
