package server

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"strconv"
	"testing"

	"presenced/sip"
	"presenced/sip/siptest"
	"presenced/sip/transaction"
)

// BenchmarkRequest is what a request costs between the transaction layer's two
// hands: from its bytes through the Mux, the guard, the handler and the store
// to the bytes of the response. No NOTIFY is sent.
func BenchmarkRequest(b *testing.B) {
	const (
		register  = "Contact: <sip:bob@192.0.2.7:5060;transport=udp>\r\nExpires: 3600\r\n"
		publish   = "Event: presence\r\nContent-Type: application/pidf+xml\r\nExpires: 3600\r\n"
		ifMatch   = "SIP-If-Match: " + blankTag + "\r\n"
		subscribe = "Event: presence\r\nAccept: application/pidf+xml\r\nContact: <sip:bob@192.0.2.7:5060>\r\nExpires: 3600\r\n"
		body      = `<?xml version="1.0"?><presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:user@example.com"><tuple id="t">` +
			`<status><basic>open</basic></status><contact>sip:bob@192.0.2.7</contact><note>change 00000000</note></tuple></presence>`
	)
	for _, bench := range []struct {
		name, method, first, header, body string
	}{
		{"options", "OPTIONS", "", "", ""},
		{"register", "REGISTER", "", register, ""},
		{"publish changed", "PUBLISH", publish, publish + ifMatch, body},
		{"publish refresh", "PUBLISH", publish, "Event: presence\r\nExpires: 3600\r\n" + ifMatch, ""},
		{"subscribe", "SUBSCRIBE", "", subscribe, ""},
	} {
		b.Run(bench.name, func(b *testing.B) {
			n := newExchanger(b)
			if bench.first != "" {
				n.serve(b, blankRequest(bench.method, bench.first, body))
			}
			request := blankRequest(bench.method, bench.header, bench.body)
			b.ReportAllocs()
			b.ResetTimer()
			for b.Loop() {
				n.serve(b, request)
			}
		})
	}
}

// exchanger gives requests to a node's handlers.
type exchanger struct {
	handler  sip.Handler
	flow     sip.Flow
	count    int64
	etag     []byte // the last response's
	response []byte
}

func newExchanger(b *testing.B) *exchanger {
	b.Helper()
	network := siptest.NewNetwork()
	n := startNode(b, "[limits]\nsubscriptions_per_watcher = 100000000", memoryPrefix, network.Host(netip.MustParseAddr(memoryPrefix+"1")), nil)
	b.Cleanup(func() { n.mustStop(b) })
	peer := netip.MustParseAddrPort(memoryPrefix + "2:5060")
	return &exchanger{flow: sip.Flow{Proto: sip.UDP, Local: n.addr(), Remote: peer}, handler: n.metrics.counted(n.mux)}
}

const (
	blankTag    = "TTTTTTTTTTTTTTTTTTTTTTTTTT" // stands where the entity-tag goes
	blankNumber = "00000000"                   // and the request's number
)

// blankRequest is a request of user's about itself.
func blankRequest(method, header, body string) []byte {
	return fmt.Appendf(nil, "%s sip:user@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.2:5060;branch=z9hG4bK00000000;rport\r\nMax-Forwards: 70\r\n"+
		"From: <sip:user@example.com>;tag=a1b2c3\r\nTo: <sip:user@example.com>\r\nCall-ID: 0a1b2c3d4e5f@10.0.0.2\r\nCSeq: 00000000 %s\r\n"+
		"User-Agent: bench/1.0\r\n%sContent-Length: %d\r\n\r\n%s", method, method, header, len(body), body)
}

// serve fills the blanks and serves the request.
func (n *exchanger) serve(b *testing.B, blank []byte) {
	raw := bytes.Clone(blank)
	n.count++
	var room [8]byte
	number := strconv.AppendInt(room[:0], 10_000_000+n.count, 10)
	for rest := raw; ; {
		at := bytes.Index(rest, []byte(blankNumber))
		if at < 0 {
			break
		}
		rest = rest[at+copy(rest[at:], number):]
	}
	if at := bytes.Index(raw, []byte(blankTag)); at >= 0 {
		copy(raw[at:], n.etag)
	}
	r, err := sip.ParseRequest(raw, n.flow)
	if err != nil {
		b.Fatal(err)
	}
	transaction.DefaultOrder(r)
	res := sip.ResponseOf(n.handler.ServeSIP(context.Background(), r))
	n.response = sip.AppendResponse(n.response[:0], r, res, "a1b2c3")
	if res.Code != sip.StatusOK {
		b.Fatalf("%s\n%s", raw, n.response)
	}
	if _, after, ok := bytes.Cut(n.response, []byte("SIP-ETag: ")); ok {
		n.etag = append(n.etag[:0], after[:len(blankTag)]...)
	}
	r.Recycle()
}
