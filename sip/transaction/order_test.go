package transaction

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"presenced/sip"
)

// A slow first request holds those of its line and nobody else.
func TestOrder(t *testing.T) {
	var mu sync.Mutex
	done := map[string][]uint32{}
	of := func(method string) []uint32 {
		mu.Lock()
		defer mu.Unlock()
		return done[method]
	}
	h := sip.HandlerFunc(func(_ context.Context, r *sip.Request) (*sip.Response, error) {
		if r.CSeq() == 1 {
			time.Sleep(time.Second)
		}
		mu.Lock()
		defer mu.Unlock()
		done[r.Method()] = append(done[r.Method()], r.CSeq())
		return &sip.Response{Code: 200}, nil
	})
	bubble(t, Config{Handler: h}, func(t *testing.T, f *fake, l *Layer) {
		for _, method := range []string{"PUBLISH", "MESSAGE"} {
			for i := 1; i <= 50; i++ {
				flow := udp
				if i%2 == 0 {
					flow = tcp // order is by address-of-record, never by connection
				}
				l.Receive(request(method, fmt.Sprint("z9hG4bK", i), fmt.Sprintf("CSeq: %d %s", i, method)), flow, nil)
			}
		}
		synctest.Wait()
		want(t, "MESSAGEs done while one waits", len(of("MESSAGE")), 49)
		want(t, "PUBLISHes done while one waits", len(of("PUBLISH")), 0)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		for i, n := range of("PUBLISH") {
			want(t, "PUBLISH", n, uint32(i+1))
		}
		want(t, "PUBLISHes", len(of("PUBLISH")), 50)
		want(t, "pending", l.Stats().Pending, 0)
	})
}

func TestDefaultOrder(t *testing.T) {
	tests := []struct {
		request []byte
		key     string
		ordered bool
	}{
		{request("PUBLISH", "z9hG4bK"), "sip:bob@example.test", true},
		{request("SUBSCRIBE", "z9hG4bK"), "sip:bob@example.test", true},
		{request("SUBSCRIBE", "z9hG4bK", "To: <sip:bob@example.test>;tag=t1"), "t1", true},
		{request("REGISTER", "z9hG4bK", "To: <sip:carol@Example.test:5060;x=y>"), "sip:carol@example.test", true},
		{request("MESSAGE", "z9hG4bK"), "", false},
		{request("OPTIONS", "z9hG4bK"), "c1@198.51.100.7", true},
	}
	for _, test := range tests {
		r, err := sip.ParseRequest(test.request, udp)
		if err != nil {
			t.Fatal(err)
		}
		key, ordered := DefaultOrder(r)
		want(t, r.Method()+" key", key, test.key)
		want(t, r.Method()+" ordered", ordered, test.ordered)
	}
}

// Without room UDP requests are dropped, to be sent again; others get a 503.
func TestOverload(t *testing.T) {
	gate := make(chan struct{})
	h := sip.HandlerFunc(func(context.Context, *sip.Request) (*sip.Response, error) {
		<-gate
		return &sip.Response{Code: 200}, nil
	})
	crowd := func(t *testing.T, f *fake, l *Layer) {
		gate = make(chan struct{})
		for i := range 20 {
			l.Receive(request("PUBLISH", fmt.Sprint("z9hG4bKhot", i)), udp, nil)
		}
		synctest.Wait()
		want(t, "dropped from the hot line", l.Stats().Dropped, 16) // a quarter of MaxPending stays
		l.Receive(request("PUBLISH", "z9hG4bKtcp"), tcp, nil)
		want(t, "responses", len(f.texts()), 1)
		contains(t, f.texts()[0], "SIP/2.0 503 ", "Retry-After: 5\r\n")

		other := strings.Replace(string(request("PUBLISH", "z9hG4bKcold")), "sip:bob@", "sip:zoe@", 1)
		l.Receive([]byte(other), udp, nil)
		want(t, "another line has room", l.Stats().Dropped, 17)
		close(gate)
		synctest.Wait()
		want(t, "responses", len(f.texts()), 6)
		l.Receive(request("PUBLISH", "z9hG4bKhot19"), udp, nil) // the client's retransmission
		synctest.Wait()
		want(t, "responses", len(f.texts()), 7)
		want(t, "pending", l.Stats().Pending, 0)
	}
	bubble(t, Config{Handler: h, MaxPending: 16}, crowd)
}

func TestUnorderedIsBounded(t *testing.T) {
	h := sip.HandlerFunc(func(ctx context.Context, _ *sip.Request) (*sip.Response, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	})
	bubble(t, Config{Handler: h, MaxUnordered: 4}, func(t *testing.T, f *fake, l *Layer) {
		for i := range 10 {
			l.Receive(request("MESSAGE", fmt.Sprint("z9hG4bK", i)), udp, nil)
		}
		synctest.Wait()
		want(t, "pending", l.Stats().Pending, 4)
		want(t, "dropped", l.Stats().Dropped, 6)
	})
}

func TestDrain(t *testing.T) {
	h := sip.HandlerFunc(func(context.Context, *sip.Request) (*sip.Response, error) {
		time.Sleep(2 * time.Second)
		return &sip.Response{Code: 200}, nil
	})
	bubble(t, Config{Handler: h}, func(t *testing.T, f *fake, l *Layer) {
		l.Receive(request("PUBLISH", "z9hG4bK1"), udp, nil)
		u := new(told)
		l.Send(notify(udp), u)
		start := time.Now()
		go func() {
			time.Sleep(time.Second)
			l.Receive(request("PUBLISH", "z9hG4bK2"), udp, nil)
			time.Sleep(3 * time.Second)
			l.Receive(answerTo(f.texts()[0], 200), udp, nil)
		}()
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := l.Drain(short); err == nil {
			t.Error("Drain did not wait")
		}
		if err := l.Drain(t.Context()); err != nil {
			t.Error(err)
		}
		if took := time.Since(start); took < 4*time.Second || took > 5*time.Second {
			t.Errorf("drained after %v", took)
		}
		want(t, "the new request", l.Stats().Dropped, 1)
		want(t, "heard", u.String(), "slow, answered 200")
	})
}

func TestCloseEndsHandlersAndTransactions(t *testing.T) {
	h := sip.HandlerFunc(func(ctx context.Context, _ *sip.Request) (*sip.Response, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	})
	bubble(t, Config{Handler: h}, func(t *testing.T, f *fake, l *Layer) {
		for i := range 3 {
			l.Receive(request("PUBLISH", fmt.Sprint("z9hG4bK", i)), udp, nil)
		}
		u := new(told)
		l.Send(notify(udp), u)
		l.Close()
		want(t, "heard", u.String(), "failed: "+ErrClosed.Error())
		want(t, "pending", l.Stats().Pending, 0)
		late := new(told)
		l.Send(notify(udp), late)
		l.Receive(request("PUBLISH", "z9hG4bKlate"), udp, nil)
		synctest.Wait()
		want(t, "heard after Close", late.String(), "failed: "+ErrClosed.Error())
		want(t, "clients", l.Stats().Clients, 0)
	})
}

// Inline, a handler runs on the receiving goroutine where its line is free.
func TestInline(t *testing.T) {
	ran := 0
	h := sip.HandlerFunc(func(context.Context, *sip.Request) (*sip.Response, error) {
		ran++
		return &sip.Response{Code: 200}, nil
	})
	bubble(t, Config{Handler: h, Inline: true}, func(t *testing.T, f *fake, l *Layer) {
		for i := range 3 {
			l.Receive(request("PUBLISH", fmt.Sprint("z9hG4bK", i)), udp, nil)
			want(t, "handlers that have run", ran, i+1)
			want(t, "responses", len(f.texts()), i+1)
		}
	})
}
