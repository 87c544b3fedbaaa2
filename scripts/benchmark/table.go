package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"strings"
	"unicode/utf8"
)

// table is what a run came to, in cells.
type table struct {
	head   []string
	lines  [][]string
	failed []string // rows that are not where the design wants them
}

// tabulate makes lines of the rows whose job was played.
func (b *results) tabulate(rows []row, jobs []job) *table {
	t := &table{head: []string{"", "settings", "Kamailio", "presenced", "ratio (of rounds)", "least / aim", ""}}
	for _, s := range b.stores() {
		t.head = append(t.head, s.name)
	}
	settings := map[string]string{}
	for _, j := range jobs {
		settings[j.name] = j.conditions()
	}
	for _, r := range rows {
		if !b.played(r.job) || r.on != nil && !b.asked(r, *r.on) {
			continue
		}
		line, fails := b.line(r, settings[r.job])
		if fails {
			t.failed = append(t.failed, r.name)
		}
		t.lines = append(t.lines, line)
	}
	return t
}

func (b *results) line(r row, settings string) (cells []string, fails bool) {
	theirs, ours := b.values(r, kamailioMemory), b.values(r, ourMemory)
	ourCell, theirCell := b.cell(r, ourMemory, ours), b.cell(r, kamailioMemory, theirs)
	if r.on != nil {
		theirs, ours = nil, b.values(r, *r.on)
		ourCell, theirCell = b.cell(r, *r.on, ours), ""
	}
	if r.against != nil {
		ours = ratios(ours, b.values(r, *r.against))
		ourCell = b.cell(r, *r.on, ours)
	}
	if r.beyond != nil {
		ours = differences(ours, b.values(r, *r.beyond))
		ourCell = b.cell(r, *r.on, ours)
	}
	ratio, own := spreadOf(ratios(theirs, ours)), spreadOf(ours)
	switch {
	case r.apart:
		ratio = spreadOf(nil)
	case r.higherIsBetter():
		ratio = spreadOf(ratios(ours, theirs))
	}
	verdict, fails := "", false
	if r.on != nil || b.asked(r, ourMemory) && (r.least == 0 || b.asked(r, kamailioMemory)) {
		verdict, fails = r.verdict(ratio, own)
	}
	cells = []string{r.name, join(settings, r.settings), theirCell, ourCell, times(ratio), r.wanted(), verdict}
	for _, s := range b.stores() {
		cells = append(cells, b.beside(r, s, theirs, ours))
	}
	return cells, fails
}

// asked: the server was to be played, whether or not it failed.
func (b *results) asked(r row, t target) bool { return b.outcomes[key{r.job, t.name}] != nil }

// cell is a figure, or why there is none.
func (b *results) cell(r row, t target, values []float64) string {
	if text := r.figure(spreadOf(values)); text != "" {
		return text
	}
	return b.failed(r, t)
}

func (r row) higherIsBetter() bool { return r.unit == "/s" }

func join(a, b string) string { return strings.TrimPrefix(strings.TrimSuffix(a+", "+b, ", "), ", ") }

// beside is a server with a store: against the same server in memory.
func (b *results) beside(r row, s target, theirs, ours []float64) string {
	values := b.values(r, s)
	memory := ours
	if s.name == kamailioDB.name {
		memory = theirs
	}
	against := spreadOf(ratios(values, memory))
	switch {
	case r.on != nil:
		return ""
	case against.none():
		return b.cell(r, s, values)
	}
	return fmt.Sprintf("%s (%.2fx)", r.figure(spreadOf(values)), against.median)
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
