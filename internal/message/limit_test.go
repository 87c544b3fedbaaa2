package message

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"presenced/sip"
	"presenced/sip/transaction"
)

// Where enough is unanswered a MESSAGE is dropped before it costs anything;
// one over TCP hears 503. An answer makes room, and so does T1.
func TestUnansweredRelaysAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var users []transaction.User
		to := &silent{send: func(u transaction.User) { users = append(users, u) }}
		s := New(Config{Store: bindings{bound("sip:0@198.51.100.7", udp(5070))}, Sender: to, Agent: "here", MaxRelays: 3})
		offer := func(flow sip.Flow) (*sip.Response, error) {
			r := message(t)
			r.Flow = flow
			res, err := s.Message(t.Context(), r)
			if err == nil && res.Later != nil {
				res.Later(func(*sip.Response, error) {})
			}
			return res, err
		}
		expect := func(when string, sent int) {
			t.Helper()
			before := len(users)
			for range sent + 2 {
				if _, err := offer(udp(5080)); err != nil {
					t.Error(err)
				}
			}
			if n := len(users) - before; n != sent {
				t.Errorf("%s: %d forwarded, not %d", when, n, sent)
			}
		}
		expect("at first", 3)
		if res, err := offer(udp(5080)); err != nil || !res.Silent {
			t.Errorf("over UDP: %v, %v", res, err)
		}
		var refusal *sip.Error
		if _, err := offer(tcp(1)); !errors.As(err, &refusal) || refusal.Code != sip.StatusServiceUnavailable {
			t.Errorf("over TCP: %v", err)
		}
		users[0].Failed(1, transaction.ErrTimeout)
		expect("one has failed", 1)
		users[1].Slow(2)
		expect("one is slow", 1)
		users[1].Failed(2, transaction.ErrTimeout)
		expect("the slow one has failed", 0)
		for i, u := range users[2:] {
			u.Failed(transaction.ID(i), transaction.ErrTimeout)
		}
		if n := s.limit.unanswered.Load(); n != 0 {
			t.Error(n, "unanswered at the end")
		}
		time.Sleep(time.Minute)
	})
}

// silent answers nothing.
type silent struct{ send func(transaction.User) }

func (s *silent) Send(_ *transaction.Outgoing, u transaction.User) transaction.ID {
	s.send(u)
	return 1
}
