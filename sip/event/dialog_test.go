package event_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"presenced/sip"
	"presenced/sip/event"
)

// parse reads a SUBSCRIBE with more header lines.
func parse(lines ...string) (*sip.Request, error) {
	text := "SUBSCRIBE sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n" +
		"From: \"A\" <sip:alice@example.com>;tag=a\r\nTo: <sip:bob@example.com>\r\nCall-ID: c@x\r\nCSeq: 7 SUBSCRIBE\r\nEvent: presence;id=4\r\n"
	for _, line := range lines {
		text += line + "\r\n"
	}
	return sip.ParseRequest([]byte(text+"\r\n"), sip.Flow{Proto: sip.UDP})
}

const contact = "Contact: <sip:alice@192.0.2.1:5070>;expires=5"

// RFC 6665 s.3.1.1, RFC 3261 s.12.1.1: one Contact, a SIP URI.
func TestRemoteTarget(t *testing.T) {
	for _, c := range []struct {
		contact string
		want    string // "": 400
	}{
		{contact, "sip:alice@192.0.2.1:5070"},
		{"Contact: sips:alice@host.example.com;expires=5", "sips:alice@host.example.com"},
		{"m: <sip:alice@192.0.2.1;transport=tcp;ob>", "sip:alice@192.0.2.1;transport=tcp;ob"},
		{"Contact: <sip:a@[2001:db8::1]:5060>", "sip:a@[2001:db8::1]:5060"},
		{"X: no Contact", ""},
		{"Contact: <sip:a@192.0.2.1>, <sip:a@192.0.2.2>", ""},
		{"Contact: <sip:a@192.0.2.1>\r\nContact: <sip:a@192.0.2.2>", ""},
		{"Contact: *", ""},
		{"Contact: <tel:+12025550100>", ""},
		{"Contact: <sip:", ""},
	} {
		var target *sip.URI
		r, err := parse(c.contact) // which finds some of it wrong already
		if err == nil {
			target, err = event.RemoteTarget(r)
		}
		var refusal *sip.Error
		switch {
		case c.want == "" && (!errors.As(err, &refusal) || refusal.Code != 400):
			t.Errorf("%s: %v, %v, want 400", c.contact, target, err)
		case c.want != "" && (err != nil || target.String() != c.want):
			t.Errorf("%s: %v, %v", c.contact, target, err)
		}
	}
}

func newDialog(t *testing.T, lines ...string) event.Dialog {
	t.Helper()
	r, err := parse(append(lines, contact)...)
	if err != nil {
		t.Fatal(err)
	}
	d, err := event.NewDialog(r, "b", "<sip:192.0.2.9>")
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// RFC 3261 s.12.1.1 and s.12.2.1.1, field by field.
func TestRequestInDialog(t *testing.T) {
	const (
		strict = "<sip:p1.example.com>"
		loose  = "<sip:p1.example.com;lr>"
		second = "\"P\" <sip:p2.example.com;x=1;LR=on>"
		same   = "Max-Forwards: 70\r\nFrom: <sip:bob@example.com>;tag=b\r\nTo: \"A\" <sip:alice@example.com>;tag=a\r\n" +
			"Call-ID: c@x\r\nCSeq: 9 NOTIFY\r\nContact: <sip:192.0.2.9>\r\nEvent: presence;id=4\r\n"
	)
	for _, c := range []struct {
		name         string
		routes       []string
		start, route string
		hop          string
	}{
		{"none", nil, "sip:alice@192.0.2.1:5070", "", ""},
		{"loose", []string{"Record-Route: " + loose + ", " + second}, "sip:alice@192.0.2.1:5070",
			"Route: " + loose + "\r\nRoute: " + second + "\r\n", "sip:p1.example.com;lr"},
		{"strict", []string{"Record-Route: " + strict, "Record-Route: " + second}, "sip:p1.example.com",
			"Route: " + second + "\r\nRoute: <sip:alice@192.0.2.1:5070>\r\n", "sip:p1.example.com"},
	} {
		d := newDialog(t, c.routes...)
		got := string(d.AppendHead(d.AppendStart(nil, "NOTIFY"), "NOTIFY", 9))
		if want := "NOTIFY " + c.start + " SIP/2.0\r\n" + c.route + same; got != want {
			t.Errorf("%s:\n%s\nwant\n%s", c.name, got, want)
		}
		if d.NextHop() != c.hop {
			t.Errorf("%s: next hop %q", c.name, d.NextHop())
		}
	}
}

// RFC 3261 s.12.2.2: lower is out of order, a gap is not; the target follows
// the Contact, the route set stays.
func TestRefresh(t *testing.T) {
	d := newDialog(t, "Record-Route: <sip:p1.example.com;lr>")
	request := func(cseq, contact string) *sip.Request {
		text := "SUBSCRIBE sip:192.0.2.9 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK2\r\nFrom: <sip:alice@example.com>;tag=a\r\n" +
			"To: <sip:bob@example.com>;tag=b\r\nCall-ID: c@x\r\nCSeq: " + cseq + " SUBSCRIBE\r\nRecord-Route: <sip:other.example.com;lr>\r\n" + contact + "\r\n\r\n"
		r, err := sip.ParseRequest([]byte(text), sip.Flow{Proto: sip.UDP})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	for _, c := range []struct {
		cseq, contact string
		code          int // 0: accepted
		target        string
		last          uint32
	}{
		{"8", "Contact: <sip:alice@192.0.2.2>", 0, "sip:alice@192.0.2.2", 8},
		{"7", "Contact: <sip:alice@192.0.2.3>", 500, "sip:alice@192.0.2.2", 8},
		{"900", "Contact: <sip:alice@192.0.2.3>", 0, "sip:alice@192.0.2.3", 900},
		{"901", "Contact: *", 400, "sip:alice@192.0.2.3", 900},
		{"901", "Contact: <tel:1>", 400, "sip:alice@192.0.2.3", 900},
	} {
		r := request(c.cseq, c.contact)
		if !d.Matches(r) {
			t.Fatalf("CSeq %s is not of the dialog", c.cseq)
		}
		err := d.Refresh(r)
		var refusal *sip.Error
		if c.code == 0 && err != nil || c.code != 0 && (!errors.As(err, &refusal) || refusal.Code != c.code) {
			t.Errorf("CSeq %s, %s: %v, want %d", c.cseq, c.contact, err, c.code)
		}
		if d.Target != c.target || d.RemoteCSeq != c.last || d.NextHop() != "sip:p1.example.com;lr" {
			t.Errorf("CSeq %s, %s: left %+v", c.cseq, c.contact, d)
		}
	}
}

func TestMatches(t *testing.T) {
	d := newDialog(t)
	for _, c := range []struct {
		from, to, call string
		want           bool
	}{
		{"a", "b", "c@x", true},
		{"A", "b", "c@x", false}, // tags are compared byte by byte
		{"a", "x", "c@x", false},
		{"a", "b", "C@x", false},
	} {
		text := "SUBSCRIBE sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK2\r\nFrom: <sip:a@h>;tag=" + c.from +
			"\r\nTo: <sip:b@h>;tag=" + c.to + "\r\nCall-ID: " + c.call + "\r\nCSeq: 8 SUBSCRIBE\r\n" + contact + "\r\n\r\n"
		r, err := sip.ParseRequest([]byte(text), sip.Flow{Proto: sip.UDP})
		if err != nil {
			t.Fatal(err)
		}
		if got := d.Matches(r); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

func TestPackedRoundTrip(t *testing.T) {
	for _, d := range []event.Dialog{
		{}, newDialog(t), newDialog(t, "Record-Route: <sip:p1;lr>, <sip:p2;lr>"),
		{RemoteCSeq: 1<<32 - 1, Local: strings.Repeat("x", 300)},
	} {
		packed := string(d.AppendPacked(nil))
		got, rest, err := event.UnpackDialog(packed + "rest")
		if err != nil || rest != "rest" || !reflect.DeepEqual(got, d) {
			t.Errorf("%+v became %+v, %q, %v", d, got, rest, err)
		}
		for i := range len(packed) {
			if _, _, err := event.UnpackDialog(packed[:i]); !errors.Is(err, event.ErrPacked) {
				t.Errorf("%d of %d bytes: %v", i, len(packed), err)
			}
		}
	}
}

// What can be read is written back as something that reads the same; nothing
// makes it panic or allocate beyond the record's own size.
func FuzzUnpackDialog(f *testing.F) {
	d := event.Dialog{CallID: "c", LocalTag: "l", Target: "sip:x", Routes: []string{"<sip:p;lr>"}, RemoteCSeq: 300}
	f.Add(string(d.AppendPacked(nil)))
	f.Add("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff")
	f.Add("")
	f.Fuzz(func(t *testing.T, packed string) {
		d, rest, err := event.UnpackDialog(packed)
		if err != nil {
			return
		}
		again, left, err := event.UnpackDialog(string(d.AppendPacked(nil)) + rest)
		if err != nil || left != rest || !reflect.DeepEqual(d, again) {
			t.Errorf("%q: %+v, then %+v, %v", packed, d, again, err)
		}
		d.AppendHead(d.AppendStart(nil, "NOTIFY"), "NOTIFY", 1)
		d.NextHop()
	})
}
