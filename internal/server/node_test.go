package server

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"presenced/internal/config"
	"presenced/internal/store"
	"presenced/internal/store/embedded"
	"presenced/sip/siptest"
)

// node is a whole agent under test, on one host of a test's network.
type node struct {
	*Server
	engine Engine // outlives a restart
	host   siptest.Host
	config string
	prefix string    // of the network's addresses
	log    io.Writer // nil: nowhere
	stop   func() error
}

// baseConfig is the node of a transcript that says nothing else.
var baseConfig = map[string][]string{
	"":        {`domains = ["example.com"]`},
	"listen":  {`udp = ["10.0.0.1:5060"]`, `http = []`},
	"auth":    {`mode = "none"`, `open_to_everyone = true`},
	"notify":  {`min_interval = "0s"`},
	"log":     {`level = "error"`},
	"cluster": {`agent = "agent"`},
}

// configured is the base with a transcript's lines laid over it.
func configured(t testing.TB, lines, prefix string) *config.Config {
	t.Helper()
	sections, order := map[string][]string{}, []string{""}
	for name, base := range baseConfig {
		sections[name] = slices.Clone(base)
		if name != "" {
			order = append(order, name)
		}
	}
	slices.Sort(order)
	var arrays []string
	section := ""
	for line := range strings.Lines(lines) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "[["):
			section = "[["
			arrays = append(arrays, line)
		case strings.HasPrefix(line, "["):
			if section = strings.Trim(line, "[]"); !slices.Contains(order, section) {
				order = append(order, section)
			}
		case section == "[[":
			arrays = append(arrays, line)
		case line != "":
			key, _, _ := strings.Cut(line, "=")
			sections[section] = append(slices.DeleteFunc(sections[section], func(old string) bool {
				oldKey, _, _ := strings.Cut(old, "=")
				return strings.TrimSpace(oldKey) == strings.TrimSpace(key)
			}), line)
		}
	}
	var text strings.Builder
	for _, name := range order {
		if name != "" {
			fmt.Fprintf(&text, "[%s]\n", name)
		}
		text.WriteString(strings.Join(sections[name], "\n") + "\n")
	}
	text.WriteString(strings.Join(arrays, "\n"))
	c, _, err := config.Parse("transcript", []byte(strings.ReplaceAll(text.String(), "10.0.0.", prefix)))
	if err != nil {
		t.Fatalf("%v in\n%s", err, text.String())
	}
	return c
}

// memoryPrefix is the network in memory.
const memoryPrefix = "10.0.0."

// startNode starts a node at host 1. nil is an engine in memory.
func startNode(t testing.TB, lines, prefix string, host siptest.Host, engine Engine) *node {
	t.Helper()
	if engine == nil {
		e, err := embedded.Open(embedded.Config{Agent: agentOf(prefix)})
		if err != nil {
			t.Fatal(err)
		}
		engine = e
	}
	n := &node{engine: engine, host: host, config: lines, prefix: prefix, log: t.Output()}
	n.start(t)
	return n
}

func (n *node) start(t testing.TB) {
	t.Helper()
	s, err := New(configured(t, n.config, n.prefix), Options{Network: n.host, Engine: n.engine, Log: n.log})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	n.Server, n.stop = s, func() error { cancel(); return <-done }
}

func (n *node) addr() netip.AddrPort { return netip.MustParseAddrPort(n.prefix + "1:5060") }

// mustStop ends the node, and its engine with it.
func (n *node) mustStop(t testing.TB) {
	t.Helper()
	if panics := n.layer.Stats().Panics; panics > 0 {
		t.Errorf("%d handlers panicked", panics)
	}
	if err := n.stop(); err != nil {
		t.Error(err)
	}
}

// command does what a transcript says of the node.
func (n *node) command(t testing.TB) func(words, block string) error {
	return func(words, block string) error {
		away, _ := n.engine.(*faulty)
		switch words {
		case "reloads":
			n.config = block
			restart, err := n.Reload(t.Context(), configured(t, block, n.prefix))
			if len(restart) > 0 {
				err = errors.Join(err, fmt.Errorf("it needs a restart for %q", restart))
			}
			return err
		case "restarts":
			if err := n.stop(); err != nil {
				return err
			}
			n.start(t)
			return nil
		case "loses its store":
			away.failing(always)
			return nil
		case "has its store again":
			away.failing(never)
			return nil
		}
		return n.document(t, words, block)
	}
}

// document does "puts NAME of AOR" and "deletes NAME of AOR".
func (n *node) document(t testing.TB, words, block string) error {
	var verb, name, aor string
	if _, err := fmt.Sscanf(words, "%s %s of %s", &verb, &name, &aor); err != nil {
		return fmt.Errorf("no such command: %w", err)
	}
	switch verb {
	case "puts":
		doc := store.Document{AOR: aor, Name: name, Tag: rand.Text(), Body: []byte(block)}
		return n.engine.PutDocument(t.Context(), doc, store.MatchAny)
	case "deletes":
		return n.engine.DeleteDocument(t.Context(), aor, name, store.MatchAny)
	}
	return fmt.Errorf("no such command")
}

// patience is how long a real network may take.
const patience = 5 * time.Second

// agentOf is the name by which the node at host 1 goes in its store.
func agentOf(prefix string) string { return "agent@" + prefix + "1:5060;transport=udp" }

// hostOf is host 1's address.
func hostOf(prefix string) netip.Addr { return netip.MustParseAddr(prefix + "1") }
