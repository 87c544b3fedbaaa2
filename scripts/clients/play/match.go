package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// match is something that softphones play with principals of their own.
type match interface {
	principals() []string
	play(ctx context.Context, s settings, server *agent)
	outcome() *score
}

func newScore(pair [2]string, transport string) score {
	return score{pair: pair[0] + "-" + pair[1], transport: transport, results: make(map[string]error)}
}

func playAll(ctx context.Context, s settings, server *agent, matches []match) []*score {
	var wait sync.WaitGroup
	var scores []*score
	places := make(chan struct{}, s.parallel)
	for _, m := range matches {
		o := m.outcome()
		scores = append(scores, o)
		places <- struct{}{}
		wait.Go(func() {
			defer func() { <-places }()
			begin := time.Now()
			m.play(ctx, s, server)
			o.took = time.Since(begin)
			fmt.Fprintf(os.Stderr, "%-20s %s  %s\n", o.pair, o.transport, o.verdict())
		})
	}
	wait.Wait()
	return scores
}

// start runs a softphone in a folder of that name. What the account lacks is
// what all have in common.
func start(ctx context.Context, s settings, server *agent, stack string, a account, name string) (*phone, error) {
	a.folder = filepath.Join(s.logs, name)
	if err := os.MkdirAll(a.folder, 0o700); err != nil {
		return nil, err
	}
	var err error
	if a.localPort, err = freePort(); err != nil {
		return nil, err
	}
	a.domain, a.password, a.proxyHost, a.proxyPort = s.domain, password(a.user), loopback, server.port
	p := newPhone(a, stacks[stack])
	if p.control, err = p.stack.start(ctx, p, s.drivers); err != nil {
		return nil, fmt.Errorf("%s: %s: %w", p.user, stack, err)
	}
	return p, nil
}
