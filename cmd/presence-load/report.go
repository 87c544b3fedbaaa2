package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sort"
	"strings"
	"text/tabwriter"
	"time"
)

// show arranges the line that is printed each second.
func (g *generator) show(r *result, s *server) {
	last := r.start.server
	lastAt, lastFinished := r.began, 0
	g.nextTick = g.clock() + int64(time.Second)
	g.progress = func() {
		finished, failed := 0, 0
		var slow time.Duration
		for _, src := range r.sources {
			finished += src.finished
			failed += src.failed
			for i := range src.latency {
				slow = max(slow, src.latency[i].quantile(0.99))
			}
		}
		now, at := *s.latest.Load(), g.clock()
		span := float64(at-lastAt) / 1e9
		fmt.Fprintf(os.Stderr, "%4.0fs %-24s %9.0f/s  %7d on the way  p99 %9s  failed %d  resent %d", float64(at-r.began)/1e9, r.Phase.Name,
			float64(finished-lastFinished)/span, g.running, slow.Round(10*time.Microsecond), failed, g.tally.Retransmissions)
		if now.Procs > 0 {
			fmt.Fprintf(os.Stderr, "  server %.2f CPUs %s", now.cores(last), megabytes(now.RSS))
		}
		fmt.Fprintln(os.Stderr)
		last, lastAt, lastFinished = now, at, finished
	}
}

// megabytes: a process without memory is one that was not looked at.
func megabytes(n int64) string {
	if n == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f MB", float64(n)/(1<<20))
}

// report is a whole run, as --json writes it.
type report struct {
	Date    time.Time `json:"date"`
	Server  string    `json:"server"`
	CPUs    int       `json:"cpus"`
	Sockets int       `json:"sockets"`
	RcvBuf  int       `json:"rcvbuf"` // 0: the kernel's stock size
	Body    int       `json:"body_size"`
	Digest  bool      `json:"digest"`
	Results []*result `json:"results"`
}

func (r *report) writeJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// writeTable is the report for people.
func (r *report) writeTable(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "phase\toffered/s\tdone/s\tfailed\tlate\tserver us/op\tus/NOTIFY\town us/op\tserver CPUs\tRSS\tpeak\tPSS\t")
	for _, p := range r.Results {
		fmt.Fprintf(t, "%s\t%s\t%.0f\t%d\t%d\t%s\t%s\t%.1f\t%s\t%s\t%s\t%s\t\n", p.Phase.Name, optional("%.0f", p.Offered), p.Rate, p.Failed, p.Late,
			optional("%.1f", p.ServerCPU), optional("%.1f", p.PerNotify), p.OwnCPU, optional("%.2f", p.ServerCores), megabytes(p.After.RSS), megabytes(p.After.Peak), megabytes(p.After.PSS))
	}
	fmt.Fprintln(t)
	fmt.Fprintln(t, "latency in ms\tstep\tcount\tp50\tp95\tp99\tp99.9\tmax\t")
	for _, p := range r.Results {
		for _, op := range p.Operation {
			for _, l := range op.Latency {
				fmt.Fprintf(t, "%s %s\t%s\t%d\t%.3f\t%.3f\t%.3f\t%.3f\t%.3f\t\n", p.Phase.Name, op.Operation, l.Step, l.Count,
					l.P50/1e3, l.P95/1e3, l.P99/1e3, l.P999/1e3, l.Max/1e3)
			}
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, p := range r.Results {
		cut := ""
		if p.Cut {
			cut = " CUT SHORT."
		}
		if _, err := fmt.Fprintf(w, "\n%s:%s limited by %s.%s", p.Phase.Name, cut, p.Limit, p.remarks()); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintln(w)
	return err
}

func optional(format string, v float64) string {
	if v == 0 {
		return "-"
	}
	return fmt.Sprintf(format, v)
}

// remarks are what was not as it should be.
func (r *result) remarks() string {
	var b strings.Builder
	for _, n := range []struct {
		count int
		what  string
	}{
		{r.Retransmissions, "requests sent again"}, {r.Withheld, "not sent, as all principals were busy"}, {r.Challenges, "challenges answered"},
		{r.RepeatedNotifies, "NOTIFYs came again"}, {r.RepeatedAnswers, "answers came again"}, {r.RepeatedMessages, "MESSAGEs came again"},
		{r.Unanswered, "NOTIFYs to dead watchers"}, {r.EndedByServer, "subscriptions ended by the server"}, {r.Stray, "messages for nobody"},
		{r.ServerDrops, "datagrams lost at the server's receive buffer"}, {r.OwnDrops, "DATAGRAMS LOST AT OUR OWN RECEIVE BUFFER"},
		{r.Disorder, "NOTIFYs OUT OF CSEQ ORDER"}, {r.Superseded, "OLDER STATES AFTER NEWER"}, {r.Unnotified, "NOTIFYS OR DELIVERIES NEVER CAME"},
		{r.Missing, "WATCHERS WITHOUT THE LAST STATE"},
	} {
		if n.count > 0 {
			fmt.Fprintf(&b, " %d %s.", n.count, n.what)
		}
	}
	var failures []string
	for why, n := range r.Failures {
		failures = append(failures, fmt.Sprintf("%s: %d", why, n))
	}
	sort.Strings(failures)
	if len(failures) > 0 {
		fmt.Fprintf(&b, " Failed: %s.", strings.Join(failures, ", "))
	}
	return b.String() + noise(r.Others, r.Stolen)
}
