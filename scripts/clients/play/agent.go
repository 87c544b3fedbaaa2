package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// agent is presenced on a free port of the loopback, UDP and TCP, and perhaps
// a proxy in front, which then is what the softphones see.
type agent struct {
	port      int // where the softphones send
	xcap      int // where principals decide
	binary    string
	messenger string
	config    string // file
	processes []*process
}

func password(user string) string { return "secret of " + user }

func startAgent(ctx context.Context, s settings, matches []match) (*agent, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	folder := filepath.Join(s.logs, "agent")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	xcap, err := freePort()
	if err != nil {
		return nil, err
	}
	file := filepath.Join(folder, "presenced.toml")
	a := &agent{port: port, xcap: xcap, binary: s.agent, messenger: s.messenger, config: file}
	if err := os.WriteFile(file, []byte(a.text(s, folder, matches)), 0o600); err != nil {
		return nil, err
	}
	p, err := launch(folder, "presenced", nil, []string{s.agent, "--config", file}, nil, nil)
	if err != nil {
		return nil, err
	}
	a.processes = append(a.processes, p)
	if err := listening(ctx, port, p); err != nil {
		a.stop()
		return nil, fmt.Errorf("presenced does not start: %w (%s)", err, p.log.Name())
	}
	if s.kamailio != "" {
		if err := a.putProxyInFront(ctx, s); err != nil {
			a.stop()
			return nil, err
		}
	}
	return a, nil
}

// text is the configuration: nobody sees who has not decided.
func (a *agent) text(s settings, folder string, matches []match) string {
	var b strings.Builder
	fmt.Fprintf(&b, "domains = [%q]\n", s.domain)
	fmt.Fprintf(&b, "[listen]\nudp = [\"127.0.0.1:%d\"]\ntcp = [\"127.0.0.1:%[1]d\"]\nhttp = []\nxcap = [\"127.0.0.1:%d\"]\n", a.port, a.xcap)
	fmt.Fprintf(&b, "[access]\ndefault = \"confirm\"\n")
	fmt.Fprintf(&b, "[auth]\nmode = \"digest\"\n")
	if s.kamailio != "" {
		fmt.Fprintf(&b, "trusted = [\"127.0.0.1\"]\n")
	}
	fmt.Fprintf(&b, "[notify]\nmin_interval = \"0s\"\n[log]\nlevel = \"debug\"\n")
	fmt.Fprintf(&b, "[control]\nsocket = %q\n", filepath.Join(folder, "control.sock"))
	for _, m := range matches {
		for _, user := range m.principals() {
			fmt.Fprintf(&b, "[[principal]]\nuri = \"sip:%s@%s\"\npassword = %q\n", user, s.domain, password(user))
		}
	}
	return b.String()
}

// dial waits until somebody accepts TCP connections at the port.
func dial(ctx context.Context, port int, p *process) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			return c, nil
		}
		select {
		case <-tick.C:
		case <-p.exited:
			return nil, errEnded
		case <-ctx.Done():
			return nil, err
		}
	}
}

func listening(ctx context.Context, port int, p *process) error {
	c, err := dial(ctx, port, p)
	if err != nil {
		return err
	}
	return c.Close()
}

// stop ends the proxy, then the agent.
func (a *agent) stop() {
	for i := len(a.processes) - 1; i >= 0; i-- {
		a.processes[i].stop(8 * time.Second)
	}
}

var ports struct {
	sync.Mutex
	next int
}

// freePort finds a port that is free for UDP and TCP on every address, since
// some softphones bind to 0.0.0.0. It gives no port twice, none of those that
// the kernel gives to outgoing connections, and not the one behind another,
// where baresip listens for TLS.
func freePort() (int, error) {
	ports.Lock()
	defer ports.Unlock()
	if ports.next == 0 {
		ports.next = 20000 + os.Getpid()%5000
	}
	for range 2000 {
		ports.next += 2
		address := fmt.Sprintf(":%d", ports.next)
		l, err := net.Listen("tcp", address)
		if err != nil {
			continue
		}
		u, err := net.ListenPacket("udp", address)
		l.Close()
		if err != nil {
			continue
		}
		u.Close()
		return ports.next, nil
	}
	return 0, errors.New("no port is free")
}
