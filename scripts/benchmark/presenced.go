package main

import (
	"context"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"

	"presenced/internal/server"
)

// Our own server. Everything that is on by default is on: exact expiry,
// composition, metrics, accounts of limits.
var (
	ourMemory = target{"presenced", "embedded, memory alone", func(ctx context.Context, b *bench, folder string, j job) (*running, error) {
		return startPresenced(ctx, b, folder, j, nil, agent{})
	}}
	ourFiles = target{"with files", "embedded, with its files", func(ctx context.Context, b *bench, folder string, j job) (*running, error) {
		return startPresenced(ctx, b, folder, j, nil, agent{store: fmt.Sprintf("path = %q", filepath.Join(folder, "state"))})
	}}
	ourRedis = target{"on Redis", "on a private redis-server, no persistence; CPU of both", startOnRedis}
)

// agent is how a presenced is set up.
type agent struct {
	sip, http, xcap netip.AddrPort // the last is served where it is valid
	store           string         // lines of the configuration
}

func startPresenced(ctx context.Context, b *bench, folder string, j job, helpers []*process, a agent) (*running, error) {
	var err error
	if a.sip, err = freePort(); err != nil {
		return nil, err
	}
	if a.http, err = freePort(); err != nil {
		return nil, err
	}
	path, err := write(folder, "presenced.toml", a.configuration(folder, j))
	if err != nil {
		return nil, err
	}
	r, err := serve(ctx, folder, "presenced", a.sip, helpers, b.presenced, "--config", path)
	if err == nil {
		r.control = controlSocket(folder)
	}
	return r, err
}

func controlSocket(folder string) string { return filepath.Join(folder, "control.sock") }

// printHeap prints an agent's live heap in bytes, for presence-load's --probe:
// of the phases after which it is compared, because it takes a collection.
func printHeap(control, phase string) error {
	if !slices.Contains([]string{"published", "settled", "gone"}, phase) {
		return nil
	}
	c, err := server.DialControl(control)
	if err != nil {
		return err
	}
	heap, err := c.Collect()
	if err == nil {
		fmt.Println(heap.Live)
	}
	return err
}

// configuration: pace 0, who has no rules may be watched by everybody, no limits of rates.
func (a agent) configuration(folder string, j job) string {
	var c strings.Builder
	fmt.Fprintf(&c, "domains = [\"127.0.0.1\"]\n[listen]\nudp = [%q]\nhttp = [%q]\n", a.sip, a.http)
	if a.xcap.IsValid() {
		fmt.Fprintf(&c, "xcap = [%q]\n", a.xcap)
	}
	fmt.Fprintf(&c, "[notify]\nmin_interval = \"0s\"\n[control]\nsocket = %q\n", controlSocket(folder))
	fmt.Fprintf(&c, "[store]\n%s\n", a.store)
	if j.past != "" {
		fmt.Fprintf(&c, "[watchers]\npast = %q\n", j.past)
	}
	if j.digest == 0 {
		return c.String()
	}
	fmt.Fprintf(&c, "[auth]\nmode = \"digest\"\n")
	for i := range j.digest {
		fmt.Fprintf(&c, "[[principal]]\nuri = \"sip:u%08d@127.0.0.1\"\npassword = %q\n", i, password)
	}
	return c.String()
}

func startOnRedis(ctx context.Context, b *bench, folder string, j job) (*running, error) {
	addr, err := freePort()
	if err != nil {
		return nil, err
	}
	redis, err := launch(folder, "redis", "redis-server", "--bind", "127.0.0.1", "--port", fmt.Sprint(addr.Port()),
		"--save", "", "--appendonly", "no", "--dir", folder, "--client-output-buffer-limit", "pubsub 64mb 32mb 60")
	if err != nil {
		return nil, err
	}
	if err := redis.accepts(ctx, addr); err != nil {
		redis.kill()
		return nil, err
	}
	store := fmt.Sprintf("engine = \"redis\"\nredis = \"redis://%s/0\"\naccept_losing_durable_state = true", addr)
	return startPresenced(ctx, b, folder, j, []*process{redis}, agent{store: store})
}
