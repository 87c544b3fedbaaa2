package server_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"syscall"
	"testing"
	"time"

	"presenced/internal/config"
	"presenced/internal/server"
	"presenced/sip"
)

// BenchmarkUDP is the whole node over loopback UDP, client included: both run
// in this process and share its cores. 100 requests are in flight.
func BenchmarkUDP(b *testing.B) {
	b.Run("publish", func(b *testing.B) {
		c := benchNode(b)
		exchange(b, c, 100, func(i int) []byte { return benchPublish(i) })
	})
	b.Run("register", func(b *testing.B) {
		c := benchNode(b)
		exchange(b, c, 100, func(i int) []byte {
			user := fmt.Sprintf("user%d@127.0.0.1", i%1000)
			return benchRequest("REGISTER", "sip:127.0.0.1", user, i, fmt.Sprintf("Contact: <sip:%s:7000>\r\n", user), "")
		})
	})
	b.Run("options", func(b *testing.B) {
		c := benchNode(b)
		exchange(b, c, 100, func(i int) []byte {
			return benchRequest("OPTIONS", "sip:127.0.0.1", "user@127.0.0.1", i, "", "")
		})
	})
}

// benchNode starts a node and returns a socket connected to it.
func benchNode(b *testing.B) *net.UDPConn {
	b.Helper()
	cfg, _, err := config.Parse("bench", []byte(`
[listen]
udp = ["127.0.0.1:0"]
http = []
[notify]
min_interval = "0s"
`))
	if err != nil {
		b.Fatal(err)
	}
	s, err := server.New(cfg, server.Options{})
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(s.Addr(sip.UDP)))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		c.Close()
		stop()
		if err := <-done; err != nil {
			b.Error(err)
		}
	})
	return c
}

// exchange sends b.N requests with at most window unanswered.
func exchange(b *testing.B, c *net.UDPConn, window int, request func(i int) []byte) {
	b.Helper()
	b.ReportAllocs()
	b.ResetTimer()
	before := cpuTime(b)
	defer func() { b.ReportMetric(float64((cpuTime(b)-before).Microseconds())/float64(b.N), "cpu-us/op") }()
	buf := make([]byte, 65536)
	sent, answered := 0, 0
	for answered < b.N {
		for ; sent < b.N && sent-answered < window; sent++ {
			if _, err := c.Write(request(sent)); err != nil {
				b.Fatal(err)
			}
		}
		n, err := c.Read(buf)
		if err != nil {
			b.Fatal(err)
		}
		if !bytes.HasPrefix(buf[:n], []byte("SIP/2.0 200 ")) {
			b.Fatalf("%s", buf[:n])
		}
		answered++
	}
}

// cpuTime is what this process has used, client and node together.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// benchPublish is an initial PUBLISH; a presentity has 20 at most.
func benchPublish(i int) []byte {
	user := fmt.Sprintf("user%d@127.0.0.1", i/20)
	body := fmt.Sprintf(`<?xml version="1.0"?><presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:%s">`+
		`<tuple id="t%d"><status><basic>open</basic></status><contact>sip:%s</contact><note>change %d</note></tuple></presence>`, user, i%20, user, i)
	return benchRequest("PUBLISH", "sip:"+user, user, i, "Event: presence\r\nContent-Type: application/pidf+xml\r\n", body)
}

func benchRequest(method, uri, user string, i int, header, body string) []byte {
	return fmt.Appendf(nil, "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:7000;branch=z9hG4bK%d;rport\r\nMax-Forwards: 70\r\n"+
		"From: <sip:%s>;tag=%d\r\nTo: <sip:%s>\r\nCall-ID: %s%d\r\nCSeq: %d %s\r\nExpires: 3600\r\n%sContent-Length: %d\r\n\r\n%s",
		method, uri, i, user, i, user, method, i, i+1, method, header, len(body), body)
}
