package transport_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"presenced/sip"
	"presenced/sip/siptest"
	"presenced/sip/transport"
)

const (
	agent = "10.0.0.1:5060"
	ping  = "\r\n\r\n"
	pong  = "\r\n"
)

// inbox is a Receiver that keeps what it gets.
type inbox struct {
	mu       sync.Mutex
	messages []string
	flows    []sip.Flow
	framing  []error
	reply    func(data []byte, flow sip.Flow, framing error) // may be nil
}

func (i *inbox) Receive(data []byte, flow sip.Flow, framing error) {
	i.mu.Lock()
	i.messages = append(i.messages, string(data))
	i.flows = append(i.flows, flow)
	i.framing = append(i.framing, framing)
	reply := i.reply
	i.mu.Unlock()
	if reply != nil {
		reply(data, flow, framing)
	}
}

func (i *inbox) count() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return len(i.messages)
}

// message is the i-th that came.
func (i *inbox) message(k int) (data string, flow sip.Flow, framing error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.messages[k], i.flows[k], i.framing[k]
}

func (i *inbox) lastFlow() sip.Flow {
	i.mu.Lock()
	defer i.mu.Unlock()
	if len(i.flows) == 0 {
		return sip.Flow{}
	}
	return i.flows[len(i.flows)-1]
}

// node is a transport on an in-memory network, with a TCP listener and a UDP
// socket on agent.
type node struct {
	*transport.Transport
	*inbox
	net    *siptest.Network
	udp    *siptest.PacketConn
	tcp    *siptest.Listener
	closed []sip.Flow // under inbox.mu
}

// inBubble runs f with a node in a bubble, and closes the node.
func inBubble(t *testing.T, c transport.Config, f func(t *testing.T, n *node)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := &node{inbox: new(inbox), net: siptest.NewNetwork()}
		c.Receiver = n.inbox
		c.Dial = n.net.Dialer("10.0.0.1:0")
		n.Transport = transport.New(c)
		n.OnClosed(func(flow sip.Flow) {
			n.mu.Lock()
			defer n.mu.Unlock()
			n.closed = append(n.closed, flow)
		})
		n.udp, n.tcp = n.net.ListenPacket(agent), n.net.Listen(agent)
		n.ServePacket(n.udp, "")
		n.Serve(n.tcp, sip.TCP, "")
		f(t, n)
		n.Close()
		if live := n.Stats().Connections.Load(); live != 0 {
			t.Errorf("%d connections after Close", live)
		}
		// The bubble fails when a goroutine is left.
	})
}

// gone are the flows that OnClosed told of.
func (n *node) gone() []sip.Flow {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.closed)
}

func (n *node) dial(t *testing.T, from string) net.Conn {
	t.Helper()
	c, err := n.net.Dial(from, agent)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func write(t *testing.T, c net.Conn, s string) {
	t.Helper()
	if _, err := io.WriteString(c, s); err != nil {
		t.Fatal(err)
	}
}

func request(method string, bodySize int) string {
	return fmt.Sprintf("%s sip:a@b SIP/2.0\r\nContent-Length: %d\r\n\r\n%s", method, bodySize, strings.Repeat("b", bodySize))
}

// readAll reads until the other end closes, and says when it did.
func readAll(c net.Conn) (got string, took time.Duration) {
	start := time.Now()
	b, _ := io.ReadAll(c)
	return string(b), time.Since(start)
}

func TestStreamMessagesAndAnswers(t *testing.T) {
	inBubble(t, transport.Config{}, func(t *testing.T, n *node) {
		n.reply = func(data []byte, flow sip.Flow, _ error) {
			if err := n.Send(flow, append([]byte("re: "), data[:4]...)); err != nil {
				t.Error(err)
			}
		}
		c := n.dial(t, "10.0.0.9:4000")
		write(t, c, request("AAAA", 10)+request("BBBB", 0)+ping+request("CCCC", 9000)[:5000])
		write(t, c, request("CCCC", 9000)[5000:])
		synctest.Wait()
		buf := make([]byte, 100)
		k, err := c.Read(buf)
		if got := string(buf[:k]); got != "re: AAAAre: BBBB"+pong+"re: CCCC" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
		if n.count() != 3 {
			t.Fatal(n.count(), "messages")
		}
		if got, _, _ := n.message(2); got != request("CCCC", 9000) {
			t.Errorf("%q", got)
		}
		flow := n.lastFlow()
		if flow.Proto != sip.TCP || flow.Remote.String() != "10.0.0.9:4000" || flow.Local.String() != agent || flow.Conn == 0 {
			t.Errorf("%+v", flow)
		}
		if n.SentBy(flow) != agent {
			t.Error(n.SentBy(flow))
		}
	})
}

// The privacy of a flow: whoever takes over an address gets nothing that was
// meant for the one before.
func TestFlowOutlivesNothing(t *testing.T) {
	inBubble(t, transport.Config{}, func(t *testing.T, n *node) {
		first := n.dial(t, "10.0.0.9:4000")
		write(t, first, request("AAAA", 0))
		synctest.Wait()
		flow := n.lastFlow()
		first.Close()
		synctest.Wait()
		if gone := n.gone(); len(gone) != 1 || gone[0] != flow {
			t.Errorf("closed: %v", gone)
		}
		second := n.dial(t, "10.0.0.9:4000")
		write(t, second, request("BBBB", 0))
		synctest.Wait()
		if n.lastFlow().Conn == flow.Conn {
			t.Error("an id was used twice")
		}
		if err := n.Send(flow, []byte("secret")); !errors.Is(err, transport.ErrClosed) {
			t.Error(err)
		}
		forged := n.lastFlow()
		forged.Remote = netip.MustParseAddrPort("10.0.0.66:1")
		if err := n.Send(forged, []byte("secret")); !errors.Is(err, transport.ErrClosed) {
			t.Error(err)
		}
		if n.PeerCertificate(n.lastFlow()) != nil || n.PeerNames(flow) != nil {
			t.Error("a certificate over TCP")
		}
	})
}

func TestConnectionIDsDifferBetweenRuns(t *testing.T) {
	ids := make(map[uint64]bool)
	for range 10 {
		inBubble(t, transport.Config{}, func(t *testing.T, n *node) {
			write(t, n.dial(t, "10.0.0.9:0"), request("AAAA", 0))
			synctest.Wait()
			ids[n.lastFlow().Conn] = true
		})
	}
	if len(ids) != 10 {
		t.Errorf("%d ids of 10 first connections", len(ids))
	}
}

func TestConnectReusesOnlyOurOwn(t *testing.T) {
	inBubble(t, transport.Config{}, func(t *testing.T, n *node) {
		const peer = "10.0.0.7:5060"
		ln := n.net.Listen(peer)
		defer ln.Close()
		// Somebody connects to us from the very address.
		write(t, n.dial(t, peer), request("AAAA", 0))
		synctest.Wait()
		hop := transport.Hop{Proto: sip.TCP, Addr: netip.MustParseAddrPort(peer)}
		var flows [3]sip.Flow
		var group sync.WaitGroup
		for i := range flows {
			group.Go(func() {
				var err error
				if flows[i], err = n.Connect(t.Context(), hop); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		if flows[0] == n.lastFlow() || flows[0] != flows[1] || flows[1] != flows[2] || n.Stats().Dialled.Load() != 1 {
			t.Errorf("%v, dialled %d", flows, n.Stats().Dialled.Load())
		}
		if got := n.SentBy(flows[0]); got != agent {
			t.Errorf("sent-by of our own connection is %s, not the listener", got)
		}
		far, err := ln.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if err := n.Send(flows[0], []byte("hello")); err != nil {
			t.Error(err)
		}
		buf := make([]byte, 10)
		if k, err := far.Read(buf); string(buf[:k]) != "hello" {
			t.Error(string(buf[:k]), err)
		}
		far.Close()
		synctest.Wait()
		again, err := n.Connect(t.Context(), hop)
		if err != nil || again == flows[0] {
			t.Error("after the peer closed:", again, err)
		}
	})
}

func TestConnectFails(t *testing.T) {
	inBubble(t, transport.Config{}, func(t *testing.T, n *node) {
		hop := transport.Hop{Proto: sip.TCP, Addr: netip.MustParseAddrPort("10.0.0.7:5060")}
		if _, err := n.Connect(t.Context(), hop); err == nil {
			t.Error("nobody listens there")
		}
		n.net.SetConditions(siptest.Conditions{Latency: time.Minute})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := n.Connect(ctx, hop); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		hop6 := transport.Hop{Proto: sip.UDP, Addr: netip.MustParseAddrPort("[2001:db8::1]:5060")}
		if _, err := n.Connect(t.Context(), hop6); !errors.Is(err, transport.ErrNoSocket) {
			t.Error(err)
		}
	})
}

func TestAddrsAndAdvertise(t *testing.T) {
	n := siptest.NewNetwork()
	tr := transport.New(transport.Config{Receiver: new(inbox)})
	defer tr.Close()
	tr.ServePacket(n.ListenPacket(agent), "sip.example.com:5070")
	tr.ServePacket(n.ListenPacket("[2001:db8::1]:5060"), "")
	tr.Serve(n.Listen(agent), sip.TCP, "tcp.example.com")
	want := "[UDP 10.0.0.1:5060 UDP [2001:db8::1]:5060 TCP 10.0.0.1:5060]"
	if got := fmt.Sprint(tr.Addrs()); got != want {
		t.Error(got)
	}
	for remote, want := range map[string]string{"10.0.0.2:5060": "sip.example.com:5070", "[2001:db8::2]:5060": "[2001:db8::1]:5060"} {
		flow, err := tr.Connect(t.Context(), transport.Hop{Proto: sip.UDP, Addr: netip.MustParseAddrPort(remote)})
		if err != nil || tr.SentBy(flow) != want {
			t.Error(flow, tr.SentBy(flow), err)
		}
	}
	gone := sip.Flow{Proto: sip.TCP, Local: netip.MustParseAddrPort("10.0.0.1:40000"), Conn: 1}
	if got := tr.SentBy(gone); got != "tcp.example.com" {
		t.Error(got)
	}
}

func TestCloseEndsEverything(t *testing.T) {
	before := runtime.NumGoroutine()
	n := siptest.NewNetwork()
	tr := transport.New(transport.Config{Receiver: new(inbox), Dial: n.Dialer("10.0.0.1:0")})
	var closed sync.Map
	tr.OnClosed(func(flow sip.Flow) {
		if _, twice := closed.LoadOrStore(flow, true); twice {
			t.Error("closed twice:", flow)
		}
	})
	tr.ServePacket(n.ListenPacket(agent), "")
	tr.Serve(n.Listen(agent), sip.TCP, "")
	far := n.Listen("10.0.0.7:5060")
	defer far.Close()
	for range 20 {
		c, err := n.Dial("10.0.0.9:0", agent)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	hop := transport.Hop{Proto: sip.TCP, Addr: netip.MustParseAddrPort("10.0.0.7:5060")}
	flow, err := tr.Connect(t.Context(), hop)
	if err != nil {
		t.Fatal(err)
	}
	for tr.Stats().Accepted.Load() < 20 {
		runtime.Gosched()
	}
	tr.Close()
	tr.Close()
	count := 0
	closed.Range(func(any, any) bool { count++; return true })
	if _, ok := closed.Load(flow); !ok || count > 21 {
		t.Errorf("%d flows closed", count)
	}
	if err := tr.Send(flow, nil); !errors.Is(err, transport.ErrClosed) {
		t.Error(err)
	}
	if _, err := tr.Connect(t.Context(), hop); !errors.Is(err, transport.ErrClosed) {
		t.Error(err)
	}
	tr.Serve(n.Listen("10.0.0.1:5061"), sip.TLS, "") // closed at once
	if _, err := n.Dial("10.0.0.9:0", "10.0.0.1:5061"); err == nil {
		t.Error("a listener was served after Close")
	}
	settle(t, before)
}

// settle fails when more goroutines than before are left.
func settle(t *testing.T, before int) {
	t.Helper()
	// The last instructions of a goroutine come after Close has heard of its end.
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		if runtime.NumGoroutine() <= before {
			return
		}
		runtime.Gosched()
	}
	buf := make([]byte, 1<<16)
	t.Errorf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, buf[:runtime.Stack(buf, true)])
}
