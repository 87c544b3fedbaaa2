// Command messenger is the instant messenger of RFC 2778 s.2.7 for the
// terminal: a PRESENCE UA, a WATCHER UA, a SENDER UA and an INBOX UA for one
// principal, each a command of its own.
//
// It implements the client's side of REGISTER (RFC 3261 s.10.2), PUBLISH (RFC
// 3903 s.4), SUBSCRIBE and NOTIFY (RFC 6665 s.4.1, RFC 3856) and MESSAGE (RFC
// 3428), with digest authentication (RFC 8760), on sipgo's transactions. It
// shows watcher information (RFC 3857, RFC 3858), and edits access rules (RFC
// 5025), visibility rules and delegations as whole documents over HTTP (RFC
// 4825).
//
// Left out: RFC 5626 flows (a keep-alive is sent, its answer is not awaited),
// NAPTR records, strict routers, redirection by 3xx, partial presence and
// message storage.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// run is the whole program: its result is the exit status (see failure.go).
// SIGINT and SIGTERM end a command in good order; a second one ends it at once.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	return execute(ctx, args, &terminal{
		stdin: stdin, stdout: stdout, stderr: stderr,
		getenv: os.Getenv, now: time.Now, pace: defaultPace(),
	})
}

// terminal is what a command has of the outside world, besides the network.
type terminal struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	getenv         func(string) string
	now            func() time.Time
	pace           pace
}
