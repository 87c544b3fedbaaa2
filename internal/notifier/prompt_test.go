package notifier_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"presenced/internal/notifier"
	"presenced/internal/store"
	"presenced/sip"
)

func prompt(c *notifier.Config) { c.Prompt = c.Feed.(notifier.Prompt) }

// publisher is a handler that publishes the request's body for bob.
func (n *node) publisher(outcome error) sip.Handler {
	return n.Promptly(sip.HandlerFunc(func(ctx context.Context, r *sip.Request) (*sip.Response, error) {
		text := string(r.Body())
		if err := n.engine.Publish(ctx, bobKey, store.Publish{Publication: store.Publication{
			ID: text, Tag: text, Body: []byte(text), TTL: time.Hour}}); err != nil {
			return nil, err
		}
		return sip.NewResponse(sip.StatusOK), outcome
	}))
}

func publication(t *testing.T, text string) *sip.Request {
	t.Helper()
	r, err := sip.ParseRequest(fmt.Appendf(nil, "PUBLISH %s SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1\r\n"+
		"From: <%s>;tag=1\r\nTo: <%s>\r\nCall-ID: p\r\nCSeq: 1 PUBLISH\r\nEvent: test\r\nContent-Length: %d\r\n\r\n%s",
		bob, bob, bob, len(text), text), sip.Flow{Proto: sip.UDP})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// sentNow is how many NOTIFYs have been sent, without giving others a turn.
func (s *sender) sentNow() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sent)
}

// Who publishes tells the watchers, after the answer and before doing
// anything else.
func TestPromptly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := start(t, prompt)
		n.watcher("alice").settled(600)
		res, err := n.publisher(nil).ServeSIP(t.Context(), publication(t, "open"))
		if err != nil {
			t.Fatal(err)
		}
		n.none()
		res.After()
		if got := n.sender.sentNow(); got != 1 {
			t.Errorf("%d NOTIFYs sent by who has published", got)
		}
		f := n.one()
		f.has(t, "open")
		n.answer(f, 200)
		n.none()
		n.publish("closed") // the feed works as before
		n.one().has(t, "closed")
	})
}

// Many watchers, a state that cannot be loaded, a failure of the answer: they
// are told all the same.
func TestPromptlyOrLater(t *testing.T) {
	for name, test := range map[string]struct {
		watchers int
		away     error
		outcome  error
	}{
		"many":   {watchers: 101},
		"away":   {watchers: 1, away: store.ErrUnavailable},
		"failed": {watchers: 1, outcome: errors.New("after it was stored")},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := start(t, prompt)
				for i := range test.watchers {
					n.watcher(fmt.Sprint("w", i)).settled(600)
				}
				n.fail(nil, test.away)
				res, err := n.publisher(test.outcome).ServeSIP(t.Context(), publication(t, "open"))
				if err == nil {
					res.After()
				}
				synctest.Wait()
				n.fail(nil, nil)
				time.Sleep(5 * time.Second)
				if got := n.answerAll(200); got != test.watchers {
					t.Errorf("%d NOTIFYs for %d watchers", got, test.watchers)
				}
			})
		})
	}
}

// A panic in the handler leaves the feed as it was.
func TestPromptlyAfterAPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := start(t, prompt)
		n.watcher("alice").settled(600)
		func() {
			defer func() { recover() }()
			n.Promptly(sip.HandlerFunc(func(context.Context, *sip.Request) (*sip.Response, error) {
				n.publish("open")
				panic("a fault")
			})).ServeSIP(t.Context(), publication(t, ""))
		}()
		f := n.one()
		f.has(t, "open")
		n.answer(f, 200)
		n.publish("closed")
		n.one().has(t, "closed")
	})
}
