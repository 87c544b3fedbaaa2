package main

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"presenced/internal/config"
	"presenced/internal/server"
)

// serve runs the agent until SIGINT or SIGTERM; SIGHUP reloads.
func serve(args []string, stderr io.Writer) error {
	path, rest, err := configFlag(args)
	switch {
	case err != nil:
		return err
	case len(rest) > 0:
		return errUsage
	}
	c, warnings, err := config.Load(path)
	for _, w := range warnings {
		fmt.Fprintln(stderr, "warning:", w)
	}
	if err != nil {
		return err
	}
	s, err := server.New(c, server.Options{Log: stderr})
	if err != nil {
		return err
	}
	greet(stderr, c)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	go reloadOnHangup(ctx, s, path, stderr)
	return s.Run(ctx)
}

func reloadOnHangup(ctx context.Context, s *server.Server, path string, stderr io.Writer) {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangup:
		}
		next, _, err := config.Load(path)
		var restart []string
		if err == nil {
			restart, err = s.Reload(ctx, next)
		}
		switch {
		case err != nil:
			fmt.Fprintln(stderr, "presenced: not reloaded, the old configuration stays:", err)
		case len(restart) > 0:
			fmt.Fprintln(stderr, "presenced: reloaded, except what needs a restart:", strings.Join(restart, ", "))
		default:
			fmt.Fprintln(stderr, "presenced: reloaded")
		}
	}
}

// greet says what a person at the terminal should know, and types next.
func greet(w io.Writer, c *config.Config) {
	if c.Auth.Mode != config.AuthNone || len(c.Listen.UDP) == 0 {
		return
	}
	domain, at := c.Domains[0], c.Listen.UDP[0].Address
	if !at.Addr().IsValid() || at.Addr().IsUnspecified() {
		at = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), at.Port())
	}
	place := strings.TrimSuffix(at.String(), ":5060")
	flag := " --server " + place
	if domain == "localhost" && place == "127.0.0.1" {
		flag = "" // the messenger finds that by itself
	}
	fmt.Fprintf(w, `
Try it, in other terminals:
  go run ./cmd/messenger watch   alice@%[1]s bob@%[1]s%[2]s
  go run ./cmd/messenger publish bob@%[1]s open --note "at my desk"%[2]s
  go run ./cmd/messenger inbox   bob@%[1]s%[2]s
  go run ./cmd/messenger send    alice@%[1]s bob@%[1]s "hello"%[2]s
or point a softphone at %[3]s as any user of %[1]s, with any password. Ctrl-C ends.

`, domain, flag, place)
}

// checkConfig says what is wrong with a file, and what may surprise.
func checkConfig(args []string, stdout io.Writer) error {
	if len(args) != 1 {
		return errUsage
	}
	_, warnings, err := config.Load(args[0])
	for _, w := range warnings {
		fmt.Fprintln(stdout, "warning:", w)
	}
	if err != nil {
		return err
	}
	fmt.Fprintln(stdout, args[0]+": ok")
	return nil
}
