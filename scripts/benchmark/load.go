package main

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"presenced/scripts/child"
)

//go:embed workloads/*.toml
var workloads embed.FS

// outcome is what one run of presence-load against one server came to.
type outcome struct {
	Phases  []*phase      `json:"phases"`
	Again   time.Duration `json:"again_ns,omitempty"` // from a start with this load's state to the first answer; 0 if not asked for
	Helpers []int         `json:"helpers,omitempty"`  // processes besides the SIP server: MariaDB, Redis
	Took    time.Duration `json:"took_ns"`
	Failed  string        `json:"failed,omitempty"` // why there are no more phases

	number int // of the failure, in the table
}

// phase is nil where it was not played.
func (o *outcome) phase(name string) *phase {
	for _, p := range o.Phases {
		if p.Phase.Name == name {
			return p
		}
	}
	return nil
}

// phase is what is read of presence-load's JSON.
type phase struct {
	Phase struct {
		Name string `json:"name"`
	} `json:"phase"`
	Seconds  float64        `json:"seconds"`
	Rate     float64        `json:"rate_per_second"`
	Offered  float64        `json:"offered_per_second"`
	Finished int            `json:"finished"`
	Failed   int            `json:"failed"`
	Late     int            `json:"late"`
	CPU      float64        `json:"server_us_per_operation"`
	PerNote  float64        `json:"server_us_per_notify"`
	Cores    float64        `json:"server_cores"`
	Others   float64        `json:"other_cores"`
	Stolen   float64        `json:"stolen_cores"`
	Limit    string         `json:"limit"`
	Before   usage          `json:"server_before"`
	After    usage          `json:"server_after"`
	Failures map[string]int `json:"failures"`
	Cut      bool           `json:"cut"` // short: no figure of it counts

	Disorder   int `json:"cseq_disorder"`
	Superseded int `json:"superseded"`
	Unnotified int `json:"unnotified"`
	Missing    int `json:"missing"`
	Lost       int `json:"own_drops"`

	Probe *float64 `json:"probe,omitempty"` // live heap in bytes

	Operations []operation `json:"operations"`
}

type operation struct {
	Latency []step `json:"latency"`
}

// step of an operation, in us.
type step struct {
	Step string  `json:"step"`
	P50  float64 `json:"p50_us"`
	P99  float64 `json:"p99_us"`
}

type usage struct {
	CPU       time.Duration         `json:"cpu_ns"`
	Peak      int64                 `json:"peak_bytes"`
	RSS       int64                 `json:"rss_bytes"`
	PSS       int64                 `json:"pss_bytes"`
	Processes int                   `json:"processes"`
	Each      map[int]time.Duration `json:"cpu_ns_by_process"`
}

// quantile of a step's latency, the 50th or the 99th, in ms; 0 is none.
func (p *phase) quantile(name string, percent int) float64 {
	for _, op := range p.Operations {
		for _, l := range op.Latency {
			if l.Step != name {
				continue
			}
			if percent == 50 {
				return l.P50 / 1e3
			}
			return l.P99 / 1e3
		}
	}
	return 0
}

// drive loads a server with a job's workload. Where it fails it returns the
// phases that were over.
func (b *bench) drive(ctx context.Context, r *running, folder string, j job) ([]*phase, error) {
	text, err := workloads.ReadFile("workloads/" + j.workload + ".toml")
	if err != nil {
		return nil, err
	}
	filled := strings.NewReplacer("@SECONDS@", fmt.Sprint(b.seconds), "@GONE@", r.forgets().String()).Replace(string(text))
	workload, err := write(folder, "workload.toml", filled)
	if err != nil {
		return nil, err
	}
	result := filepath.Join(folder, "result.json")
	args := []string{"--workload", workload, "--server", "udp:" + r.addr.String(), "--server-pid", r.pids(),
		"--rcvbuf", strconv.Itoa(j.rcvbuf), "--sockets", strconv.Itoa(max(1, j.sockets)), "--leave", "--json", result}
	if j.digest > 0 {
		args = append(args, "--password", password)
	}
	if r.control != "" {
		args = append(args, "--probe", fmt.Sprintf("%s -heap %s", b.self, r.control))
	}
	limit := 3 * time.Minute
	if j.once {
		limit = 12 * time.Minute
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	load := exec.CommandContext(ctx, b.load, args...)                       // not in our group: Ctrl-C is ours to handle
	load.Cancel = func() error { return load.Process.Signal(os.Interrupt) } // it writes what it has
	load.WaitDelay = 10 * time.Second
	log, err := os.Create(filepath.Join(folder, "presence-load.log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	load.Stdout, load.Stderr = log, log
	if err := child.Start(load); err != nil {
		return nil, err
	}
	ended := load.Wait()
	if ended == nil {
		return read(result)
	}
	phases, err := read(result)
	if err != nil { // it says less than what follows
		phases = nil
	}
	return phases, fmt.Errorf("presence-load: %w: %s", ended, tail(log.Name()))
}

func read(path string) ([]*phase, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var report struct {
		Results []*phase `json:"results"`
	}
	if err := json.Unmarshal(data, &report); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return slices.DeleteFunc(report.Results, func(p *phase) bool { return p.Cut }), nil
}

// tail is the last line of a log, for people.
func tail(path string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	return lines[len(lines)-1]
}

// remarks are what must not be in a phase that is to be believed.
func (p *phase) remarks() []string {
	var all []string
	for _, n := range []struct {
		count int
		what  string
	}{
		{p.Failed, "failed"}, {p.Unnotified, "NOTIFYs or deliveries never came"}, {p.Missing, "watchers without the last state"},
		{p.Disorder, "NOTIFYs out of CSeq order"}, {p.Superseded, "older states after newer"},
	} {
		if n.count > 0 {
			all = append(all, fmt.Sprintf("%d %s", n.count, n.what))
		}
	}
	for why, n := range p.Failures {
		all = append(all, fmt.Sprintf("%s: %d", why, n))
	}
	if strings.HasPrefix(p.Limit, "THE GENERATOR") {
		all = append(all, "limited by the generator (CPU per operation holds, the rate does not)")
	}
	return all
}
