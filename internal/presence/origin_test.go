package presence_test

import (
	"fmt"
	"net/netip"
	"testing"

	"presenced/sip"
)

// A device is known by the address that the agent or a proxy sees, and by its
// own where a NAT stands between.
func TestOrigin(t *testing.T) {
	const proxy = "Via: SIP/2.0/UDP 192.0.2.99;branch=z9hG4bKp\r\n"
	for _, tt := range []struct {
		name, vias, want string
	}{
		{"direct", "Via: SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bK1\r\n", "192.0.2.7"},
		{"behind a NAT", "Via: SIP/2.0/UDP 10.0.0.5:5060;branch=z9hG4bK1\r\n", "192.0.2.7 10.0.0.5"},
		{"IPv6 inside", "Via: SIP/2.0/UDP [fd00::5]:5060;branch=z9hG4bK1\r\n", "192.0.2.7 fd00::5"},
		{"a name", "Via: SIP/2.0/TCP df7jal23ls0d.invalid;branch=z9hG4bK1\r\n", "192.0.2.7"},
		{"no address", "Via: SIP/2.0/UDP 0.0.0.0:5060;branch=z9hG4bK1\r\n", "192.0.2.7"},
		{"a proxy", proxy + "Via: SIP/2.0/UDP 10.0.0.5:5060;branch=z9hG4bK1;received=192.0.2.8\r\n", "192.0.2.8 10.0.0.5"},
		{"a proxy that has seen no other address", proxy + "Via: SIP/2.0/UDP 10.0.0.5:5060;branch=z9hG4bK1\r\n", "10.0.0.5"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t)
			body := document(bob, "open")
			raw := fmt.Sprintf("PUBLISH %[1]s SIP/2.0\r\n%[2]sFrom: <%[1]s>;tag=1\r\nTo: <%[1]s>\r\nCall-ID: c\r\nCSeq: 1 PUBLISH\r\nEvent: presence\r\n"+
				"Content-Type: application/pidf+xml\r\nContent-Length: %[3]d\r\n\r\n%[4]s", bob, tt.vias, len(body), body)
			r, err := sip.ParseRequest([]byte(raw), sip.Flow{Proto: sip.UDP, Remote: netip.MustParseAddrPort("192.0.2.7:5060")})
			if err != nil {
				t.Fatal(err)
			}
			r.Identity = sip.Identity{AOR: bob}
			if _, err := f.Agent.Publish(t.Context(), r); err != nil {
				t.Fatal(err)
			}
			p, err := f.Publications(t.Context(), bobKey)
			if err != nil || len(p.List) != 1 || p.List[0].Source != tt.want {
				t.Errorf("%+v, %v, want from %q", p.List, err, tt.want)
			}
		})
	}
}
