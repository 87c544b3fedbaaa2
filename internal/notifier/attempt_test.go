package notifier

import (
	"testing"

	"presenced/sip"
)

// Equal attempts have equal parameters but id, and equal filters
// (RFC 3857 s.4.7.1).
func TestAttempt(t *testing.T) {
	of := func(event, body string) string {
		r, err := sip.ParseRequest([]byte("SUBSCRIBE sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n"+
			"From: <sip:alice@example.com>;tag=a\r\nTo: <sip:bob@example.com>\r\nCall-ID: c\r\nCSeq: 7 SUBSCRIBE\r\n"+
			"Contact: <sip:alice@h>\r\nEvent: "+event+"\r\n\r\n"+body), sip.Flow{Proto: sip.UDP})
		if err != nil {
			t.Fatal(err)
		}
		return attempt(r)
	}
	for _, c := range []struct {
		name           string
		event, body    string
		event2, other  string
		equal, isEmpty bool
	}{
		{"plain", "presence", "", "presence", "", true, true},
		{"id does not count", "presence;id=1", "", "presence ; ID = 2", "", true, true},
		{"names in any case", "presence;Past=true", "", "presence; past = true", "", true, false},
		{"a parameter", "presence;x", "", "presence", "", false, false},
		{"its value", "presence;x=1", "", "presence;x=2", "", false, false},
		{"a filter", "presence", "<filter/>", "presence", "", false, false},
		{"another filter", "presence", "<filter/>", "presence", "<filter />", false, false},
		{"the same filter", "presence;x", "<filter/>", "presence;id=7;x", "<filter/>", true, false},
	} {
		one, two := of(c.event, c.body), of(c.event2, c.other)
		if (one == two) != c.equal || (one == "") != c.isEmpty {
			t.Errorf("%s: %q and %q", c.name, one, two)
		}
	}
}
