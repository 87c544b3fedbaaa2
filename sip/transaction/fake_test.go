package transaction

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"presenced/sip"
	"presenced/sip/transport"
)

var (
	local  = netip.MustParseAddrPort("192.0.2.1:5060")
	remote = netip.MustParseAddrPort("198.51.100.7:5080")
	udp    = sip.Flow{Proto: sip.UDP, Local: local, Remote: remote}
	tcp    = sip.Flow{Proto: sip.TCP, Local: local, Remote: remote, Conn: 7}
)

// fake is a transport in memory that notes what is sent and when.
type fake struct {
	mu      sync.Mutex
	start   time.Time
	sent    []packet
	refuse  map[netip.AddrPort]error // what Send answers
	onSend  func(sip.Flow, []byte)
	connect func(context.Context, transport.Hop) (sip.Flow, error)
	hops    []transport.Hop
}

type packet struct {
	at   time.Duration
	flow sip.Flow
	text string
}

func (f *fake) Send(flow sip.Flow, data []byte) error {
	f.mu.Lock()
	f.sent = append(f.sent, packet{time.Since(f.start), flow, string(data)})
	err, hook := f.refuse[flow.Remote], f.onSend
	f.mu.Unlock()
	if hook != nil {
		hook(flow, data)
	}
	return err
}

func (f *fake) Connect(ctx context.Context, hop transport.Hop) (sip.Flow, error) {
	if f.connect != nil {
		return f.connect(ctx, hop)
	}
	return sip.Flow{Proto: hop.Proto, Local: local, Remote: hop.Addr}, nil
}

func (f *fake) Resolve(context.Context, *sip.URI) ([]transport.Hop, error) {
	if f.hops == nil {
		return nil, errors.New("no such host")
	}
	return f.hops, nil
}

func (f *fake) SentBy(sip.Flow) string { return "192.0.2.1:5060" }

func (f *fake) packets() []packet {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]packet(nil), f.sent...)
}

// pick is any packet sent.
func (f *fake) pick(random *rand.Rand) packet {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.sent[random.IntN(len(f.sent))]
}

func (f *fake) texts() []string {
	var list []string
	for _, p := range f.packets() {
		list = append(list, p.text)
	}
	return list
}

// bubble runs test in virtual time with a layer that is closed at the end.
func bubble(t *testing.T, config Config, test func(t *testing.T, f *fake, l *Layer)) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{start: time.Now()}
		if config.Log == nil {
			config.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
		}
		if config.Handler == nil {
			config.Handler = respond(&sip.Response{Code: 200})
		}
		l := New(f, config)
		defer l.Close()
		test(t, f, l)
	})
}

func respond(res *sip.Response) sip.Handler {
	return sip.HandlerFunc(func(context.Context, *sip.Request) (*sip.Response, error) {
		copied := *res
		return &copied, nil
	})
}

// request is a complete request; lines replace or follow the usual ones.
func request(method, branch string, lines ...string) []byte {
	via := "Via: SIP/2.0/UDP 198.51.100.7:5080;branch=" + branch + ";rport"
	header := []string{via, "From: <sip:bob@example.test>;tag=b1", "To: <sip:bob@example.test>",
		"Call-ID: c1@198.51.100.7", "CSeq: 1 " + method, "Contact: <sip:bob@198.51.100.7:5080>", "Max-Forwards: 70"}
	for _, line := range lines {
		name, _, _ := strings.Cut(line, ":")
		replaced := false
		for i, old := range header {
			if strings.HasPrefix(old, name+":") {
				header[i], replaced = line, true
			}
		}
		if !replaced {
			header = append(header, line)
		}
	}
	return []byte(method + " sip:bob@example.test SIP/2.0\r\n" + strings.Join(header, "\r\n") +
		"\r\nContent-Length: 0\r\n\r\n")
}

// answerTo is a response to a request that the layer sent.
func answerTo(sent string, code int) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "SIP/2.0 %d Whatever\r\n", code)
	for _, line := range strings.Split(sent, "\r\n")[1:] {
		for _, name := range []string{"Via:", "From:", "To:", "Call-ID:", "CSeq:"} {
			if strings.HasPrefix(line, name) {
				b.WriteString(line + "\r\n")
			}
		}
	}
	b.WriteString("Content-Length: 0\r\n\r\n")
	return b.Bytes()
}

// told is a User that notes what it hears.
type told struct {
	mu     sync.Mutex
	events []string
	hook   func(id ID) // when it is answered
	slow   func(id ID)
}

func (u *told) note(format string, args ...any) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.events = append(u.events, fmt.Sprintf(format, args...))
}

func (u *told) Answered(id ID, code int, response []byte) {
	u.note("answered %d", code)
	if u.hook != nil {
		u.hook(id)
	}
}
func (u *told) Slow(id ID) {
	u.note("slow")
	if u.slow != nil {
		u.slow(id)
	}
}
func (u *told) Failed(_ ID, err error) { u.note("failed: %v", err) }

func (u *told) String() string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return strings.Join(u.events, ", ")
}

func notify(flow sip.Flow) *Outgoing {
	return &Outgoing{
		Start: []byte("NOTIFY sip:bob@198.51.100.7:5080 SIP/2.0\r\n"),
		Head: []byte("From: <sip:alice@example.test>;tag=a1\r\nTo: <sip:bob@example.test>;tag=b1\r\n" +
			"Call-ID: c2@192.0.2.1\r\nCSeq: 7 NOTIFY\r\n"),
		Body:   [][]byte{[]byte("<presence>"), []byte("</presence>")},
		Target: Target{Flow: flow},
	}
}

func large(flow sip.Flow, size int) *Outgoing {
	o := notify(flow)
	o.Body = [][]byte{bytes.Repeat([]byte("x"), size)}
	o.RemoteTarget = flow.Remote
	return o
}

func want[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func contains(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q does not contain %q", text, part)
		}
	}
}
