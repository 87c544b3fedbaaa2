package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// part is one call of the benchmark, as --save keeps it and --from reads it.
type part struct {
	Command string    `json:"command"`
	Began   time.Time `json:"began"`
	Machine string    `json:"machine"`
	Rounds  int       `json:"rounds"`
	Seconds int       `json:"seconds"` // of a phase
	Cut     bool      `json:"cut"`     // ended before all was played
	Plays   []play    `json:"plays"`
}

// play is one server under one job's load.
type play struct {
	Job     string   `json:"job"`
	Target  string   `json:"target"`
	Round   int      `json:"round"` // from 0
	Outcome *outcome `json:"outcome"`
}

func (p *part) save(path string) error {
	if path == "" {
		return nil
	}
	data, err := json.MarshalIndent(p, "", " ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", data, 0o644); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// readParts reads what --save has kept in files, whose names stand between commas.
func readParts(paths string) ([]*part, error) {
	var parts []*part
	for path := range strings.SplitSeq(paths, ",") {
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		p := &part{}
		if err := json.Unmarshal(data, p); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if len(p.Plays) == 0 {
			return nil, errors.New(path + ": nothing was played")
		}
		parts = append(parts, p)
	}
	return parts, nil
}

type key struct{ job, target string }

// results are parts put together.
type results struct {
	parts    []*part
	outcomes map[key][]*outcome // by round; nil where it was not played
	failures []string           // what cells refer to by number, from 1
	remarks  []string           // what else was not as it should be
	others   float64            // most CPUs that other processes had in a phase
	stolen   float64            // most that the hypervisor had
}

// gather puts parts together. What was played in an earlier part too has more
// rounds; what was not stands beside it in the same round.
func gather(parts []*part) *results {
	r := &results{parts: parts, outcomes: map[key][]*outcome{}}
	for _, p := range parts {
		base := r.bases(p)
		for _, a := range p.Plays {
			k, round := key{a.Job, a.Target}, base[a.Job]+a.Round
			for len(r.outcomes[k]) <= round {
				r.outcomes[k] = append(r.outcomes[k], nil)
			}
			r.outcomes[k][round] = a.Outcome
			r.note(a)
		}
	}
	return r
}

// bases are the rounds from which a part's jobs go on.
func (r *results) bases(p *part) map[string]int {
	again := map[string]bool{}
	for _, a := range p.Plays {
		if len(r.outcomes[key{a.Job, a.Target}]) > 0 {
			again[a.Job] = true
		}
	}
	base := map[string]int{}
	for k, rounds := range r.outcomes {
		if again[k.job] {
			base[k.job] = max(base[k.job], len(rounds))
		}
	}
	return base
}

// note keeps what has to be told besides the figures.
func (r *results) note(a play) {
	where := fmt.Sprintf("%s, %s, round %d", a.Job, a.Target, a.Round+1)
	if a.Outcome.Failed != "" {
		r.failures = append(r.failures, where+": "+a.Outcome.Failed)
		a.Outcome.number = len(r.failures)
	}
	for _, p := range a.Outcome.Phases {
		r.others, r.stolen = max(r.others, p.Others), max(r.stolen, p.Stolen)
		for _, remark := range p.remarks() {
			r.remarks = append(r.remarks, fmt.Sprintf("%s, %s: %s", where, p.Phase.Name, remark))
		}
	}
}

func (r *results) played(job string) bool {
	for k := range r.outcomes {
		if k.job == job {
			return true
		}
	}
	return false
}

// stores are the servers that were played besides the two in memory.
func (r *results) stores() []target {
	return slices.DeleteFunc([]target{ourFiles, ourRedis, kamailioDB}, func(t target) bool {
		for k := range r.outcomes {
			if k.target == t.name {
				return false
			}
		}
		return true
	})
}

// values are a row's figures at one server, by round; NaN where there is none.
func (r *results) values(w row, t target) []float64 {
	var all []float64
	for _, o := range r.outcomes[key{w.job, t.name}] {
		all = append(all, measure(w, o))
	}
	if w.without == "" {
		return all
	}
	return differences(all, r.values(row{of: w.of, job: w.without}, t))
}

// failed is what stands in a cell without a figure: why there is none.
func (r *results) failed(w row, t target) string {
	for _, o := range r.outcomes[key{w.job, t.name}] {
		if o != nil && o.Failed != "" {
			return fmt.Sprintf("failed (%d)", o.number)
		}
	}
	return ""
}

// foot says what holds for all rows.
func (r *results) foot() string {
	var s strings.Builder
	fmt.Fprintf(&s, "%s; %s; %s; other processes used at most %.1f CPUs meanwhile, the hypervisor took at most %.2f.\n", r.dates(), r.machines(), r.rounds(), r.others, r.stolen)
	s.WriteString("All rows: UDP on the loopback, no digest, no rules (all watchers allowed), pace 0, no files, medians of the rounds, except where a row says otherwise. " +
		"CPU is that of all of a server's processes, from /proc. In brackets after a store: against the same server in memory.\n")
	return s.String()
}

func (r *results) dates() string {
	const day = "2 January 2006"
	first, last := r.parts[0].Began, r.parts[0].Began
	for _, p := range r.parts {
		if p.Began.Before(first) {
			first = p.Began
		}
		if p.Began.After(last) {
			last = p.Began
		}
	}
	if first.Format(day) == last.Format(day) {
		return first.Format(day)
	}
	return first.Format(day) + " to " + last.Format(day)
}

func (r *results) machines() string {
	var all []string
	for _, p := range r.parts {
		if !slices.Contains(all, p.Machine) {
			all = append(all, p.Machine)
		}
	}
	return strings.Join(all, " and ")
}

func (r *results) rounds() string {
	least, most := r.parts[0].Rounds, 0
	short, long := r.parts[0].Seconds, 0
	for _, p := range r.parts {
		least, most = min(least, p.Rounds), max(most, p.Rounds)
		short, long = min(short, p.Seconds), max(long, p.Seconds)
	}
	if most == 1 {
		return fmt.Sprintf("1 round of %s s a phase", span(short, long))
	}
	return fmt.Sprintf("%s rounds of %s s a phase (one where it takes minutes)", span(least, most), span(short, long))
}

func span(least, most int) string {
	if least == most {
		return fmt.Sprint(least)
	}
	return fmt.Sprintf("%d to %d", least, most)
}

// commands are how the parts were asked for.
func (r *results) commands() string {
	var all []string
	for _, p := range r.parts {
		if c := "`" + p.Command + "`"; !slices.Contains(all, c) {
			all = append(all, c)
		}
	}
	return strings.Join(all, ", ")
}
