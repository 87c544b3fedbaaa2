package sip

import (
	"context"
	"net/netip"
	"testing"
)

func TestForwarding(t *testing.T) {
	flow := Flow{Proto: UDP, Remote: netip.MustParseAddrPort("192.0.2.7:4000")}
	r, err := ParseRequest([]byte("MESSAGE sip:a@b SIP/2.0\r\nv: SIP/2.0/UDP 10.0.0.1;rport;branch=z9hG4bK1\r\n"+
		"f: <sip:c@d>;tag=1\r\nTo: <sip:a@b>\r\nX-Odd: 1\r\n 2\r\ni: 3\r\nCSeq: 1 MESSAGE\r\nVia: SIP/2.0/UDP 10.0.0.2\r\n\r\n"), flow)
	if err != nil {
		t.Fatal(err)
	}
	const vias = "Via: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1;received=192.0.2.7;rport=4000\r\nVia: SIP/2.0/UDP 10.0.0.2\r\n"
	if got := string(r.AppendVias(nil)); got != vias {
		t.Errorf("Vias:\n%s", got)
	}
	var got string
	for name, value := range r.Fields {
		got += name + "=" + value + "|"
		if name == "Call-ID" {
			break
		}
	}
	if want := "Via=SIP/2.0/UDP 10.0.0.1;rport;branch=z9hG4bK1|From=<sip:c@d>;tag=1|To=<sip:a@b>|X-Odd=1 2|Call-ID=3|"; got != want {
		t.Errorf("fields %s", got)
	}
}

// A request that goes on along a Route of ours may be for anybody.
func TestMuxRouted(t *testing.T) {
	m := NewMux(MuxConfig{
		Local:  func(host string) bool { return host == "example.com" },
		Routed: func(r *Request) bool { return r.Header("Route") == "<sip:token@192.0.2.1;lr>" },
	})
	m.Handle("MESSAGE", HandlerFunc(func(context.Context, *Request) (*Response, error) {
		return &Response{Code: StatusOK}, nil
	}))
	for lines, code := range map[string]int{
		"": 404, "Route: <sip:token@192.0.2.1;lr>\n": 200, "Route: <sip:other@192.0.2.1;lr>\n": 404,
	} {
		res, err := m.ServeSIP(context.Background(), muxRequest(t, "MESSAGE", "sip:bob@198.51.100.7", lines))
		if err != nil || res.Code != code {
			t.Errorf("%q: %v %v, want %d", lines, res, err, code)
		}
	}
}
