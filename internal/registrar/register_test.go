package registrar

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"presenced/internal/store"
	"presenced/sip"
)

const alice = "sip:alice@example.com"

var udp = sip.Flow{
	Proto: sip.UDP, Local: netip.MustParseAddrPort("192.0.2.1:5060"), Remote: netip.MustParseAddrPort("198.51.100.7:40000"),
}

func tcp(conn uint64) sip.Flow {
	f := udp
	f.Proto, f.Conn = sip.TCP, conn
	return f
}

func testConfig(m *memory) Config {
	return Config{
		Store: m, Agent: "here", Limit: 3, Expires: Expires{Min: 60, Max: 7200, Default: 3600},
		Local: func(host string) bool { return host == "example.com" },
		Ours:  func(u *sip.URI) bool { return u.Host == "192.0.2.1" },
	}
}

// register is a REGISTER of Alice's, as its handler sees it.
func register(t testing.TB, flow sip.Flow, callID string, cseq int, lines ...string) *sip.Request {
	t.Helper()
	vias := "Via: SIP/2.0/UDP 198.51.100.7:5062;branch=z9hG4bK1;rport\r\n"
	if len(lines) > 0 && strings.HasPrefix(lines[0], "Via:") {
		vias, lines = lines[0]+"\r\n", lines[1:]
	}
	head := "REGISTER sip:example.com SIP/2.0\r\n" + vias +
		"From: <sip:alice@example.com>;tag=1\r\nTo: <sip:alice@example.com>\r\n" +
		fmt.Sprintf("Call-ID: %s\r\nCSeq: %d REGISTER\r\n", callID, cseq)
	for _, l := range lines {
		head += l + "\r\n"
	}
	r, err := sip.ParseRequest([]byte(head+"Content-Length: 0\r\n\r\n"), flow)
	if err != nil {
		t.Fatal(err)
	}
	r.Identity = sip.Identity{AOR: alice}
	return r
}

// outcome is the code, with the 200's contacts or the refusal's header.
func outcome(res *sip.Response, err error) string {
	res = sip.ResponseOf(res, err)
	s := fmt.Sprint(res.Code)
	for _, f := range res.Header {
		if f.Name != "Date" && f.Name != "Supported" {
			s += " " + f.Name + "=" + f.Value
		}
	}
	return s
}

func serve(g *Registrar, r *sip.Request) string {
	return outcome(g.Register(context.Background(), r))
}

func TestOneRegister(t *testing.T) {
	tests := []struct {
		name  string
		lines []string
		want  string
	}{
		{"query of an empty inbox", nil, "200"},
		{"default expiry", []string{"Contact: <sip:a@198.51.100.7>"}, "200 Contact=<sip:a@198.51.100.7>;expires=3600"},
		{"Expires field", []string{"Contact: <sip:a@h>", "Expires: 100"}, "200 Contact=<sip:a@h>;expires=100"},
		{"expires parameter goes first", []string{"Contact: <sip:a@h>;expires=200", "Expires: 100"}, "200 Contact=<sip:a@h>;expires=200"},
		{"per contact", []string{"Contact: <sip:a@h>;expires=200, <sip:b@h>", "Expires: 100"},
			"200 Contact=<sip:a@h>;expires=200 Contact=<sip:b@h>;expires=100"},
		{"too long is shortened", []string{"Contact: <sip:a@h>", "Expires: 86400"}, "200 Contact=<sip:a@h>;expires=7200"},
		{"beyond 32 bits", []string{"Contact: <sip:a@h>;expires=99999999999999999999"}, "200 Contact=<sip:a@h>;expires=7200"},
		{"malformed parameter is 3600", []string{"Contact: <sip:a@h>;expires=soon"}, "200 Contact=<sip:a@h>;expires=3600"},
		{"malformed field", []string{"Contact: <sip:a@h>", "Expires: soon"}, "400"},
		{"too brief", []string{"Contact: <sip:a@h>;expires=59"}, "423 Min-Expires=60"},
		{"just long enough", []string{"Contact: <sip:a@h>;expires=60"}, "200 Contact=<sip:a@h>;expires=60"},
		{"one of two too brief", []string{"Contact: <sip:b@h>, <sip:a@h>;expires=59"}, "423 Min-Expires=60"},
		{"removal of nothing", []string{"Contact: <sip:a@h>", "Expires: 0"}, "200"},
		{"parameters and q are kept", []string{`Contact: "A, L" <sip:a@h;transport=udp>;+sip.instance="<urn:uuid:1>";q=0.50;methods="MESSAGE, NOTIFY";flag`},
			`200 Contact=<sip:a@h;transport=udp>;+sip.instance="<urn:uuid:1>";methods="MESSAGE, NOTIFY";flag;q=0.5;expires=3600`},
		{"without brackets", []string{"Contact: sip:a@h;expires=90"}, "200 Contact=<sip:a@h>;expires=90"},
		{"q of 0", []string{"Contact: <sip:a@h>;q=0"}, "200 Contact=<sip:a@h>;q=0;expires=3600"},
		{"q of 1.0", []string{"Contact: <sip:a@h>;q=1.0"}, "200 Contact=<sip:a@h>;expires=3600"},
		{"q above 1", []string{"Contact: <sip:a@h>;q=1.5"}, "400"},
		{"q not a number", []string{"Contact: <sip:a@h>;q=best"}, "400"},
		{"any scheme", []string{"Contact: <mailto:a@h>"}, "200 Contact=<mailto:a@h>;expires=3600"},
		{"equal contacts are one", []string{"Contact: <sip:a@H>, <sip:%61@h>;expires=90"}, "200 Contact=<sip:%61@h>;expires=90"},
		{"our own address", []string{"Contact: <sip:a@192.0.2.1>"}, "403"},
		{"too many", []string{"Contact: <sip:1@h>, <sip:2@h>, <sip:3@h>, <sip:4@h>"}, "403"},
		{"malformed contact", []string{"Contact: <sip:a@h"}, "400"},
		{"a question mark without brackets", []string{"Contact: sip:a@h?Route=x"}, "400"},
		{"star", []string{"Contact: *", "Expires: 0"}, "200"},
		{"star without Expires", []string{"Contact: *"}, "400"},
		{"star that stays", []string{"Contact: *", "Expires: 60"}, "400"},
		{"star with company", []string{"Contact: *, <sip:a@h>", "Expires: 0"}, "400"},
		{"star and star", []string{"Contact: *", "Contact: *", "Expires: 0"}, "400"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			g := New(testConfig(newMemory()))
			if got := serve(g, register(t, udp, "c1", 1, test.lines...)); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

// step is a REGISTER in a sequence.
type step struct {
	callID string
	cseq   int
	lines  string // divided by |
	issued int64  // of the nonce, in seconds from now
	want   string
}

func TestSequences(t *testing.T) {
	const a, b = "Contact: <sip:a@h>", "Contact: <sip:b@h>"
	both := "200 Contact=<sip:a@h>;expires=3600 Contact=<sip:b@h>;expires=3600"
	tests := []struct {
		name  string
		steps []step
	}{
		{"a second device", []step{{"c1", 1, a, 0, "200 Contact=<sip:a@h>;expires=3600"}, {"c2", 1, b, 0, both}, {"c3", 1, "", 0, both}}},
		{"refresh and removal", []step{
			{"c1", 1, a, 0, "200 Contact=<sip:a@h>;expires=3600"},
			{"c1", 2, a + "|Expires: 90", 0, "200 Contact=<sip:a@h>;expires=90"},
			{"c1", 3, a + "|Expires: 0", 0, "200"},
		}},
		{"CSeq must rise", []step{
			{"c1", 5, a, 0, "200 Contact=<sip:a@h>;expires=3600"},
			{"c1", 5, a, 0, "500"}, {"c1", 4, a + "|Expires: 0", 0, "500"},
			{"c1", 4, b, 0, both}, // it is compared per binding
			{"c2", 1, a + "|Expires: 0", 0, "200 Contact=<sip:b@h>;expires=3600"},
		}},
		{"all or nothing", []step{
			{"c1", 5, a, 0, "200 Contact=<sip:a@h>;expires=3600"},
			{"c1", 4, b + "|" + a, 0, "500"},
			{"c9", 1, "", 0, "200 Contact=<sip:a@h>;expires=3600"},
		}},
		{"star and CSeq", []step{
			{"c1", 5, a, 0, "200 Contact=<sip:a@h>;expires=3600"}, {"c2", 7, b, 0, both},
			{"c1", 5, "Contact: *|Expires: 0", 0, "500"}, {"c9", 1, "", 0, both},
			{"c1", 6, "Contact: *|Expires: 0", 0, "200"}, {"c9", 1, "", 0, "200"},
		}},
		{"the limit holds for new ones", []step{
			{"c1", 1, a, 0, "200 Contact=<sip:a@h>;expires=3600"}, {"c1", 2, b, 0, both},
			{"c1", 3, "Contact: <sip:c@h>|Contact: <sip:d@h>", 0, "403"},
			{"c1", 4, "Contact: <sip:c@h>|Contact: <sip:a@h>;expires=0", 0, "200 Contact=<sip:b@h>;expires=3600 Contact=<sip:c@h>;expires=3600"},
		}},
		{"a nonce that is not younger proves nothing", []step{
			{"c1", 5, a, 0, "200 Contact=<sip:a@h>;expires=3600"}, {"c1", 1, a, 0, "500"}, {"c1", 1, a, -9, "500"},
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := newMemory()
			g := New(testConfig(m))
			for i, s := range test.steps {
				if got := play(t, g, m, s); got != s.want {
					t.Fatalf("step %d\ngot  %s\nwant %s", i+1, got, s.want)
				}
			}
		})
	}
}

func play(t *testing.T, g *Registrar, m *memory, s step) string {
	var lines []string
	if s.lines != "" {
		lines = strings.Split(s.lines, "|")
	}
	r := register(t, udp, s.callID, s.cseq, lines...)
	r.Identity.Issued = m.now.Unix() + s.issued
	return serve(g, r)
}

// libpurple restarts with the Call-ID and the CSeq of its first start.
func TestRestartedPurple(t *testing.T) {
	m := newMemory()
	g := New(testConfig(m))
	const contact = `Contact: <sip:a@198.51.100.7:5060;transport=udp>;methods="MESSAGE, SUBSCRIBE, NOTIFY"|Expires: 900`
	for _, s := range []step{{"1F29", 2, contact, 0, ""}, {"1F29", 10, contact, 0, ""}, {"1F29", 2, contact, 5, ""}} {
		if got := play(t, g, m, s); !strings.HasPrefix(got, "200 ") {
			t.Errorf("CSeq %d: %s", s.cseq, got)
		}
	}
	if got := play(t, g, m, step{"1F29", 2, contact, 0, ""}); got != "500" {
		t.Errorf("a repeat with the old nonce: %s", got)
	}
}

func TestWhoMayRegister(t *testing.T) {
	tests := []struct {
		to, identity string
		want         string
	}{
		{"<sip:alice@example.com>", "sip:alice@example.com", "200"},
		{"sips:alice@EXAMPLE.com:5061", "sip:alice@example.com", "200"}, // one inbox
		{"<sip:%61lice@example.com;user=ip>", "sip:alice@example.com", "200"},
		{"<sip:bob@example.com>", "sip:alice@example.com", "403"},
		{"<sip:alice@example.com>", "", "403"},
		{"<sip:alice@elsewhere.net>", "sip:alice@elsewhere.net", "404"},
		{"<sip:example.com>", "sip:alice@example.com", "404"}, // no user
		{"<tel:+1>", "sip:alice@example.com", "404"},
	}
	for _, test := range tests {
		raw := string(register(t, udp, "c1", 1).Raw())
		raw = strings.Replace(raw, "To: <sip:alice@example.com>", "To: "+test.to, 1)
		r, err := sip.ParseRequest([]byte(raw), udp)
		if err != nil {
			t.Fatal(err)
		}
		r.Identity.AOR = test.identity
		if got := serve(New(testConfig(newMemory())), r); got != test.want {
			t.Errorf("To %s by %q: %s, want %s", test.to, test.identity, got, test.want)
		}
	}
}

func TestStoreTroubles(t *testing.T) {
	m := newMemory()
	g := New(testConfig(m))
	m.races = 3
	if got := serve(g, register(t, udp, "c1", 1, "Contact: <sip:a@h>")); got != "200 Contact=<sip:a@h>;expires=3600" {
		t.Errorf("after three lost races: %s", got)
	}
	m.races = 8
	if got := serve(g, register(t, udp, "c1", 2, "Contact: <sip:a@h>")); got != "500" {
		t.Errorf("after too many lost races: %s", got)
	}
	m.away = true
	if got := serve(g, register(t, udp, "c1", 3, "Contact: <sip:a@h>")); got != "503 Retry-After=5" {
		t.Errorf("without a store: %s", got)
	}
	_, err := g.Register(context.Background(), register(t, udp, "c1", 4))
	if !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("the cause is lost: %v", err)
	}
}

func TestBindingRecord(t *testing.T) {
	m := newMemory()
	g := New(testConfig(m))
	serve(g, register(t, udp, "c1", 7, "Contact: <sip:a@10.0.0.1:5062>;q=0.25;x", "User-Agent: Phone/1"))
	want := store.Binding{
		Contact: "sip:a@10.0.0.1:5062", Params: ";x", Q: 250, CallID: "c1", CSeq: 7, Updated: m.now.Unix(),
		Agent: "here", Flow: udp.Text(), UserAgent: "Phone/1", TTL: 3600e9,
	}
	if got := m.reg[alice].Bindings; len(got) != 1 || fmt.Sprint(got[0]) != fmt.Sprint(want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// Where a client on UDP is reached.
func TestFlow(t *testing.T) {
	const rport, plain = "Via: SIP/2.0/UDP 198.51.100.7:5062;branch=z9hG4bK1;rport", "Via: SIP/2.0/UDP 198.51.100.7:5062;branch=z9hG4bK1"
	tests := []struct{ via, contact, remote string }{
		{rport, "sip:a@198.51.100.7:5070", "198.51.100.7:40000"},
		{plain, "sip:a@198.51.100.7:5070", "198.51.100.7:5070"},
		{plain, "sip:a@198.51.100.7", "198.51.100.7:5060"},
		{plain, "sip:a@10.0.0.1:5070", "198.51.100.7:40000"}, // behind NAT
		{plain, "sip:a@host:5070", "198.51.100.7:40000"},
		{plain + ", SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK2", "sip:a@198.51.100.7:5070", "198.51.100.7:40000"}, // the proxy's
	}
	for _, test := range tests {
		m := newMemory()
		serve(New(testConfig(m)), register(t, udp, "c1", 1, test.via, "Contact: <"+test.contact+">"))
		got := sip.ParseFlow(m.reg[alice].Bindings[0].Flow).Remote.String()
		if got != test.remote {
			t.Errorf("%s, %s: %s, want %s", test.via, test.contact, got, test.remote)
		}
	}
}

func TestPath(t *testing.T) {
	const contact = "Contact: <sip:a@h>"
	tests := []struct {
		name    string
		flow    sip.Flow
		trusted bool
		lines   []string
		want    string
		path    string
	}{
		{"supported", udp, false, []string{contact, "Supported: x, Path", "Path: <sip:p2.example.net;lr>,<sip:p1.example.net;lr>"},
			"200 Contact=<sip:a@h>;expires=3600 Path=<sip:p2.example.net;lr>,<sip:p1.example.net;lr>", "<sip:p2.example.net;lr> <sip:p1.example.net;lr>"},
		{"not supported", udp, false, []string{contact, "Path: <sip:p1.example.net;lr>"}, "420 Unsupported=path", ""},
		{"from a trusted proxy", udp, true, []string{contact, "Path: <sip:p1.example.net;lr>"},
			"200 Contact=<sip:a@h>;expires=3600 Path=<sip:p1.example.net;lr>", "<sip:p1.example.net;lr>"},
		{"malformed", udp, true, []string{contact, "Path: <sip:>"}, "400", ""},
		{"of another scheme", udp, true, []string{contact, "Path: <tel:+1>"}, "400", ""},
		{"a proxy on TCP without Path", tcp(1), true, []string{"Via: SIP/2.0/TCP 192.0.2.9:5080;branch=z9hG4bK1, SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK2", contact},
			"200 Contact=<sip:a@h>;expires=3600", "<sip:192.0.2.9:5080;transport=tcp;lr>"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := newMemory()
			r := register(t, test.flow, "c1", 1, test.lines...)
			r.Identity.Trusted = test.trusted
			if got := serve(New(testConfig(m)), r); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
			for _, b := range m.reg[alice].Bindings {
				if got := strings.Join(b.Path, " "); got != test.path {
					t.Errorf("path %s", got)
				}
			}
		})
	}
}
