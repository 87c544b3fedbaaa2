package event_test

import (
	"fmt"
	"net/netip"
	"strings"

	"presenced/sip"
	"presenced/sip/event"
)

// A SUBSCRIBE establishes a dialog, and the head of a NOTIFY is written in it.
func Example() {
	subscribe := strings.ReplaceAll(`SUBSCRIBE sip:bob@example.com SIP/2.0
Via: SIP/2.0/UDP 198.51.100.4:5060;branch=z9hG4bKnashds7
From: <sip:alice@example.com>;tag=xfg9
To: <sip:bob@example.com>
Call-ID: 2010@198.51.100.4
CSeq: 17766 SUBSCRIBE
Contact: <sip:alice@198.51.100.4>
Event: presence
Accept: application/pidf+xml
Content-Length: 0

`, "\n", "\r\n")
	r, err := sip.ParseRequest([]byte(subscribe), sip.Flow{Proto: sip.UDP, Remote: netip.MustParseAddrPort("198.51.100.4:5060")})
	if err != nil {
		fmt.Println(err)
		return
	}
	dialog, err := event.NewDialog(r, "ffd2", "<sip:192.0.2.1:5060>")
	if err != nil {
		fmt.Println(err) // 400: a SUBSCRIBE needs one Contact
		return
	}
	head := dialog.AppendHead(dialog.AppendStart(nil, "NOTIFY"), "NOTIFY", 1)
	head = append(head, "Subscription-State: "...)
	head = event.AppendSubscriptionState(head, event.Active, "", 599)
	fmt.Println(strings.ReplaceAll(string(head), "\r\n", "\n"))
	fmt.Println(event.Negotiate(r.List("Accept"), "application/pidf+xml"))
	// Output:
	// NOTIFY sip:alice@198.51.100.4 SIP/2.0
	// Max-Forwards: 70
	// From: <sip:bob@example.com>;tag=ffd2
	// To: <sip:alice@example.com>;tag=xfg9
	// Call-ID: 2010@198.51.100.4
	// CSeq: 1 NOTIFY
	// Contact: <sip:192.0.2.1:5060>
	// Event: presence
	// Subscription-State: active;expires=599
	// application/pidf+xml
}
