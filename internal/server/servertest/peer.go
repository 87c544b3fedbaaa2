// Package servertest is what tests of whole nodes on real sockets share: a
// Peer that speaks SIP over UDP, TCP or TLS as a softphone does, and a
// redis-server of the test's own. Only tests import it.
package servertest

import (
	"bytes"
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"testing"
	"time"

	"presenced/sip"
	"presenced/sip/digest"
	"presenced/sip/siptest/schema"
)

// Patience is how long anything that a test waits for may take.
const Patience = 20 * time.Second

// Peer is one user agent with one socket. It answers each NOTIFY with 200,
// unless it is Mute, and remembers it.
type Peer struct {
	AOR      string // "sip:bob@127.0.0.1"
	Password string // answers challenges; "": a challenge is the answer
	Contact  string // the URI in Contact; "": no Contact

	t     testing.TB
	proto sip.Proto
	local string
	send  func(to netip.AddrPort, data []byte) error

	mu      sync.Mutex
	changed sync.Cond
	cseq    uint32
	mute    bool
	closed  bool
	waiting map[string]chan *Response // by branch
	notify  map[string][]Notify       // by Call-ID, not yet taken
	seen    map[notifyID]bool
}

type notifyID struct {
	callID string
	cseq   uint32
}

// Response is a final response that a peer got.
type Response struct {
	*sip.Answer
	Head string
}

// Notify is a NOTIFY that a peer got.
type Notify struct {
	CSeq  uint32
	State string // Subscription-State
	ETag  string // SIP-ETag
	Body  string
	From  netip.AddrPort // the agent's socket; zero on connections
	At    time.Time
}

func newPeer(t testing.TB, aor string, proto sip.Proto, local net.Addr) *Peer {
	p := &Peer{AOR: "sip:" + aor, t: t, proto: proto, local: local.String(),
		waiting: map[string]chan *Response{}, notify: map[string][]Notify{}, seen: map[notifyID]bool{}}
	p.changed.L = &p.mu
	p.Contact = "sip:" + p.local
	if proto != sip.UDP {
		p.Contact += ";transport=" + string(bytes.ToLower([]byte(proto.String())))
	}
	return p
}

// UDP is a peer on the loopback that address is of ("127.0.0.1", "::1"). It
// speaks to as many agents as it likes.
func UDP(t testing.TB, aor, address string) *Peer {
	t.Helper()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(address)})
	if err != nil {
		t.Fatal(err)
	}
	return Packet(t, aor, conn)
}

// Packet is a peer on a datagram socket, which it closes at the test's end.
func Packet(t testing.TB, aor string, conn net.PacketConn) *Peer {
	p := newPeer(t, aor, sip.UDP, conn.LocalAddr())
	p.send = func(to netip.AddrPort, data []byte) error {
		_, err := conn.WriteTo(data, net.UDPAddrFromAddrPort(to))
		return err
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.readPackets(conn)
	}()
	t.Cleanup(func() { conn.Close(); <-done })
	return p
}

// TCP is a peer with one connection to an agent.
func TCP(t testing.TB, aor string, to netip.AddrPort) *Peer {
	t.Helper()
	conn, err := net.Dial("tcp", to.String())
	if err != nil {
		t.Fatal(err)
	}
	return stream(t, aor, sip.TCP, conn)
}

// TLS is a peer with one connection to an agent.
func TLS(t testing.TB, aor string, to netip.AddrPort, config *tls.Config) *Peer {
	t.Helper()
	conn, err := tls.Dial("tcp", to.String(), config)
	if err != nil {
		t.Fatal(err)
	}
	return stream(t, aor, sip.TLS, conn)
}

func stream(t testing.TB, aor string, proto sip.Proto, conn net.Conn) *Peer {
	p := newPeer(t, aor, proto, conn.LocalAddr())
	p.send = func(_ netip.AddrPort, data []byte) error {
		_, err := conn.Write(data)
		return err
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.readStream(conn)
	}()
	t.Cleanup(func() { conn.Close(); <-done })
	return p
}

// Mute makes the peer one that never answers a NOTIFY, as if it were dead.
func (p *Peer) Mute() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mute = true
}

// Closed waits until the agent has closed the peer's connection.
func (p *Peer) Closed() {
	p.t.Helper()
	if !p.await(func() bool { return p.closed }) {
		p.t.Fatal("the connection stays open")
	}
}

// await waits for a condition under the lock; false when Patience is over.
func (p *Peer) await(done func() bool) bool {
	deadline := time.Now().Add(Patience)
	timer := time.AfterFunc(Patience, p.changed.Broadcast)
	defer timer.Stop()
	p.mu.Lock()
	defer p.mu.Unlock()
	for !done() {
		if time.Now().After(deadline) {
			return false
		}
		p.changed.Wait()
	}
	return true
}

// Request is what Send makes a message of.
type Request struct {
	Method, URI, To string // To: "<uri>" with its tag; "": URI
	CallID, FromTag string // "": made up
	Header, Body    string // Header: whole lines
}

// Send makes one request, answers one challenge, and returns the final
// response; nil when none comes within a second or two, as from the dead.
func (p *Peer) Send(to netip.AddrPort, r Request) (*Response, error) {
	if r.CallID == "" {
		r.CallID = rand.Text()
	}
	if r.FromTag == "" {
		r.FromTag = rand.Text()
	}
	answer, err := p.attempt(to, r, "")
	if err != nil || answer == nil || p.Password == "" || answer.Code != 401 && answer.Code != 407 {
		return answer, err
	}
	field, credentials := "WWW-Authenticate", "Authorization"
	if answer.Code == 407 {
		field, credentials = "Proxy-Authenticate", "Proxy-Authorization"
	}
	u, err := sip.ParseURI(p.AOR)
	if err != nil {
		return nil, err
	}
	value, err := digest.Authorize(answer.Values(field), r.Method, r.URI, u.User, p.Password)
	if err != nil {
		return nil, err
	}
	return p.attempt(to, r, credentials+": "+value+"\r\n")
}

// Do is Send, where the answer must have one of these codes.
func (p *Peer) Do(to netip.AddrPort, r Request, codes ...int) *Response {
	p.t.Helper()
	answer, err := p.Send(to, r)
	if err != nil {
		p.t.Fatalf("%s of %s: %v", r.Method, p.AOR, err)
	}
	if answer == nil {
		p.t.Fatalf("%s of %s: no answer", r.Method, p.AOR)
	}
	for _, code := range codes {
		if answer.Code == code {
			return answer
		}
	}
	p.t.Fatalf("%s of %s: want %v, got\n%s", r.Method, p.AOR, codes, answer.Head)
	return nil
}

// repeats is how often a datagram is sent when nobody answers (Timer E's
// first intervals, RFC 3261 s.17.1.2.2).
const repeats = 4

func (p *Peer) attempt(to netip.AddrPort, r Request, extra string) (*Response, error) {
	branch, answered := "z9hG4bK"+rand.Text(), make(chan *Response, 1)
	p.mu.Lock()
	p.cseq++
	cseq := p.cseq
	p.waiting[branch] = answered
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		delete(p.waiting, branch)
		p.mu.Unlock()
	}()
	target := r.To
	if target == "" {
		target = "<" + r.URI + ">"
	}
	contact := ""
	if p.Contact != "" {
		contact = "Contact: <" + p.Contact + ">\r\n"
	}
	data := fmt.Appendf(nil, "%s %s SIP/2.0\r\nVia: SIP/2.0/%s %s;branch=%s;rport\r\nMax-Forwards: 70\r\nFrom: <%s>;tag=%s\r\nTo: %s\r\n"+
		"Call-ID: %s\r\nCSeq: %d %s\r\n%s%s%sContent-Length: %d\r\n\r\n%s",
		r.Method, r.URI, p.proto, p.local, branch, p.AOR, r.FromTag, target,
		r.CallID, cseq, r.Method, contact, extra, r.Header, len(r.Body), r.Body)
	wait := 500 * time.Millisecond
	for range repeats {
		if err := p.send(to, data); err != nil {
			return nil, err
		}
		if p.proto != sip.UDP {
			wait = Patience
		}
		timer := time.NewTimer(wait)
		select {
		case answer := <-answered:
			timer.Stop()
			return answer, nil
		case <-timer.C:
			wait *= 2
		}
		if p.proto != sip.UDP {
			return nil, nil
		}
	}
	return nil, nil
}

// take handles one message from the socket, which belongs to the peer.
func (p *Peer) take(data []byte, from netip.AddrPort) {
	if !bytes.HasPrefix(data, []byte("MESSAGE ")) { // which an agent relays as it is
		schema.CollectMessage(p.t.Name(), string(data))
	}
	if sip.IsResponse(data) {
		p.takeResponse(data)
		return
	}
	r, err := sip.ParseRequest(data, sip.Flow{Proto: p.proto, Remote: from})
	if err != nil {
		p.t.Errorf("the agent sent what cannot be read: %v\n%s", err, data)
		return
	}
	p.mu.Lock()
	mute := p.mute
	p.mu.Unlock()
	if mute {
		return
	}
	var answer bytes.Buffer
	answer.WriteString("SIP/2.0 200 OK\r\n")
	for _, name := range []string{"Via", "From", "To", "Call-ID", "CSeq"} {
		for _, value := range r.Values(name) {
			fmt.Fprintf(&answer, "%s: %s\r\n", name, value)
		}
	}
	answer.WriteString("Content-Length: 0\r\n\r\n")
	sendErr := p.send(from, answer.Bytes())
	p.mu.Lock()
	defer p.mu.Unlock()
	if sendErr != nil && !p.closed {
		p.closed = true
	}
	n := Notify{CSeq: r.CSeq(), State: r.Header("Subscription-State"), ETag: r.Header("SIP-ETag"), Body: string(r.Body()), From: from, At: time.Now()}
	once := notifyID{r.CallID(), n.CSeq}
	if p.seen[once] {
		return // sent again
	}
	p.seen[once] = true
	p.notify[r.CallID()] = append(p.notify[r.CallID()], n)
	p.changed.Broadcast()
}

func (p *Peer) takeResponse(data []byte) {
	answer, err := sip.ParseResponse(data)
	if err != nil {
		p.t.Errorf("the agent answered what cannot be read: %v\n%s", err, data)
		return
	}
	if answer.Code < 200 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if waiting := p.waiting[answer.Via().Branch]; waiting != nil {
		delete(p.waiting, answer.Via().Branch)
		waiting <- &Response{Answer: answer, Head: string(data)}
	}
}

func (p *Peer) readPackets(conn net.PacketConn) {
	buffer := make([]byte, 65536)
	for {
		n, addr, err := conn.ReadFrom(buffer)
		if err != nil {
			return
		}
		from := addr.(*net.UDPAddr).AddrPort()
		p.take(bytes.Clone(buffer[:n]), netip.AddrPortFrom(from.Addr().Unmap(), from.Port()))
	}
}

// readStream cuts what comes into messages: the head, and Content-Length
// bytes (RFC 3261 s.18.3).
func (p *Peer) readStream(conn net.Conn) {
	var pending []byte
	buffer := make([]byte, 65536)
	for {
		for {
			pending = bytes.TrimLeft(pending, "\r\n")
			head := bytes.Index(pending, []byte("\r\n\r\n"))
			if head < 0 {
				break
			}
			size := head + 4 + length(pending[:head])
			if size > len(pending) {
				break
			}
			p.take(bytes.Clone(pending[:size]), netip.AddrPort{})
			pending = pending[size:]
		}
		n, err := conn.Read(buffer)
		pending = append(pending, buffer[:n]...)
		if err != nil {
			p.mu.Lock()
			p.closed = true
			p.changed.Broadcast()
			p.mu.Unlock()
			return
		}
	}
}

func length(head []byte) int {
	for line := range bytes.Lines(head) {
		name, value, _ := bytes.Cut(line, []byte(":"))
		if bytes.EqualFold(name, []byte("Content-Length")) {
			n, err := strconv.Atoi(string(bytes.TrimSpace(value)))
			if err == nil {
				return n
			}
		}
	}
	return 0
}
