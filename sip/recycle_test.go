package sip

import (
	"reflect"
	"slices"
	"testing"
)

// TestRecycle: what was read from a request stays good when its memory has
// become another's, and nothing of it is left there.
func TestRecycle(t *testing.T) {
	r, err := ParseRequest([]byte(benchSubscribe), udpFlow)
	if err != nil {
		t.Fatal(err)
	}
	r.Identity.AOR = "sip:watcher@example.com"
	contacts, err := r.Contacts()
	if err != nil {
		t.Fatal(err)
	}
	kept := []string{r.AOR(), r.FromAOR(), r.ToAOR(), r.CallID(), r.FromTag(), r.Via().Branch, contacts[0].URI.Host, r.Header("Event")}
	want := []string{
		"sip:presentity@example.com", "sip:watcher@example.com", "sip:presentity@example.com",
		"2010ba8c7d6e5f4a3b2c1d0e@watcherhost.example.com", "xfg9ba8c7d", "z9hG4bKnashds7sdfkjh3", "192.0.2.4", "presence",
	}
	r.Recycle()
	for range 100 { // whichever memory they get
		other, err := ParseRequest([]byte(benchPublish), tcpFlow)
		if err != nil {
			t.Fatal(err)
		}
		fresh := new(Request)
		if err := fresh.parse([]byte(benchPublish), tcpFlow); err != nil || !reflect.DeepEqual(other, fresh) {
			t.Fatalf("parsed into used memory:\n%+v\ninto new memory:\n%+v", other, fresh)
		}
		other.Recycle()
	}
	if !slices.Equal(kept, want) {
		t.Errorf("%q\nwant\n%q", kept, want)
	}
}

// TestAddressOfRecordIsShared: that of From, To and the Request-URI is one
// string where they are alike, and its own where they are not.
func TestAddressOfRecordIsShared(t *testing.T) {
	for _, c := range []struct{ uri, from, to, aor, fromAOR, toAOR string }{
		{"sip:a@Example.com", "<sip:a@Example.com>;tag=1", "<sips:a@Example.com;x=y>", "sip:a@example.com", "sip:a@example.com", "sip:a@example.com"},
		{"sip:a@example.com", "<sip:b@example.com>;tag=1", "<sip:a@example.org>", "sip:a@example.com", "sip:b@example.com", "sip:a@example.org"},
		{"sip:example.com", "<tel:+1>;tag=1", "<sip:a@example.com>", "", "", "sip:a@example.com"},
		{"sip:a@example.com", "<tel:+1>;tag=1", "<sip:example.com>", "sip:a@example.com", "", ""},
		{"sip:a@example.com", "<sip:a@b@c>;tag=1", "<sip:%61@example.com>", "sip:a@example.com", "", "sip:a@example.com"},
	} {
		raw := crlf("PUBLISH " + c.uri + " SIP/2.0\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\nFrom: " + c.from + "\nTo: " + c.to + "\nCall-ID: 1\nCSeq: 1 PUBLISH\n\n")
		for _, toFirst := range []bool{false, true} {
			r, err := ParseRequest([]byte(raw), udpFlow)
			if err != nil {
				t.Fatal(err)
			}
			if toFirst {
				r.ToAOR()
			}
			if r.AOR() != c.aor || r.FromAOR() != c.fromAOR || r.ToAOR() != c.toAOR {
				t.Errorf("%+v: %q, %q, %q", c, r.AOR(), r.FromAOR(), r.ToAOR())
			}
			r.Recycle()
		}
	}
}
