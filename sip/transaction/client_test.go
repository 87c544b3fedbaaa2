package transaction

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"presenced/sip"
	"presenced/sip/transport"
)

// RFC 3261 s.17.1.2.2: Timer E at T1, doubled up to T2; Timer F at 64*T1.
func TestRetransmissions(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, f *fake, l *Layer) {
		u := new(told)
		l.Send(notify(udp), u)
		time.Sleep(32*time.Second - time.Nanosecond)
		synctest.Wait()
		want(t, "heard before Timer F", u.String(), "slow")
		want(t, "clients", l.Stats().Clients, 1)
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		want(t, "heard at Timer F", u.String(), "slow, failed: "+ErrTimeout.Error())

		at := []float64{0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5}
		sent := f.packets()
		if len(sent) != len(at) {
			t.Fatalf("%d sends, want %d", len(sent), len(at))
		}
		for i, p := range sent {
			want(t, "sent", p.at.Seconds(), at[i])
			want(t, "bytes", p.text, sent[0].text)
		}
		want(t, "clients", l.Stats().Clients, 0)
		time.Sleep(time.Minute)
		want(t, "sends in the end", len(f.packets()), len(at))
	})
}

// What was sent at once is sent again spread, in a while.
func TestRetransmissionsAreSpread(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, f *fake, l *Layer) {
		const all = 1000
		for range all {
			l.Send(notify(udp), new(told))
		}
		f.packets()
		time.Sleep(500 * time.Millisecond)
		synctest.Wait()
		perInterval := map[time.Duration]int{}
		time.Sleep(50 * time.Millisecond)
		again := f.packets()[all:]
		for _, p := range again {
			perInterval[p.at/paceInterval]++
		}
		want(t, "sent again", len(again), all)
		want(t, "intervals", len(perInterval), (all+paceMost-1)/paceMost)
		for at, n := range perInterval {
			if n > paceMost {
				t.Errorf("%d at %v", n, at*paceInterval)
			}
		}
	})
}

func TestTheRequestOnTheWire(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, f *fake, l *Layer) {
		l.Send(notify(udp), new(told))
		l.Send(notify(tcp), new(told))
		for i, via := range []string{"Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK", "Via: SIP/2.0/TCP 192.0.2.1:5060;branch=z9hG4bK"} {
			text := f.texts()[i]
			contains(t, text, "NOTIFY sip:bob@198.51.100.7:5080 SIP/2.0\r\n"+via, ";rport\r\nFrom: ",
				"CSeq: 7 NOTIFY\r\nContent-Length: 21\r\n\r\n<presence></presence>")
			r, err := sip.ParseRequest([]byte(strings.Replace(text, "CSeq: 7 NOTIFY", "Contact: <sip:a@b>\r\nCSeq: 7 NOTIFY", 1)), udp)
			if err != nil {
				t.Fatal(err)
			}
			if _, ok := parseBranch(r.Via().Branch); !ok {
				t.Errorf("branch %q is not ours", r.Via().Branch)
			}
		}
	})
}

func TestReliableIsSentOnce(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, f *fake, l *Layer) {
		u := new(told)
		l.Send(notify(tcp), u)
		time.Sleep(33 * time.Second)
		want(t, "sends", len(f.packets()), 1)
		want(t, "heard", u.String(), "slow, failed: "+ErrTimeout.Error())
	})
}

// After a provisional response Timer E goes on at T2.
func TestProvisional(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, f *fake, l *Layer) {
		u := new(told)
		l.Send(notify(udp), u)
		time.Sleep(100 * time.Millisecond)
		l.Receive(answerTo(f.texts()[0], 100), udp, nil)
		time.Sleep(10 * time.Second)
		var at []float64
		for _, p := range f.packets() {
			at = append(at, p.at.Seconds())
		}
		if len(at) != 4 || at[1] != 0.5 || at[2] != 4.5 || at[3] != 8.5 {
			t.Errorf("sent at %v", at)
		}
		l.Receive(answerTo(f.texts()[0], 200), udp, nil)
		want(t, "heard", u.String(), "slow, answered 200")
	})
}

func TestMatchingResponses(t *testing.T) {
	change := func(old, new string) func([]byte) []byte {
		return func(b []byte) []byte { return bytes.Replace(b, []byte(old), []byte(new), 1) }
	}
	secret := func(b []byte) []byte {
		i := bytes.Index(b, []byte(";rport"))
		b[i-1] ^= 1 // a hexadecimal digit stays one
		return b
	}
	tests := []struct {
		name   string
		change func([]byte) []byte
		heard  string
		count  func(Stats) uint64
	}{
		{"ours", change("", ""), "answered 200", func(s Stats) uint64 { return s.Answered }},
		{"another method", change("7 NOTIFY", "7 MESSAGE"), "", func(s Stats) uint64 { return s.Unmatched }},
		{"a guessed branch", secret, "", func(s Stats) uint64 { return s.Unmatched }},
		{"another's branch", change("z9hG4bK", "z9hG4bKx"), "", func(s Stats) uint64 { return s.Unmatched }},
		{"a slot that is not there", change("z9hG4bK0", "z9hG4bKf"), "", func(s Stats) uint64 { return s.Unmatched }},
		{"upper case", func(b []byte) []byte {
			i := bytes.Index(b, []byte("z9hG4bK"))
			copy(b[i:], bytes.ToUpper(b[i:i+branchLength]))
			return b
		}, "answered 200", func(s Stats) uint64 { return s.Answered }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, Config{}, func(t *testing.T, f *fake, l *Layer) {
				u := new(told)
				l.Send(notify(udp), u)
				l.Receive(test.change(answerTo(f.texts()[0], 200)), udp, nil)
				want(t, "heard", u.String(), test.heard)
				want(t, "counted", test.count(l.Stats()), 1)
			})
		})
	}
}

// State Completed: more final responses are absorbed until Timer K.
func TestDuplicateResponses(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, f *fake, l *Layer) {
		u := new(told)
		l.Send(notify(udp), u)
		answer := answerTo(f.texts()[0], 200)
		for range 3 {
			l.Receive(answer, udp, nil)
		}
		want(t, "heard", u.String(), "answered 200")
		want(t, "duplicates", l.Stats().Duplicates, 2)
		time.Sleep(6 * time.Second)
		l.Receive(answer, udp, nil)
		want(t, "unmatched after Timer K", l.Stats().Unmatched, 1)
		want(t, "sends", len(f.packets()), 1)
	})
}

func TestCancel(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, f *fake, l *Layer) {
		u := new(told)
		id := l.Send(notify(udp), u)
		l.Cancel(0)
		l.Cancel(id + 1<<32)
		l.Cancel(1<<64 - 1)
		want(t, "clients", l.Stats().Clients, 1)
		l.Cancel(id)
		l.Cancel(id)
		want(t, "clients", l.Stats().Clients, 0)
		l.Receive(answerTo(f.texts()[0], 200), udp, nil)
		want(t, "duplicates", l.Stats().Duplicates, 1)
		time.Sleep(time.Minute)
		want(t, "sends", len(f.packets()), 1)
		want(t, "heard", u.String(), "")
	})
}

// Who cancels at T1 to send something else has the old one sent no more: it
// would come behind its successor.
func TestCancelBeforeARetransmission(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, f *fake, l *Layer) {
		next := new(told)
		u := &told{}
		u.slow = func(id ID) {
			l.Cancel(id)
			l.Send(notify(udp), next)
		}
		l.Send(notify(udp), u)
		time.Sleep(DefaultTimers.T1 + time.Millisecond)
		want(t, "sends", len(f.packets()), 2)
		want(t, "clients", l.Stats().Clients, 1)
	})
}

func TestTransportErrorIsToldLater(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, f *fake, l *Layer) {
		f.refuse = map[netip.AddrPort]error{remote: transport.ErrClosed}
		u := new(told)
		l.Send(notify(tcp), u)
		want(t, "heard inside Send", u.String(), "")
		synctest.Wait()
		want(t, "heard", u.String(), "failed: "+transport.ErrClosed.Error())
		want(t, "clients", l.Stats().Clients, 0)
	})
}

// A callback may send the next request and cancel.
func TestSendInsideACallback(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, f *fake, l *Layer) {
		next := new(told)
		u := &told{hook: func(ID) { l.Cancel(l.Send(notify(udp), next)) }}
		l.Send(notify(udp), u)
		l.Receive(answerTo(f.texts()[0], 200), udp, nil)
		want(t, "sends", len(f.packets()), 2)
	})
}

var hops = []transport.Hop{
	{Proto: sip.UDP, Addr: netip.MustParseAddrPort("203.0.113.1:5060")},
	{Proto: sip.TCP, Addr: netip.MustParseAddrPort("203.0.113.2:5060")},
	{Proto: sip.UDP, Addr: netip.MustParseAddrPort("203.0.113.3:5060")},
}

func routed(t *testing.T) *Outgoing {
	o := notify(sip.Flow{})
	u, err := sip.ParseURI("sip:proxy.example.test;lr")
	if err != nil {
		t.Fatal(err)
	}
	o.Target.Route = u
	return o
}

// RFC 3263 s.4.3: a hop that is silent, cannot be reached or answers 503
// gives way to the next, with a new branch.
func TestHops(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, f *fake, l *Layer) {
		f.hops = hops
		u := new(told)
		l.Send(routed(t), u)
		synctest.Wait()
		first := f.texts()[0]
		time.Sleep(33 * time.Second) // the first is silent
		sent := f.packets()
		second := sent[len(sent)-1]
		want(t, "second hop", second.flow.Remote, hops[1].Addr)
		contains(t, second.text, "Via: SIP/2.0/TCP ")
		want(t, "Vias", strings.Count(second.text, "Via:"), 1)
		l.Receive(answerTo(second.text, 503), udp, nil)
		synctest.Wait()
		third := f.packets()[len(f.packets())-1]
		want(t, "third hop", third.flow.Remote, hops[2].Addr)
		l.Receive(answerTo(first, 200), udp, nil)
		l.Receive(answerTo(second.text, 200), udp, nil)
		want(t, "answers of the given up", l.Stats().Unmatched, 2)
		l.Receive(answerTo(third.text, 503), udp, nil) // the last one's is the outcome
		want(t, "heard", u.String(), "slow, answered 503")
		want(t, "clients", l.Stats().Clients, 0)
	})
}

func TestHopsThatCannotBeReached(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, f *fake, l *Layer) {
		f.hops = hops
		f.refuse = map[netip.AddrPort]error{hops[0].Addr: errors.New("network is unreachable")}
		f.connect = func(_ context.Context, hop transport.Hop) (sip.Flow, error) {
			if hop.Proto == sip.TCP {
				return sip.Flow{}, errors.New("connection refused")
			}
			return sip.Flow{Proto: sip.UDP, Local: local, Remote: hop.Addr}, nil
		}
		u := new(told)
		l.Send(routed(t), u)
		synctest.Wait()
		want(t, "last hop", f.packets()[1].flow.Remote, hops[2].Addr)
		l.Receive(answerTo(f.texts()[1], 200), udp, nil)
		want(t, "heard", u.String(), "answered 200")
	})
}

// A hop that answered 100 has the request: it goes nowhere else.
func TestNoNextHopAfterProvisional(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, f *fake, l *Layer) {
		f.hops = hops
		u := new(told)
		l.Send(routed(t), u)
		synctest.Wait()
		l.Receive(answerTo(f.texts()[0], 100), udp, nil)
		time.Sleep(33 * time.Second)
		want(t, "heard", u.String(), "slow, failed: "+ErrTimeout.Error())
	})
}

func TestRouteFailures(t *testing.T) {
	bubble(t, Config{MaxRouting: 1}, func(t *testing.T, f *fake, l *Layer) {
		u := new(told)
		l.Send(routed(t), u)
		synctest.Wait()
		want(t, "no such host", u.String(), "failed: no such host")

		f.hops = []transport.Hop{}
		u = new(told)
		l.Send(routed(t), u)
		synctest.Wait()
		want(t, "no hop", u.String(), "failed: "+ErrNoHop.Error())

		f.hops = hops[1:2]
		f.connect = func(ctx context.Context, _ transport.Hop) (sip.Flow, error) {
			<-ctx.Done()
			return sip.Flow{}, ctx.Err()
		}
		waiting, busy, cancelled := new(told), new(told), new(told)
		l.Send(routed(t), waiting)
		l.Send(routed(t), busy)
		time.Sleep(time.Second)
		want(t, "too many", busy.String(), "failed: "+ErrBusy.Error())
		want(t, "connecting", waiting.String(), "slow")
		time.Sleep(32 * time.Second)
		want(t, "connected never", waiting.String(), "slow, failed: context deadline exceeded")

		id := l.Send(routed(t), cancelled)
		l.Cancel(id)
		time.Sleep(33 * time.Second)
		want(t, "cancelled", cancelled.String(), "")
		want(t, "clients", l.Stats().Clients, 0)
	})
}
