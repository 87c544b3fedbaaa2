package digest

import (
	"encoding/base64"
	"net/netip"
	"strings"
	"testing"
	"time"
)

var (
	epoch  = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) // the beginning of a slot
	host   = netip.MustParseAddr("192.0.2.1")
	other  = netip.MustParseAddr("192.0.2.2")
	oldKey = Key{ID: 1, Secret: [32]byte{1}}
	newKey = Key{ID: 2, Secret: [32]byte{2}}
	seed   = NonceSeed{Branch: "z9hG4bK1", CallID: "call-1", CSeq: 1, Source: host}
)

func TestNonceIsAFunctionOfTheRequest(t *testing.T) {
	keys := NewKeys(oldKey, nil)
	nonce := keys.Nonce(seed, epoch)
	if len(nonce) != 44 {
		t.Errorf("a nonce of %d characters: %s", len(nonce), nonce)
	}
	mapped := seed
	mapped.Source = netip.AddrFrom16(host.As16())
	for name, same := range map[string]string{
		"repeated":         keys.Nonce(seed, epoch.Add(Slot-1)),
		"at another agent": NewKeys(oldKey, &newKey).Nonce(seed, epoch),
		"mapped to IPv6":   keys.Nonce(mapped, epoch),
	} {
		if same != nonce {
			t.Errorf("%s: %s, want %s", name, same, nonce)
		}
	}
	change := func(f func(*NonceSeed)) string {
		s := seed
		f(&s)
		return keys.Nonce(s, epoch)
	}
	for name, different := range map[string]string{
		"next slot":   keys.Nonce(seed, epoch.Add(Slot)),
		"another key": NewKeys(newKey, &oldKey).Nonce(seed, epoch),
		"branch":      change(func(s *NonceSeed) { s.Branch = "z9hG4bK2" }),
		"Call-ID":     change(func(s *NonceSeed) { s.CallID = "call-2" }),
		"CSeq":        change(func(s *NonceSeed) { s.CSeq = 2 }),
		"host":        change(func(s *NonceSeed) { s.Source = other }),
		"border":      change(func(s *NonceSeed) { s.Branch, s.CallID = "z9hG4bK", "1call-1" }),
		"long":        change(func(s *NonceSeed) { s.CallID = strings.Repeat("x", 5000) }),
		"long, end":   change(func(s *NonceSeed) { s.CallID = strings.Repeat("x", 4999) + "y" }),
	} {
		if different == nonce {
			t.Errorf("%s: the same nonce", name)
		}
	}
}

func TestIssuedAt(t *testing.T) {
	nonce := NewKeys(oldKey, nil).Nonce(seed, epoch.Add(Slot-time.Millisecond))
	rotated := NewKeys(newKey, &oldKey)
	if at, ok := rotated.IssuedAt(nonce); !ok || !at.Equal(epoch) {
		t.Errorf("issued at %v, %v, want %v", at, ok, epoch)
	}
	if _, ok := NewKeys(newKey, nil).IssuedAt(nonce); ok {
		t.Error("the key is gone, but the nonce is genuine")
	}
	if _, ok := NewKeys(Key{ID: oldKey.ID, Secret: newKey.Secret}, nil).IssuedAt(nonce); ok {
		t.Error("another key of the same id, but the nonce is genuine")
	}
}

func TestForgedNonce(t *testing.T) {
	keys := NewKeys(oldKey, &newKey)
	nonce := keys.Nonce(seed, epoch)
	raw, err := base64.StdEncoding.DecodeString(nonce)
	if err != nil {
		t.Fatal(err)
	}
	for bit := range nonceLen * 8 {
		raw[bit/8] ^= 1 << (bit % 8)
		if _, ok := keys.IssuedAt(base64.StdEncoding.EncodeToString(raw)); ok {
			t.Errorf("genuine with bit %d changed", bit)
		}
		raw[bit/8] ^= 1 << (bit % 8)
	}
	for _, bad := range []string{"", "n", nonce[:43], nonce + "A", nonce[:40] + "\r\n\r\n", nonce[:42] + "==", strings.Repeat("-", 44), " " + nonce[1:]} {
		if _, ok := keys.IssuedAt(bad); ok {
			t.Errorf("genuine: %q", bad)
		}
	}
}

func FuzzNonce(f *testing.F) {
	keys := NewKeys(oldKey, nil)
	nonce := keys.Nonce(seed, epoch)
	f.Add(nonce)
	f.Add(nonce[:43] + "=")
	f.Fuzz(func(t *testing.T, text string) {
		if _, ok := keys.IssuedAt(text); ok && text != nonce {
			t.Errorf("another spelling or a forgery: %q", text)
		}
	})
}

func BenchmarkNonce(b *testing.B) {
	keys := NewKeys(oldKey, nil)
	b.ReportAllocs()
	for b.Loop() {
		keys.Nonce(seed, epoch)
	}
}
