package main

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"
)

// deliver sends a MESSAGE to the contact of a REGISTER.
func (s *script) deliver(register *sip.Request, cseq int, contentType, body string, extra ...string) int {
	lines := append([]string{
		"MESSAGE " + register.Contact().Address.String() + " SIP/2.0",
		`From: "Bob" <sip:bob@localhost>;tag=b`, "To: <sip:alice@localhost>",
		fmt.Sprintf("Call-ID: m%d", cseq), fmt.Sprintf("CSeq: %d MESSAGE", cseq), "Content-Type: " + contentType,
	}, extra...)
	return s.request(register, strings.Join(lines, "\n"), body)
}

func TestInbox(t *testing.T) {
	s := newScript(t, func(s *script, r *sip.Request, nth int) {
		switch nth {
		case 1:
			contact := r.Contact().Address
			if r.Recipient.String() != "sip:localhost" || contact.HostPort() != r.Source() {
				t.Errorf("REGISTER:\n%s", r)
			}
			s.respond(r, 200, "OK", "Contact: <sip:other@192.0.2.1>;expires=5, <"+contact.String()+">;expires=500", "Expires: 5")
			s.messenger.say(t, "is registered")
			for i, m := range []struct {
				contentType, body string
				want              int
				extra             []string
			}{
				{"text/plain", "hello", 200, nil},
				{"text/plain;charset=\"UTF-8\"", "grüße\r\nzwei\x1b[2J\n", 200, nil},
				{"text/plain; charset=iso-8859-1", "gr\xfc\xdfe", 200, nil},
				{"application/im-iscomposing+xml", "<x/>", 200, nil},
				{"text/plain", "zip", 415, []string{"Content-Encoding: gzip"}},
				{"text/plain;charset=utf-16", "\xff\xfe", 200, nil},
				{"text/plain", "late", 200, []string{"Date: Fri, 02 Jan 2026 12:00:00 GMT", "Expires: 60"}},
				{"text/plain", "in time", 200, []string{"Date: Fri, 02 Jan 2026 12:00:00 GMT", "Expires: 600"}},
			} {
				if code := s.deliver(r, i+1, m.contentType, m.body, m.extra...); code != m.want {
					t.Errorf("message %d: answered %d, want %d", i+1, code, m.want)
				}
			}
			if code := s.notify(r, 1, "active", ""); code != 481 {
				t.Errorf("a NOTIFY from nowhere: %d", code)
			}
			head := "From: <sip:b@localhost>;tag=b\nTo: <sip:a@localhost>\nCall-ID: x"
			for method, want := range map[string]int{"OPTIONS": 200, "INVITE": 405, "INFO": 405, "CANCEL": 481} {
				if code := s.request(r, method+" sip:a@localhost SIP/2.0\n"+head+"\nCSeq: 1 "+method, ""); code != want {
					t.Errorf("%s: %d, want %d", method, code, want)
				}
			}
			s.deliver(r, 90, "text/plain", "last")
		case 2:
			if !strings.HasSuffix(field(r, "Contact"), ";expires=0") || field(r, "Expires") != "0" {
				t.Errorf("not unregistered:\n%s", r)
			}
			s.respond(r, 200, "OK")
		default:
			t.Errorf("one too many:\n%s", r)
		}
	})
	m := s.start(t, hurried, "", "inbox", "--count", "8", "alice@localhost")
	m.expect(t, exitDone, strings.Join([]string{
		"12:03:04 alice@localhost is registered",
		"12:03:04 bob@localhost: hello",
		"12:03:04 bob@localhost: grüße",
		"         zwei\uFFFD[2J",
		"12:03:04 bob@localhost: grüße",
		"12:03:04 bob@localhost sends application/im-iscomposing+xml, 4 bytes",
		"12:03:04 bob@localhost sends text/plain, 2 bytes",
		"12:03:04 bob@localhost (expired): late",
		"12:03:04 bob@localhost: in time",
		"12:03:04 bob@localhost: last",
		"12:03:04 alice@localhost is unregistered",
		"",
	}, "\n"), "")
}

func TestInboxJSON(t *testing.T) {
	s := newScript(t, func(s *script, r *sip.Request, nth int) {
		s.respond(r, 200, "OK")
		if nth == 1 {
			s.messenger.say(t, `"registered"`)
			s.deliver(r, 1, "text/plain", "hi\n")
			s.deliver(r, 2, "image/png", "\x89PNG")
		}
	})
	m := s.start(t, hurried, "", "inbox", "--json", "--count", "2", "alice@localhost")
	m.wait(t)
	lines := strings.Split(m.stdout.String(), "\n")
	if len(lines) != 5 {
		t.Fatalf("stdout: %s", m.stdout.String())
	}
	for i, want := range []string{
		`{"time":"2026-01-02T12:03:04Z","event":"message","from":"sip:bob@localhost","to":"sip:alice@localhost","name":"Bob","type":"text/plain","size":3,"text":"hi\n"}`,
		`{"time":"2026-01-02T12:03:04Z","event":"message","from":"sip:bob@localhost","to":"sip:alice@localhost","name":"Bob","type":"image/png","size":4}`,
	} {
		if lines[i+1] != want {
			t.Errorf("line %d: %s\nwant: %s", i+2, lines[i+1], want)
		}
	}
}

// accept takes one connection and answers its REGISTERs until there were as
// many as asked for.
func accept(t *testing.T, l net.Listener, answers int) (contacts []string, c net.Conn) {
	t.Helper()
	c, err := l.Accept()
	if err != nil {
		t.Error(err)
		return nil, nil
	}
	in := bufio.NewReader(c)
	for range answers {
		var text strings.Builder
		for {
			line, err := in.ReadString('\n')
			if err != nil {
				t.Error(err)
				return contacts, c
			}
			text.WriteString(line)
			if strings.TrimSpace(line) == "" && text.Len() > 2 {
				break
			}
		}
		m, err := sip.ParseMessage([]byte(text.String()))
		if err != nil {
			t.Error(err)
			return contacts, c
		}
		r := m.(*sip.Request)
		var all []string
		for _, h := range r.GetHeaders("Contact") {
			all = append(all, h.Value())
		}
		contacts = append(contacts, strings.Join(all, ", "))
		if _, err := c.Write([]byte(sip.NewResponseFromRequest(r, 200, "OK", nil).String())); err != nil {
			t.Error(err)
		}
	}
	return contacts, c
}

// A server that restarts closes its connections: the registration is made
// anew on a new one, and the old binding goes.
func TestRegisterAfterRestart(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := start(t, l.Addr().String(), "", "register", "alice@localhost", "--transport", "tcp")
	first, c := accept(t, l, 1)
	m.say(t, "is registered")
	l.Close()
	c.Close()
	if l, err = net.Listen("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	second, c := accept(t, l, 1)
	defer c.Close()
	old, _, _ := strings.Cut(first[0], ";expires")
	if !strings.HasSuffix(second[0], ", "+old+";expires=0") || !strings.Contains(old, ";transport=tcp>") {
		t.Errorf("first %s\nthen %s", first, second)
	}
	m.stop()
	if status := m.wait(t); status != exitDone {
		t.Errorf("exit status %d", status)
	}
	if !strings.Contains(m.stderr.String(), "is gone; the registration is tried again") {
		t.Errorf("stderr: %s", m.stderr.String())
	}
}
