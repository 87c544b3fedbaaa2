package sip

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// baseRequest is a sound request; the tests change lines of it.
var baseRequest = crlf(`MESSAGE sip:bob@example.com SIP/2.0
Via: SIP/2.0/UDP 192.0.2.4:5070;branch=z9hG4bK1;rport
Max-Forwards: 70
From: <sip:alice@example.com>;tag=a1
To: <sip:bob@example.com>
Call-ID: c1@example.com
CSeq: 7 MESSAGE
Content-Type: text/plain
Content-Length: 5

hello`)

// edit replaces old in baseRequest; both are written with LF.
func edit(t testing.TB, old, changed string) []byte {
	old, changed = crlf(old), crlf(changed)
	if !strings.Contains(baseRequest, old) {
		t.Fatalf("%q is not in the request", old)
	}
	return []byte(strings.Replace(baseRequest, old, changed, 1))
}

func TestRefusals(t *testing.T) {
	const drop = -1
	for _, c := range []struct {
		name, old, changed string
		code               int
		reason             string
	}{
		{"no Via", "Via: SIP/2.0/UDP 192.0.2.4:5070;branch=z9hG4bK1;rport\n", "", drop, ""},
		{"Via without host", "192.0.2.4:5070;b", ";b", drop, ""},
		{"Via with bad port", "192.0.2.4:5070", "192.0.2.4:70000", drop, ""},
		{"Via with empty parameter", ";rport", ";;rport", 400, "Malformed Via"},
		{"no From", "From: <sip:alice@example.com>;tag=a1\n", "", 400, "Missing From"},
		{"empty From", "From: <sip:alice@example.com>;tag=a1\n", "From:\n", 400, "Missing From"},
		{"no To", "To: <sip:bob@example.com>\n", "", 400, "Missing To"},
		{"no Call-ID", "Call-ID: c1@example.com\n", "", 400, "Missing Call-ID"},
		{"no CSeq", "CSeq: 7 MESSAGE\n", "", 400, "Missing CSeq"},
		{"two From", "To: <", "f: <sip:x@y>\nTo: <", 400, "More than one From"},
		{"two To", "From: <", "t: <sip:x@y>\nFrom: <", 400, "More than one To"},
		{"two Call-ID", "From: <", "i: x\nFrom: <", 400, "More than one Call-ID"},
		{"two CSeq", "From: <", "CSEQ: 7 MESSAGE\nFrom: <", 400, "More than one CSeq"},
		{"two Content-Length", "From: <", "l: 5\nFrom: <", 400, "More than one Content-Length"},
		{"two Event", "From: <", "o: presence\nEvent: presence\nFrom: <", 400, "More than one Event"},
		{"two SIP-If-Match", "From: <", "SIP-If-Match: a\nSIP-If-Match: b\nFrom: <", 400, "More than one SIP-If-Match"},
		{"two Max-Forwards", "From: <", "Max-Forwards: 70\nFrom: <", 400, "More than one Max-Forwards"},
		{"list in From", ";tag=a1", ";tag=a1, <sip:x@y>", 400, "Malformed From"},
		{"no scheme in From", "sip:alice@", "alice@", 400, "Malformed From"},
		{"open quote in To", "To: <", "To: \"Bob <", 400, "Malformed To"},
		{"open bracket in To", "com>\nCall", "com\nCall", 400, "Malformed To"},
		{"CSeq method differs", "7 MESSAGE", "7 message", 400, "CSeq has another method"},
		{"CSeq no number", "7 MESSAGE", "x MESSAGE", 400, "Malformed CSeq"},
		{"CSeq signed", "7 MESSAGE", "+7 MESSAGE", 400, "Malformed CSeq"},
		{"CSeq 2**31", "7 MESSAGE", "2147483648 MESSAGE", 400, "Malformed CSeq"},
		{"CSeq without method", "7 MESSAGE", "7", 400, "Malformed CSeq"},
		{"Call-ID of two words", "c1@", "c1 @", 400, "Malformed Call-ID"},
		{"Max-Forwards 256", "s: 70", "s: 256", 400, "Malformed Max-Forwards"},
		{"Max-Forwards no number", "s: 70", "s: many", 400, "Malformed Max-Forwards"},
		{"Content-Length beyond", "Length: 5", "Length: 6", 400, "Content-Length beyond the message"},
		{"Content-Length huge", "Length: 5", "Length: 99999999999999999999", 400, "Content-Length beyond the message"},
		{"Content-Length negative", "Length: 5", "Length: -5", 400, "Malformed Content-Length"},
		{"version 3", "SIP/2.0\nVia", "SIP/3.0\nVia", 505, ""},
		{"version 2.1", "SIP/2.0\nVia", "SIP/2.1\nVia", 505, ""},
		{"no version", " SIP/2.0\nVia", "\nVia", 400, "Malformed Request-Line"},
		{"other protocol", "SIP/2.0\nVia", "HTTP/1.1\nVia", 400, "Malformed Request-Line"},
		{"spaces in the Request-URI", "sip:bob@example.com SIP", "sip:bob@ example.com SIP", 400, "Malformed Request-URI"},
		{"empty Request-URI", " sip:bob@example.com SIP", "  SIP", 400, "Malformed Request-URI"},
		{"method no token", "MESSAGE sip:", "MESS@GE sip:", 400, "Malformed Request-Line"},
		{"line without colon", "From: <", "nonsense\nFrom: <", 400, "Malformed header field"},
		{"name no token", "From: <", "a b: c\nFrom: <", 400, "Malformed header field name"},
		{"empty name", "From: <", ": c\nFrom: <", 400, "Malformed header field name"},
		{"fold before the first field", "Via: SIP", " x\nVia: SIP", 400, "Malformed header field"},
		{"CR without LF", "From: <", "Subject: a\rEvil: b\nFrom: <", 400, "CR without LF in the header"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := ParseRequest(edit(t, c.old, c.changed), udpFlow)
			var refusal *Error
			if !errors.As(err, &refusal) {
				t.Fatalf("the error is %v", err)
			}
			if (r == nil) != (c.code == drop) {
				t.Fatalf("the request is %v", r)
			}
			if r != nil && (refusal.Code != c.code || refusal.Reason != c.reason) {
				t.Errorf("got %d %q, want %d %q", refusal.Code, refusal.Reason, c.code, c.reason)
			}
		})
	}
}

func TestTooManyFields(t *testing.T) {
	raw := edit(t, "From: <", strings.Repeat("a:\n", maxFields)+"From: <")
	if _, err := ParseRequest(raw, udpFlow); err == nil || !strings.Contains(err.Error(), "Too many") {
		t.Errorf("%d fields gave %v", maxFields+9, err)
	}
}

// What RFC 3261 lets senders write, and what clients do write.
func TestAccepted(t *testing.T) {
	for _, c := range []struct{ name, old, changed string }{
		{"as it is", "", ""},
		{"no Max-Forwards", "Max-Forwards: 70\n", ""},
		{"no From tag", ";tag=a1", ""},
		{"no Content-Length on UDP", "Content-Length: 5\n", ""},
		{"lower case version", "SIP/2.0\nVia", "sip/2.0\nVia"},
		{"compact names", "Call-ID:", "i:"},
		{"names in any case", "From:", "fROM:"},
		{"space before the colon", "From:", "From \t:"},
		{"two spaces after it", "From: ", "From:  \t "},
		{"empty Supported", "From: <", "Supported:\nFrom: <"},
		{"no <> in To", "<sip:bob@example.com>\nCall", "sip:bob@example.com\nCall"},
		{"folding", "From: <", "From:\n <"},
		{"folding before a parameter", ";tag=a1", "\n\t;\n tag = a1"},
		{"empty lines first", "MESSAGE sip:", "\n\nMESSAGE sip:"},
		{"comma and > in quotes", "From: <", "From: \"Doe, J > \\\" x\" <"},
		{"UTF-8 in a display name", "From: <", "From: Jörg Müller <"},
		{"dots in a display name", "From: <", "From: A. G. Bell <"},
		{"CSeq 0", "7 MESSAGE", "0 MESSAGE"},
		{"CSeq 2**31-1", "7 MESSAGE", "2147483647   MESSAGE"},
		{"more bytes than Content-Length", "hello", "hello, world"},
		{"tel: in From", "sip:alice@example.com>", "tel:+15551234;phone-context=x>"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := ParseRequest(edit(t, c.old, c.changed), udpFlow)
			if err != nil {
				t.Fatal(err)
			}
			if r.Method() != "MESSAGE" || r.CallID() != "c1@example.com" || string(r.Body()) != "hello" {
				t.Errorf("read as %q %q %q", r.Method(), r.CallID(), r.Body())
			}
			if r.FromTag() != "a1" && c.name != "no From tag" {
				t.Errorf("the From tag is %q", r.FromTag())
			}
		})
	}
}

func TestStreamNeedsContentLength(t *testing.T) {
	raw := edit(t, "Content-Length: 5\n", "")
	if r, err := ParseRequest(raw, tcpFlow); r == nil || err == nil {
		t.Errorf("without Content-Length on TCP: %v", err)
	}
}

func TestLineFeedsAlone(t *testing.T) {
	r, err := ParseRequest([]byte(strings.ReplaceAll(baseRequest, "\r\n", "\n")), udpFlow)
	if err != nil || string(r.Body()) != "hello" {
		t.Error(err)
	}
}

func TestResponseIsNoRequest(t *testing.T) {
	if r, err := ParseRequest(benchAnswer, udpFlow); r != nil || err == nil {
		t.Errorf("a response became the request %v", r)
	}
}

func TestAccessors(t *testing.T) {
	r, err := ParseRequest([]byte(crlf(`SUBSCRIBE sips:B%6Fb@EXAMPLE.com:5061;transport=tcp SIP/2.0
v: SIP/2.0/TLS host.example.com;branch=z9hG4bK1, SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK0
f: "Alice \"A\"" <sip:alice@example.com>;tag=a1
t: sip:bob@example.com;tag=b1
i: c1
CSeq: 0042 SUBSCRIBE
m: <sip:alice@[2001:db8::1]:5071;transport=tls>;expires=60, "x, y" <sip:alice@192.0.2.9>
Contact: <sip:third@example.com>
o: Presence.WInfo;id=7
k: eventlist,,
 "od,d" , timer
Record-Route: <sip:p2.example.com;lr>, <sip:p1.example.com;lr>
Record-Route: <sip:p0.example.com>
Expires: 99999999999
c: Application / PIDF+xml ; charset="UTF-8"
X-Odd: one
 two
x-odd: three
Max-Forwards: 12
l: 3

abcdef`)), udpFlow)
	if err != nil {
		t.Fatal(err)
	}
	equal := func(what string, got, want any) {
		t.Helper()
		if got != want {
			t.Errorf("%s is %v, want %v", what, got, want)
		}
	}
	equal("method", r.Method(), "SUBSCRIBE")
	equal("Request-URI", r.RequestURI(), "sips:B%6Fb@EXAMPLE.com:5061;transport=tcp")
	equal("AOR", r.AOR(), "sip:Bob@example.com")
	equal("CSeq", r.CSeq(), uint32(42))
	equal("From tag", r.FromTag(), "a1")
	equal("To tag", r.ToTag(), "b1")
	from, err := r.From()
	equal("From's error", err, nil)
	equal("display name", from.Display, `Alice "A"`)
	equal("From's tag", from.Tag(), "a1")
	equal("event package", r.EventPackage(), "presence.winfo")
	equal("body", string(r.Body()), "abc")
	equal("Supported", strings.Join(r.List("Supported"), "|"), `eventlist|"od,d"|timer`)
	equal("routes", strings.Join(r.Routes("Record-Route"), "|"), "<sip:p2.example.com;lr>|<sip:p1.example.com;lr>|<sip:p0.example.com>")
	equal("unknown field", r.Header("X-ODD"), "one two")
	equal("Values", strings.Join(r.Values("X-Odd"), "|"), "one two|three")
	equal("Has", r.Has("x-odd"), true)
	equal("Has not", r.Has("x-even"), false)
	equal("Header of none", r.Header("Accept"), "")
	n, ok := r.MaxForwards()
	equal("Max-Forwards", n, 12)
	equal("Max-Forwards is there", ok, true)
	expires, ok, err := r.Expires()
	equal("Expires", expires, uint32(1<<32-1))
	equal("Expires is there", ok && err == nil, true)
	mediaType, params := r.ContentType()
	equal("media type", mediaType, "application/pidf+xml")
	charset, _ := params.Get("Charset")
	equal("charset", charset, "UTF-8")
	via := r.Via()
	equal("Via", via.Proto+" "+via.SentBy+" "+via.Branch, "TLS host.example.com z9hG4bK1")
	contacts, err := r.Contacts()
	if err != nil || len(contacts) != 3 {
		t.Fatalf("contacts: %v %v", contacts, err)
	}
	equal("contact's host", contacts[0].URI.Host, "[2001:db8::1]")
	equal("contact's port", contacts[0].URI.Port, 5071)
	seconds, _ := contacts[0].Params.Get("expires")
	equal("contact's expires", seconds, "60")
	equal("second contact", contacts[1].Display+contacts[1].URI.String(), "x, ysip:alice@192.0.2.9")
}

func TestSubscribeNeedsContact(t *testing.T) {
	raw := strings.Replace(benchSubscribe, "Contact:", "X-Contact:", 1)
	r, err := ParseRequest([]byte(raw), udpFlow)
	if r == nil || err == nil || err.Error() != "400 Missing Contact" {
		t.Errorf("got %v", err)
	}
}

func TestExpiresMalformed(t *testing.T) {
	r, err := ParseRequest(edit(t, "From: <", "Expires: soon\nFrom: <"), udpFlow)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok, err := r.Expires(); !ok || err == nil {
		t.Error("a malformed Expires was taken")
	}
}

func TestContactStar(t *testing.T) {
	r, err := ParseRequest(edit(t, "From: <", "Contact: *\nFrom: <"), udpFlow)
	if err != nil {
		t.Fatal(err)
	}
	contacts, err := r.Contacts()
	if err != nil || !slices.ContainsFunc(contacts, func(a Address) bool { return a.Star }) {
		t.Errorf("%v %v", contacts, err)
	}
}

// A refusal of a malformed request never adds a second tag.
func TestRefusalKeepsTag(t *testing.T) {
	raw := edit(t, "To: <sip:bob@example.com>\n", "To: <sip:bob@example.com>;tag=b1\nnonsense\n")
	r, err := ParseRequest(raw, udpFlow)
	if r == nil || err == nil {
		t.Fatal(err)
	}
	res := string(AppendResponse(nil, r, ResponseOf(nil, err), "new"))
	if strings.Contains(res, "new") || strings.Count(res, "tag=b1") != 1 {
		t.Errorf("the refusal is\n%s", res)
	}
}
