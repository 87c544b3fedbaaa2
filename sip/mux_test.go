package sip

import (
	"context"
	"strings"
	"testing"
)

// muxRequest is a request of a method to a Request-URI with further lines.
func muxRequest(t *testing.T, method, uri, lines string) *Request {
	t.Helper()
	raw := method + " " + uri + " SIP/2.0\n" + `Via: SIP/2.0/UDP 192.0.2.4:5070;branch=z9hG4bK1
From: <sip:alice@example.com>;tag=a1
Call-ID: c1
CSeq: 1 ` + method + "\nContact: <sip:alice@192.0.2.4>\n" + lines + "\n"
	if !strings.Contains(lines, "To:") {
		raw = strings.Replace(raw, "Call-ID", "To: <sip:bob@example.com>\nCall-ID", 1)
	}
	r, err := ParseRequest([]byte(crlf(raw)), udpFlow)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestMux(t *testing.T) {
	m := stubMux()
	m.HandleEvent("SUBSCRIBE", "presence.winfo", HandlerFunc(func(context.Context, *Request) (*Response, error) {
		return &Response{Code: StatusAccepted}, nil
	}))
	m.Support("SUBSCRIBE", "eventlist")
	const bob = "sip:bob@example.com"
	for _, c := range []struct {
		name, method, uri, lines string
		code                     int
		header                   string // "Name: value" that the response has
	}{
		{"served", "MESSAGE", bob, "", 200, ""},
		{"by package", "SUBSCRIBE", bob, "Event: presence\n", 200, ""},
		{"by template package", "SUBSCRIBE", bob, "Event: Presence.WInfo;id=3\n", 202, ""},
		{"Event missing", "SUBSCRIBE", bob, "", 489, "Allow-Events: presence, presence.winfo"},
		{"Event unknown", "PUBLISH", bob, "Event: dialog\n", 489, "Allow-Events: presence"},
		{"ACK", "ACK", bob, "", 0, ""},
		{"CANCEL", "CANCEL", bob, "Require: x\n", 481, ""},
		{"NOTIFY", "NOTIFY", bob, "Event: presence\n", 481, ""},
		{"INVITE", "INVITE", bob, "", 405, "Allow: REGISTER, OPTIONS, MESSAGE, PUBLISH, SUBSCRIBE"},
		{"BYE before the URI is looked at", "BYE", "tel:1", "", 405, ""},
		{"unknown method", "FROBNICATE", bob, "", 501, ""},
		{"method in lower case", "message", bob, "", 501, ""},
		{"pres:", "SUBSCRIBE", "pres:bob@example.com", "Event: presence\n", 200, ""},
		{"im:", "MESSAGE", "im:bob@example.com", "", 200, ""},
		{"sips:", "MESSAGE", "sips:bob@example.com", "", 200, ""},
		{"tel:", "MESSAGE", "tel:+1234", "", 416, ""},
		{"malformed Request-URI", "MESSAGE", "sip:bob@exa$mple.com", "", 400, ""},
		{"foreign domain", "MESSAGE", "sip:bob@foreign.org", "", 404, ""},
		{"domain in capitals, with a dot", "MESSAGE", "sip:bob@EXAMPLE.com.:5070", "", 200, ""},
		{"to our Contact in a dialog", "SUBSCRIBE", "sip:192.0.2.1:5060", "Event: presence\nTo: <sip:bob@example.com>;tag=b1\n", 200, ""},
		{"to our Contact outside of one", "SUBSCRIBE", "sip:192.0.2.1:5060", "Event: presence\n", 404, ""},
		{"a tag opens no door for MESSAGE", "MESSAGE", "sip:bob@foreign.org", "To: <sip:bob@example.com>;tag=b1\n", 404, ""},
		{"Require understood", "SUBSCRIBE", bob, "Event: presence\nRequire: EventList\n", 200, ""},
		{"Require understood by another method", "MESSAGE", bob, "Require: eventlist\n", 420, "Unsupported: eventlist"},
		{"Require and Proxy-Require", "SUBSCRIBE", bob, "Require: a, eventlist, b\nProxy-Require: c\nRequire: a\n", 420, "Unsupported: a, b, c"},
		{"Require empty", "MESSAGE", bob, "Require:\n", 200, ""},
		{"OPTIONS to an address-of-record", "OPTIONS", bob, "", 200, "Supported: eventlist"},
		{"OPTIONS to the domain", "OPTIONS", "sip:example.com", "", 200, "Allow-Events: presence, presence.winfo"},
		{"OPTIONS to the listener", "OPTIONS", "sip:192.0.2.1:5060", "", 200, "Allow: REGISTER, OPTIONS, MESSAGE, PUBLISH, SUBSCRIBE"},
		{"OPTIONS to another", "OPTIONS", "sip:192.0.2.77", "", 404, ""},
		{"OPTIONS with Max-Forwards 0", "OPTIONS", bob, "Max-Forwards: 0\n", 200, "Accept: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			res, err := m.ServeSIP(context.Background(), muxRequest(t, c.method, c.uri, c.lines))
			if err != nil {
				t.Fatal(err)
			}
			if res.Code != c.code || res.Silent != (c.code == 0) {
				t.Errorf("got %d, want %d", res.Code, c.code)
			}
			if res.Code >= 400 && !res.Stateless {
				t.Error("a refusal of form is kept")
			}
			written := ""
			for _, f := range res.Header {
				written += f.Name + ": " + f.Value + "\n"
			}
			if !strings.Contains(written, c.header) {
				t.Errorf("%q lacks %q", written, c.header)
			}
		})
	}
}

// Services that are not switched on are not served.
func TestMuxWithoutServices(t *testing.T) {
	m := NewMux(MuxConfig{})
	for method, code := range map[string]int{"SUBSCRIBE": 405, "PUBLISH": 405, "MESSAGE": 405, "REGISTER": 405, "OPTIONS": 200} {
		res, err := m.ServeSIP(context.Background(), muxRequest(t, method, "sip:bob@example.com", ""))
		if err != nil || res.Code != code {
			t.Errorf("%s: %v %v, want %d", method, res, err, code)
		}
	}
	if m.Allow() != "OPTIONS" || m.AllowEvents() != "" {
		t.Errorf("Allow is %q, Allow-Events %q", m.Allow(), m.AllowEvents())
	}
}
