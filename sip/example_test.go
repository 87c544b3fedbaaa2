package sip_test

import (
	"context"
	"fmt"
	"net/netip"
	"strings"

	"presenced/sip"
)

// A request comes in, a handler answers it, the response goes back to where
// the top Via says.
func Example() {
	mux := sip.NewMux(sip.MuxConfig{Local: func(host string) bool { return host == "example.com" }})
	mux.Handle("MESSAGE", sip.HandlerFunc(func(_ context.Context, r *sip.Request) (*sip.Response, error) {
		if r.AOR() != "sip:bob@example.com" {
			return nil, sip.Errorf(sip.StatusNotFound, "Nobody here by that name")
		}
		fmt.Printf("%s hears %q\n", r.AOR(), r.Body())
		return &sip.Response{Code: sip.StatusOK}, nil
	}))

	datagram := strings.ReplaceAll(`MESSAGE sip:bob@example.com SIP/2.0
Via: SIP/2.0/UDP 10.0.0.7:5060;branch=z9hG4bK776sgdkse;rport
From: <sip:alice@example.com>;tag=49583
To: <sip:bob@example.com>
Call-ID: asd88asd77a@10.0.0.7
CSeq: 1 MESSAGE
Content-Type: text/plain
Content-Length: 18

Watson, come here.`, "\n", "\r\n")
	flow := sip.Flow{
		Proto:  sip.UDP,
		Local:  netip.MustParseAddrPort("192.0.2.1:5060"),
		Remote: netip.MustParseAddrPort("198.51.100.4:40404"),
	}
	r, err := sip.ParseRequest([]byte(datagram), flow)
	if r == nil {
		return // no top Via: nobody to answer
	}
	var res *sip.Response
	if err == nil {
		res, err = mux.ServeSIP(context.Background(), r)
	}
	answer := sip.AppendResponse(nil, r, sip.ResponseOf(res, err), "a6c85cf")
	fmt.Println("to", r.ReplyTo().Remote)
	fmt.Println(strings.ReplaceAll(strings.TrimSpace(string(answer)), "\r\n", "\n"))
	// Output:
	// sip:bob@example.com hears "Watson, come here."
	// to 198.51.100.4:40404
	// SIP/2.0 200 OK
	// Via: SIP/2.0/UDP 10.0.0.7:5060;branch=z9hG4bK776sgdkse;received=198.51.100.4;rport=40404
	// From: <sip:alice@example.com>;tag=49583
	// To: <sip:bob@example.com>;tag=a6c85cf
	// Call-ID: asd88asd77a@10.0.0.7
	// CSeq: 1 MESSAGE
	// Content-Length: 0
}
