package sip

import (
	"net/netip"
	"strings"
	"testing"
)

func TestParseVia(t *testing.T) {
	for _, c := range []struct {
		via  string
		want Via
	}{
		{"SIP/2.0/UDP h:5070;branch=z9hG4bKx;rport", Via{Proto: "UDP", SentBy: "h:5070", Host: "h", Port: 5070, Branch: "z9hG4bKx", RPort: true}},
		{"SIP / 2.0 / UDP first.example.com: 4000;ttl=16 ;maddr=224.2.0.1 ;branch=z9hG4bKa7c6a8dlze.1", Via{Proto: "UDP", SentBy: "first.example.com: 4000", Host: "first.example.com", Port: 4000, Branch: "z9hG4bKa7c6a8dlze.1"}},
		{"SIP/2.0/TCP [2001:db8::9:1]", Via{Proto: "TCP", SentBy: "[2001:db8::9:1]", Host: "[2001:db8::9:1]"}},
		{"SIP/2.0/TLS [2001:db8::9:1]:5061 ; Branch=a;branch=b", Via{Proto: "TLS", SentBy: "[2001:db8::9:1]:5061", Host: "[2001:db8::9:1]", Port: 5061, Branch: "a"}},
		{"SIP/2.0/UDP 192.0.2.1;received=[2001:db8::1];branch=x", Via{Proto: "UDP", SentBy: "192.0.2.1", Host: "192.0.2.1", Branch: "x"}},
	} {
		v, err := ParseVia(c.via)
		if err != nil {
			t.Errorf("%q: %v", c.via, err)
			continue
		}
		v.Params = ""
		if *v != c.want {
			t.Errorf("%q: got %+v", c.via, *v)
		}
	}
	for _, via := range []string{
		"", "SIP", "SIP/2.0", "SIP/2.0/UDP", "SIP/2.0/UDP ", "SIP/2.0/UDP ;branch=x",
		"SIP/2.0/UDP [2001:db8::1", "SIP/2.0/UDP h:", "SIP/2.0/UDP h:x", "SIP/2.0/UDP h:65536",
		"SIP/2.0/UDP h i", "SIP/2.0/UDP 2001:db8::1", "SIP//UDP h", "S@P/2.0/UDP h",
	} {
		if v, err := ParseVia(via); err == nil {
			t.Errorf("%q was taken: %+v", via, v)
		}
	}
}

// FuzzVia: what is taken has a sent-by that reads the same by itself, and a
// branch that does not reach beyond the value.
func FuzzVia(f *testing.F) {
	for _, via := range []string{"SIP/2.0/UDP h:5070;branch=z9hG4bKx;rport", "SIP / 2.0 / TLS [::1]: 5061 ;;x=\"a;b\"", "SIP/2.0/UDP h:;branch"} {
		f.Add(via)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v, err := ParseVia(s)
		if err != nil {
			return
		}
		again, err := ParseVia("SIP/2.0/" + v.Proto + " " + v.SentBy)
		if err != nil || again.Host != v.Host || again.Port != v.Port {
			t.Errorf("%q: %+v, its sent-by alone %+v (%v)", s, v, again, err)
		}
		if !strings.Contains(s, v.Branch) || v.Host == "" {
			t.Errorf("%q became %+v", s, v)
		}
	})
}

// The Vias of a response, and where it goes, for each Via of a request.
func TestViaOfResponse(t *testing.T) {
	v6 := Flow{Proto: UDP, Local: udpFlow.Local, Remote: netip.MustParseAddrPort("[2001:db8::4]:5070")}
	mapped := Flow{Proto: UDP, Local: udpFlow.Local, Remote: netip.MustParseAddrPort("[::ffff:192.0.2.4]:5070")}
	for _, c := range []struct {
		name, via, want string
		flow            Flow
		to              string
	}{
		{"same host, no rport", "SIP/2.0/UDP 192.0.2.4:5099;branch=x", "SIP/2.0/UDP 192.0.2.4:5099;branch=x", udpFlow, "192.0.2.4:5099"},
		{"same host, no port", "SIP/2.0/UDP 192.0.2.4;branch=x", "SIP/2.0/UDP 192.0.2.4;branch=x", udpFlow, "192.0.2.4:5060"},
		{"other host", "SIP/2.0/UDP 10.0.0.1:5099;branch=x", "SIP/2.0/UDP 10.0.0.1:5099;branch=x;received=192.0.2.4", udpFlow, "192.0.2.4:5099"},
		{"a name", "SIP/2.0/UDP pc.example.com;branch=x", "SIP/2.0/UDP pc.example.com;branch=x;received=192.0.2.4", udpFlow, "192.0.2.4:5060"},
		{"rport", "SIP/2.0/UDP 192.0.2.4:5099;rport;branch=x", "SIP/2.0/UDP 192.0.2.4:5099;branch=x;received=192.0.2.4;rport=5070", udpFlow, "192.0.2.4:5070"},
		{"rport and received of the sender's", "SIP/2.0/UDP a;Received=6.6.6.6;RPort=6;branch=x", "SIP/2.0/UDP a;branch=x;received=192.0.2.4;rport=5070", udpFlow, "192.0.2.4:5070"},
		{"maddr is ignored", "SIP/2.0/UDP 192.0.2.4:5099;maddr=6.6.6.6", "SIP/2.0/UDP 192.0.2.4:5099;maddr=6.6.6.6", udpFlow, "192.0.2.4:5099"},
		{"several in one field", `SIP/2.0/UDP a;branch=x;q="1,2" , SIP/2.0/TCP b;branch=y`, `SIP/2.0/UDP a;branch=x;q="1,2";received=192.0.2.4, SIP/2.0/TCP b;branch=y`, udpFlow, "192.0.2.4:5060"},
		{"TCP, other port", "SIP/2.0/TCP 192.0.2.4:5099;branch=x", "SIP/2.0/TCP 192.0.2.4:5099;branch=x", tcpFlow, "192.0.2.4:40000"},
		{"TCP, rport", "SIP/2.0/TCP 192.0.2.4;branch=x;rport", "SIP/2.0/TCP 192.0.2.4;branch=x;received=192.0.2.4;rport=40000", tcpFlow, "192.0.2.4:40000"},
		{"IPv6, same host in another form", "SIP/2.0/UDP [2001:DB8:0::4]", "SIP/2.0/UDP [2001:DB8:0::4]", v6, "[2001:db8::4]:5060"},
		{"IPv6, other host", "SIP/2.0/UDP [2001:db8::5]:5099", "SIP/2.0/UDP [2001:db8::5]:5099;received=2001:db8::4", v6, "[2001:db8::4]:5099"},
		{"IPv4 on a dual socket", "SIP/2.0/UDP 192.0.2.4:5099", "SIP/2.0/UDP 192.0.2.4:5099", mapped, "[::ffff:192.0.2.4]:5099"},
		{"folded", "SIP/2.0/UDP a\n ;branch=x\n\t;rport", "SIP/2.0/UDP a;branch=x;received=192.0.2.4;rport=5070", udpFlow, "192.0.2.4:5070"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := ParseRequest(edit(t, "Via: SIP/2.0/UDP 192.0.2.4:5070;branch=z9hG4bK1;rport\n", "Via: "+c.via+"\nv: SIP/2.0/TCP low.example.com;branch=z\n"), c.flow)
			if err != nil {
				t.Fatal(err)
			}
			res := string(AppendResponse(nil, r, &Response{Code: 200}, "t"))
			want := "Via: " + c.want + "\r\nVia: SIP/2.0/TCP low.example.com;branch=z\r\n"
			if !strings.Contains(res, want) {
				t.Errorf("got\n%s\nwant\n%s", res, want)
			}
			to := r.ReplyTo()
			if to.Remote.String() != c.to || to.Proto != c.flow.Proto || to.Conn != c.flow.Conn || to.Local != c.flow.Local {
				t.Errorf("the response goes to %v, want %s", to, c.to)
			}
		})
	}
}
