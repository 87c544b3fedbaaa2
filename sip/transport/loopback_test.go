package transport_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"presenced/sip"
	"presenced/sip/transport"
)

// loopbacks are the addresses to test on.
func loopbacks(t testing.TB) []string {
	pc, err := net.ListenPacket("udp6", "[::1]:0")
	if err != nil {
		t.Log("IPv6 is off on this machine, testing IPv4 alone:", err)
		return []string{"127.0.0.1"}
	}
	pc.Close()
	return []string{"127.0.0.1", "[::1]"}
}

func listenUDP(t testing.TB, address string) net.PacketConn {
	t.Helper()
	pc, err := net.ListenPacket("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pc.Close() })
	pc.SetDeadline(time.Now().Add(20 * time.Second))
	return pc
}

// echo serves pc with a transport that sends every message back.
func echo(t testing.TB, pc net.PacketConn) (*transport.Transport, *inbox) {
	t.Helper()
	pc.SetDeadline(time.Time{})
	in := new(inbox)
	tr := transport.New(transport.Config{Receiver: in})
	t.Cleanup(tr.Close)
	in.reply = func(data []byte, flow sip.Flow, _ error) {
		if err := tr.Send(flow, data); err != nil {
			t.Error(err)
		}
	}
	tr.ServePacket(pc, "")
	return tr, in
}

func TestLoopbackUDP(t *testing.T) {
	for _, host := range loopbacks(t) {
		t.Run(host, func(t *testing.T) {
			before := runtime.NumGoroutine()
			server := listenUDP(t, host+":0")
			tr, in := echo(t, server)
			client := listenUDP(t, host+":0")
			const bursts, size = 20, 50
			buf := make([]byte, 1<<16)
			for burst := range bursts {
				for i := range size {
					if _, err := client.WriteTo(fmt.Append(nil, "message ", burst*size+i), server.LocalAddr()); err != nil {
						t.Fatal(err)
					}
				}
				for i := range size {
					k, _, err := client.ReadFrom(buf)
					if want := fmt.Sprint("message ", burst*size+i); err != nil || string(buf[:k]) != want {
						t.Fatalf("%q, not %q: %v", buf[:k], want, err)
					}
				}
			}
			if flow := in.lastFlow(); flow.Local.String() != server.LocalAddr().String() || flow.Remote.String() != client.LocalAddr().String() {
				t.Error(flow)
			}
			tr.Close()
			if s := tr.Stats(); s.DatagramsIn.Load() != bursts*size || s.DatagramsOut.Load() != bursts*size || s.DatagramsFailed.Load() != 0 {
				t.Error(s.DatagramsIn.Load(), s.DatagramsOut.Load(), s.DatagramsFailed.Load())
			}
			settle(t, before)
		})
	}
}

// Large datagrams are received and sent whole, several in a batch.
func TestLoopbackLargeDatagrams(t *testing.T) {
	for _, host := range loopbacks(t) {
		t.Run(host, func(t *testing.T) {
			server := listenUDP(t, host+":0")
			echo(t, server)
			client := listenUDP(t, host+":0")
			client.(*net.UDPConn).SetReadBuffer(4 << 20)
			sizes := []int{transport.MaxDatagram, 1, 40000, transport.MaxDatagram, 60000, 300, transport.MaxDatagram, transport.MaxDatagram}
			for i, size := range sizes {
				if _, err := client.WriteTo([]byte(strings.Repeat(string(rune('A'+i)), size)), server.LocalAddr()); err != nil {
					t.Fatal(err)
				}
			}
			buf := make([]byte, 1<<16)
			for i, size := range sizes {
				k, _, err := client.ReadFrom(buf)
				if err != nil || string(buf[:k]) != strings.Repeat(string(rune('A'+i)), size) {
					t.Fatalf("%d bytes that begin with %q, not %d times %q: %v", k, buf[:1], size, rune('A'+i), err)
				}
			}
		})
	}
}

// On a socket for every address the answer comes from where the request went.
func TestLoopbackWildcard(t *testing.T) {
	tests := []struct{ bind, network, to string }{
		{"0.0.0.0:0", "udp4", "127.0.0.1"},
		{"0.0.0.0:0", "udp4", "127.0.0.2"},
		{"[::]:0", "udp4", "127.0.0.2"},
		{"[::]:0", "udp6", "::1"},
	}
	six := len(loopbacks(t)) == 2
	for _, test := range tests {
		if !six && strings.HasPrefix(test.bind, "[") {
			continue // loopbacks has said so
		}
		t.Run(test.bind+" "+test.to, func(t *testing.T) {
			server := listenUDP(t, test.bind)
			tr, in := echo(t, server)
			to := net.JoinHostPort(test.to, fmt.Sprint(server.LocalAddr().(*net.UDPAddr).Port))
			// A connected socket drops what comes from elsewhere.
			client, err := net.Dial(test.network, to)
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			client.SetDeadline(time.Now().Add(5 * time.Second))
			buf := make([]byte, 100)
			for range 3 {
				write(t, client, "hello")
				if k, err := client.Read(buf); string(buf[:k]) != "hello" {
					t.Fatal(string(buf[:k]), err)
				}
			}
			flow := in.lastFlow()
			if flow.Local.String() != to || tr.SentBy(flow) != to {
				t.Error(flow, tr.SentBy(flow))
			}
			out, err := tr.Connect(t.Context(), transport.Hop{Proto: sip.UDP, Addr: flow.Remote})
			if err != nil || !out.Local.Addr().IsLoopback() || out.Local.Port() != flow.Local.Port() {
				t.Error(out, err)
			}
		})
	}
}

func TestCollect(t *testing.T) {
	server := listenUDP(t, "127.0.0.1:0")
	tr, _ := echo(t, server)
	client := listenUDP(t, "127.0.0.1:0")
	flow, err := tr.Connect(t.Context(), transport.Hop{Proto: sip.UDP, Addr: client.LocalAddr().(*net.UDPAddr).AddrPort()})
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 100)
	const n = 150 // more than a batch
	tr.Collect(func() {
		for i := range n {
			if err := tr.Send(flow, fmt.Append(nil, i)); err != nil {
				t.Error(err)
			}
		}
		if sent := tr.Stats().DatagramsOut.Load(); sent == 0 || sent >= n {
			t.Errorf("%d sent while collecting", sent)
		}
	})
	for i := range n {
		if k, _, err := client.ReadFrom(buf); string(buf[:k]) != fmt.Sprint(i) {
			t.Fatal(i, string(buf[:k]), err)
		}
	}
}

// Many senders at once: nothing is lost in the queue, and each sender's
// datagrams stay in order.
func TestConcurrentSenders(t *testing.T) {
	server := listenUDP(t, "127.0.0.1:0")
	tr, _ := echo(t, server)
	client := listenUDP(t, "127.0.0.1:0")
	client.(*net.UDPConn).SetReadBuffer(4 << 20)
	flow, err := tr.Connect(t.Context(), transport.Hop{Proto: sip.UDP, Addr: client.LocalAddr().(*net.UDPAddr).AddrPort()})
	if err != nil {
		t.Fatal(err)
	}
	const senders, each = 8, 300
	for s := range senders {
		go func() {
			for i := range each {
				if i%50 == 0 {
					tr.Collect(func() {})
				}
				if err := tr.Send(flow, fmt.Append(nil, s, " ", i)); err != nil {
					t.Error(err)
				}
			}
		}()
	}
	buf := make([]byte, 100)
	var next [senders]int
	for range senders * each {
		k, _, err := client.ReadFrom(buf)
		if err != nil {
			t.Fatal(next, err)
		}
		var s, i int
		if _, err := fmt.Sscan(string(buf[:k]), &s, &i); err != nil || next[s] != i {
			t.Fatalf("%q, not %d", buf[:k], next[s])
		}
		next[s]++
	}
}

func TestUnsendableDatagram(t *testing.T) {
	server := listenUDP(t, "127.0.0.1:0")
	tr, _ := echo(t, server)
	client := listenUDP(t, "127.0.0.1:0")
	to := func(remote string) sip.Flow {
		return sip.Flow{Proto: sip.UDP, Local: tr.Addrs()[0].AddrPort, Remote: netip.MustParseAddrPort(remote)}
	}
	if err := tr.Send(to("203.0.113.1:0"), []byte("x")); err == nil {
		t.Error("port 0 was sent to")
	}
	tr.Collect(func() { // one that cannot be sent does not take others with it
		for _, remote := range []string{client.LocalAddr().String(), "203.0.113.1:0", client.LocalAddr().String()} {
			if err := tr.Send(to(remote), []byte("hello")); err != nil {
				t.Error(err)
			}
		}
	})
	buf := make([]byte, 10)
	for range 2 {
		if k, _, err := client.ReadFrom(buf); string(buf[:k]) != "hello" {
			t.Error(err)
		}
	}
	if failed := tr.Stats().DatagramsFailed.Load(); failed != 2 {
		t.Error(failed)
	}
	tr.Close()
	if err := tr.Send(to("127.0.0.1:9"), []byte("x")); !errors.Is(err, transport.ErrClosed) {
		t.Error(err)
	}
}

// certificate is self-signed for a name and a sip: URI without a user.
func certificate(t *testing.T, name string, uris ...string) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		IsCA:        true, BasicConstraintsValid: true,
	}
	for _, s := range uris {
		u, err := url.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		template.URIs = append(template.URIs, u)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

func TestLoopbackStreams(t *testing.T) {
	serverCert, serverPool := certificate(t, "sip.example.com")
	clientCert, clientPool := certificate(t, "proxy.example.net", "sip:alice@example.net", "SIP:Example.NET", "http://x.example/")
	serverTLS := &tls.Config{Certificates: []tls.Certificate{serverCert}, ClientCAs: clientPool, ClientAuth: tls.VerifyClientCertIfGiven}
	clientTLS := &tls.Config{Certificates: []tls.Certificate{clientCert}, RootCAs: serverPool}
	for _, host := range loopbacks(t) {
		for _, proto := range []sip.Proto{sip.TCP, sip.TLS} {
			t.Run(host+" "+proto.String(), func(t *testing.T) {
				before := runtime.NumGoroutine()
				ln, err := net.Listen("tcp", host+":0")
				if err != nil {
					t.Fatal(err)
				}
				addr := ln.Addr().(*net.TCPAddr).AddrPort()
				if proto == sip.TLS {
					ln = tls.NewListener(ln, serverTLS)
				}
				in := new(inbox)
				server := transport.New(transport.Config{Receiver: in})
				var names []string
				in.reply = func(data []byte, flow sip.Flow, _ error) {
					names = server.PeerNames(flow)
					if err := server.Send(flow, data); err != nil {
						t.Error(err)
					}
				}
				server.Serve(ln, proto, "")
				answers := make(chan string, 100)
				client := transport.New(transport.Config{TLSClient: clientTLS, Receiver: receiverFunc(func(data []byte, _ sip.Flow, _ error) {
					answers <- string(data)
				})})
				flow, err := client.Connect(t.Context(), transport.Hop{Proto: proto, Addr: addr, Name: "sip.example.com"})
				if err != nil {
					t.Fatal(err)
				}
				if name := client.PeerNames(flow); proto == sip.TLS && !slices.Equal(name, []string{"sip.example.com"}) {
					t.Error("the server is", name)
				}
				for i := range 100 {
					if err := client.Send(flow, []byte(request("AAAA", i*100))); err != nil {
						t.Fatal(err)
					}
				}
				for i := range 100 {
					if got := <-answers; got != request("AAAA", i*100) {
						t.Fatalf("answer %d has %d bytes", i, len(got))
					}
				}
				client.Close()
				server.Close()
				if want := []string{"example.net"}; proto == sip.TLS && !slices.Equal(names, want) {
					t.Error(names)
				}
				settle(t, before)
			})
		}
	}
}

type receiverFunc func(data []byte, flow sip.Flow, framing error)

func (f receiverFunc) Receive(data []byte, flow sip.Flow, framing error) { f(data, flow, framing) }

func TestTLSRefusals(t *testing.T) {
	inBubble(t, transport.Config{ReadTimeout: 30 * time.Second}, func(t *testing.T, n *node) {
		cert, pool := certificate(t, "sip.example.com")
		const address = "10.0.0.1:5061"
		n.Serve(tls.NewListener(n.net.Listen(address), &tls.Config{Certificates: []tls.Certificate{cert}}), sip.TLS, "")
		dial := func() net.Conn {
			c, err := n.net.Dial("10.0.0.9:0", address)
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		plain, silent, start := dial(), dial(), time.Now()
		defer plain.Close()
		defer silent.Close()
		write(t, plain, request("AAAA", 0))
		if _, took := readAll(plain); took != 0 {
			t.Error("SIP without TLS was refused after", took)
		}
		readAll(silent)
		if took := time.Since(start); took != 30*time.Second {
			t.Error("a handshake that never came was given up after", took)
		}
		synctest.Wait()
		if n.count() != 0 || n.Stats().HandshakeFailures.Load() != 2 || len(n.gone()) != 0 {
			t.Error(n.count(), n.Stats().HandshakeFailures.Load(), n.gone())
		}

		client := transport.New(transport.Config{
			Receiver: n.inbox, Dial: n.net.Dialer("10.0.0.9:0"), TLSClient: &tls.Config{RootCAs: pool},
		})
		defer client.Close()
		hop := transport.Hop{Proto: sip.TLS, Addr: netip.MustParseAddrPort(address)}
		for name, ok := range map[string]bool{"sip.example.com": true, "other.example.com": false, "": false} {
			hop.Name = name
			if _, err := client.Connect(t.Context(), hop); (err == nil) != ok {
				t.Errorf("certificate for the name %q: %v", name, err)
			}
		}
	})
}

// benchmarkEcho sends windows of 32 datagrams to an echo.
func benchmarkEcho(b *testing.B, to net.Addr) {
	client := listenUDP(b, "127.0.0.1:0")
	data := []byte(request("PUBLISH", 600))
	buf := make([]byte, 1<<16)
	b.ReportAllocs()
	b.ResetTimer()
	for sent := 0; sent < b.N; {
		window := min(32, b.N-sent)
		for range window {
			if _, err := client.WriteTo(data, to); err != nil {
				b.Fatal(err)
			}
		}
		for range window {
			if _, _, err := client.ReadFrom(buf); err != nil {
				b.Fatal(err)
			}
		}
		sent += window
		client.SetDeadline(time.Now().Add(20 * time.Second))
	}
}

// BenchmarkEchoFloor is the bare loop: one read, one write.
func BenchmarkEchoFloor(b *testing.B) {
	pc := listenUDP(b, "127.0.0.1:0").(*net.UDPConn)
	pc.SetDeadline(time.Time{})
	go func() {
		buf := make([]byte, 1<<16)
		for {
			n, from, err := pc.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			if _, err := pc.WriteToUDPAddrPort(buf[:n], from); err != nil {
				return
			}
		}
	}()
	benchmarkEcho(b, pc.LocalAddr())
}

func BenchmarkEchoTransport(b *testing.B) {
	pc := listenUDP(b, "127.0.0.1:0")
	pc.SetDeadline(time.Time{})
	var tr *transport.Transport
	tr = transport.New(transport.Config{Receiver: receiverFunc(func(data []byte, flow sip.Flow, _ error) {
		if err := tr.Send(flow, data); err != nil {
			b.Error(err)
		}
	})})
	defer tr.Close()
	tr.ServePacket(pc, "")
	benchmarkEcho(b, pc.LocalAddr())
}

// BenchmarkCollect is a fan-out in chunks of 64.
func BenchmarkCollect(b *testing.B) {
	tr := transport.New(transport.Config{Receiver: new(inbox)})
	defer tr.Close()
	pc := listenUDP(b, "127.0.0.1:0")
	pc.SetDeadline(time.Time{})
	tr.ServePacket(pc, "")
	sink := listenUDP(b, "127.0.0.1:0")
	flow, err := tr.Connect(b.Context(), transport.Hop{Proto: sip.UDP, Addr: sink.LocalAddr().(*net.UDPAddr).AddrPort()})
	if err != nil {
		b.Fatal(err)
	}
	data := []byte(request("NOTIFY", 600))
	b.ReportAllocs()
	for b.Loop() {
		tr.Collect(func() {
			for range 64 {
				if err := tr.Send(flow, data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(64*b.N), "ns/datagram")
}
