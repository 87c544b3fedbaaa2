package transaction

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"

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
