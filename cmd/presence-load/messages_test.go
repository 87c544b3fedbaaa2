package main

import (
	"fmt"
	"strings"
	"testing"

	"presenced/sip"
)

// paper is a link that sends nothing.
type paper string

func (p paper) proto() string                   { return string(p) }
func (paper) local() string                     { return "127.0.0.1:40000" }
func (paper) fd() int                           { return -1 }
func (paper) queue([]byte)                      {}
func (paper) flush() error                      { return nil }
func (paper) receive(func([]byte, int64)) error { return nil }
func (paper) close() error                      { return nil }

func TestMessagesParse(t *testing.T) {
	v := values{user: 7, peer: 8, sub: 0x900000001, stamp: 0xa00000002, cseq: 41, seq: 12, expires: 3600,
		target: "sip:agent@127.0.0.1:5060", tag: ";tag=remote"}
	for _, proto := range []string{"udp", "tcp", "tls"} {
		for _, size := range []int{0, 100, 1000, 5000} {
			set := defaults()
			set.Domain, set.BodySize = "example.com", size
			kinds, err := newTemplates(set, paper(proto), "abcdef")
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range []struct {
				method   string
				prepared template
				extra    string
				uri      string
				body     bool
			}{
				{"REGISTER", kinds.register, "", "sip:example.com", false},
				{"PUBLISH", kinds.publish, "", "sip:u00000007@example.com", true},
				{"PUBLISH", kinds.publish, "SIP-If-Match: x\r\n", "sip:u00000007@example.com", true},
				{"PUBLISH", kinds.publishEmpty, "SIP-If-Match: x\r\n", "sip:u00000007@example.com", false},
				{"SUBSCRIBE", kinds.subscribe, "Route: <sip:127.0.0.1;lr>\r\n", "sip:agent@127.0.0.1:5060", false},
				{"MESSAGE", kinds.message, "", "sip:u00000008@example.com", true},
			} {
				t.Run(fmt.Sprint(proto, size, m.method), func(t *testing.T) {
					v.extra = m.extra
					raw := m.prepared.append(nil, &v)
					r, err := sip.ParseRequest(raw, sip.Flow{})
					if err != nil {
						t.Fatalf("%v\n%s", err, raw)
					}
					if r.Method() != m.method || r.RequestURI() != m.uri || r.CSeq() != 41 {
						t.Errorf("%s %s, CSeq %d", r.Method(), r.RequestURI(), r.CSeq())
					}
					if got, want := r.Via().Branch, branchStart+"abcdef0000000a00000002"; got != want {
						t.Errorf("branch %s, want %s", got, want)
					}
					if m.body != (len(r.Body()) > 0) || m.body && len(r.Body()) < size {
						t.Errorf("a body of %d bytes, at least %d asked", len(r.Body()), size)
					}
					if m.method == "PUBLISH" && m.body && stateNumber(r.Body()) != 12 {
						t.Errorf("state %d in %s", stateNumber(r.Body()), r.Body())
					}
				})
			}
		}
	}
}

func TestCompileRefuses(t *testing.T) {
	for _, text := range []string{"{nothing}", "{user"} {
		if _, err := compile(text, "", map[string]string{}); err == nil {
			t.Errorf("%q compiles", text)
		}
	}
}

func TestHex(t *testing.T) {
	for _, n := range []uint64{0, 1, 0xdeadbeef12345678, 1<<64 - 1} {
		if got, ok := parseHex(appendHex(nil, n)); !ok || got != n {
			t.Errorf("%x comes back as %x", n, got)
		}
	}
	for _, s := range []string{"", "123", "000000000000000g", "ABCDEF0123456789"} {
		if _, ok := parseHex([]byte(s)); ok {
			t.Errorf("%q is read", s)
		}
	}
}

func TestScan(t *testing.T) {
	const notify = "NOTIFY sip:s0000000900000001abcdef@127.0.0.1:40000 SIP/2.0\r\n" +
		"Via: SIP/2.0/UDP a;branch=z9hG4bK1\r\nv: SIP/2.0/UDP b;branch=z9hG4bK2\r\nf: <sip:a@b>;tag=1\r\nTO: <sip:c@d>;tag=2\r\n" +
		"i: call\r\nCSeq: 17 NOTIFY\r\nSubscription-State: terminated;reason=timeout\r\nContent-Length: 4\r\n\r\nbody"
	var in inbound
	if !in.scan([]byte(notify)) {
		t.Fatal("a NOTIFY is not read")
	}
	if string(in.method) != "NOTIFY" || string(in.user) != "s0000000900000001abcdef" || in.cseq != 17 ||
		string(in.state) != "terminated;reason=timeout" || string(in.body) != "body" {
		t.Errorf("%+v", in)
	}
	answer := in.appendAnswer(nil, "200 OK")
	a, err := sip.ParseResponse(answer)
	if err != nil {
		t.Fatalf("%v\n%s", err, answer)
	}
	if a.Code != 200 || a.CSeq() != 17 || strings.Count(string(answer), "branch=") != 2 {
		t.Errorf("%s", answer)
	}
	for _, bad := range []string{"", "NOTIFY", "NOTIFY sip:x SIP/2.0\r\n\r\n", "NOTIFY sip:a@b SIP/2.0\r\nCSeq: 1 NOTIFY\r\n"} {
		if in.scan([]byte(bad)) {
			t.Errorf("%q is read", bad)
		}
	}
}

func FuzzScan(f *testing.F) {
	f.Add([]byte("NOTIFY sip:a@b SIP/2.0\r\nCSeq: 1 NOTIFY\r\nVia: x\r\n\r\npresence-load 12"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var in inbound
		if in.scan(raw) && in.cseq == 0 {
			t.Error("a request without CSeq is read")
		}
		stateNumber(raw)
		headerValue(raw, "contact", 'm')
		headerValues(raw, "record-route")
		if n, err := messageLength(raw); err == nil && n > len(raw) {
			t.Errorf("a message of %d in %d bytes", n, len(raw))
		}
	})
}

func BenchmarkPublish(b *testing.B) {
	kinds, err := newTemplates(defaults(), paper("udp"), "abcdef")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	var buffer []byte
	for i := range b.N {
		buffer = kinds.publish.append(buffer[:0], &values{user: int32(i), stamp: uint64(i), cseq: 7, seq: 9})
	}
}
