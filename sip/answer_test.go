package sip

import (
	"bytes"
	"strings"
	"testing"
)

func TestParseResponse(t *testing.T) {
	a, err := ParseResponse(benchAnswer)
	if err != nil {
		t.Fatal(err)
	}
	to, err := a.To()
	if err != nil || a.Code != 200 || a.Reason != "OK" || a.CSeq() != 8775 || a.Method() != "NOTIFY" ||
		a.Via().Branch != "z9hG4bK0a1b2c3d4e5f" || to.Tag() != "xfg9ba8c7d" || a.Header("Call-ID") == "" {
		t.Errorf("read as %+v (%v)", a, err)
	}
	for _, c := range []struct{ name, old, changed string }{
		{"code 99", "200 OK", "99 OK"},
		{"code 700", "200 OK", "700 OK"},
		{"code of four digits", "200 OK", "2000 OK"},
		{"no code", "200 OK", "OK"},
		{"version 3", "SIP/2.0 200", "SIP/3.0 200"},
		{"no Via", "Via:", "X:"},
		{"no CSeq", "CSeq:", "X:"},
		{"CSeq above 32 bits", "8775", "4294967296"},
		{"cut short", "Length: 0", "Length: 1"},
		{"no field", "From:", "From"},
	} {
		raw := bytes.Replace(benchAnswer, []byte(c.old), []byte(c.changed), 1)
		if _, err := ParseResponse(raw); err == nil {
			t.Errorf("%s was taken", c.name)
		}
	}
}

func TestGlanceResponse(t *testing.T) {
	for _, c := range []struct {
		name, old, changed string
		ok                 bool
	}{
		{"as it is", "", "", true},
		{"compact Via", "Via:", "v :", true},
		{"names in any case", "CSeq: ", "cseq:\t", true},
		{"a Via behind it", "From:", "Via: SIP/2.0/UDP x;branch=other\r\nFrom:", true},
		{"a Via behind it in one field", "\r\nFrom:", ", SIP/2.0/UDP x;branch=other\r\nFrom:", true},
		{"spaces", ";branch=", " ; BRANCH =", true},
		{"line feeds alone", "\r\n", "\n", true},
		{"other fields first", "Via:", "Contact: <sip:v>\r\nVary: x\r\nVia:", true},
		{"the top Via has no branch", "Via:", "Via: SIP/2.0/UDP x\r\nVia:", false},
		{"no branch", "branch=", "brunch=", false},
		{"no CSeq", "CSeq:", "C:", false},
		{"CSeq without method", "8775 NOTIFY", "8775", false},
		{"folded", ";branch", "\r\n ;branch", false},
		{"no response", "SIP/2.0 200 OK", "NOTIFY sip:a@b SIP/2.0", false},
	} {
		raw := bytes.ReplaceAll(benchAnswer, []byte(c.old), []byte(c.changed))
		if c.old == "" {
			raw = benchAnswer
		}
		code, branch, method, ok := GlanceResponse(raw)
		if ok != c.ok {
			t.Errorf("%s: ok is %v", c.name, ok)
		}
		if ok && (code != 200 || string(branch) != "z9hG4bK0a1b2c3d4e5f" || string(method) != "NOTIFY") {
			t.Errorf("%s: %d %q %q", c.name, code, branch, method)
		}
	}
}

func TestAppendResponse(t *testing.T) {
	r, err := ParseRequest([]byte(baseRequest), udpFlow)
	if err != nil {
		t.Fatal(err)
	}
	res := &Response{Code: 200, Header: []Field{{"Expires", "60"}, {"X", "a\r\nInjected: b"}}, Body: []byte("body")}
	want := crlf(`SIP/2.0 200 OK
Via: SIP/2.0/UDP 192.0.2.4:5070;branch=z9hG4bK1;received=192.0.2.4;rport=5070
From: <sip:alice@example.com>;tag=a1
To: <sip:bob@example.com>;tag=given
Call-ID: c1@example.com
CSeq: 7 MESSAGE
Expires: 60
X: a  Injected: b
Content-Length: 4

body`)
	if got := string(AppendResponse(nil, r, res, "given")); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	res.ToTag = "own"
	if got := string(AppendResponse(nil, r, res, "given")); !strings.Contains(got, "com>;tag=own\r\n") {
		t.Errorf("the response's own tag is not there:\n%s", got)
	}
	if got := string(AppendResponse(nil, r, &Response{Code: 404, Reason: "Gone\r\nfishing"}, "t")); !strings.HasPrefix(got, "SIP/2.0 404 Gone  fishing\r\n") {
		t.Errorf("the reason phrase broke its line:\n%s", got)
	}
}

// RFC 3261 s.8.2.6.1: a 100 copies Timestamp, and needs no tag.
func TestAppendTrying(t *testing.T) {
	r, err := ParseRequest(edit(t, "From: <", "Timestamp: 54.21\nFrom: <"), udpFlow)
	if err != nil {
		t.Fatal(err)
	}
	got := string(AppendResponse(nil, r, &Response{Code: StatusTrying}, "t"))
	if !strings.Contains(got, "\r\nTimestamp: 54.21\r\n") || strings.Contains(got, "tag=t") {
		t.Errorf("the 100 is\n%s", got)
	}
	if got = string(AppendResponse(nil, r, &Response{Code: StatusOK}, "t")); strings.Contains(got, "Timestamp") {
		t.Errorf("the 200 is\n%s", got)
	}
}
