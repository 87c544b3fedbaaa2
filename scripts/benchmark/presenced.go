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
		return startPresenced(ctx, b, folder, j, nil, "")
	}}
	ourFiles = target{"with files", "embedded, with its files", func(ctx context.Context, b *bench, folder string, j job) (*running, error) {
		return startPresenced(ctx, b, folder, j, nil, fmt.Sprintf("path = %q", filepath.Join(folder, "state")))
	}}
	ourRedis = target{"on Redis", "on a private redis-server, no persistence; CPU of both", startOnRedis}
)

func startPresenced(ctx context.Context, b *bench, folder string, j job, helpers []*process, store string) (*running, error) {
	sip, err := freePort()
	if err != nil {
		return nil, err
	}
	http, err := freePort()
	if err != nil {
		return nil, err
	}
	path, err := write(folder, "presenced.toml", configuration(sip, http, folder, store, j))
	if err != nil {
		return nil, err
	}
	r, err := serve(ctx, folder, "presenced", sip, helpers, b.presenced, "--config", path)
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

// configuration: pace 0, everybody may watch everybody, no limits of rates.
func configuration(sip, http netip.AddrPort, folder, store string, j job) string {
	var c strings.Builder
	fmt.Fprintf(&c, "domains = [\"127.0.0.1\"]\n[listen]\nudp = [%q]\nhttp = [%q]\n", sip, http)
	fmt.Fprintf(&c, "[notify]\nmin_interval = \"0s\"\n[control]\nsocket = %q\n", controlSocket(folder))
	fmt.Fprintf(&c, "[store]\n%s\n", store)
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
	return startPresenced(ctx, b, folder, j, []*process{redis}, store)
}
