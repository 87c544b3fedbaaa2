package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"presenced/scripts/child"
)

// process is a program in a process group of its own, of which nothing is left
// once it was stopped.
type process struct {
	cmd    *exec.Cmd
	log    *os.File
	exited chan struct{}
}

// launch starts a program whose output goes to FOLDER/NAME.log.
func launch(folder, name string, args ...string) (*process, error) {
	log, err := os.Create(filepath.Join(folder, name+".log"))
	if err != nil {
		return nil, err
	}
	p := &process{cmd: exec.Command(args[0], args[1:]...), log: log, exited: make(chan struct{})}
	p.cmd.Dir = folder
	p.cmd.Stdout, p.cmd.Stderr = log, log
	if err := child.Start(p.cmd); err != nil {
		return nil, errors.Join(err, log.Close())
	}
	go func() {
		fmt.Fprintf(log, "\nended: %v\n", p.cmd.Wait()) // how it ended is told by its log
		log.Close()
		close(p.exited)
	}()
	return p, nil
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// kill ends the process and all that it started, at once: what a benchmark
// leaves behind is worth nothing, and Kamailio takes 2 s to leave by itself.
func (p *process) kill() {
	child.Signal(p.cmd, syscall.SIGKILL)
	<-p.exited
}

// answers waits until the SIP server at addr answers an OPTIONS.
func (p *process) answers(ctx context.Context, addr netip.AddrPort) error {
	conn, err := net.Dial("udp", addr.String())
	if err != nil {
		return err
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	answer := make([]byte, 4096)
	for try := 0; ; try++ {
		probe := fmt.Sprintf("OPTIONS sip:%[1]s SIP/2.0\r\nVia: SIP/2.0/UDP %[2]s;branch=z9hG4bKprobe%[3]d;rport\r\n"+
			"Max-Forwards: 70\r\nFrom: <sip:probe@127.0.0.1>;tag=p%[3]d\r\nTo: <sip:%[1]s>\r\nCall-ID: probe@%[2]s\r\n"+
			"CSeq: %[3]d OPTIONS\r\nContent-Length: 0\r\n\r\n", addr, conn.LocalAddr(), try+1)
		// Until the server listens, the kernel refuses; then the next try comes.
		_, _ = conn.Write([]byte(probe))
		if err := conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
			return err
		}
		if _, err := conn.Read(answer); err == nil {
			return nil
		}
		select {
		case <-p.exited:
			return fmt.Errorf("ended at once: see %s", p.log.Name())
		case <-ctx.Done():
			return fmt.Errorf("does not answer: see %s", p.log.Name())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// freePort finds a loopback port that nobody has, UDP and TCP.
func freePort() (netip.AddrPort, error) {
	for range 100 {
		udp, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			return netip.AddrPort{}, err
		}
		addr := netip.MustParseAddrPort(udp.LocalAddr().String())
		tcp, err := net.Listen("tcp", addr.String())
		udp.Close()
		if err == nil {
			tcp.Close()
			return addr, nil
		}
	}
	return netip.AddrPort{}, errors.New("no free port on 127.0.0.1")
}

// accepts waits until somebody accepts TCP connections at addr.
func (p *process) accepts(ctx context.Context, addr netip.AddrPort) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		conn, err := net.Dial("tcp", addr.String())
		if err == nil {
			return conn.Close()
		}
		select {
		case <-p.exited:
			return fmt.Errorf("ended at once: see %s", p.log.Name())
		case <-ctx.Done():
			return fmt.Errorf("accepts no connection: see %s", p.log.Name())
		case <-time.After(20 * time.Millisecond):
		}
	}
}
