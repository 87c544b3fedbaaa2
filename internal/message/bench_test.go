package message

import (
	"context"
	"testing"

	"presenced/sip"
	"presenced/sip/transaction"
)

// prompt answers each request from another goroutine, as readers do.
type prompt struct {
	work     chan transaction.User
	response []byte
}

func (p *prompt) Send(_ *transaction.Outgoing, u transaction.User) transaction.ID {
	p.work <- u
	return 1
}

func (p *prompt) run() {
	for u := range p.work {
		u.Answered(1, 200, p.response)
	}
}

// The relay of one MESSAGE to one contact, without transport and transactions.
func BenchmarkMessage(b *testing.B) {
	out := &prompt{work: make(chan transaction.User, 1), response: []byte("SIP/2.0 200 OK\r\n" +
		"Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKours\r\nVia: SIP/2.0/UDP 198.51.100.9:5062;branch=z9hG4bKa\r\n" +
		"From: <sip:alice@example.com>;tag=1\r\nTo: <sip:bob@example.com>;tag=2\r\nCall-ID: c1\r\nCSeq: 7 MESSAGE\r\n" +
		"User-Agent: Phone\r\nContent-Length: 0\r\n\r\n")}
	go out.run()
	defer close(out.work)
	s := newService(bindings{bound("sip:b@198.51.100.7:5070", udp(5070))}, nil)
	s.Sender = out
	raw := []byte(messageText("Max-Forwards: 70", "User-Agent: Phone", "Content-Type: text/plain"))
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		r, err := sip.ParseRequest(raw, udp(40000))
		if err != nil {
			b.Fatal(err)
		}
		r.Identity.AOR = alice
		if res, err := await(s.Message(ctx, r)); err != nil || res.Code != 200 {
			b.Fatal(res, err)
		}
	}
}
