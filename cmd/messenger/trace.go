package main

import (
	"fmt"
	"io"
	"net"
	"regexp"
	"strings"
	"sync"
	"time"
	"unicode"
)

// trace shows what goes over the wire. The zero value shows nothing.
type trace struct {
	mu  sync.Mutex
	w   io.Writer // nil: silent
	now func() time.Time
}

// credentialFields are the header fields that hold credentials, folded lines
// included.
var credentialFields = regexp.MustCompile(`(?im)^((?:proxy-)?authorization[ \t]*:)[^\r\n]*(?:\r?\n[ \t][^\r\n]*)*`)

// show prints one message or a part of one. Keep-alives are not shown.
func (t *trace) show(direction string, peer net.Addr, data []byte) {
	if t.w == nil || len(strings.TrimSpace(string(data))) == 0 {
		return
	}
	text := credentialFields.ReplaceAllString(string(data), "$1 (not shown)")
	text = strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || unicode.IsPrint(r) {
			return r
		}
		if r == '\r' {
			return -1
		}
		return unicode.ReplacementChar
	}, text)
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprintf(t.w, "--- %s %s %s\n%s\n", t.now().Format("15:04:05.000"), direction, peer, strings.TrimRight(text, "\n")+"\n")
}

// tracedConn shows what passes through a connection, and tells when it is
// closed.
type tracedConn struct {
	net.Conn
	trace  *trace
	once   sync.Once
	closed chan struct{}
}

func (c *tracedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.trace.show("from", c.RemoteAddr(), p[:n])
	return n, err
}

func (c *tracedConn) Write(p []byte) (int, error) {
	c.trace.show("to", c.RemoteAddr(), p)
	return c.Conn.Write(p)
}

func (c *tracedConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}

// tracedPacketConn shows what passes through a socket.
type tracedPacketConn struct {
	net.PacketConn
	trace *trace
}

func (c *tracedPacketConn) ReadFrom(p []byte) (int, net.Addr, error) {
	n, from, err := c.PacketConn.ReadFrom(p)
	if err == nil {
		c.trace.show("from", from, p[:n])
	}
	return n, from, err
}

func (c *tracedPacketConn) WriteTo(p []byte, to net.Addr) (int, error) {
	c.trace.show("to", to, p)
	return c.PacketConn.WriteTo(p, to)
}
