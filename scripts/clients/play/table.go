package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// score is how a match went: a row of the table.
type score struct {
	pair, transport string
	results         map[string]error // by column; no entry: not to be had of these softphones
	took            time.Duration
}

// note adds to a column; what is noted twice is as good as its worse half.
func (s *score) note(column string, err error) {
	s.results[column] = errors.Join(s.results[column], err)
}

func (s *score) verdict() string {
	for _, err := range s.results {
		if err != nil {
			return "FAILED"
		}
	}
	return "ok"
}

// printTable writes a row for each match, then the reasons of what failed, and
// says whether all is well.
func printTable(w io.Writer, columns []string, scores []*score) bool {
	well := true
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "pair\ttransport\t%s\ttook\n", strings.Join(columns, "\t"))
	var reasons []string
	for _, g := range scores {
		fmt.Fprintf(table, "%s\t%s", g.pair, g.transport)
		for _, step := range columns {
			cell := "-"
			if err, tried := g.results[step]; tried && err == nil {
				cell = "ok"
			} else if tried {
				cell, well = "FAILED", false
				reason := strings.ReplaceAll(err.Error(), "\n", "\n    ")
				reasons = append(reasons, fmt.Sprintf("%s %s, %s:\n    %s", g.pair, g.transport, step, reason))
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
