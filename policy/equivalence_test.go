package policy

import "testing"

func TestEquivalent(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		// RFC 3261 s.19.1.4
		{"sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp", true},
		{"sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5", true},
		{"sip:carol@chicago.com;security=on", "sip:carol@chicago.com;newparam=5", true},
		{"sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com", "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com", true},
		{"sip:alice@atlanta.com?subject=project%20x&priority=urgent", "sip:alice@atlanta.com?priority=urgent&subject=project%20x", true},
		{"SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP", false}, // different users
		{"sip:bob@biloxi.com", "sip:bob@biloxi.com:5060", false},
		{"sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp", false},
		{"sip:bob@biloxi.com;transport=udp", "sip:bob@biloxi.com:6000;transport=tcp", false},
		{"sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting", false},
		{"sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4", false},
		{"sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off", false},

		{"sip:chicago.com", "sip:@chicago.com", false},
		{"sip:a@h;gr=1", "sip:a@h", true}, // RFC 5627 s.5.4
		{"sips:a@h", "sip:a@h", false},
		{" sip:a@h\n", "sip:a@h", true},
		{"", "", false},
		{"urn:uuid:F81D4FAE-7dec-11d0-a765-00a0c91e6bf6", "URN:UUID:f81d4fae-7dec-11d0-a765-00a0c91e6bf6", true},
		{"urn:Example:a123%2C456", "urn:example:a123%2c456", true},
		{"urn:example:a123", "urn:example:A123", false},
		{"mac:8asd7d7d70", "MAC:8asd7d7d70", true},
		{"mac:8asd7d7d70", "mac:8ASD7d7d70", false},
		{"mailto:A@Example.COM", "mailto:A@example.com", true},
		{"mailto:A@example.com", "mailto:a@example.com", false},
		{"http://Example.com/%7eA", "HTTP://example.com/~A", true}, // RFC 3986 s.6.2.2
		{"http://example.com/A", "http://example.com/a", false},
		{"http://example.com/a%3ab", "http://example.com/a:b", false},
		{"x:%zz%4", "x:%ZZ%4", false},
	} {
		if equivalent(c.a, c.b) != c.want || equivalent(c.b, c.a) != c.want {
			t.Errorf("%s and %s: not %v", c.a, c.b, c.want)
		}
	}
}
