package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"strings"
	"time"
	"unicode/utf8"
)

// table is what a run came to, in cells.
type table struct {
	head   []string
	lines  [][]string
	failed []string // rows that are not where the design wants them
}

// tabulate: stores are the servers besides the two in memory.
func (b *bench) tabulate(rows []row, jobs []job, stores []target) *table {
	t := &table{head: []string{"", "settings", "Kamailio", "presenced", "ratio (of rounds)", "least / aim", ""}}
	for _, s := range stores {
		t.head = append(t.head, s.name)
	}
	settings := map[string]string{}
	for _, j := range jobs {
		settings[j.name] = j.settings
	}
	for _, r := range rows {
		theirs, ours := b.values(r, kamailioMemory), b.values(r, ourMemory)
		if r.on != nil {
			theirs, ours = nil, b.values(r, *r.on)
		}
		if r.against != nil {
			ours = ratios(ours, b.values(r, *r.against))
		}
		ratio, own := spreadOf(ratios(theirs, ours)), spreadOf(ours)
		switch {
		case r.apart:
			ratio = spreadOf(nil)
		case r.higherIsBetter():
			ratio = spreadOf(ratios(ours, theirs))
		}
		verdict, fails := r.verdict(ratio, own)
		if fails {
			t.failed = append(t.failed, r.name)
		}
		line := []string{r.name, join(settings[r.job], r.settings), r.figure(spreadOf(theirs)), r.figure(own), times(ratio), r.wanted(), verdict}
		for _, s := range stores {
			line = append(line, b.beside(r, s, theirs, ours))
		}
		t.lines = append(t.lines, line)
	}
	return t
}

func (r row) higherIsBetter() bool { return r.unit == "/s" }

func join(a, b string) string { return strings.TrimPrefix(strings.TrimSuffix(a+", "+b, ", "), ", ") }

// beside is a server with a store: against the same server in memory.
func (b *bench) beside(r row, s target, theirs, ours []float64) string {
	values := b.values(r, s)
	memory := ours
	if s.name == kamailioDB.name {
		memory = theirs
	}
	v := spreadOf(values)
	if v.none() || r.on != nil {
		return ""
	}
	return fmt.Sprintf("%s (%.2fx)", r.figure(v), spreadOf(ratios(values, memory)).median)
}

func (r row) figure(s spread) string {
	switch {
	case s.none():
		return ""
	case math.Abs(s.median) >= 99.5:
		return fmt.Sprintf("%.0f %s", s.median, r.unit)
	case math.Abs(s.median) >= 9.95:
		return fmt.Sprintf("%.1f %s", s.median, r.unit)
	}
	return fmt.Sprintf("%.2f %s", s.median, r.unit)
}

func times(s spread) string {
	if s.none() {
		return ""
	}
	return fmt.Sprintf("%.1fx (%.1f-%.1f)", s.median, s.least, s.most)
}

// text is for a terminal.
func (t *table) text(w io.Writer) {
	widths := make([]int, len(t.head))
	all := append([][]string{t.head}, t.lines...)
	for _, line := range all {
		for i, cell := range line {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, line := range all {
		for i, cell := range line {
			if i < 2 {
				fmt.Fprintf(w, "%-*s  ", widths[i], cell)
			} else {
				fmt.Fprintf(w, "%*s  ", widths[i], cell)
			}
		}
		fmt.Fprintln(w)
	}
}

func (t *table) markdown(w io.Writer) {
	row := func(cells []string) { fmt.Fprintf(w, "| %s |\n", strings.Join(cells, " | ")) }
	row(t.head)
	fmt.Fprintln(w, "|---|---|"+strings.Repeat("--:|", len(t.head)-2))
	for _, line := range t.lines {
		row(line)
	}
}

// foot says what holds for all rows, and what was not as it should be.
func (b *bench) foot() string {
	var s strings.Builder
	fmt.Fprintf(&s, "%s; %s; %d rounds of %d s a phase; other processes used at most %.1f CPUs meanwhile.\n",
		time.Now().Format("2 January 2006"), machine(), b.rounds, b.seconds, b.others)
	s.WriteString("All rows: UDP on the loopback, no digest, no rules (all watchers allowed), pace 0, no files, medians of the rounds, except where a row says otherwise. " +
		"CPU is that of all of a server's processes, from /proc. In brackets after a store: against the same server in memory.\n")
	return s.String()
}

// machine is its kind.
func machine() string {
	model := runtime.GOARCH
	if data, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(data)) {
			if name, value, found := strings.Cut(line, ":"); found && strings.TrimSpace(name) == "model name" {
				model = strings.TrimSpace(value)
				break
			}
		}
	}
	var kernel string
	if data, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		kernel = ", Linux " + strings.TrimSpace(string(data))
	}
	return fmt.Sprintf("%d CPUs (%s)%s", runtime.NumCPU(), model, kernel)
}
