package identity

import (
	"context"
	"strings"
	"testing"

	"presenced/sip"
	"presenced/sip/digest"
)

// FuzzStranger: whatever somebody without a password writes, a PUBLISH of his has no identity, and every answer is a
// refusal that tells no cause.
func FuzzStranger(f *testing.F) {
	g, _ := newGuard(f, nil)
	right := credentials(nonceOf(f, g), nil)
	f.Add(strings.Replace(right, `response="`, `response="0`, 1), "<sip:alice@example.test>", "sip:alice@example.test", "id")
	f.Add(`Digest username="sip:a@b@example.test", realm="example.test", nonce="", uri="x", response=""`, anonymousFrom, "*, tel:1", ";;,")
	f.Add(`Digest username*="x", realm="example.org", nonce="n", uri="sip:%", response="00"`, "tel:1", "<>", "none")
	f.Fuzz(func(t *testing.T, authorization, from, assertion, privacy string) {
		fields := []string{"Authorization: " + authorization, "P-Asserted-Identity: " + assertion, "Privacy: " + privacy}
		for _, field := range append(fields, from) {
			if strings.ContainsAny(field, "\r\n") || strings.Contains(field, right) {
				return
			}
		}
		text := "PUBLISH sip:alice@example.test SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.7;branch=z9hG4bK1\r\nFrom: " + from +
			";tag=f\r\nTo: <sip:alice@example.test>\r\nCall-ID: c\r\nCSeq: 1 PUBLISH\r\n" + strings.Join(fields, "\r\n") + "\r\nContent-Length: 0\r\n\r\n"
		r, err := sip.ParseRequest([]byte(text), client)
		if err != nil {
			return
		}
		if c, err := digest.Parse(authorization); err == nil && strings.Contains(right, c.Response) && c.Response != "" {
			return // the right response in other words
		}
		err = g.Identify(context.Background(), r)
		refusal, ok := err.(*sip.Error)
		if !ok || r.Identity != (sip.Identity{}) {
			t.Fatalf("identified as %+v (%v):\n%s", r.Identity, err, text)
		}
		if refusal.Code != 400 && refusal.Code != 407 {
			t.Fatalf("%v:\n%s", refusal, text)
		}
		if _, err := sip.ParseResponse(sip.AppendResponse(nil, r, refusal.Response(), "t")); err != nil {
			t.Fatalf("%v: the answer to\n%s", err, text)
		}
	})
}
