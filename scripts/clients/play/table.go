package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// printTable writes a row for each game, then the reasons of what failed, and
// says whether all is well.
func printTable(w io.Writer, games []*game) bool {
	well := true
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "pair\ttransport\t%s\ttook\n", strings.Join(steps, "\t"))
	var reasons []string
	for _, g := range games {
		fmt.Fprintf(table, "%s\t%s", g.name(), g.transport)
		for _, step := range steps {
			cell := "-"
			if err, tried := g.results[step]; tried && err == nil {
				cell = "ok"
			} else if tried {
				cell, well = "FAILED", false
				reason := strings.ReplaceAll(err.Error(), "\n", "\n    ")
				reasons = append(reasons, fmt.Sprintf("%s %s, %s:\n    %s", g.name(), g.transport, step, reason))
			}
			fmt.Fprintf(table, "\t%s", cell)
		}
		fmt.Fprintf(table, "\t%v\n", g.took.Round(100*time.Millisecond))
	}
	table.Flush()
	for _, reason := range reasons {
		fmt.Fprintln(w, reason)
	}
	return well
}
