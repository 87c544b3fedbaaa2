package transaction

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"presenced/sip"
)

// TestRecycled: an ordered request is its handler's until After has run, and
// then nobody's. One that has no order stays whole for who keeps it.
func TestRecycled(t *testing.T) {
	for _, c := range []struct {
		method, kept string
		inline       bool
	}{
		{"PUBLISH", "", true},
		{"PUBLISH", "", false},
		{"MESSAGE", "MESSAGE", false},
	} {
		t.Run(fmt.Sprint(c.method, " inline ", c.inline), func(t *testing.T) {
			var seen *sip.Request
			after := ""
			h := sip.HandlerFunc(func(_ context.Context, r *sip.Request) (*sip.Response, error) {
				seen = r
				return &sip.Response{Code: 200, After: func() { after = r.Method() + " " + r.Via().Branch }}, nil
			})
			bubble(t, Config{Handler: h, Inline: c.inline}, func(t *testing.T, f *fake, l *Layer) {
				l.Receive(request(c.method, "z9hG4bK1"), udp, nil)
				synctest.Wait()
				want(t, "in After", after, c.method+" z9hG4bK1")
				want(t, "kept", seen.Method(), c.kept)
				l.Receive(request(c.method, "z9hG4bK1"), udp, nil) // a repeat needs nothing of it
				synctest.Wait()
				want(t, "answers", len(f.packets()), 2)
				want(t, "the second answer", f.packets()[1].text, f.packets()[0].text)
			})
		})
	}
}

// TestLent: the bytes of a request whose method is lent are whole until After
// has run, also for the 100 that becomes due meanwhile, and then nobody's.
func TestLent(t *testing.T) {
	for _, c := range []struct {
		method, left string
	}{
		{"PUBLISH", strings.Repeat("\x00", len("z9hG4bK1"))},
		{"SUBSCRIBE", "z9hG4bK1"},
		{"MESSAGE", "z9hG4bK1"},
	} {
		t.Run(c.method, func(t *testing.T) {
			kept, after := "", ""
			h := sip.HandlerFunc(func(_ context.Context, r *sip.Request) (*sip.Response, error) {
				kept = r.Via().Branch
				time.Sleep(4 * time.Second)
				return &sip.Response{Code: 200, After: func() { after = strings.Clone(kept) }}, nil
			})
			bubble(t, Config{Handler: h, Lent: []string{"PUBLISH", "MESSAGE"}}, func(t *testing.T, f *fake, l *Layer) {
				l.Receive(request(c.method, "z9hG4bK1"), udp, nil)
				time.Sleep(5 * time.Second)
				synctest.Wait()
				want(t, "in After", after, "z9hG4bK1")
				want(t, "left", kept, c.left)
				sent := f.packets()
				want(t, "answers", len(sent), 2)
				for _, p := range sent {
					want(t, "branch in the answer", strings.Contains(p.text, "branch=z9hG4bK1"), true)
				}
				l.Receive(request(c.method, "z9hG4bK1"), udp, nil) // a repeat brings what it needs
				synctest.Wait()
				want(t, "the answer again", f.packets()[2].text, sent[1].text)
			})
		})
	}
}
