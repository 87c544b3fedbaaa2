// Command play drives real softphones against presenced and says in a table
// what worked. scripts/interop builds what it needs and starts it.
//
// Every pair of client stacks is played over each transport: both register
// with a password, each waits until the other allows it to watch, sees it
// online at once, offline and back, messages go both ways (ASCII, other scripts, 1,200 bytes), and one logs out. A step
// waits for what the softphone itself reports, never for a time.
//
// With -devices the two of each pair are devices of one principal, whom every
// stack that can watches: it is online while any of its devices is.
//
// Nothing here knows SIP: what a softphone does wrong is left wrong, which is
// what the agent has to live with.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

func main() { os.Exit(run()) }

// settings are the words of the command line.
type settings struct {
	agent      string        // the presenced binary
	messenger  string        // its binary
	drivers    string        // folder of the compiled C drivers
	kamailio   string        // template of a proxy's configuration; empty: no proxy
	logs       string        // folder for configurations, traces and logs
	transports []string      // udp, tcp
	pairs      [][2]string   // names of stacks
	devices    bool          // each pair are devices of one principal
	watchers   []string      // stacks that watch it
	domain     string        // of the principals
	parallel   int           // pairs at once
	limit      time.Duration // of the whole run
}

func parseFlags() (settings, error) {
	var s settings
	var transports, pairs, watchers string
	flag.StringVar(&s.agent, "agent", "", "the presenced `binary`")
	flag.StringVar(&s.messenger, "messenger", "", "the messenger `binary`")
	flag.StringVar(&s.drivers, "drivers", "", "`folder` of the compiled drivers")
	flag.StringVar(&s.kamailio, "kamailio", "", "`template` of kamailio.cfg: put it in front of the agent")
	flag.StringVar(&s.logs, "logs", "", "`folder` for traces and logs")
	flag.StringVar(&transports, "transports", "udp,tcp", "`list` of transports")
	flag.StringVar(&pairs, "pairs", "baresip-baresip", "`list` of pairs of stacks")
	flag.BoolVar(&s.devices, "devices", false, "each pair are devices of one principal")
	flag.StringVar(&watchers, "watchers", "baresip", "`list` of stacks that watch the devices")
	flag.StringVar(&s.domain, "domain", "interop.test", "`domain` of the principals")
	flag.IntVar(&s.parallel, "parallel", 4, "pairs played at once")
	flag.DurationVar(&s.limit, "limit", 220*time.Second, "time for everything")
	flag.Parse()
	s.transports = strings.Split(transports, ",")
	for _, p := range strings.Split(pairs, ",") {
		a, b, ok := strings.Cut(p, "-")
		if !ok || stacks[a] == nil || stacks[b] == nil {
			return s, fmt.Errorf("no such pair of stacks: %q", p)
		}
		s.pairs = append(s.pairs, [2]string{a, b})
	}
	s.watchers = strings.Split(watchers, ",")
	for _, w := range s.watchers {
		if stacks[w] == nil || !stacks[w].presence {
			return s, fmt.Errorf("no such watcher: %q", w)
		}
	}
	return s, nil
}

func run() int {
	s, err := parseFlags()
	if err != nil {
		fmt.Fprintln(os.Stderr, "play:", err)
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, s.limit)
	defer cancel()

	matches, columns := schedule(s), steps
	if s.devices {
		matches, columns = scheduleDevices(s), append([]string{"devices"}, s.watchers...)
	}
	server, err := startAgent(ctx, s, matches)
	if err != nil {
		fmt.Fprintln(os.Stderr, "play:", err)
		return 1
	}
	defer server.stop()
	if !printTable(os.Stdout, columns, playAll(ctx, s, server, matches)) {
		return 1
	}
	return 0
}
