package main

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// target is a server as it is set up for a row. It is started anew for each
// job and round, so that no load finds what another left behind.
type target struct {
	name  string // as the table's head has it
	about string // its settings
	start func(ctx context.Context, b *bench, folder string, j job) (*running, error)
}

// word is how --on names it.
func (t target) word() string {
	_, last, found := strings.Cut(t.name, " ")
	if !found {
		return t.name
	}
	return strings.TrimPrefix(last, "+ ")
}

// running is a server that answers.
type running struct {
	addr      netip.AddrPort
	processes []*process // of which the last is the SIP server
	args      []string   // that started it
	name      string
	folder    string
	took      time.Duration // from its start to its first answer
	control   string        // presenced's socket for operators; empty at others
}

func (r *running) kill() {
	for i := len(r.processes) - 1; i >= 0; i-- {
		r.processes[i].kill()
	}
}

// forgets is how long a server may take to give back what it does not need.
// presenced looks every ten seconds, its last transactions end after 32 s, and
// it gives back once a minute; Kamailio's shared memory never shrinks.
func (r *running) forgets() time.Duration {
	if r.control == "" {
		return 10 * time.Second
	}
	return 105 * time.Second
}

// state is an error if one of the processes has ended.
func (r *running) state() error {
	for _, p := range r.processes {
		select {
		case <-p.exited:
			return fmt.Errorf("%s has ended: %s", filepath.Base(p.cmd.Path), tail(p.log.Name()))
		default:
		}
	}
	return nil
}

// pids as presence-load takes them.
func (r *running) pids() string {
	var all []string
	for _, p := range r.processes {
		all = append(all, fmt.Sprint(p.pid()))
	}
	return strings.Join(all, ",")
}

// serve starts a SIP server at addr and waits for it. helpers run already.
func serve(ctx context.Context, folder, name string, addr netip.AddrPort, helpers []*process, args ...string) (*running, error) {
	r := &running{addr: addr, processes: helpers, name: name, folder: folder, args: args}
	if err := r.launch(ctx); err != nil {
		r.kill()
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return r, nil
}

func (r *running) launch(ctx context.Context) error {
	began := time.Now()
	p, err := launch(r.folder, r.name, r.args...)
	if err != nil {
		return err
	}
	r.processes = append(r.processes, p)
	if err := p.answers(ctx, r.addr); err != nil {
		return err
	}
	r.took = time.Since(began)
	return nil
}

// restart kills the SIP server and starts it again.
func (r *running) restart(ctx context.Context) error {
	last := len(r.processes) - 1
	r.processes[last].kill()
	r.processes = r.processes[:last]
	return r.launch(ctx)
}

var echoTarget = target{"echo", "answers each datagram, looks at nothing", startEcho}

func startEcho(ctx context.Context, b *bench, folder string, _ job) (*running, error) {
	addr, err := freePort()
	if err != nil {
		return nil, err
	}
	return serve(ctx, folder, "echo", addr, nil, b.self, "-echo", addr.String())
}

func write(folder, name, text string) (string, error) {
	path := filepath.Join(folder, name)
	return path, os.WriteFile(path, []byte(text), 0o600)
}
