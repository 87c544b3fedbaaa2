package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"presenced/scripts/child"
)

// process is a program of which nothing is left once it was stopped.
type process struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	log    *os.File
	mu     sync.Mutex // of log
	exited chan struct{}
}

// launch starts a program in a folder of its own, which is its home as well.
// Its standard output goes line by line to the log and to line (which may be
// nil), its standard error to the log. ended is called once it is gone.
func launch(folder, name string, env []string, args []string, line func(string), ended func()) (*process, error) {
	log, err := os.Create(filepath.Join(folder, name+".log"))
	if err != nil {
		return nil, err
	}
	p := &process{cmd: exec.Command(args[0], args[1:]...), log: log, exited: make(chan struct{})}
	p.cmd.Dir = folder
	p.cmd.Env = append([]string{"HOME=" + folder, "PATH=" + os.Getenv("PATH"), "LANG=C.UTF-8", "TERM=dumb"}, env...)
	p.cmd.Stderr = p
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := child.Start(p.cmd); err != nil {
		return nil, err
	}
	go func() {
		p.follow(stdout, line)
		// How it ended is in its log; that it ended is what counts here.
		fmt.Fprintf(p, "\nended: %v\n", p.cmd.Wait())
		log.Close()
		if ended != nil {
			ended()
		}
		close(p.exited)
	}()
	return p, nil
}

// Write appends to the log.
func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.Write(b)
}

func (p *process) follow(stdout io.Reader, line func(string)) {
	lines := bufio.NewScanner(stdout)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		fmt.Fprintf(p, "%s\n", lines.Text())
		if line != nil {
			line(lines.Text())
		}
	}
}

// stop ends the process and all that it started: with SIGTERM, and after
// patience with SIGKILL.
func (p *process) stop(patience time.Duration) {
	if !p.gone(patience, func() { child.Signal(p.cmd, syscall.SIGTERM) }) {
		p.gone(5*time.Second, func() { child.Signal(p.cmd, syscall.SIGKILL) })
	}
	// Children that outlived it; there is none as a rule.
	child.Signal(p.cmd, syscall.SIGKILL)
}

// gone does something and says whether the process ended within patience.
func (p *process) gone(patience time.Duration, do func()) bool {
	do()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	select {
	case <-p.exited:
		return true
	case <-ctx.Done():
		return false
	}
}
