package siptest_test

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"presenced/sip/siptest"
)

// echo answers every request by 200 with these fields and this body.
func echo(pc net.PacketConn, fields, body string) {
	buffer := make([]byte, 1<<16)
	for {
		n, from, err := pc.ReadFrom(buffer)
		if err != nil {
			return
		}
		var same strings.Builder
		for line := range strings.SplitSeq(string(buffer[:n]), "\r\n") {
			switch name, _, _ := strings.Cut(line, ":"); name {
			case "Via", "From", "Call-ID", "CSeq":
				same.WriteString(line + "\r\n")
			case "To":
				same.WriteString(line + ";tag=42\r\n")
			}
		}
		pc.WriteTo(fmt.Appendf(nil, "SIP/2.0 200 OK\r\n%s%sContent-Length: %d\r\n\r\n%s", same.String(), fields, len(body), body), from)
	}
}

const cast = "# A test\nWatcher alice udp 10.0.0.2:5060\nalice sends:\n    OPTIONS sip:example.com\n    Subject: $subject\n"

// TestPlay: a transcript that is true, and those that are not, each with what
// the error says.
func TestPlay(t *testing.T) {
	tests := []struct{ name, steps, fault string }{
		{"true", "alice receives 200:\n    To: <sip:example.com>;tag=$tag\n    X-Tag: $tag\n    -Contact\n    X-Star: \\*\n\n    /a/b = c\n    /a/@d = e\n    count(//b) = 1\n    ~ <b>\n    !~ <f>\n", ""},
		{"any field of the name", "alice receives:\n    SIP/2.0 200 *\n    X-Two: second\n", ""},
		{"whole body", "alice receives 200:\n    X-Tag: *\n\n    <a d=\"e\"><b>c</b></a>\n", ""},
		{"another code", "alice receives 404\n", "want a 404"},
		{"another value", "alice receives 200:\n    X-Tag: 43\n", `want "43", got "42"`},
		{"another capture", "alice receives 200:\n    X-Two: $two\n    X-Tag: $two\n", `want "first", got "42"`},
		{"a field too few", "alice receives 200:\n    Expires: *\n", "no Expires"},
		{"a field too many", "alice receives 200:\n    -X-Tag\n", "want no X-Tag"},
		{"another body", "alice receives 200:\n    X-Tag: *\n\n    <a/>\n", "want the body"},
		{"a body", "alice receives 200:\n    X-Tag: *\n\n    (empty)\n", "want no body"},
		{"another text", "alice receives 200:\n    X-Tag: *\n\n    /a/b = d\n", `found ["c"]`},
		{"another path", "alice receives 200:\n    X-Tag: *\n\n    /a/c\n", "no /a/c"},
		{"another count", "alice receives 200:\n    X-Tag: *\n\n    count(/a/b) = 2\n", "found 1"},
		{"what is lacking", "alice receives 200:\n    X-Tag: *\n\n    ~ <f>\n", "lacks"},
		{"what is there", "alice receives 200:\n    X-Tag: *\n\n    !~ <b>\n", "the body has"},
		{"no request", "alice receives NOTIFY\n", "did not come"},
		{"not nothing", "alice receives nothing\n", "SIP/2.0 200 OK"},
		{"no second one", "alice receives 200\nalice receives again\n", "did not come"},
		{"left over", "after 1s\n", "nobody looked at it"},
		{"no challenge", "alice receives 200\nalice authorizes with \"x\"\n", "was not challenged"},
		{"nobody", "bob sends again\n", "who is bob?"},
		{"no statement", "alice sleeps\n", "no such statement"},
		{"UDP connects", "alice connects\n", "speaks UDP"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s, err := siptest.ReadScript("test.txt", cast+test.steps, "10.0.0.")
			if err != nil {
				t.Fatal(err)
			}
			synctest.Test(t, func(t *testing.T) {
				n := siptest.NewNetwork()
				pc := n.ListenPacket("10.0.0.1:5060")
				defer pc.Close()
				go echo(pc, "X-Tag: 42\r\nX-Star: *\r\nX-Two: first\r\nX-Two: second\r\n", `<a d="e"><b>c</b></a>`)
				p := siptest.Player{Node: netip.MustParseAddrPort("10.0.0.1:5060"), Host: n.Host, Settle: synctest.Wait, Patience: time.Millisecond}
				err = p.Play(s)
			})
			if test.fault == "" && err != nil || test.fault != "" && (err == nil || !strings.Contains(err.Error(), test.fault)) {
				t.Errorf("got %v, want %q", err, test.fault)
			}
		})
	}
}

// TestPlayChecksForm: what a transcript does not say is checked all the same.
func TestPlayChecksForm(t *testing.T) {
	for fields, fault := range map[string]string{
		"":                      "no Via",
		"Via: x\r\n":            "no From",
		"Content-Length: 5\r\n": "Content-Length",
		"no field\r\n":          "no header field",
	} {
		s, err := siptest.ReadScript("test.txt", cast+"alice receives 200\n", "10.0.0.")
		if err != nil {
			t.Fatal(err)
		}
		synctest.Test(t, func(t *testing.T) {
			n := siptest.NewNetwork()
			pc := n.ListenPacket("10.0.0.1:5060")
			defer pc.Close()
			go func() {
				_, from, err := pc.ReadFrom(make([]byte, 1<<16))
				if err == nil {
					pc.WriteTo([]byte("SIP/2.0 200 OK\r\n"+fields+"Content-Length: 0\r\n\r\n"), from)
				}
			}()
			p := siptest.Player{Node: netip.MustParseAddrPort("10.0.0.1:5060"), Host: n.Host, Settle: synctest.Wait}
			if err := p.Play(s); err == nil || !strings.Contains(err.Error(), fault) {
				t.Errorf("%q: got %v, want %q", fields, err, fault)
			}
		})
	}
}

func TestReadScriptRefuses(t *testing.T) {
	for text, fault := range map[string]string{
		"Watcher alice udp 10.0.0.2:5060\n":                "says in a comment",
		"# x\nafter a while\n":                             "invalid duration",
		"# x\nalice sends\n    OPTIONS sip:example.com\n":  "colon",
		"# x\nWatcher alice udp 10.0.0.2:5060 and so on\n": "want ROLE NAME",
	} {
		if _, err := siptest.ReadScript("test.txt", text, "10.0.0."); err == nil || !strings.Contains(err.Error(), fault) {
			t.Errorf("%q: got %v, want %q", text, err, fault)
		}
	}
}
