package message

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	"presenced/sip"
)

// forward is what a contact gets of a message.
func forward(t testing.TB, b bindings, r *sip.Request) *branchOf {
	t.Helper()
	out := &sender{t: t, script: func(*branchOf) string { return "200" }}
	if got := outcomeOf(newService(b, out).Message(context.Background(), r)); got != "200" {
		t.Fatalf("%s", got)
	}
	return out.sent[0]
}

func TestForwardedRequest(t *testing.T) {
	got := forward(t, bindings{bound("sip:b@198.51.100.7:5070;transport=udp", udp(5071))}, message(t,
		"Max-Forwards: 10", "Route: <sip:192.0.2.1;lr>", "X-Odd: a", "\tb",
		`Proxy-Authorization: Digest username="alice", realm="example.com", nonce="1", uri="sip:bob@example.com", response="2"`,
		`Proxy-Authorization: Digest username="alice", realm="elsewhere.net", nonce="1", uri="sip:bob@example.com", response="2"`,
		"P-Asserted-Identity: <sip:ceo@example.com>", "P-Preferred-Identity: <sip:x@example.com>",
		"c: message/cpim", "Max-Breadth: 7", "Content-Disposition: render"))
	want := "MESSAGE sip:b@198.51.100.7:5070;transport=udp SIP/2.0\r\n" +
		"Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKours;rport\r\n" +
		"Via: SIP/2.0/UDP 198.51.100.9:5062;branch=z9hG4bKa;received=198.51.100.7;rport=40000\r\n" +
		"Max-Forwards: 9\r\nMax-Breadth: 7\r\n" +
		"From: <sip:alice@example.com>;tag=1\r\nTo: <sip:bob@example.com>\r\nCall-ID: c1\r\nCSeq: 7 MESSAGE\r\n" +
		"X-Odd: a b\r\n" +
		`Proxy-Authorization: Digest username="alice", realm="elsewhere.net", nonce="1", uri="sip:bob@example.com", response="2"` + "\r\n" +
		"Content-Type: message/cpim\r\nContent-Disposition: render\r\nContent-Length: 5\r\n\r\nHello"
	if string(got.raw) != want {
		t.Errorf("got\n%s\nwant\n%s", got.raw, want)
	}
	if got.target.Flow != udp(5071) || got.remote.String() != "198.51.100.7:5070" {
		t.Errorf("target %v, remote %v", got.target, got.remote)
	}
}

func TestAssertedIdentity(t *testing.T) {
	tests := []struct {
		identity            sip.Identity
		asserted, preferred bool
	}{
		{sip.Identity{AOR: alice}, false, false},
		{sip.Identity{AOR: alice, Trusted: true}, true, true},
		{sip.Identity{AOR: alice, Trusted: true, Anonymous: true}, false, true},
	}
	for _, test := range tests {
		r := message(t, "P-Asserted-Identity: <sip:alice@example.com>", "P-Preferred-Identity: <sip:alice@example.com>")
		r.Identity = test.identity
		got := forward(t, bindings{bound("sip:b@h", udp(5070))}, r).request
		if got.Has("P-Asserted-Identity") != test.asserted || got.Has("P-Preferred-Identity") != test.preferred {
			t.Errorf("%+v:\n%s", test.identity, got.Raw())
		}
	}
}

func TestNextHop(t *testing.T) {
	tests := []struct {
		name              string
		contact           string
		path              []string
		lines             []string
		uri, routes, next string // next is a Route's URI; "" for the flow
	}{
		{"the flow", "sip:b@h", nil, nil, "sip:b@h", "", ""},
		{"headers and method do not go into a Request-URI", "sip:b@h;method=INVITE;x=1;y?Subject=z", nil, nil, "sip:b@h;x=1;y", "", ""},
		{"a path", "sip:b@h", []string{"<sip:p2.net;lr>", "<sip:p1.net;lr>"}, nil, "sip:b@h", "<sip:p2.net;lr> <sip:p1.net;lr>", "sip:p2.net;lr"},
		{"a strict router", "sip:b@h", []string{"<sip:p2.net>", "<sip:p1.net;lr>"}, nil, "sip:p2.net", "<sip:p1.net;lr> <sip:b@h>", "sip:p2.net"},
		{"an outbound proxy's Route", "sip:b@h", nil, []string{"Route: <sip:192.0.2.1;lr>, <sip:example.com;lr>"}, "sip:b@h", "", ""},
		{"more Route than ours", "sip:b@h", []string{"<sip:p1.net;lr>"}, []string{"Route: <sip:192.0.2.1;lr>, <sip:far.net;lr>"},
			"sip:b@h", "<sip:p1.net;lr> <sip:far.net;lr>", "sip:p1.net;lr"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := forward(t, bindings{bound(test.contact, udp(5070), test.path...)}, message(t, test.lines...))
			next := ""
			if got.target.Route != nil {
				next = got.target.Route.String()
			}
			routes := strings.Join(got.request.Routes("Route"), " ")
			if got.request.RequestURI() != test.uri || routes != test.routes || next != test.next {
				t.Errorf("to %s by %q, next %q", got.request.RequestURI(), routes, next)
			}
			if next != "" && !got.target.Flow.IsZero() {
				t.Errorf("a flow and a route: %v", got.target)
			}
		})
	}
}

// A contact that no MESSAGE can go to is no target.
func TestNoTargets(t *testing.T) {
	elsewhere := bound("sip:b@h", udp(5070))
	elsewhere.Agent = "gone"
	for _, b := range []bindings{
		{bound("mailto:b@h", udp(5070))}, {{Contact: "sip:b@h", Agent: "here", Flow: "odd"}}, {elsewhere},
		{bound("sip:b@h", udp(5070), "<odd>")},
	} {
		s := newService(b, &sender{t: t, script: func(*branchOf) string { return "200" }})
		if got := outcomeOf(s.Message(context.Background(), message(t))); got != "480" {
			t.Errorf("%v: %s", b, got)
		}
	}
}

// Whatever the body and the fields are, the body arrives byte for byte and
// each field with its value.
func FuzzForward(f *testing.F) {
	f.Add("Content-Type: text/plain\r\n", []byte("Grüße ☃"))
	f.Add("c: application/pkcs7-mime\r\nX: a\r\n b\r\nx: ;,\"\r\n", []byte("\x00\r\n\r\nMESSAGE"))
	f.Fuzz(func(t *testing.T, lines string, body []byte) {
		if len(body) > 1000 {
			return
		}
		text := strings.Replace(messageText(), "Content-Length: 5\r\n\r\nHello", lines, 1)
		text += fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body)
		r, err := sip.ParseRequest([]byte(text), udp(40000))
		if err != nil || r.Method() != "MESSAGE" || r.Header("Max-Forwards") == "0" || r.Has("Max-Breadth") {
			return
		}
		r.Identity.AOR = alice
		out := &sender{t: t, script: func(*branchOf) string { return "200" }}
		s := newService(bindings{bound("sip:b@198.51.100.7", udp(5070))}, out)
		if got := outcomeOf(s.Message(context.Background(), r)); !strings.HasPrefix(got, "200") {
			t.Fatalf("%s", got)
		}
		sent := out.sent[0].request
		if sent == nil || !bytes.Equal(sent.Body(), r.Body()) {
			t.Fatalf("the body changed")
		}
		for name, value := range r.Fields {
			switch name {
			case "Via", "Route", "Max-Forwards", "Content-Length", "Authorization", "Proxy-Authorization",
				"P-Asserted-Identity", "P-Preferred-Identity":
				continue
			}
			found := false
			for _, v := range sent.Values(name) {
				found = found || v == value
			}
			if !found {
				t.Errorf("%s: %q is lost", name, value)
			}
		}
	})
}
