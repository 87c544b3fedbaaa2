// Package child starts programs that end when we do, for scripts that run
// servers and phones: each is the leader of a process group of its own, and the
// kernel kills it if we are gone without having stopped it. Linux only.
package child

import (
	"os/exec"
	"runtime"
	"sync"
	"syscall"
)

// Start starts a program that was not started yet. What it starts itself is in
// its group, but outlives us if nobody calls Signal.
func Start(cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	result := make(chan error)
	starts() <- func() { result <- cmd.Start() }
	return <-result
}

// Signal sends a signal to a started program and to all that it started. That
// they are gone already is no failure.
func Signal(cmd *exec.Cmd, s syscall.Signal) { _ = syscall.Kill(-cmd.Process.Pid, s) }

// starts is a thread that lives as long as we do: the kernel kills a child when
// the thread ends that started it.
var starts = sync.OnceValue(func() chan func() {
	c := make(chan func())
	go func() {
		runtime.LockOSThread()
		for start := range c {
			start()
		}
	}()
	return c
})
