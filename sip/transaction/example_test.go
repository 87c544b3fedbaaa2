package transaction_test

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"strings"

	"presenced/sip"
	"presenced/sip/transaction"
	"presenced/sip/transport"
)

// wire is a transport that hands over what is sent.
type wire chan string

func (w wire) Send(_ sip.Flow, data []byte) error {
	w <- string(bytes.Clone(data))
	return nil
}

func (w wire) Connect(context.Context, transport.Hop) (sip.Flow, error) { return sip.Flow{}, nil }

func (w wire) Resolve(context.Context, *sip.URI) ([]transport.Hop, error) { return nil, nil }

func (w wire) SentBy(sip.Flow) string { return "192.0.2.1:5060" }

// A handler is a function; the layer sends what it returns, and sends it
// again when the request is repeated.
func Example() {
	w := make(wire, 1)
	layer := transaction.New(w, transaction.Config{
		Handler: sip.HandlerFunc(func(_ context.Context, r *sip.Request) (*sip.Response, error) {
			fmt.Println("handled", r.Method())
			return &sip.Response{Code: sip.StatusOK}, nil
		}),
	})
	defer layer.Close()
	flow := sip.Flow{Proto: sip.UDP, Remote: netip.MustParseAddrPort("192.0.2.7:5060")}
	request := []byte(strings.ReplaceAll(`OPTIONS sip:example.test SIP/2.0
Via: SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bKexample
From: <sip:bob@example.test>;tag=b1
To: <sip:example.test>
Call-ID: c1
CSeq: 1 OPTIONS
Content-Length: 0

`, "\n", "\r\n"))
	for range 2 {
		layer.Receive(request, flow, nil)
		status, _, _ := strings.Cut(<-w, "\r\n")
		fmt.Println(status)
	}
	// Output:
	// handled OPTIONS
	// SIP/2.0 200 OK
	// SIP/2.0 200 OK
}
