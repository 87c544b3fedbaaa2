package main

import (
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"

	"presenced/sip/digest"
)

const (
	challengeMD5    = `Digest realm="r", nonce="n1", algorithm=MD5, qop="auth"`
	challengeSHA256 = `Digest realm="r", nonce="n2", algorithm=SHA-256, qop="auth"`
)

// rightly says whether a request brings the right credentials for a nonce.
func rightly(t *testing.T, r *sip.Request, field, nonce, nc string) bool {
	t.Helper()
	h := r.GetHeader(field)
	if h == nil {
		return false
	}
	c, err := digest.Parse(h.Value())
	if err != nil {
		t.Errorf("%s: %v", field, err)
		return false
	}
	sent := c.Response
	c.Sign(string(r.Method), digest.HA1(c.Algorithm, "alice", "r", "secret"))
	return c.Nonce == nonce && c.NonceCount == nc && c.URI == r.Recipient.String() && c.Response == sent
}

func TestSend(t *testing.T) {
	ok := func(s *script, r *sip.Request, _ int) { s.respond(r, 200, "OK") }
	tests := []struct {
		name     string
		password string
		args     []string
		answer   func(s *script, r *sip.Request, nth int)
		status   int
		stdout   string
		stderr   string
	}{
		{"accepted", "", []string{"hello"}, ok, exitDone, "12:03:04 sent to bob@localhost\n", ""},
		{"from stdin", "", nil, func(s *script, r *sip.Request, _ int) {
			if string(r.Body()) != "from stdin" {
				t.Errorf("body %q", r.Body())
			}
			s.respond(r, 202, "Accepted")
		}, exitDone, "12:03:04 accepted for bob@localhost\n", ""},
		{"json", "", []string{"--json", "hello"}, ok, exitDone,
			`{"time":"2026-01-02T12:03:04Z","event":"sent","reason":"OK","from":"sip:alice@localhost","to":"sip:bob@localhost","code":200}` + "\n", ""},
		{"provisional first", "", []string{"hello"}, func(s *script, r *sip.Request, _ int) {
			s.respond(r, 100, "Trying")
			s.respond(r, 200, "OK")
		}, exitDone, "12:03:04 sent to bob@localhost\n", ""},
		{"refused", "", []string{"hello"}, func(s *script, r *sip.Request, _ int) { s.respond(r, 404, "Not Found") },
			exitFailed, "", "messenger: MESSAGE refused: 404 Not Found\n"},
		{"refused in json", "", []string{"--json", "hello"}, func(s *script, r *sip.Request, _ int) {
			s.respond(r, 480, "Gone\x1b[2J", "Retry-After: 7 (soon)")
		}, exitFailed, `{"time":"2026-01-02T12:03:04Z","event":"error","reason":"Gone�[2J","retry_after":7,"code":480,"error":"MESSAGE refused: 480 Gone�[2J"}` + "\n",
			"messenger: MESSAGE refused: 480 Gone�\\[2J\n"},
		{"no answer", "", []string{"hello", "--timeout", "100ms"}, func(*script, *sip.Request, int) {},
			exitUnreachable, "", "messenger: no answer from 127.0.0.1:[0-9]+ over udp\n"},
		{"401 MD5", "secret", []string{"hello"}, func(s *script, r *sip.Request, _ int) {
			if !rightly(t, r, "Authorization", "n1", "00000001") {
				s.respond(r, 401, "Unauthorized", "WWW-Authenticate: "+challengeMD5)
				return
			}
			s.respond(r, 200, "OK")
		}, exitDone, "12:03:04 sent to bob@localhost\n", ""},
		{"407 SHA-256 above MD5", "secret", []string{"hello"}, func(s *script, r *sip.Request, _ int) {
			if !rightly(t, r, "Proxy-Authorization", "n2", "00000001") {
				s.respond(r, 407, "Proxy Authentication Required",
					"Proxy-Authenticate: Digest realm=\"r\", nonce=\"x\", algorithm=SHA-999",
					"Proxy-Authenticate: "+challengeSHA256, "Proxy-Authenticate: "+challengeMD5)
				return
			}
			s.respond(r, 200, "OK")
		}, exitDone, "12:03:04 sent to bob@localhost\n", ""},
		{"stale", "secret", []string{"hello"}, func(s *script, r *sip.Request, nth int) {
			switch nth {
			case 1:
				s.respond(r, 407, "Proxy Authentication Required", "Proxy-Authenticate: "+challengeMD5)
			case 2:
				s.respond(r, 407, "Proxy Authentication Required", "Proxy-Authenticate: "+challengeSHA256+", stale=true")
			default:
				if !rightly(t, r, "Proxy-Authorization", "n2", "00000001") {
					t.Error("the new nonce is not used")
				}
				s.respond(r, 200, "OK")
			}
		}, exitDone, "12:03:04 sent to bob@localhost\n", ""},
		{"stale for ever", "secret", []string{"hello"}, func(s *script, r *sip.Request, nth int) {
			if nth > 3 {
				t.Error("it goes on and on")
			}
			s.respond(r, 407, "Proxy Authentication Required", "Proxy-Authenticate: "+challengeMD5+", stale=true")
		}, exitFailed, "", "messenger: MESSAGE refused: 407 Proxy Authentication Required \\(wrong name or password\\)\n"},
		{"wrong password", "wrong", []string{"hello"}, func(s *script, r *sip.Request, nth int) {
			if nth > 2 {
				t.Error("a wrong password is tried again")
			}
			s.respond(r, 401, "Unauthorized", "WWW-Authenticate: "+challengeMD5)
		}, exitFailed, "", "messenger: MESSAGE refused: 401 Unauthorized \\(wrong name or password\\)\n"},
		{"no password", "", []string{"hello"}, func(s *script, r *sip.Request, _ int) {
			s.respond(r, 401, "Unauthorized", "WWW-Authenticate: "+challengeMD5)
		}, exitFailed, "", "messenger: the server asks for a password: set PRESENCED_PASSWORD\n"},
		{"strange challenge", "secret", []string{"hello"}, func(s *script, r *sip.Request, _ int) {
			s.respond(r, 401, "Unauthorized", `WWW-Authenticate: Basic realm="r"`)
		}, exitFailed, "", "messenger: the server asks for an authentication that is not supported here\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newScript(t, test.answer)
			args := append([]string{"send", "alice@localhost", "bob@localhost"}, test.args...)
			start(t, s.addr(), test.password, args...).expect(t, test.status, test.stdout, test.stderr)
		})
	}
}

// A text that does not fit a datagram goes by UDP all the same where nobody
// takes TCP (RFC 3261 s.18.1.1).
func TestSendLargeWithoutTCP(t *testing.T) {
	text := strings.Repeat("ä", 20_000)
	s := newScript(t, func(s *script, r *sip.Request, _ int) {
		if string(r.Body()) != text {
			t.Errorf("%d bytes came", len(r.Body()))
		}
		if n := len(r.GetHeaders("Via")); n != 1 {
			t.Errorf("%d Via fields", n)
		}
		s.respond(r, 200, "OK")
	})
	start(t, s.addr(), "", "send", "alice@localhost", "bob@localhost", text).
		expect(t, exitDone, "12:03:04 sent to bob@localhost\n", "")
}

func TestNobodyThere(t *testing.T) {
	s := newScript(t, nil)
	addr := s.addr()
	s.conn.Close()
	start(t, addr, "", "send", "alice@localhost", "bob@localhost", "hi").
		expect(t, exitUnreachable, "", "messenger: nothing listens at [0-9.:]+ over udp\n")
	start(t, addr, "", "send", "alice@localhost", "bob@localhost", "hi", "--transport", "tcp").
		expect(t, exitUnreachable, "", "messenger: no connection to [0-9.:]+ over tcp: .*refused\n")
}
