package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"presenced/policy"
	"presenced/watcherinfo"
)

// questions asks the principal about watchers that wait for a decision, one
// after the other, and carries the answers out (RFC 3857 s.3.1).
type questions struct {
	rules *ruleDocument
	lines *bufio.Reader
	wake  chan struct{} // there may be something to ask

	mu     sync.Mutex
	open   []watcherinfo.Watcher // to be asked about
	closed map[string]bool       // by URI: asked about already, and still undecided as far as is known
}

// errNoAnswers says that stdin has ended.
var errNoAnswers = errors.New("no more answers")

func (a *agent) newQuestions() (*questions, error) {
	d, err := a.document(presRules)
	if err != nil {
		return nil, err
	}
	return &questions{
		rules: d, lines: bufio.NewReader(a.terminal.stdin),
		wake: make(chan struct{}, 1), closed: map[string]bool{},
	}, nil
}

// update takes over who waits for a decision now.
func (q *questions) update(lists []watcherinfo.List) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.open = nil
	undecided := map[string]bool{}
	for _, l := range lists {
		for _, w := range l.Watchers {
			if w.Status != watcherinfo.Pending && w.Status != watcherinfo.Waiting || undecided[w.URI] {
				continue
			}
			undecided[w.URI] = true
			if !q.closed[w.URI] {
				q.open = append(q.open, w)
			}
		}
	}
	for uri := range q.closed {
		if !undecided[uri] {
			delete(q.closed, uri)
		}
	}
	q.prompt()
}

// next is the next watcher to ask about.
func (q *questions) next() (w watcherinfo.Watcher, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.open) == 0 {
		return w, false
	}
	w, q.open = q.open[0], q.open[1:]
	q.closed[w.URI] = true
	return w, true
}

// run asks until ctx or stdin ends. What cannot be carried out is told; the
// watcher is asked about again when it comes again.
func (q *questions) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-q.wake:
		}
		err := q.askAll(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, errNoAnswers):
			q.rules.api.agent.out.notice("stdin has ended; nothing more is asked")
			return
		case err != nil:
			q.rules.api.agent.out.trouble(err, "%s", err)
			q.prompt()
		}
	}
}

// prompt has run ask about those who wait.
func (q *questions) prompt() {
	select {
	case q.wake <- struct{}{}:
	default: // it will
	}
}

// askAll asks about everybody who waits.
func (q *questions) askAll(ctx context.Context) error {
	for {
		w, ok := q.next()
		if !ok {
			return nil
		}
		if err := q.ask(ctx, &w); err != nil {
			return err
		}
	}
}

// choices are the answers.
var choices = map[string]policy.SubHandling{
	"y": policy.Allow, "yes": policy.Allow,
	"n": policy.Block, "no": policy.Block,
	"p": policy.PoliteBlock, "polite": policy.PoliteBlock,
}

func (q *questions) ask(ctx context.Context, w *watcherinfo.Watcher) error {
	watcher, err := parseAddress(w.URI)
	if err != nil { // nothing that rules could name
		q.rules.api.agent.out.notice("%s waits for a decision, but is no address that rules can name", printable(w.URI))
		return nil
	}
	for {
		fmt.Fprintf(q.rules.api.agent.terminal.stderr,
			"%s wants to see the presence of %s: y(es), n(o), p(olite: seems offline), s(kip)? ", watcherName(w), name(q.rules.owner))
		line, err := q.line(ctx)
		if err != nil {
			return err
		}
		answer := strings.ToLower(strings.TrimSpace(line))
		if h, ok := choices[answer]; ok {
			return q.rules.decide(ctx, watcher, h)
		}
		if answer == "" || strings.HasPrefix("skip", answer) {
			return nil
		}
	}
}

// line reads one line of stdin. Nobody reads while nothing is asked: a password
// may have to be typed.
func (q *questions) line(ctx context.Context) (string, error) {
	type read struct {
		line string
		err  error
	}
	got := make(chan read, 1)
	go func() {
		line, err := q.lines.ReadString('\n')
		if errors.Is(err, io.EOF) {
			err = errNoAnswers
			if line != "" {
				err = nil
			}
		}
		got <- read{line, err}
	}()
	select {
	case r := <-got:
		return r.line, r.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}
