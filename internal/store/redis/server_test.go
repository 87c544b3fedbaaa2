package redis

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"presenced/internal/store"
)

// testServer is a redis-server that a test started.
type testServer struct {
	addr    string
	port    int
	args    []string
	command *exec.Cmd
	client  *goredis.Client
}

// freePort is a port below 50000, so that a Cluster's bus has one too.
func freePort(t testing.TB) int {
	t.Helper()
	for range 100 {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		port := ln.Addr().(*net.TCPAddr).Port
		if err := ln.Close(); err != nil {
			t.Fatal(err)
		}
		if port < 50000 {
			return port
		}
	}
	t.Fatal("no free port")
	return 0
}

// startRedis starts a redis-server without files, or as more says.
func startRedis(t testing.TB, more ...string) *testServer {
	t.Helper()
	quieten.Do(func() { goredis.SetLogger(quiet{silent()}) })
	port, dir := freePort(t), t.TempDir()
	return startServer(t, port, append([]string{
		"--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--dir", dir, "--save", "", "--loglevel", "warning",
	}, more...))
}

// startServer starts a redis-server with these arguments.
func startServer(t testing.TB, port int, args []string) *testServer {
	t.Helper()
	s := &testServer{addr: fmt.Sprintf("127.0.0.1:%d", port), port: port, args: args}
	s.client = goredis.NewClient(&goredis.Options{Addr: s.addr, DialTimeout: 300 * time.Millisecond, MaxRetries: -1, DialerRetries: 1})
	t.Cleanup(func() {
		if err := s.client.Close(); err != nil {
			t.Error(err)
		}
	})
	s.start(t)
	t.Cleanup(func() { s.kill(t) })
	return s
}

func (s *testServer) start(t testing.TB) {
	t.Helper()
	binary, err := exec.LookPath("redis-server")
	if err != nil {
		t.Fatal("redis-server is missing: it is in the Debian package redis-server")
	}
	s.command = exec.Command(binary, s.args...)
	s.command.Stdout, s.command.Stderr = io.Discard, os.Stderr
	if err := s.command.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "redis-server answers", func() bool {
		err := s.client.Ping(t.Context()).Err()
		return err == nil || isAnswer(err)
	})
}

func (s *testServer) kill(t testing.TB) {
	t.Helper()
	if s.command == nil {
		return
	}
	s.signal(t, syscall.SIGKILL)
	if err := s.command.Wait(); err == nil {
		t.Error("redis-server ended by itself")
	}
	s.command = nil
}

func (s *testServer) signal(t testing.TB, signal syscall.Signal) {
	t.Helper()
	if err := s.command.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
}

const patience = 20 * time.Second

func eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

func silent() *slog.Logger { return slog.New(slog.DiscardHandler) }

// open opens an engine with Run going until the test ends.
func open(t testing.TB, c Config) *Engine {
	t.Helper()
	e, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	run(t, e)
	return e
}

// at is the configuration of an agent on one server.
func (s *testServer) at(agent string) Config {
	return Config{Options: Options{Addrs: []string{s.addr}}, Agent: agent, AcceptRisk: true, Log: silent()}
}

var alice = store.Key{AOR: "sip:alice@example.com", Package: "presence"}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
