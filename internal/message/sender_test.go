package message

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"presenced/internal/store"
	"presenced/sip"
	"presenced/sip/transaction"
)

const (
	alice = "sip:alice@example.com"
	bob   = "sip:bob@example.com"
)

func udp(port uint16) sip.Flow {
	return sip.Flow{
		Proto: sip.UDP, Local: netip.MustParseAddrPort("192.0.2.1:5060"),
		Remote: netip.AddrPortFrom(netip.MustParseAddr("198.51.100.7"), port),
	}
}

func tcp(conn uint64) sip.Flow {
	f := udp(5070)
	f.Proto, f.Conn = sip.TCP, conn
	return f
}

// branchOf is one request that the service sent.
type branchOf struct {
	target  transaction.Target
	remote  netip.AddrPort
	raw     []byte
	request *sip.Request
}

// sender records what is sent and answers as script says: with a code or one
// of failures, perhaps after some seconds: "2 200". Lines after the first are
// the response's header lines.
type sender struct {
	t      testing.TB
	script func(b *branchOf) string

	mu   sync.Mutex
	sent []*branchOf
}

func (s *sender) Send(o *transaction.Outgoing, u transaction.User) transaction.ID {
	body := bytes.Join(o.Body, nil)
	raw := append(bytes.Clone(o.Start), "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKours;rport\r\n"...)
	raw = append(raw, o.Head...)
	raw = append(raw, fmt.Sprintf("Content-Length: %d\r\n\r\n", len(body))...)
	raw = append(raw, body...)
	r, err := sip.ParseRequest(raw, udp(5060))
	if err != nil {
		s.t.Errorf("%v in what is forwarded:\n%s", err, raw)
		r = nil
	}
	b := &branchOf{target: o.Target, remote: o.RemoteTarget, raw: raw, request: r}
	s.mu.Lock()
	s.sent = append(s.sent, b)
	id := transaction.ID(len(s.sent))
	s.mu.Unlock()
	go s.answer(id, b, u)
	return id
}

func (s *sender) answer(id transaction.ID, b *branchOf, u transaction.User) {
	first, lines, _ := strings.Cut(s.script(b), "\n")
	var seconds float64
	what := first
	if n, _ := fmt.Sscan(first, &seconds, &what); n == 2 {
		time.Sleep(time.Duration(seconds * float64(time.Second)))
	} else {
		what = first
	}
	var code int
	if _, err := fmt.Sscan(what, &code); err == nil {
		response := sip.AppendResponse(nil, b.request, &sip.Response{Code: code}, "uas")
		head, rest, _ := bytes.Cut(response, []byte("Content-Length"))
		if lines != "" {
			lines = strings.ReplaceAll(lines, "\n", "\r\n") + "\r\n"
		}
		response = append(append(bytes.Clone(head), lines+"Content-Length"...), rest...)
		u.Answered(id, code, response)
		clear(response) // it is borrowed
		return
	}
	u.Failed(id, failures[what])
}

// bindings is a Registrations with one inbox, Bob's.
type bindings []store.Binding

func (b bindings) Bindings(_ context.Context, aor string) (store.Registration, error) {
	if aor != bob {
		return store.Registration{}, nil
	}
	return store.Registration{Version: 1, Bindings: b}, nil
}

// bound is a contact of Bob's that is reached on a flow.
func bound(contact string, flow sip.Flow, path ...string) store.Binding {
	return store.Binding{Contact: contact, Agent: "here", Flow: flow.Text(), Path: path, TTL: time.Hour}
}

func message(t testing.TB, lines ...string) *sip.Request {
	t.Helper()
	return parse(t, messageText(lines...))
}

func messageText(lines ...string) string {
	via := "Via: SIP/2.0/UDP 198.51.100.9:5062;branch=z9hG4bKa;rport"
	if len(lines) > 0 && strings.HasPrefix(lines[0], "Via:") {
		via, lines = lines[0], lines[1:]
	}
	head := []string{
		"MESSAGE sip:bob@example.com SIP/2.0", via,
		"From: <sip:alice@example.com>;tag=1", "To: <sip:bob@example.com>", "Call-ID: c1", "CSeq: 7 MESSAGE",
	}
	return strings.Join(append(head, lines...), "\r\n") + "\r\nContent-Length: 5\r\n\r\nHello"
}

func parse(t testing.TB, text string) *sip.Request {
	t.Helper()
	r, err := sip.ParseRequest([]byte(text), udp(40000))
	if err != nil {
		t.Fatal(err)
	}
	r.Identity = sip.Identity{AOR: alice}
	return r
}

func newService(b bindings, s *sender) *Service {
	return New(Config{
		Store: b, Sender: s, Agent: "here", MaxBody: 1000,
		Known: func(_ context.Context, aor string) (bool, error) { return aor == bob || aor == alice, nil },
		Local: func(host string) bool { return host == "example.com" },
		Ours:  func(u *sip.URI) bool { return u.Host == "192.0.2.1" },
	})
}

// outcomeOf is the code with the header fields that are told to the sender.
func outcomeOf(res *sip.Response, err error) string {
	res = sip.ResponseOf(await(res, err))
	s := fmt.Sprint(res.Code)
	for _, f := range res.Header {
		s += " " + f.Name + "=" + f.Value
	}
	return s
}

// await is the response that a handler gave, or gives later.
func await(res *sip.Response, err error) (*sip.Response, error) {
	if err != nil || res.Later == nil {
		return res, err
	}
	type outcome struct {
		res *sip.Response
		err error
	}
	answered := make(chan outcome, 1)
	res.Later(func(res *sip.Response, err error) { answered <- outcome{res, err} })
	o := <-answered
	return o.res, o.err
}
