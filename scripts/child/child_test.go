package child

import (
	"bufio"
	"errors"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

func TestSignalReachesTheGroup(t *testing.T) {
	cmd := exec.Command("sh", "-c", "sleep 1000 & echo $!; wait")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := Start(cmd); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	grandchild, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	if group, err := syscall.Getpgid(grandchild); err != nil || group != cmd.Process.Pid {
		t.Fatalf("in group %d (%v), not in %d", group, err, cmd.Process.Pid)
	}
	Signal(cmd, syscall.SIGKILL)
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) {
		t.Errorf("it ended with %v", err)
	}
	Signal(cmd, syscall.SIGKILL) // nobody is there any more
}

func TestStartOfNothing(t *testing.T) {
	if err := Start(exec.Command("/nothing/there")); err == nil {
		t.Error("it started")
	}
}
