package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// streamLink is a TCP or TLS connection. A goroutine cuts the messages from
// the stream, so that the server can always write; the loop takes them over.
type streamLink struct {
	name string
	conn net.Conn
	wake int // an eventfd: readable while messages wait
	out  []byte

	mu       sync.Mutex
	messages []byte
	ends     []int
	err      error

	spare     []byte // the loop's, exchanged with messages
	spareEnds []int
}

const (
	maxMessage   = 1 << 20
	writeTimeout = 10 * time.Second
)

func openStream(name string, conn net.Conn) (*streamLink, error) {
	wake, err := unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("eventfd: %w", err)
	}
	l := &streamLink{name: name, conn: conn, wake: wake}
	go l.read()
	return l, nil
}

func (l *streamLink) proto() string        { return l.name }
func (l *streamLink) local() string        { return l.conn.LocalAddr().String() }
func (l *streamLink) fd() int              { return l.wake }
func (l *streamLink) queue(message []byte) { l.out = append(l.out, message...) }

func (l *streamLink) flush() error {
	if len(l.out) == 0 {
		return nil
	}
	if err := l.conn.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	_, err := l.conn.Write(l.out)
	l.out = l.out[:0]
	return err
}

// close leaves the eventfd to the reader, who may be about to write to it.
func (l *streamLink) close() error { return l.conn.Close() }

func (l *streamLink) receive(handle func([]byte, int64)) error {
	var counter [8]byte
	if _, err := unix.Read(l.wake, counter[:]); err != nil && err != unix.EAGAIN && err != unix.EINTR {
		return fmt.Errorf("eventfd: %w", err)
	}
	l.mu.Lock()
	l.messages, l.spare = l.spare[:0], l.messages
	l.ends, l.spareEnds = l.spareEnds[:0], l.ends
	err := l.err
	l.mu.Unlock()
	start := 0
	for _, end := range l.spareEnds {
		handle(l.spare[start:end], 0)
		start = end
	}
	return err
}

func (l *streamLink) read() {
	var buffer []byte
	chunk := make([]byte, 64<<10)
	for {
		n, err := l.conn.Read(chunk)
		buffer = append(buffer, chunk[:n]...)
		if err == nil {
			buffer, err = l.deliver(buffer)
		}
		if err != nil {
			l.mu.Lock()
			l.err = fmt.Errorf("connection %s: %w", l.local(), err)
			l.mu.Unlock()
		}
		// A counter that is full already wakes the loop too.
		if _, wakeErr := unix.Write(l.wake, []byte{1, 0, 0, 0, 0, 0, 0, 0}); wakeErr != nil && err == nil {
			err = wakeErr
		}
		if err != nil {
			return
		}
	}
}

// deliver hands over the whole messages at the start and returns the rest.
func (l *streamLink) deliver(buffer []byte) ([]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	rest := buffer
	for {
		rest = bytes.TrimLeft(rest, "\r\n") // keep-alives (RFC 5626 s.3.5.1)
		n, err := messageLength(rest)
		if err != nil {
			return nil, err
		}
		if n == 0 {
			return append(buffer[:0], rest...), nil
		}
		l.messages = append(l.messages, rest[:n]...)
		l.ends = append(l.ends, len(l.messages))
		rest = rest[n:]
	}
}

// messageLength is the length of the message at the start, 0 where it is not
// whole yet (RFC 3261 s.18.3).
func messageLength(b []byte) (int, error) {
	head := bytes.Index(b, []byte("\r\n\r\n"))
	if head < 0 {
		if len(b) > maxMessage {
			return 0, errors.New("a message without end")
		}
		return 0, nil
	}
	value := headerValue(b[:head+2], "content-length", 'l')
	length, err := strconv.Atoi(string(value))
	if err != nil || length < 0 || length > maxMessage {
		return 0, fmt.Errorf("Content-Length %q", value)
	}
	if n := head + 4 + length; n <= len(b) {
		return n, nil
	}
	return 0, nil
}
