package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"presenced/policy"
)

const usage = `messenger register URI                 be registered until Ctrl-C
messenger publish  URI open|closed     publish presence until Ctrl-C, or with --once until it lapses
                   --note TEXT, --activity WORD, --mood WORD, --place WORD: as often as you like
                   --sound noisy|ok|quiet, --light toobright|ok|dark,
                   --text uncomfortable|inappropriate|ok: what it is like there
                   --until 45m|2026-01-02T15:04:05Z: when all these but notes end
                   --sphere home|work, --class WORD, --time-offset local|+01:00, --user-input active|idle
                   --device NAME       for each of several devices on one machine
                   --permanent         keep it at the agent, for when no device publishes; alone: show it
messenger watch    URI PRESENTITY      print each change of a presentity until Ctrl-C
                   --partial           be sent what has changed only (RFC 5263)
                   --document          print the XML
messenger fetch    URI PRESENTITY      print a presentity's presence and leave; --document: the XML
messenger send     URI TO [TEXT]       send TEXT, or what stdin says
messenger inbox    URI [--count N]     be registered and print the messages that arrive

messenger watchers URI                 list who watches and who wants to
                   --follow            print each change until Ctrl-C
                   --ask               ask about each watcher that waits: y, n, p(olite), s(kip)
                   --history           who watched of late, fetchers too
messenger allow|confirm|polite-block|block URI WATCHER
                                       decide what a watcher sees: your presence; nothing
                                       until you decide; that you are offline; nothing
messenger rules    URI                 show the access rules
messenger visibility URI [shown|brief|hidden [PRESENTITY|@DOMAIN]]
                                       who may see that you watch; alone: show
messenger delegate URI [PRINCIPAL publish,watchers,rules|none]
                                       who may act in your place; alone: show
  rules, visibility, delegate and publish --permanent alone take --document (show the XML), --put FILE and --delete

URI is the principal that acts: alice@example.com, sip: may be left out.
Flags stand anywhere; "--" ends them.
  --server HOST:PORT   default: found by the URI's host
  --for PRESENTITY     publish, watchers, rules and decisions for another, as a delegate
  --http URL           the agent's HTTP API; default https://HOST:8443 with the HOST of --server or
                       URI, on this machine without TLS http://HOST:8081
  --transport NAME     udp, tcp or tls; default udp
  --tls-ca FILE        believe the certificates that this PEM file signs
  --tls-insecure       believe any certificate
  --expires SECONDS    life of what is registered, published or subscribed; default 600
  --user NAME          name for authentication; default: the URI's user
  --timeout TIME       how long to wait for an answer, as 10s; default 32s
  --json               one JSON object a line (fields: see output.go)
  --verbose            SIP messages on stderr, without credentials
The password is read from PRESENCED_PASSWORD, or from the terminal when asked for.
Exit status: 0 done, 1 refused or failed, 2 called wrongly, 3 no answer.
`

// options are the flags of all commands.
type options struct {
	server, transport, tlsCA, user string
	tlsInsecure, json, verbose     bool
	expires                        uint
	timeout                        time.Duration

	said            said // publish
	once, permanent bool // publish
	partial         bool // watch
	count           uint // inbox

	presentity string // for whom a delegate acts; "": the principal itself
	http       string

	follow, ask, history bool   // watchers
	raw, remove          bool   // rules, visibility, delegate, publish; raw: watch, fetch
	put                  string // likewise
}

// command is one of the words that may follow "messenger".
type command struct {
	least, most int // operands
	flags       func(*flag.FlagSet, *options)
	run         func(ctx context.Context, a *agent, operands []string) error
}

func commands() map[string]command {
	none := func(*flag.FlagSet, *options) {}
	return map[string]command{
		"register": {1, 1, none, register},
		"publish":  {1, 2, publishFlags, publish},
		"watchers": {1, 1, watchersFlags, watchers},

		"allow":        {2, 2, decisionFlags, decide(policy.Allow)},
		"confirm":      {2, 2, decisionFlags, decide(policy.Confirm)},
		"polite-block": {2, 2, decisionFlags, decide(policy.PoliteBlock)},
		"block":        {2, 2, decisionFlags, decide(policy.Block)},
		"rules":        {1, 1, documentFlags, rules},
		"visibility":   {1, 3, documentFlags, visibility},
		"delegate":     {1, 3, documentFlags, delegate},

		"watch": {2, 2, watchFlags, watch},
		"fetch": {2, 2, fetchFlags, fetch},
		"send":  {2, 3, none, send},
		"inbox": {1, 1, inboxFlags, inbox},
	}
}

func decisionFlags(f *flag.FlagSet, o *options) {
	f.StringVar(&o.presentity, "for", "", "")
}

func watchersFlags(f *flag.FlagSet, o *options) {
	decisionFlags(f, o)
	f.BoolVar(&o.follow, "follow", false, "")
	f.BoolVar(&o.ask, "ask", false, "")
	f.BoolVar(&o.history, "history", false, "")
}

func documentFlags(f *flag.FlagSet, o *options) {
	decisionFlags(f, o)
	f.BoolVar(&o.raw, "document", false, "")
	f.StringVar(&o.put, "put", "", "")
	f.BoolVar(&o.remove, "delete", false, "")
}

func publishFlags(f *flag.FlagSet, o *options) {
	documentFlags(f, o)
	saidFlags(f, &o.said)
	f.BoolVar(&o.once, "once", false, "")
	f.BoolVar(&o.permanent, "permanent", false, "")
}

func fetchFlags(f *flag.FlagSet, o *options) { f.BoolVar(&o.raw, "document", false, "") }

func watchFlags(f *flag.FlagSet, o *options) {
	fetchFlags(f, o)
	f.BoolVar(&o.partial, "partial", false, "")
}

func inboxFlags(f *flag.FlagSet, o *options) { f.UintVar(&o.count, "count", 0, "") }

// execute runs one command and returns the exit status.
func execute(ctx context.Context, args []string, t *terminal) int {
	if len(args) == 0 {
		fmt.Fprint(t.stderr, usage)
		return exitUsage
	}
	c, known := commands()[args[0]]
	switch {
	case slices.Contains([]string{"help", "-h", "-help", "--help"}, args[0]):
		fmt.Fprint(t.stdout, usage)
		return exitDone
	case !known:
		fmt.Fprintf(t.stderr, "messenger: there is no command %q\n\n%s", args[0], usage)
		return exitUsage
	}
	o, operands, err := parseArguments(c, args[1:])
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(t.stdout, usage)
		return exitDone
	}
	out := newOutput(t, o)
	if err == nil {
		err = c.act(ctx, o, operands, out, t)
	}
	return out.finish(err)
}

// act makes the agent, has the command run on it, and closes it.
func (c command) act(ctx context.Context, o *options, operands []string, out *output, t *terminal) error {
	a, err := newAgent(o, operands[0], out, t)
	if err != nil {
		return err
	}
	defer a.close()
	return c.run(ctx, a, operands[1:])
}

// parseArguments reads flags before, between and behind the operands.
func parseArguments(c command, args []string) (*options, []string, error) {
	o := &options{}
	f := flag.NewFlagSet("messenger", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.StringVar(&o.server, "server", "", "")
	f.StringVar(&o.transport, "transport", "", "")
	f.StringVar(&o.http, "http", "", "")
	f.StringVar(&o.tlsCA, "tls-ca", "", "")
	f.BoolVar(&o.tlsInsecure, "tls-insecure", false, "")
	f.UintVar(&o.expires, "expires", 600, "")
	f.StringVar(&o.user, "user", "", "")
	f.BoolVar(&o.json, "json", false, "")
	f.BoolVar(&o.verbose, "verbose", false, "")
	o.timeout = 32 * time.Second // Timer F, RFC 3261 s.17.1.2.2
	f.Func("timeout", "", func(s string) (err error) {
		o.timeout, err = parseTime(s)
		return err
	})
	c.flags(f, o)

	var last []string
	if i := slices.Index(args, "--"); i >= 0 {
		args, last = args[:i], args[i+1:]
	}
	var operands []string
	for {
		if err := f.Parse(args); err != nil {
			if errors.Is(err, flag.ErrHelp) {
				return o, nil, err
			}
			return o, nil, usageError("%s", strings.ReplaceAll(err.Error(), " -", " --"))
		}
		if f.NArg() == 0 {
			break
		}
		operands, args = append(operands, f.Arg(0)), f.Args()[1:]
	}
	operands = append(operands, last...)
	if len(operands) < c.least || len(operands) > c.most {
		return o, nil, usageError("wrong number of words; see messenger help")
	}
	if o.expires == 0 || o.expires > 1<<31 {
		return o, nil, usageError("--expires must be at least 1 and below 2^31")
	}
	return o, operands, nil
}

// parseTime reads a duration; a number alone is seconds.
func parseTime(s string) (time.Duration, error) {
	if n, err := strconv.ParseUint(s, 10, 31); err == nil {
		s = strconv.FormatUint(n, 10) + "s"
	}
	d, err := time.ParseDuration(s)
	if err == nil && d <= 0 {
		err = errors.New("must be more than nothing")
	}
	return d, err
}
