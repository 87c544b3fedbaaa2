package sip

import (
	"net/netip"
	"strings"
	"testing"
)

// crlf makes CRLF of LF, so that messages can stand in the source as they
// read.
func crlf(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }

var (
	udpFlow = Flow{Proto: UDP, Local: netip.MustParseAddrPort("192.0.2.1:5060"), Remote: netip.MustParseAddrPort("192.0.2.4:5070")}
	tcpFlow = Flow{Proto: TCP, Local: netip.MustParseAddrPort("192.0.2.1:5060"), Remote: netip.MustParseAddrPort("192.0.2.4:40000"), Conn: 7}
)

var benchSubscribe = crlf(`SUBSCRIBE sip:presentity@example.com SIP/2.0
Via: SIP/2.0/UDP 192.0.2.4:5070;branch=z9hG4bKnashds7sdfkjh3;rport
Max-Forwards: 70
From: "Watcher" <sip:watcher@example.com>;tag=xfg9ba8c7d
To: <sip:presentity@example.com>
Call-ID: 2010ba8c7d6e5f4a3b2c1d0e@watcherhost.example.com
CSeq: 17766 SUBSCRIBE
Event: presence
Accept: application/pidf+xml, multipart/related
Contact: <sip:watcher@192.0.2.4:5070;transport=udp>;+sip.instance="<urn:uuid:0c67446e-f1a1-11d9-94d3-000a95a0e128>"
Expires: 600
User-Agent: presenced bench/1.0
Supported: eventlist
Content-Length: 0

`)

var benchPublish = crlf(`PUBLISH sip:presentity@example.com SIP/2.0
Via: SIP/2.0/UDP 192.0.2.4:5070;branch=z9hG4bK652hsge;rport
To: <sip:presentity@example.com>
From: <sip:presentity@example.com>;tag=1234wxyz
Call-ID: 81818181@pua.example.com
CSeq: 1 PUBLISH
Max-Forwards: 70
SIP-If-Match: dx200xyz
Expires: 3600
Event: presence
Content-Type: application/pidf+xml
Content-Length: 245

<?xml version="1.0" encoding="UTF-8"?>
<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:presentity@example.com"><tuple id="mobile-phone"><status><basic>open</basic></status><timestamp>2003-02-01T16:49:29Z</timestamp></tuple></presence>`)

var benchAnswer = []byte(crlf(`SIP/2.0 200 OK
Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK0a1b2c3d4e5f;received=192.0.2.1;rport=5060
From: <sip:presentity@example.com>;tag=ffd2
To: <sip:watcher@example.com>;tag=xfg9ba8c7d
Call-ID: 2010ba8c7d6e5f4a3b2c1d0e@watcherhost.example.com
CSeq: 8775 NOTIFY
Content-Length: 0

`))

func benchmarkParse(b *testing.B, message string) {
	raw := []byte(message)
	b.ReportAllocs()
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		r, err := ParseRequest(raw, udpFlow)
		if err != nil {
			b.Fatal(err)
		}
		r.Recycle()
	}
}

func BenchmarkParseSubscribe(b *testing.B) { benchmarkParse(b, benchSubscribe) }

func BenchmarkParsePublish(b *testing.B) { benchmarkParse(b, benchPublish) }

// BenchmarkParseAndRead asks for what a handler of SUBSCRIBE asks for.
func BenchmarkParseAndRead(b *testing.B) {
	raw := []byte(benchSubscribe)
	b.ReportAllocs()
	for b.Loop() {
		r, err := ParseRequest(raw, udpFlow)
		if err != nil {
			b.Fatal(err)
		}
		contacts, err := r.Contacts()
		if err != nil || len(contacts) != 1 || r.AOR() == "" || r.EventPackage() == "" || r.CallID() == "" {
			b.Fatal("the request was not read")
		}
		r.Recycle()
	}
}

func BenchmarkGlanceResponse(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, _, _, ok := GlanceResponse(benchAnswer); !ok {
			b.Fatal("not recognised")
		}
	}
}

func BenchmarkParseResponse(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseResponse(benchAnswer); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendResponse(b *testing.B) {
	r, err := ParseRequest([]byte(benchSubscribe), udpFlow)
	if err != nil {
		b.Fatal(err)
	}
	res := &Response{Code: StatusOK, Header: []Field{{"Expires", "600"}, {"Contact", "<sip:192.0.2.1:5060>"}}}
	buf := make([]byte, 0, 2048)
	b.ReportAllocs()
	for b.Loop() {
		buf = AppendResponse(buf[:0], r, res, "a1b2c3")
	}
}
