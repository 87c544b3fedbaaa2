package main

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// probeFor bounds a probe.
const probeFor = time.Minute

// probe runs the command that asks the server, in words of its own, for what
// /proc does not know, such as its live heap. It gets the phase's name as its
// last argument and prints a number, or nothing. What the server sends
// meanwhile is answered.
func (g *generator) probe(command string, r *result) error {
	if command == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(g.ctx, probeFor)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		var err error
		r.Probe, err = ask(ctx, append(strings.Fields(command), r.Phase.Name))
		done <- err
	}()
	if err := g.loop(nil, func() bool { return len(done) > 0 }); err != nil {
		return err
	}
	return <-done
}

func ask(ctx context.Context, args []string) (*float64, error) {
	out, err := exec.CommandContext(ctx, args[0], args[1:]...).Output()
	if err != nil {
		return nil, fmt.Errorf("probe: %w", err)
	}
	text := string(bytes.TrimSpace(out))
	if text == "" {
		return nil, nil
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return nil, fmt.Errorf("probe: %w", err)
	}
	return &n, nil
}
