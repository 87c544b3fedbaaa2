package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestCalledWrongly(t *testing.T) {
	tests := []struct {
		args   string
		status int
		text   string // in stdout or stderr
	}{
		{"", exitUsage, "messenger register URI"},
		{"help", exitDone, "messenger register URI"},
		{"watch --help", exitDone, "messenger register URI"},
		{"dance alice@localhost", exitUsage, `there is no command "dance"`},
		{"send alice@localhost", exitUsage, "wrong number of words"},
		{"register alice@localhost bob@localhost", exitUsage, "wrong number of words"},
		{"register alice", exitUsage, `"alice" is no address`},
		{"register alice:secret@localhost", exitUsage, "a password does not belong into an address"},
		{"register a@localhost --sever x", exitUsage, "--sever"},
		{"register a@localhost --server a:b:c", exitUsage, "is no HOST:PORT"},
		{"register a@localhost --server h:99999", exitUsage, "is no HOST:PORT"},
		{"register a@localhost --transport sctp", exitUsage, "udp, tcp or tls"},
		{"register a@localhost --expires 0", exitUsage, "--expires"},
		{"register a@localhost --timeout -3", exitUsage, "timeout"},
		{"register a@localhost --tls-ca /nonexistent", exitUsage, "--tls-ca"},
		{"publish a@localhost away", exitUsage, "open or closed"},
		{"publish a@localhost open --activity ", exitUsage, "it says nothing"},
		{"publish a@localhost open --until 45m", exitUsage, "none is said"},
		{"publish a@localhost open --until 45m --note x", exitUsage, "none is said"},
		{"publish a@localhost --permanent --note x", exitUsage, "open or closed"},
		{"publish a@localhost open --permanent --delete", exitUsage, "stand alone"},
		{"publish a@localhost --permanent --document --mood sad", exitUsage, "stand alone"},
		{"publish a@localhost open --permanent --once", exitUsage, "--once"},
		{"fetch a@localhost bob", exitUsage, `"bob" is no address`},
		{"register a@localhost --note x", exitUsage, "--note"},
		{"send a@localhost b@localhost ", exitUsage, "no text"},
		{"send a@localhost b@localhost \xff", exitUsage, "not UTF-8"},
	}
	for _, test := range tests {
		t.Run(test.args, func(t *testing.T) {
			var args []string
			if test.args != "" {
				args = strings.Split(test.args, " ")
			}
			m := launch(t, hurried, "", args)
			if status := m.wait(t); status != test.status {
				t.Errorf("exit status %d, want %d", status, test.status)
			}
			if all := m.stdout.String() + m.stderr.String(); !strings.Contains(all, test.text) {
				t.Errorf("says %q, want %q", all, test.text)
			}
		})
	}
}

func TestFlagsAnywhere(t *testing.T) {
	c := commands()["send"]
	for _, line := range []string{
		"--expires 7 a@x b@y hello --json --timeout 3",
		"a@x --json b@y --expires=7 hello --timeout=3s",
		"a@x b@y -json -expires 7 --timeout 3000ms -- hello",
	} {
		o, operands, err := parseArguments(c, strings.Fields(line))
		if err != nil || strings.Join(operands, " ") != "a@x b@y hello" {
			t.Errorf("%s: %v, %v", line, operands, err)
			continue
		}
		if !o.json || o.expires != 7 || o.timeout != 3*time.Second {
			t.Errorf("%s: %+v", line, o)
		}
	}
	_, operands, err := parseArguments(c, []string{"a@x", "b@y", "--", "--json"})
	if err != nil || operands[2] != "--json" {
		t.Errorf("behind --: %v, %v", operands, err)
	}
}

func TestPrincipals(t *testing.T) {
	for typed, want := range map[string]string{
		"bob@example.com":      "sip:bob@example.com",
		"SIP:bob@example.com":  "sip:bob@example.com",
		"sips:bob@example.com": "sips:bob@example.com",
		"pres:bob@example.com": "sip:bob@example.com",
		"im:bob@example.com":   "sip:bob@example.com",
		"b%20b@[::1]":          "sip:b%20b@[::1]",
		"bob@":                 "",
		"@example.com":         "",
		"bob smith@x":          "",
		"<sip:bob@x>":          "",
		"bob@x\r\nTo: y":       "",
		"http://bob@x":         "",
	} {
		u, err := parsePrincipal(typed)
		if got := u.String(); (err == nil) != (want != "") || err == nil && got != want {
			t.Errorf("%q: %q, %v; want %q", typed, got, err, want)
		}
	}
}

func TestHops(t *testing.T) {
	for typed, want := range map[string]hop{
		"example.com":    {host: "example.com", port: 0},
		"localhost:5070": {host: "localhost", port: 5070},
		"[::1]:5070":     {host: "::1", port: 5070},
		"[::1]":          {host: "::1", port: 0},
		"::1":            {host: "::1", port: 0},
		"192.0.2.1":      {host: "192.0.2.1", port: 0},
	} {
		if got, err := parseHop(typed); err != nil || got != want {
			t.Errorf("%s: %+v, %v", typed, got, err)
		}
	}
	for _, bad := range []string{"", ":5060", "a b", "h:x", "[::1", "h:-1"} {
		if got, err := parseHop(bad); err == nil {
			t.Errorf("%q is taken as %+v", bad, got)
		}
	}
}

func TestTraceHidesCredentials(t *testing.T) {
	var out bytes.Buffer
	tr := &trace{w: &out, now: func() time.Time { return fixed }}
	tr.show("to", traceAddr{}, []byte("REGISTER sip:x SIP/2.0\r\nAuthorization: Digest username=\"a\",\r\n response=\"SECRET\"\r\n"+
		"proxy-authorization : Digest SECRET\r\nTo: <sip:a@x>\x1b[2J\r\n\r\n"))
	tr.show("to", traceAddr{}, []byte("\r\n\r\n"))
	want := "--- 12:03:04.000 to there\nREGISTER sip:x SIP/2.0\nAuthorization: (not shown)\nproxy-authorization : (not shown)\nTo: <sip:a@x>\uFFFD[2J\n\n"
	if out.String() != want {
		t.Errorf("%q\nwant %q", out.String(), want)
	}
}

type traceAddr struct{}

func (traceAddr) Network() string { return "test" }
func (traceAddr) String() string  { return "there" }
