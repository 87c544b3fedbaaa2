package siptest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"presenced/sip/siptest/schema"
)

// agent is a scripted user agent: it sends what it is told, and keeps what
// comes until the transcript looks at it.
type agent struct {
	part
	script string // its name
	host   Host
	node   netip.AddrPort

	packets  net.PacketConn
	listener net.Listener
	conn     net.Conn // that we opened
	reading  sync.WaitGroup

	mu     sync.Mutex
	inbox  []arrived
	open   map[net.Conn]struct{}
	broken error // of a stream

	numbered    int // tags, branches and Call-IDs
	cseq        int
	dialogs     map[string]dialog // by our peer's tag
	sent        string            // the last bytes
	request     *message          // the last one sent
	challenge   *message          // the last 401 or 407
	credentials string
	asked       arrived // the last request received
	seen        string  // the last message received, as bytes
	byBranch    map[string]*message
}

// dialog is what an agent remembers of one.
type dialog struct{ callID, from string }

// arrived is a message and the way back.
type arrived struct {
	data  string
	reply func(data string) error
}

func newAgent(script string, p part, host Host, node netip.AddrPort) (*agent, error) {
	a := &agent{script: script, part: p, host: host, node: node,
		open: map[net.Conn]struct{}{}, dialogs: map[string]dialog{}, byBranch: map[string]*message{}}
	var err error
	if p.proto == "udp" {
		if a.packets, err = host.ListenPacket(p.addr); err == nil {
			a.reading.Go(a.readPackets)
		}
		return a, err
	}
	if a.listener, err = host.Listen(p.addr); err == nil {
		a.reading.Go(a.accept)
	}
	return a, err
}

func (a *agent) readPackets() {
	buffer := make([]byte, 1<<16)
	for {
		n, from, err := a.packets.ReadFrom(buffer)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil || n <= 4 { // keep-alives
			continue
		}
		a.arrive(string(buffer[:n]), func(data string) error {
			_, err := a.packets.WriteTo([]byte(data), from)
			return err
		})
	}
}

func (a *agent) arrive(data string, reply func(string) error) {
	if !strings.HasPrefix(data, "MESSAGE ") { // which a node relays as it is
		schema.CollectMessage(a.script, data)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.inbox = append(a.inbox, arrived{data, reply})
}

func (a *agent) accept() {
	for {
		conn, err := a.listener.Accept()
		if err != nil {
			return
		}
		a.serve(conn)
	}
}

// serve reads a connection until it ends.
func (a *agent) serve(conn net.Conn) {
	a.mu.Lock()
	a.open[conn] = struct{}{}
	a.broken = nil
	a.mu.Unlock()
	a.reading.Go(func() {
		err := a.readStream(conn)
		conn.Close()
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.open, conn)
		a.broken = err
	})
}

func (a *agent) readStream(conn net.Conn) error {
	r := bufio.NewReader(conn)
	for {
		data, err := readFramed(r)
		if err != nil {
			return err
		}
		if data == "" {
			continue
		}
		a.arrive(data, func(data string) error {
			_, err := io.WriteString(conn, data)
			return err
		})
	}
}

// readFramed reads one message of a stream, "" for a keep-alive.
func readFramed(r *bufio.Reader) (string, error) {
	var head strings.Builder
	length := 0
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return "", err
		}
		head.WriteString(line)
		line = strings.TrimRight(line, "\r\n")
		if line == "" {
			break
		}
		if name, value, _ := strings.Cut(line, ":"); sameName(name, "Content-Length") {
			if length, err = strconv.Atoi(strings.TrimSpace(value)); err != nil {
				return "", err
			}
		}
	}
	if head.Len() == 2 {
		return "", nil
	}
	body := make([]byte, length)
	_, err := io.ReadFull(r, body)
	return head.String() + string(body), err
}

// send puts bytes on the wire to the node.
func (a *agent) send(data string) error {
	a.sent = data
	if a.packets != nil {
		_, err := a.packets.WriteTo([]byte(data), net.UDPAddrFromAddrPort(a.node))
		return err
	}
	if a.conn == nil {
		if err := a.connect(); err != nil {
			return err
		}
	}
	_, err := io.WriteString(a.conn, data)
	return err
}

const dialTimeout = 5 * time.Second

func (a *agent) connect() error {
	if a.listener == nil {
		return fmt.Errorf("%s speaks UDP", a.name)
	}
	ctx, cancel := context.WithTimeout(context.Background(), dialTimeout)
	defer cancel()
	conn, err := a.host.Dial(ctx, a.node)
	if err != nil {
		return err
	}
	a.conn = conn
	a.serve(conn)
	return nil
}

// hangUp closes every connection.
func (a *agent) hangUp() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for conn := range a.open {
		conn.Close()
	}
	a.conn = nil
}

func (a *agent) disconnected() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.open) == 0 && a.broken != nil
}

// take removes the first message of the inbox that is wanted.
func (a *agent) take(wanted func(data string) bool) (m arrived, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i, m := range a.inbox {
		if wanted(m.data) {
			a.inbox = append(a.inbox[:i:i], a.inbox[i+1:]...)
			return m, true
		}
	}
	return arrived{}, false
}

func (a *agent) putBack(m arrived) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.inbox = append([]arrived{m}, a.inbox...)
}

// waiting are the messages that nobody has looked at; one that came several
// times in a row stands there once.
func (a *agent) waiting() (all []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i := 0; i < len(a.inbox); {
		first, times := a.inbox[i].data, 0
		for ; i < len(a.inbox) && a.inbox[i].data == first; i++ {
			times++
		}
		all = append(all, fmt.Sprintf("%d times:\n%s", times, first))
	}
	return all
}

func (a *agent) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.inbox = nil
}

func (a *agent) close() {
	if a.packets != nil {
		a.packets.Close()
	}
	if a.listener != nil {
		a.listener.Close()
	}
	a.hangUp()
	a.reading.Wait()
}
