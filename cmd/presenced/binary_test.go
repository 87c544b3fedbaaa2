package main

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"presenced/internal/server/servertest"
	"presenced/sip/siptest/schema"
)

// binary is the real agent, built once: what is killed and signalled here is
// a process of its own.
var binary string

func TestMain(m *testing.M) { os.Exit(withBinary(m)) }

func withBinary(m *testing.M) int {
	dir, err := os.MkdirTemp("", "presenced")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "presenced")
	args := append([]string{"build"}, raceFlag...)
	build := exec.Command("go", append(args, "-o", binary, ".")...)
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "go build:", err)
		return 1
	}
	return schema.Run(m)
}

// process is one agent: its files and configuration outlive its runs.
type process struct {
	t      *testing.T
	addr   netip.AddrPort // UDP and TCP
	http   int            // port
	config string         // path
	path   string         // [store] path
	log    *output
	cmd    *exec.Cmd
	ended  chan error
}

// output collects what a process says on stderr.
type output struct {
	mu      sync.Mutex
	changed sync.Cond
	said    []byte
}

// Write is io.Writer's.
func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.changed.Broadcast()
	o.said = append(o.said, b...)
	return len(b), nil
}

func (o *output) text() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(o.said)
}

// count waits until the text stands there n times.
func (p *process) count(text string, n int) {
	p.t.Helper()
	p.log.mu.Lock()
	defer p.log.mu.Unlock()
	deadline := time.Now().Add(servertest.Patience)
	timer := time.AfterFunc(servertest.Patience, p.log.changed.Broadcast)
	defer timer.Stop()
	for bytes.Count(p.log.said, []byte(text)) < n {
		if time.Now().After(deadline) {
			p.t.Fatalf("the agent does not say %q %d times:\n%s", text, n, p.log.said)
		}
		p.log.changed.Wait()
	}
}

// newProcess writes a configuration for an agent on ports of its own; keys
// are the tables that the test needs, with %s for the folder of its files.
func newProcess(t *testing.T, keys string) *process {
	t.Helper()
	port, dir := servertest.Port(t), t.TempDir()
	p := &process{t: t, addr: netip.MustParseAddrPort(fmt.Sprintf("127.0.0.1:%d", port)), http: servertest.Port(t),
		config: filepath.Join(dir, "presenced.toml"), path: filepath.Join(dir, "data")}
	p.write(strings.ReplaceAll(keys, "%s", dir))
	t.Cleanup(func() {
		if p.cmd != nil {
			p.kill()
		}
		if t.Failed() && p.log != nil {
			t.Logf("the agent on port %d said:\n%s", port, p.log.text())
		}
	})
	return p
}

// write replaces the configuration's keys.
func (p *process) write(keys string) {
	p.t.Helper()
	dir := filepath.Dir(p.config)
	text := fmt.Sprintf(`domains = ["example.com"]
[listen]
udp = ["%s"]
http = ["127.0.0.1:%d"]
[notify]
min_interval = "0s"
[control]
socket = "%s"
%s`, p.addr, p.http, filepath.Join(dir, "sock"), strings.ReplaceAll(keys, "%s", dir))
	if err := os.WriteFile(p.config, []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// start runs the agent until it serves.
func (p *process) start() {
	p.t.Helper()
	p.log = &output{}
	p.log.changed.L = &p.log.mu
	p.cmd = exec.Command(binary, "--config", p.config)
	p.cmd.Stderr = p.log
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	ended := make(chan error, 1)
	p.ended = ended
	cmd := p.cmd
	go func() { ended <- cmd.Wait() }()
	p.count("serving", 1)
}

// kill is kill -9.
func (p *process) kill() {
	p.t.Helper()
	p.signal(syscall.SIGKILL)
	<-p.ended
	p.cmd = nil
	if strings.Contains(p.log.text(), "DATA RACE") {
		p.t.Error("the agent has a data race")
	}
}

// stop is SIGTERM; the agent must end well. It returns how long that took.
func (p *process) stop() time.Duration {
	p.t.Helper()
	start := time.Now()
	p.signal(syscall.SIGTERM)
	select {
	case err := <-p.ended:
		if err != nil {
			p.t.Errorf("after SIGTERM: %v", err)
		}
	case <-time.After(servertest.Patience):
		p.t.Fatal("SIGTERM does not end the agent")
	}
	p.cmd = nil
	return time.Since(start)
}

func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// command runs a command of the operator's with this agent's configuration,
// principal or show, in this process: the binary with -race takes long to
// start.
func (p *process) command(stdin string, args ...string) (status int, stdout, stderr string) {
	p.t.Helper()
	// The flag follows the words that choose what is done.
	words := 1
	if args[0] == "principal" {
		words = 2
	}
	words = min(words, len(args))
	all := append(append(append([]string{}, args[:words]...), "--config", p.config), args[words:]...)
	var out, errs bytes.Buffer
	status = run(all, strings.NewReader(stdin), &out, &errs)
	return status, out.String(), errs.String()
}

// runBinary runs the binary to its end.
func runBinary(t *testing.T, stdin string, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	cmd := exec.Command(binary, args...)
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errs
	err := cmd.Run()
	if err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

// peer is a peer on UDP; with a password it answers challenges.
func peer(t *testing.T, user, password string) *servertest.Peer {
	t.Helper()
	p := servertest.UDP(t, user+"@example.com", "127.0.0.1")
	p.Password = password
	return p
}
