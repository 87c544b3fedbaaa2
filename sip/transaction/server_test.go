package transaction

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"presenced/sip"
	"presenced/sip/transport"
)

// counting answers 200 and counts what reaches it.
type counting struct {
	mu    sync.Mutex
	calls []string
}

func (c *counting) ServeSIP(_ context.Context, r *sip.Request) (*sip.Response, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls = append(c.calls, r.Method())
	return &sip.Response{Code: 200, Header: []sip.Field{{Name: "SIP-ETag", Value: fmt.Sprint("e", len(c.calls))}}}, nil
}

func (c *counting) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.calls)
}

func TestRepeatGetsTheSameBytesUntilTimerJ(t *testing.T) {
	h := new(counting)
	bubble(t, Config{Handler: h}, func(t *testing.T, f *fake, l *Layer) {
		publish := request("PUBLISH", "z9hG4bKone")
		receive := func() {
			l.Receive(publish, udp, nil)
			synctest.Wait()
		}
		receive()
		receive()
		time.Sleep(32*time.Second - time.Millisecond)
		receive()
		sent := f.texts()
		want(t, "responses", len(sent), 3)
		want(t, "second", sent[1], sent[0])
		want(t, "third", sent[2], sent[0])
		want(t, "held", l.Stats().Held, 1)
		want(t, "repeated", l.Stats().Repeated, 2)
		contains(t, sent[0], "SIP/2.0 200 ", "SIP-ETag: e1", ";tag=")

		time.Sleep(time.Millisecond + lingerSlack)
		synctest.Wait()
		want(t, "held after Timer J", l.Stats().Held, 0)
		receive()
		want(t, "handler's calls", h.count(), 2)
	})
}

func TestReliableTransportsKeepNothing(t *testing.T) {
	h := new(counting)
	bubble(t, Config{Handler: h}, func(t *testing.T, f *fake, l *Layer) {
		l.Receive(request("PUBLISH", "z9hG4bKone"), tcp, nil)
		synctest.Wait()
		want(t, "held", l.Stats().Held, 0)
		want(t, "responses", len(f.texts()), 1)
		want(t, "flow", f.packets()[0].flow, tcp)
	})
}

// What makes a request a repeat: RFC 3261 s.17.2.3, and what clients taught.
func TestMatchingRequests(t *testing.T) {
	elsewhere := udp
	elsewhere.Remote = netip.MustParseAddrPort("203.0.113.9:5080")
	const branch = "z9hG4bK1EFB41F2D7AB58BA7CCD"
	first := request("PUBLISH", branch)
	old := request("PUBLISH", "1") // RFC 2543: no magic cookie
	tests := []struct {
		name    string
		a, b    []byte
		flow    sip.Flow // of b
		repeats bool
	}{
		{"the same again", first, first, udp, true},
		{"another branch", first, request("PUBLISH", branch+"x"), udp, false},
		{"another method", first, request("SUBSCRIBE", branch), udp, false},
		{"another sent-by", first, request("PUBLISH", branch, "Via: SIP/2.0/UDP 10.0.0.9;branch="+branch), udp, false},
		{"two NATs, one private sent-by and branch (libpurple, twinkle)", first, first, elsewhere, false},
		{"libpurple after a 407: same branch and CSeq, credentials added", first,
			request("PUBLISH", branch, `Proxy-Authorization: Digest username="bob", response="1"`), udp, false},
		{"other credentials", request("PUBLISH", branch, `Authorization: Digest response="1"`),
			request("PUBLISH", branch, `Authorization: Digest response="2"`), udp, false},
		{"the same credentials", request("PUBLISH", branch, `Authorization: Digest response="1"`),
			request("PUBLISH", branch, `Authorization: Digest response="1"`), udp, true},
		{"Call-ID matters not with a branch", first, request("PUBLISH", branch, "Call-ID: other"), udp, true},
		{"without cookie: the same", old, old, udp, true},
		{"without cookie: another Call-ID", old, request("PUBLISH", "1", "Call-ID: other"), udp, false},
		{"without cookie: another CSeq", old, request("PUBLISH", "1", "CSeq: 2 PUBLISH"), udp, false},
		{"without cookie: another From tag", old, request("PUBLISH", "1", "From: <sip:bob@example.test>;tag=b2"), udp, false},
		{"without cookie: another To tag", old, request("PUBLISH", "1", "To: <sip:bob@example.test>;tag=t"), udp, false},
		{"without cookie: another Via", old, request("PUBLISH", "1", "Via: SIP/2.0/UDP 198.51.100.7:5080;branch=1;x=y;rport"), udp, false},
		{"without cookie: another Request-URI", old, bytes.Replace(old, []byte("sip:bob@example.test SIP"), []byte("sip:al@example.test SIP"), 1), udp, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := new(counting)
			bubble(t, Config{Handler: h}, func(t *testing.T, f *fake, l *Layer) {
				l.Receive(test.a, udp, nil)
				synctest.Wait()
				l.Receive(test.b, test.flow, nil)
				synctest.Wait()
				want(t, "repeats", h.count() == 1, test.repeats)
				want(t, "responses", len(f.texts()), 2)
			})
		})
	}
}

// RFC 4320 s.4.1: a 100 once Timer E has reached T2, not before, on any
// transport; RFC 3261 s.17.2.2: a repeat in Proceeding gets it again.
func TestTrying(t *testing.T) {
	for _, flow := range []sip.Flow{udp, tcp} {
		h := sip.HandlerFunc(func(context.Context, *sip.Request) (*sip.Response, error) {
			time.Sleep(10 * time.Second)
			return &sip.Response{Code: 202}, nil
		})
		bubble(t, Config{Handler: h}, func(t *testing.T, f *fake, l *Layer) {
			message := request("MESSAGE", "z9hG4bKm")
			l.Receive(message, flow, nil)
			time.Sleep(500 * time.Millisecond)
			l.Receive(message, flow, nil) // absorbed in silence
			time.Sleep(3500 * time.Millisecond)
			l.Receive(message, flow, nil)
			time.Sleep(10 * time.Second)
			p := f.packets()
			if len(p) != 3 {
				t.Fatalf("%d messages, want 100, 100, 202", len(p))
			}
			want(t, "100 after", p[0].at, 3500*time.Millisecond)
			contains(t, p[0].text, "SIP/2.0 100 Trying\r\n", "To: <sip:bob@example.test>\r\n")
			want(t, "100 again", p[1].text, p[0].text)
			want(t, "202 after", p[2].at, 10*time.Second)
			want(t, "absorbed", l.Stats().Absorbed, 1)
		})
	}
}

// RFC 4320 s.4.2: what comes after the client's Timer F is not sent, nor is a
// 408.
func TestNoLateResponse(t *testing.T) {
	slow := sip.HandlerFunc(func(ctx context.Context, r *sip.Request) (*sip.Response, error) {
		<-ctx.Done()
		if r.Has("X-Stubborn") {
			time.Sleep(time.Second)
		}
		return nil, ctx.Err()
	})
	bubble(t, Config{Handler: slow}, func(t *testing.T, f *fake, l *Layer) {
		l.Receive(request("MESSAGE", "z9hG4bKm", "X-Stubborn: yes"), udp, nil)
		time.Sleep(40 * time.Second)
		want(t, "messages", len(f.texts()), 1) // the 100
		want(t, "late", l.Stats().Late, 1)
		want(t, "pending", l.Stats().Pending, 0)
	})
	bubble(t, Config{Handler: respond(&sip.Response{Code: 408})}, func(t *testing.T, f *fake, l *Layer) {
		l.Receive(request("MESSAGE", "z9hG4bKm"), udp, nil)
		synctest.Wait()
		want(t, "messages", len(f.texts()), 0)
	})
}

func TestHandlersContextEndsWithTimerF(t *testing.T) {
	var waited time.Duration
	h := sip.HandlerFunc(func(ctx context.Context, r *sip.Request) (*sip.Response, error) {
		start := time.Now()
		<-ctx.Done()
		waited = time.Since(start)
		return nil, ctx.Err()
	})
	bubble(t, Config{Handler: h}, func(t *testing.T, f *fake, l *Layer) {
		l.Receive(request("MESSAGE", "z9hG4bKm"), udp, nil)
		time.Sleep(40 * time.Second)
		synctest.Wait()
		if waited < 31*time.Second || waited > 32*time.Second {
			t.Errorf("the context ended after %v", waited)
		}
	})
}

func TestStatelessAndSilent(t *testing.T) {
	tests := []struct {
		res       sip.Response
		responses int
	}{
		{sip.Response{Code: 401, Stateless: true}, 2},
		{sip.Response{Silent: true}, 0},
	}
	for _, test := range tests {
		bubble(t, Config{Handler: respond(&test.res)}, func(t *testing.T, f *fake, l *Layer) {
			for range 2 {
				l.Receive(request("PUBLISH", "z9hG4bKs"), udp, nil)
				synctest.Wait()
			}
			sent := f.texts()
			want(t, "responses", len(sent), test.responses)
			if len(sent) == 2 {
				want(t, "repeat", sent[1], sent[0]) // the To tag is a function of the request
			}
			want(t, "held", l.Stats().Held, 0)
			want(t, "handled", l.Stats().Requests, 2)
		})
	}
}

// libpurple's branches, tags and Call-IDs are the same on every machine.
func TestToTagDependsOnSourceAndSecret(t *testing.T) {
	keys, s, other := newKeys(), newTagger(), newTagger()
	tag := func(by *tagger, flow sip.Flow) string {
		r, err := sip.ParseRequest(request("PUBLISH", "z9hG4bKs"), flow)
		if err != nil {
			t.Fatal(err)
		}
		return by.tag(keys.of(r))
	}
	elsewhere := udp
	elsewhere.Remote = local
	want(t, "same request and secret", tag(&s, udp), tag(&s, udp))
	if tag(&s, udp) == tag(&other, udp) || tag(&s, udp) == tag(&s, elsewhere) {
		t.Error("tags of another secret or source are equal")
	}
}

func TestMalformed(t *testing.T) {
	tests := []struct {
		name    string
		data    []byte
		framing error
		status  string // "" for none
	}{
		{"CSeq of another method", request("PUBLISH", "z9hG4bKx", "CSeq: 1 MESSAGE"), nil, "SIP/2.0 400 "},
		{"SIP/3.0", bytes.Replace(request("PUBLISH", "z9hG4bKx"), []byte("SIP/2.0\r\n"), []byte("SIP/3.0\r\n"), 1), nil, "SIP/2.0 505 "},
		{"framing", request("PUBLISH", "z9hG4bKx"), errors.New("no Content-Length"), "SIP/2.0 400 no Content-Length\r\n"},
		{"the transport's framing", request("PUBLISH", "z9hG4bKx"), fmt.Errorf("%w: no Content-Length", transport.ErrFraming), "SIP/2.0 400 no Content-Length\r\n"},
		{"too large", request("PUBLISH", "z9hG4bKx"), transport.ErrTooLarge, "SIP/2.0 413 "},
		{"framing with its own refusal", request("PUBLISH", "z9hG4bKx"), sip.Errorf(413, ""), "SIP/2.0 413 "},
		{"ACK", request("ACK", "z9hG4bKx"), nil, ""},
		{"malformed ACK", request("ACK", "z9hG4bKx", "CSeq: 1 BYE"), nil, ""},
		{"no Via", []byte("PUBLISH sip:bob@example.test SIP/2.0\r\nCSeq: 1 PUBLISH\r\n\r\n"), nil, ""},
		{"noise", []byte("\x00\x01\x02"), nil, ""},
		{"nothing", nil, nil, ""},
		{"a stray response", answerTo(string(request("PUBLISH", "z9hG4bKx")), 200), nil, ""},
		{"a broken response", []byte("SIP/2.0 200 OK\r\n\r\n"), nil, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := new(counting)
			bubble(t, Config{Handler: h}, func(t *testing.T, f *fake, l *Layer) {
				l.Receive(test.data, udp, test.framing)
				synctest.Wait()
				sent := f.texts()
				want(t, "answered", len(sent) == 1, test.status != "")
				if len(sent) == 1 {
					contains(t, sent[0], test.status)
				}
				want(t, "handled", h.count(), 0)
			})
		})
	}
}

func TestPanicIsA500AndALine(t *testing.T) {
	var log bytes.Buffer
	h := sip.HandlerFunc(func(context.Context, *sip.Request) (*sip.Response, error) { panic("boom") })
	config := Config{Handler: h, Log: slog.New(slog.NewTextHandler(&log, nil))}
	bubble(t, config, func(t *testing.T, f *fake, l *Layer) {
		for i := range 10 {
			l.Receive(request("PUBLISH", fmt.Sprint("z9hG4bK", i)), udp, nil)
		}
		synctest.Wait()
		want(t, "responses", len(f.texts()), 10)
		contains(t, f.texts()[0], "SIP/2.0 500 ")
		want(t, "panics", l.Stats().Panics, 10)
		want(t, "lines", strings.Count(log.String(), "\n"), 1)
		contains(t, log.String(), "boom", "server_test.go")
	})
}

func TestAfterRunsOnceTheResponseIsWritten(t *testing.T) {
	var responses int
	var f *fake
	h := sip.HandlerFunc(func(context.Context, *sip.Request) (*sip.Response, error) {
		return &sip.Response{Code: 200, After: func() { responses = len(f.texts()); panic("after") }}, nil
	})
	bubble(t, Config{Handler: h}, func(t *testing.T, g *fake, l *Layer) {
		f = g
		l.Receive(request("SUBSCRIBE", "z9hG4bKs"), udp, nil)
		synctest.Wait()
		want(t, "responses before After", responses, 1)
		want(t, "panics", l.Stats().Panics, 1)
	})
}

func TestNotFinal(t *testing.T) {
	for _, code := range []int{0, 100, 180, 700} {
		bubble(t, Config{Handler: respond(&sip.Response{Code: code})}, func(t *testing.T, f *fake, l *Layer) {
			l.Receive(request("SUBSCRIBE", "z9hG4bKs"), udp, nil)
			synctest.Wait()
			contains(t, f.texts()[0], "SIP/2.0 500 ")
		})
	}
}

func TestHeldIsBounded(t *testing.T) {
	bubble(t, Config{MaxHeld: 2 * shards}, func(t *testing.T, f *fake, l *Layer) {
		for i := range 100 * shards {
			l.Receive(request("PUBLISH", fmt.Sprint("z9hG4bK", i)), udp, nil)
			synctest.Wait()
		}
		s := l.Stats()
		want(t, "held", s.Held, 2*shards)
		want(t, "forgotten", s.Forgotten, uint64(98*shards))
		time.Sleep(33 * time.Second)
		want(t, "held after Timer J", l.Stats().Held, 0)
	})
}
