package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"presenced/sip/siptest/schema"
)

// script is a SIP server on loopback UDP that does what a test says.
type script struct {
	t       *testing.T
	conn    net.PacketConn
	answer  func(s *script, r *sip.Request, nth int) // nth request of its method, from 1
	answers chan *sip.Response                       // to the script's own requests

	busy      sync.Mutex // while an answer is given
	messenger *session   // for the answers to stop it

	mu   sync.Mutex
	seen []*sip.Request
}

func newScript(t *testing.T, answer func(s *script, r *sip.Request, nth int)) *script {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &script{t: t, conn: conn, answer: answer, answers: make(chan *sip.Response, 100)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.serve()
	}()
	t.Cleanup(func() {
		s.busy.Lock()
		conn.Close()
		s.busy.Unlock()
		<-done
	})
	return s
}

func (s *script) addr() string { return s.conn.LocalAddr().String() }

func (s *script) serve() {
	buf, counts, branches := make([]byte, 65535), map[sip.RequestMethod]int{}, map[string]bool{}
	for {
		n, from, err := s.conn.ReadFrom(buf)
		if err != nil {
			return
		}
		if len(bytes.TrimSpace(buf[:n])) == 0 {
			continue
		}
		schema.CollectMessage(s.t.Name(), string(buf[:n]))
		m, err := sip.ParseMessage(bytes.Clone(buf[:n]))
		if err != nil {
			s.t.Errorf("unreadable message: %v\n%s", err, buf[:n])
			continue
		}
		switch m := m.(type) {
		case *sip.Response:
			s.answers <- m
		case *sip.Request:
			branch, _ := m.Via().Params.Get("branch")
			if branches[branch] { // a retransmission
				continue
			}
			branches[branch] = true
			m.SetSource(from.String())
			s.mu.Lock()
			s.seen = append(s.seen, m)
			s.mu.Unlock()
			counts[m.Method]++
			s.busy.Lock()
			s.answer(s, m, counts[m.Method])
			s.busy.Unlock()
		}
	}
}

func (s *script) send(to, text string) {
	addr, err := net.ResolveUDPAddr("udp", to)
	if err == nil {
		_, err = s.conn.WriteTo([]byte(text), addr)
	}
	if err != nil {
		s.t.Error(err)
	}
}

func TestMain(m *testing.M) { schema.Main(m) }

// respond answers with fields as "Name: value".
func (s *script) respond(r *sip.Request, code int, reason string, fields ...string) {
	res := sip.NewResponseFromRequest(r, code, reason, nil)
	if !r.To().Params.Has("tag") {
		res.To().Params.Add("tag", "server")
	}
	for _, f := range fields {
		name, value, _ := strings.Cut(f, ": ")
		res.AppendHeader(sip.NewHeader(name, value))
	}
	s.send(r.Source(), res.String())
}

// request sends a request to whoever sent r, and returns the answer's code.
func (s *script) request(r *sip.Request, lines string, body string) int {
	text := fmt.Sprintf("%s\nVia: SIP/2.0/UDP %s;rport;branch=%s\nMax-Forwards: 70\nContent-Length: %d\n\n",
		strings.TrimSpace(lines), s.addr(), sip.GenerateBranch(), len(body))
	s.send(r.Source(), strings.ReplaceAll(text, "\n", "\r\n")+body)
	return s.await()
}

// await reads on until an answer has come. It may be called by the answer
// function, which the reading goroutine runs.
func (s *script) await() int {
	buf := make([]byte, 65535)
	if err := s.conn.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
		s.t.Error(err)
	}
	defer s.conn.SetReadDeadline(time.Time{})
	for {
		n, _, err := s.conn.ReadFrom(buf)
		if err != nil {
			s.t.Errorf("no answer came: %v", err)
			return 0
		}
		if m, err := sip.ParseMessage(buf[:n]); err == nil {
			if res, ok := m.(*sip.Response); ok {
				return res.StatusCode
			}
		}
	}
}

// notify sends a NOTIFY in the dialog of a SUBSCRIBE; extra lines replace
// those of the same name; a bare name removes them.
func (s *script) notify(subscribe *sip.Request, cseq int, state, body string, extra ...string) int {
	contact := subscribe.Contact().Address
	tag, _ := subscribe.From().Params.Get("tag")
	lines := []string{
		"From: <sip:bob@localhost>;tag=server",
		"To: <sip:alice@localhost>;tag=" + tag,
		"Call-ID: " + subscribe.CallID().Value(),
		fmt.Sprintf("CSeq: %d NOTIFY", cseq),
		"Contact: <sip:" + s.addr() + ">",
		"Event: presence",
		"Subscription-State: " + state,
	}
	if body != "" {
		lines = append(lines, "Content-Type: application/pidf+xml")
	}
	for _, e := range extra {
		name, _, _ := strings.Cut(e, ":")
		kept := lines[:0]
		for _, l := range lines {
			if !strings.HasPrefix(l, name+":") {
				kept = append(kept, l)
			}
		}
		if lines = kept; name+":" != e {
			lines = append(lines, e)
		}
	}
	return s.request(subscribe, "NOTIFY "+contact.String()+" SIP/2.0\n"+strings.Join(lines, "\n"), body)
}

func (s *script) requests(method sip.RequestMethod) []*sip.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []*sip.Request
	for _, r := range s.seen {
		if r.Method == method {
			found = append(found, r)
		}
	}
	return found
}

// buffer is a bytes.Buffer for several goroutines.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// fixed is the time on the messenger's clock.
var fixed = time.Date(2026, 1, 2, 12, 3, 4, 0, time.UTC)

// session is one messenger under test.
type session struct {
	stdout, stderr buffer
	stop           context.CancelFunc
	done           chan int
}

// hurried is a pace for tests.
var hurried = pace{
	refresh: func(d time.Duration) time.Duration { return d / 20 },
	first:   20 * time.Millisecond, most: 50 * time.Millisecond, timerN: 32 * time.Second,
}

// start runs the messenger against an address. Its clock stands still, and it
// is in a hurry.
func start(t *testing.T, server, password string, args ...string) *session {
	t.Helper()
	return launch(t, hurried, password, append(args, "--server", server))
}

// start runs the messenger against the script, which can stop it.
func (s *script) start(t *testing.T, p pace, password string, args ...string) *session {
	t.Helper()
	s.busy.Lock()
	defer s.busy.Unlock()
	s.messenger = launch(t, p, password, append(args, "--server", s.addr()))
	return s.messenger
}

func launch(t *testing.T, p pace, password string, args []string) *session {
	t.Helper()
	return typing(t, p, password, strings.NewReader("from stdin\n"), args)
}

// typing launches a messenger whose stdin says something.
func typing(t *testing.T, p pace, password string, stdin io.Reader, args []string) *session {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	m := &session{stop: stop, done: make(chan int, 1)}
	term := &terminal{
		stdin: stdin, stdout: &m.stdout, stderr: &m.stderr,
		getenv: func(string) string { return password },
		now:    func() time.Time { return fixed },
		pace:   p,
	}
	go func() { m.done <- execute(ctx, args, term) }()
	t.Cleanup(stop)
	return m
}

func (m *session) wait(t *testing.T) int {
	t.Helper()
	select {
	case status := <-m.done:
		return status
	case <-time.After(20 * time.Second):
		t.Fatalf("the messenger does not end\nstdout: %s\nstderr: %s", m.stdout.String(), m.stderr.String())
		return -1
	}
}

func (m *session) expect(t *testing.T, status int, stdout, stderr string) {
	t.Helper()
	if got := m.wait(t); got != status {
		t.Errorf("exit status %d, want %d", got, status)
	}
	if got := m.stdout.String(); got != stdout {
		t.Errorf("stdout:\n%s\nwant:\n%s", got, stdout)
	}
	if got := m.stderr.String(); !regexp.MustCompile(`^(?s:` + stderr + `)$`).MatchString(got) {
		t.Errorf("stderr:\n%s\nwant:\n%s", got, stderr)
	}
}

// say waits until the messenger has printed a text.
func (m *session) say(t *testing.T, text string) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); !strings.Contains(m.stdout.String(), text); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Errorf("the messenger does not say %q", text)
			return
		}
	}
}
