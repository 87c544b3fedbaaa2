package registrar

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"presenced/sip"
)

// packet is one message of a capture.
type packet struct {
	flow sip.Flow
	raw  []byte
}

// capture reads the messages of a recording: each stands after a line
// "### +time UDP source -> destination size bytes".
func capture(t *testing.T, name string) (packets []packet) {
	folder := os.Getenv("PRESENCED_RFC_DATA")
	if folder == "" {
		t.Skip("PRESENCED_RFC_DATA is not set")
	}
	data, err := os.ReadFile(filepath.Join(folder, "captures", name))
	if err != nil {
		t.Fatal(err)
	}
	for part := range strings.SplitSeq("\n"+string(data), "\n### ") {
		line, message, _ := strings.Cut(part, "\n")
		var at, proto, source, arrow, destination string
		if n, _ := fmt.Sscan(line, &at, &proto, &source, &arrow, &destination); n < 5 {
			continue
		}
		flow := sip.Flow{Proto: sip.UDP, Local: netip.MustParseAddrPort(destination), Remote: netip.MustParseAddrPort(source)}
		raw := strings.ReplaceAll(strings.ReplaceAll(message, "\r\n", "\n"), "\n", "\r\n")
		packets = append(packets, packet{flow, []byte(raw)})
	}
	return packets
}

// Every REGISTER that a real client sent with credentials is answered 200; it
// binds one contact or, with Expires: 0, leaves none.
func TestCapturedClients(t *testing.T) {
	for _, name := range []string{"purple.txt", "linphone.txt", "baresip.txt", "linphone-rls.txt"} {
		t.Run(name, func(t *testing.T) {
			m := newMemory()
			c := testConfig(m)
			c.Local, c.Ours = nil, nil
			g := New(c)
			served := 0
			for _, p := range capture(t, name) {
				if !bytes.HasPrefix(p.raw, []byte("REGISTER ")) {
					continue
				}
				r, err := sip.ParseRequest(p.raw, p.flow)
				if err != nil {
					t.Fatal(err)
				}
				if r.Header("Authorization") == "" {
					continue
				}
				to, _ := r.To()
				r.Identity = sip.Identity{AOR: to.URI.AOR(), Issued: m.now.Unix()}
				m.now = m.now.Add(time.Second)
				if got := serve(g, r); !strings.HasPrefix(got, "200") {
					t.Errorf("%s\n%s", got, p.raw)
				}
				served++
				want := 1
				if r.Header("Expires") == "0" {
					want = 0
				}
				if n := len(m.reg[to.URI.AOR()].Bindings); n != want {
					t.Errorf("%d bindings after\n%s", n, p.raw)
				}
			}
			if served == 0 {
				t.Error("no REGISTER found")
			}
		})
	}
}

func FuzzRegister(f *testing.F) {
	f.Add("Contact: <sip:a@h>;q=0.5;expires=60\r\nPath: <sip:p;lr>\r\nSupported: path\r\n")
	f.Add("Contact: *\r\nExpires: 0\r\n")
	f.Fuzz(func(t *testing.T, lines string) {
		raw := "REGISTER sip:example.com SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n" +
			"From: <sip:alice@example.com>;tag=1\r\nTo: <sip:alice@example.com>\r\nCall-ID: 1\r\nCSeq: 1 REGISTER\r\n" + lines + "\r\n"
		r, err := sip.ParseRequest([]byte(raw), udp)
		if err != nil {
			return
		}
		r.Identity.AOR = alice
		m := newMemory()
		g := New(testConfig(m))
		serve(g, r)
		for _, b := range m.reg[alice].Bindings {
			if a, err := sip.ParseAddress(contactValue(&b)); err != nil || a.URI.String() != b.Contact {
				t.Errorf("the 200 says %q: %v", contactValue(&b), err)
			}
		}
	})
}

func BenchmarkRegister(b *testing.B) {
	g := New(testConfig(newMemory()))
	r := register(b, udp, "c1", 1, "Contact: <sip:a@198.51.100.7:5062>", "User-Agent: Phone/1", "Expires: 600")
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		r.Identity.Issued = 1 << 40 // each one is younger than the last
		if _, err := g.Register(b.Context(), r); err != nil {
			b.Fatal(err)
		}
	}
}
