package servertest

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// nextPort is where Port looks next: below the ports that the system gives
// out by itself, elsewhere for each process.
var nextPort = sync.OnceValue(func() *atomic.Int32 {
	var n atomic.Int32
	n.Store(int32(18000 + os.Getpid()%1000*12))
	return &n
})

// Port is a port of 127.0.0.1 that is free for UDP and TCP. The system does
// not give it to others, so that a node that restarts finds it free again.
func Port(t testing.TB) int {
	t.Helper()
	for range 1000 {
		port := int(nextPort().Add(1))
		address := fmt.Sprintf("127.0.0.1:%d", port)
		pc, err := net.ListenPacket("udp", address)
		if err != nil {
			continue
		}
		ln, err := net.Listen("tcp", address)
		pc.Close()
		if err != nil {
			continue
		}
		ln.Close()
		return port
	}
	t.Fatal("no free port")
	return 0
}

// Redis is a redis-server of the test's own.
type Redis struct {
	Addr    string
	t       testing.TB
	args    []string
	command *exec.Cmd
}

// StartRedis starts a redis-server without files, or as more says.
func StartRedis(t testing.TB, more ...string) *Redis {
	t.Helper()
	port := Port(t)
	r := &Redis{Addr: fmt.Sprintf("127.0.0.1:%d", port), t: t, args: append([]string{
		"--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--dir", t.TempDir(), "--save", "", "--loglevel", "warning"}, more...)}
	r.Start()
	t.Cleanup(r.Kill)
	return r
}

// Start starts it again after Kill: empty, unless its arguments keep data.
func (r *Redis) Start() {
	r.t.Helper()
	r.command = exec.Command("redis-server", r.args...)
	r.command.Stdout, r.command.Stderr = io.Discard, os.Stderr
	if err := r.command.Start(); err != nil {
		r.t.Fatalf("%v (the Debian package is redis-server)", err)
	}
	Eventually(r.t, "redis-server answers", func() bool { return r.Command("PING") == "+PONG" })
}

// Command sends one command and returns the first line of the answer; "" when
// none comes.
func (r *Redis) Command(line string) string {
	conn, err := net.DialTimeout("tcp", r.Addr, time.Second)
	if err != nil {
		return ""
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return ""
	}
	if _, err := conn.Write([]byte(line + "\r\n")); err != nil {
		return ""
	}
	buffer := make([]byte, 512)
	n, err := conn.Read(buffer)
	if err != nil {
		return ""
	}
	answer := string(buffer[:n])
	for i := range answer {
		if answer[i] == '\r' {
			return answer[:i]
		}
	}
	return answer
}

// Kill is SIGKILL; nothing happens where it does not run.
func (r *Redis) Kill() {
	if r.command == nil {
		return
	}
	r.Signal(syscall.SIGKILL)
	if err := r.command.Wait(); err == nil {
		r.t.Error("redis-server ended by itself")
	}
	r.command = nil
}

// Signal sends SIGSTOP, SIGCONT or another signal.
func (r *Redis) Signal(signal syscall.Signal) {
	r.t.Helper()
	if err := r.command.Process.Signal(signal); err != nil {
		r.t.Error(err)
	}
}

// Eventually waits until done is true: look by look, for what no event tells.
func Eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(Patience); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", Patience, what)
		}
	}
}
