package message

import (
	"context"
	"strings"
	"testing"

	"presenced/sip"
)

var keys = [][]byte{[]byte("newest key of 32 bytes, shared.."), []byte("the key before it, still valid..")}

// twoAgents is a message of Alice's as the agent "here" sends it to the agent
// "there", which has Bob's connection.
func twoAgents(t *testing.T, answer string, lines ...string) (here *Service, sent *branchOf, got string) {
	b := bound("sip:b@198.51.100.7:5070", tcp(9))
	b.Agent = "there"
	out := &sender{t: t, script: func(*branchOf) string { return answer }}
	here = newService(bindings{b}, out)
	here.FlowKeys = func() [][]byte { return keys }
	here.AgentHop = func(_ context.Context, agent string) (string, bool) {
		return "sip:192.0.2.2:5060;transport=tcp", agent == "there"
	}
	got = outcomeOf(here.Message(context.Background(), message(t, lines...)))
	return here, out.sent[0], got
}

func TestRelay(t *testing.T) {
	_, hop, got := twoAgents(t, "200", "P-Asserted-Identity: <sip:x@y>", "Max-Forwards: 9")
	if got != "200" || hop.target.Route.String() != "sip:192.0.2.2:5060;transport=tcp" || hop.request.RequestURI() != "sip:b@198.51.100.7:5070" {
		t.Fatalf("%s\n%s", got, hop.raw)
	}
	// With a key that was rotated meanwhile.
	out := &sender{t: t, script: func(*branchOf) string { return "202" }}
	there := newService(nil, out)
	there.FlowKeys = func() [][]byte { return [][]byte{[]byte("a newer one"), keys[0]} }
	r := reparse(t, string(hop.raw))
	if !there.IsRelay(r) {
		t.Fatal("not recognised")
	}
	if got := outcomeOf(there.Message(context.Background(), r)); got != "202" {
		t.Fatal(got)
	}
	last := out.sent[0]
	if last.target.Flow != tcp(9) || last.request.Has("Route") || last.request.Header("Max-Forwards") != "7" ||
		last.request.Header("Max-Breadth") != "60" || string(last.request.Body()) != "Hello" || last.request.Has("P-Asserted-Identity") {
		t.Errorf("%v\n%s", last.target, last.raw)
	}
}

func reparse(t *testing.T, text string) *sip.Request {
	r := parse(t, text)
	r.Identity = sip.Identity{}
	return r
}

// A token is good for its own message alone.
func TestForgedRelay(t *testing.T) {
	here, hop, _ := twoAgents(t, "200")
	text := string(hop.raw)
	if !here.IsRelay(reparse(t, text)) {
		t.Fatal("the true one is not recognised")
	}
	token := text[strings.Index(text, "Route: <sip:")+12 : strings.Index(text, "@192.0.2.2")]
	for name, change := range map[string][2]string{
		"another recipient": {"MESSAGE sip:b@", "MESSAGE sip:c@"},
		"another sender":    {"From: <sip:alice@", "From: <sip:carol@"},
		"another Call-ID":   {"Call-ID: c1", "Call-ID: c2"},
		"another CSeq":      {"CSeq: 7", "CSeq: 8"},
		"a changed flow":    {token, token[:len(token)-1] + "A"},
		"a short token":     {token, token[:20]},
		"no token":          {token, "x"},
		"no user":           {token + "@", ""},
	} {
		if here.IsRelay(reparse(t, strings.Replace(text, change[0], change[1], 1))) {
			t.Errorf("%s: believed", name)
		}
	}
	here.FlowKeys = func() [][]byte { return keys[1:] }
	if here.IsRelay(reparse(t, text)) {
		t.Error("another key: believed")
	}
}

func TestRelayToAConnectionThatIsGone(t *testing.T) {
	told := make(chan string, 1)
	here, hop, _ := twoAgents(t, "200")
	there := newService(nil, &sender{t: t, script: func(*branchOf) string { return "closed" }})
	there.FlowKeys = here.FlowKeys
	got := outcomeOf(there.Message(context.Background(), reparse(t, string(hop.raw))))
	if got != "430" {
		t.Errorf("the agent that had the connection says %s", got)
	}
	here.Sender = &sender{t: t, script: func(*branchOf) string { return "430" }}
	here.Unreachable = func(_ context.Context, aor, contact, flow string) error {
		told <- aor + " " + contact + " " + flow
		return nil
	}
	if got := outcomeOf(here.Message(context.Background(), message(t))); got != "480" {
		t.Errorf("the sender hears %s", got)
	}
	if got := <-told; got != bob+" sip:b@198.51.100.7:5070 "+string(tcp(9).Text()) {
		t.Errorf("told %s", got)
	}
}

// Of an agent that has gone, its datagram flows may be reached from here.
func TestReroute(t *testing.T) {
	b := bound("sip:b@h", udp(5070))
	b.Agent = "gone"
	out := &sender{t: t, script: func(*branchOf) string { return "200" }}
	s := newService(bindings{b}, out)
	s.Reroute = func(flow sip.Flow) (sip.Flow, bool) {
		flow.Local = udp(1).Local
		return flow, flow.Proto == sip.UDP
	}
	if got := outcomeOf(s.Message(context.Background(), message(t))); got != "200" || out.sent[0].target.Flow != udp(5070) {
		t.Errorf("%s", got)
	}
}

// sips: goes by TLS alone, also behind another agent.
func TestSecure(t *testing.T) {
	tls := tcp(3)
	tls.Proto = sip.TLS
	plain := bound("sip:plain@h", tcp(3))
	secure := bound("sip:secure@h", tls)
	farPlain, farSecure := plain, secure
	farPlain.Agent, farSecure.Agent = "there", "there"
	for name, b := range map[string]bindings{
		"a flow": {plain, secure}, "another agent": {farPlain, farSecure},
		"a path": {bound("sip:x@h", tcp(3), "<sip:p.net;lr>"), bound("sip:secure@h", tcp(3), "<sips:p.net;lr>")},
	} {
		out := &sender{t: t, script: func(*branchOf) string { return "200" }}
		s := newService(b, out)
		s.FlowKeys = func() [][]byte { return keys }
		s.AgentHop = func(context.Context, string) (string, bool) { return "sips:192.0.2.2", true }
		r := parse(t, strings.Replace(messageText(), "MESSAGE sip:", "MESSAGE sips:", 1))
		got := outcomeOf(s.Message(context.Background(), r))
		if got != "200" || len(out.sent) != 1 || out.sent[0].request.RequestURI() != "sip:secure@h" {
			t.Errorf("%s: %s, %d sent", name, got, len(out.sent))
		}
	}
}
