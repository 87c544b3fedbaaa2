package sip

import (
	"net/netip"
	"testing"
)

func TestFlowText(t *testing.T) {
	for _, f := range []Flow{
		udpFlow, tcpFlow,
		{Proto: TLS, Local: netip.MustParseAddrPort("[2001:db8::1]:5061"), Remote: netip.MustParseAddrPort("[fe80::1%eth0]:9"), Conn: 1<<64 - 1},
	} {
		text := f.Text()
		if got := ParseFlow(text); got != f {
			t.Errorf("%v became %q and then %v", f, text, got)
		}
	}
	for _, text := range []string{
		"", "UDP", "UDP 192.0.2.1:1 192.0.2.2:2", "SCTP 192.0.2.1:1 192.0.2.2:2 0", "UDP 192.0.2.1 192.0.2.2:2 0",
		"UDP 192.0.2.1:1 192.0.2.2:x 0", "UDP 192.0.2.1:1 192.0.2.2:2 g", "UDP 192.0.2.1:1 192.0.2.2:2 0 0",
	} {
		if got := ParseFlow(text); !got.IsZero() || got != (Flow{}) {
			t.Errorf("%q became %v", text, got)
		}
	}
	if UDP.Reliable() || !TCP.Reliable() || !TLS.Reliable() {
		t.Error("only UDP is unreliable")
	}
	if got := tcpFlow.String(); got != "TCP 192.0.2.4:40000 -> 192.0.2.1:5060" {
		t.Errorf("for people it is %q", got)
	}
}

// FuzzFlow: a text that is read is one that is written, up to the spelling of
// addresses and numbers.
func FuzzFlow(f *testing.F) {
	f.Add(udpFlow.Text())
	f.Add(tcpFlow.Text())
	f.Add("TLS [::1%a b]:1 [::]:0 ffffffffffffffff")
	f.Fuzz(func(t *testing.T, text string) {
		if flow := ParseFlow(text); !flow.IsZero() && ParseFlow(flow.Text()) != flow {
			t.Errorf("%q became %v and then %v", text, flow, ParseFlow(flow.Text()))
		}
	})
}
