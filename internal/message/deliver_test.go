package message

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"presenced/internal/store"
	"presenced/sip"
	"presenced/sip/transaction"
	"presenced/sip/transport"
)

var failures = map[string]error{
	"closed": fmt.Errorf("write: %w", transport.ErrClosed), "timeout": transaction.ErrTimeout,
	"broken": errors.New("no route to host"), "large": transaction.ErrTooLarge,
}

// serve delivers a message to contacts that answer as told, in virtual time.
func serve(t *testing.T, answers []string, r *sip.Request) (got string, took time.Duration) {
	synctest.Test(t, func(t *testing.T) {
		var b bindings
		for i := range answers {
			b = append(b, bound(fmt.Sprintf("sip:%d@198.51.100.7", i), udp(uint16(5070+i))))
		}
		s := newService(b, &sender{t: t, script: func(b *branchOf) string {
			return answers[b.request.RequestURI()[4]-'0']
		}})
		start := time.Now()
		got = outcomeOf(s.Message(t.Context(), r))
		took = time.Since(start)
		time.Sleep(time.Minute) // the late ones
		synctest.Wait()
		if len(s.loops.live) != 0 {
			t.Errorf("remembered for ever: %v", s.loops.live)
		}
	})
	return got, took
}

func TestBestResponse(t *testing.T) {
	const s = time.Second
	tests := []struct {
		answers string // divided by |
		want    string
		took    time.Duration
	}{
		{"200", "200", 0},
		{"202", "202", 0},
		{"20 200|1 200", "200", s},          // the first success
		{"0 404|5 486|7 200", "200", 7 * s}, // success goes before failure
		{"1 603|3 200", "200", 3 * s},       // even before a 6xx
		{"1 603|3 404", "603", 3 * s},       // else 6xx goes first
		{"500|3 404", "404", 3 * s},         // the lowest class
		{"500|302\nContact: <sip:x@y>", "302 Contact=<sip:x@y>", 0},
		{"486|415\nAccept: text/plain", "415 Accept=text/plain", 0},
		{"503\nRetry-After: 9", "500", 0},
		{"503|3 501", "501", 3 * s},
		{"503|3 404", "404", 3 * s},
		{"408", "480", 0}, // RFC 4320
		{"408|3 486", "486", 3 * s},
		{"timeout", "480", 0},
		{"closed", "480", 0},
		{"broken", "500", 0}, // counts as a 503
		{"large", "513", 0},
		{"closed|2 404", "404", 2 * s},
		{"32 timeout", "480", 24 * s},
		{"32 timeout|1 404", "404", 24 * s},
		{"32 timeout|23 200", "200", 23 * s},
		{"30 200", "480", 24 * s}, // too late: nobody hears of it
		{"1 401\nWWW-Authenticate: A|2 407\nProxy-Authenticate: B\nProxy-Authenticate: C|403",
			"401 WWW-Authenticate=A Proxy-Authenticate=B Proxy-Authenticate=C", 2 * s},
		{"200\nContact: <sip:b@198.51.100.7>\nUser-Agent: P\nRecord-Route: <sip:x;lr>", "200 User-Agent=P", 0},
		{"404\nContact: <sip:b@198.51.100.7>\nWarning: 399 b x", "404 Warning=399 b x", 0},
	}
	for _, test := range tests {
		t.Run(test.answers, func(t *testing.T) {
			got, took := serve(t, strings.Split(test.answers, "|"), message(t))
			if got != test.want || took != test.took {
				t.Errorf("%s after %v, want %s after %v", got, took, test.want, test.took)
			}
		})
	}
}

func TestRefusedBeforeForwarding(t *testing.T) {
	to := func(uri string) string {
		return strings.Replace(messageText(), "MESSAGE sip:bob@example.com", "MESSAGE "+uri, 1)
	}
	tests := []struct {
		name, text string
		sender     string
		want       string
	}{
		{"delivered", messageText(), alice, "200"},
		{"im: is the same inbox", to("im:bob@EXAMPLE.com"), alice, "200"},
		{"no sender", messageText(), "", "403"},
		{"no such inbox", to("sip:nobody@example.com"), alice, "404"},
		{"no inbox at all", to("sip:example.com"), alice, "404"},
		{"registered nowhere", to("sip:alice@example.com"), alice, "480"},
		{"no TLS to the contact", to("sips:bob@example.com"), alice, "480"},
		{"too large", strings.Replace(messageText(), "5\r\n\r\nHello", "1001\r\n\r\n"+strings.Repeat("x", 1001), 1), alice, "413"},
		{"Max-Forwards 0", messageText("Max-Forwards: 0"), alice, "483"},
		{"Max-Forwards 1", messageText("Max-Forwards: 1"), alice, "200"},
		{"Max-Breadth 0", messageText("Max-Breadth: 0"), alice, "400"},
		{"Max-Breadth odd", messageText("Max-Breadth: x"), alice, "400"},
		{"Max-Breadth huge", messageText("Max-Breadth: 99999999999999999999"), alice, "200"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newService(bindings{bound("sip:b@198.51.100.7", udp(5070))}, &sender{t: t, script: func(*branchOf) string { return "200" }})
			r := parse(t, test.text)
			r.Identity.AOR = test.sender
			if got := outcomeOf(s.Message(context.Background(), r)); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

// awayStore is a store that does not answer.
type awayStore struct{}

func (awayStore) Bindings(context.Context, string) (store.Registration, error) {
	return store.Registration{}, store.ErrUnavailable
}

func TestStoreAway(t *testing.T) {
	s := New(Config{Store: awayStore{}})
	if got := outcomeOf(s.Message(context.Background(), message(t))); got != "503 Retry-After=5" {
		t.Error(got)
	}
}

// A message whose Max-Breadth is 2 is tried at two contacts, and at the next
// when one of them has failed.
func TestBreadth(t *testing.T) {
	tests := []struct {
		breadth string
		answers []string
		shares  string
		want    string
		took    time.Duration
	}{
		{"", []string{"404", "404", "404"}, "20 20 20", "404", 0},
		{"Max-Breadth: 61", []string{"404", "404"}, "30 30", "404", 0},
		{"Max-Breadth: 8", []string{"404", "404", "404"}, "2 3 3", "404", 0},
		{"Max-Breadth: 2", []string{"1 404", "5 404", "2 200"}, "1 1 1", "200", 3 * time.Second},
		{"Max-Breadth: 1", []string{"1 404", "1 603", "1 200"}, "1 1", "603", 2 * time.Second},
		{"Max-Breadth: 1", []string{"1 200", "1 200"}, "1", "200", time.Second},
	}
	for _, test := range tests {
		synctest.Test(t, func(t *testing.T) {
			var b bindings
			for i := range test.answers {
				b = append(b, bound(fmt.Sprintf("sip:%d@h", i), udp(uint16(5070+i))))
			}
			out := &sender{t: t, script: func(b *branchOf) string { return test.answers[b.request.RequestURI()[4]-'0'] }}
			var lines []string
			if test.breadth != "" {
				lines = append(lines, test.breadth)
			}
			start := time.Now()
			got := outcomeOf(newService(b, out).Message(t.Context(), message(t, lines...)))
			took := time.Since(start)
			time.Sleep(time.Minute)
			var shares []string
			for _, sent := range out.sent {
				if n := len(sent.request.Values("Max-Breadth")); n != 1 {
					t.Errorf("%d Max-Breadths", n)
				}
				shares = append(shares, sent.request.Header("Max-Breadth"))
			}
			slices.Sort(shares)
			if got != test.want || took != test.took || strings.Join(shares, " ") != test.shares {
				t.Errorf("%s: %s after %v with shares %v", test.breadth, got, took, shares)
			}
		})
	}
}

func TestLoops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &sender{t: t, script: func(*branchOf) string { return "5 404" }}
		s := newService(bindings{bound("sip:b@198.51.100.7", udp(5070))}, out)
		first := make(chan string, 1)
		go func() { first <- outcomeOf(s.Message(t.Context(), message(t))) }()
		synctest.Wait()
		const through = "Via: SIP/2.0/UDP 198.51.100.7;branch=z9hG4bKb, SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKours, SIP/2.0/UDP 198.51.100.9:5062;branch=z9hG4bKa"
		const around = "Via: SIP/2.0/UDP 198.51.100.7;branch=z9hG4bKb, SIP/2.0/UDP 198.51.100.9:5062;branch=z9hG4bKa"
		back := func(lines string) string { return outcomeOf(s.Message(t.Context(), message(t, lines))) }
		if got := back(through); got != "482" {
			t.Errorf("a loop: %s", got)
		}
		if got := back(around); got != "404" {
			t.Errorf("a merged request: %s", got)
		}
		spiral := parse(t, strings.Replace(messageText(through), "MESSAGE sip:bob@", "MESSAGE sip:alice@", 1))
		if got := outcomeOf(s.Message(t.Context(), spiral)); got != "480" {
			t.Errorf("a spiral: %s", got)
		}
		if got := <-first; got != "404" {
			t.Errorf("the first one: %s", got)
		}
		synctest.Wait()
		if got := back(through); got != "404" {
			t.Errorf("afterwards: %s", got)
		}
	})
}

func TestLostConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(bindings{
			bound("sip:gone@h", tcp(1)), bound("sip:path@h", tcp(1), "<sip:p.example.net;lr>"), bound("sip:here@h", tcp(2)),
		}, &sender{t: t, script: func(b *branchOf) string {
			if strings.Contains(b.request.RequestURI(), "here") {
				return "200"
			}
			return "1 closed"
		}})
		s.Log = slog.New(slog.DiscardHandler)
		var told []string
		s.Unreachable = func(_ context.Context, aor, contact, flow string) error {
			told = append(told, aor+" "+contact+" "+flow)
			return store.ErrUnavailable
		}
		if got := outcomeOf(s.Message(t.Context(), message(t))); got != "200" {
			t.Error(got)
		}
		time.Sleep(time.Minute) // the branch ends after the answer
		synctest.Wait()
		want := bob + " sip:gone@h " + string(tcp(1).Text())
		if len(told) != 1 || told[0] != want {
			t.Errorf("told %v", told)
		}
	})
}
