package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"presenced/internal/server/servertest"
)

// Without a configuration the agent serves, says that it believes everybody,
// and what to type next. Where another process has the port, it says so.
func TestStartWithoutConfiguration(t *testing.T) {
	t.Parallel()
	said := &output{}
	said.changed.L = &said.mu
	cmd := exec.Command(binary)
	cmd.Stderr = said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	serves := func() bool { return strings.Contains(said.text(), "msg=serving") }
	var err error
	deadline := time.After(servertest.Patience)
	for look := time.NewTicker(10 * time.Millisecond); !serves(); {
		select {
		case err = <-ended:
			look.Stop()
			if !strings.Contains(said.text(), "address already in use") || cmd.ProcessState.ExitCode() != 1 {
				t.Errorf("without a configuration: %v\n%s", err, said.text())
			}
			t.Log("its ports are taken on this machine; what it says when it serves is TestGreeting's")
			return
		case <-deadline:
			t.Fatalf("neither serves nor ends:\n%s", said.text())
		case <-look.C:
		}
	}
	greets(t, said.text())
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil { // Ctrl-C
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Errorf("Ctrl-C: %v\n%s", err, said.text())
	}
}

// greets checks what a person reads who starts the agent the first time.
func greets(t *testing.T, said string) {
	t.Helper()
	for _, text := range []string{
		"no passwords", "nothing survives", "go run ./cmd/messenger watch   alice@localhost bob@localhost",
		"go run ./cmd/messenger publish bob@localhost", "softphone", "Ctrl-C",
	} {
		if !strings.Contains(said, text) {
			t.Errorf("does not say %q:\n%s", text, said)
		}
	}
}

func TestGreeting(t *testing.T) {
	t.Parallel()
	p := newProcess(t, "")
	text, err := os.ReadFile(p.config)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p.config, []byte(strings.Replace(string(text), `domains = ["example.com"]`, "", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	p.start()
	greets(t, p.log.text())
	if text := `"hello" --server ` + p.addr.String() + "\n"; !strings.Contains(p.log.text(), text) {
		t.Errorf("does not say %q:\n%s", text, p.log.text())
	}

	// A second agent cannot have the ports or the socket of the first.
	status, _, stderr := runBinary(t, "", "--config", p.config)
	if status != 1 || !strings.Contains(stderr, "address already in use") || !strings.Contains(stderr, p.addr.String()) {
		t.Errorf("a second agent: %d\n%s", status, stderr)
	}
	other := newProcess(t, "")
	text, err = os.ReadFile(other.config)
	if err != nil {
		t.Fatal(err)
	}
	taken := strings.Replace(string(text), filepath.Join(filepath.Dir(other.config), "sock"), filepath.Join(filepath.Dir(p.config), "sock"), 1)
	if err := os.WriteFile(other.config, []byte(taken), 0o600); err != nil {
		t.Fatal(err)
	}
	status, _, stderr = runBinary(t, "", "--config", other.config)
	if status != 1 || !strings.Contains(stderr, "another agent serves") {
		t.Errorf("an agent with a taken control socket: %d\n%s", status, stderr)
	}
	p.stop()
}
