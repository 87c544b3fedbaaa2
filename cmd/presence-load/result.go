package main

import (
	"fmt"
	"runtime"
	"slices"
	"time"
)

// result is what a phase came to.
type result struct {
	Phase     phase      `json:"phase"`
	Seconds   float64    `json:"seconds"`
	Offered   float64    `json:"offered_per_second,omitempty"` // open loop
	Rate      float64    `json:"rate_per_second"`              // operations finished well, in the measured time
	Started   int        `json:"started"`
	Finished  int        `json:"finished"` // in the measured time
	Late      int        `json:"late"`     // after it
	Failed    int        `json:"failed"`
	Withheld  int        `json:"withheld"` // due, but all subjects were busy: not sent
	Operation []opResult `json:"operations"`
	Drain     duration   `json:"drain"`

	ServerCPU   float64 `json:"server_us_per_operation,omitempty"`
	PerNotify   float64 `json:"server_us_per_notify,omitempty"`
	ServerCores float64 `json:"server_cores,omitempty"` // CPU seconds a second
	OwnCPU      float64 `json:"own_us_per_operation"`
	OwnCores    float64 `json:"own_cores"`
	Busy        float64 `json:"loop_busy"`     // fraction of the time
	Others      float64 `json:"other_cores"`   // of processes that have nothing to do with it
	Stolen      float64 `json:"stolen_cores"`  // by the hypervisor: they had work and did not run
	ServerDrops int     `json:"server_drops"`  // datagrams that found its receive buffer full
	OwnDrops    int     `json:"own_drops"`     // and ours
	Limit       string  `json:"limit"`         // what kept the rate from being higher
	Cut         bool    `json:"cut,omitempty"` // short, by an error or a signal: who was on the way is in no figure
	Ended       int     `json:"server_processes_ended,omitempty"`
	Before      usage   `json:"server_before"`
	After       usage   `json:"server_after"`

	Probe *float64 `json:"probe,omitempty"` // what --probe printed
	*tally

	sources           []*source
	start             reading
	began, idleBefore int64
	notified          int // in the measured time
}

// opResult is one kind of operation in a phase.
type opResult struct {
	Operation operation `json:"operation"`
	Finished  int       `json:"finished"`
	Failed    int       `json:"failed"`
	Latency   []latency `json:"latency"`
}

// latency of a step, in microseconds.
type latency struct {
	Step  string  `json:"step"`
	Count uint64  `json:"count"`
	Mean  float64 `json:"mean_us"`
	P50   float64 `json:"p50_us"`
	P95   float64 `json:"p95_us"`
	P99   float64 `json:"p99_us"`
	P999  float64 `json:"p99_9_us"`
	Max   float64 `json:"max_us"`
}

func us(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// count takes the operations' figures at the end of the measured time.
func (r *result) count(g *generator) {
	wall := time.Duration(g.clock() - r.began)
	r.Seconds = wall.Seconds()
	for _, s := range r.sources {
		r.Started += s.started
		r.Finished += s.finished
		r.Withheld += s.withheld
		r.Offered += s.rate
	}
	r.Rate = float64(r.Finished) / r.Seconds
	r.Busy = 1 - float64(g.idle-r.idleBefore)/float64(wall)
	r.notified = r.Notifies + r.Unanswered
}

// stop takes those of the processes at the same moment.
func (r *result) stop(g *generator, at reading) {
	r.Before, r.After = r.start.server, at.server
	r.Ended = r.start.server.Procs - at.server.Procs
	cpu, own := at.server.since(r.start.server), at.own-r.start.own
	span := at.server.at.Sub(r.start.server.at).Seconds() // on a busy machine it is longer than the measured time
	r.ServerCores = cpu.Seconds() / span
	r.OwnCores = own.Seconds() / span
	r.Stolen = (at.machine.stolen - r.start.machine.stolen).Seconds() / span
	if at.server.Procs > 0 && r.Ended == 0 { // else the server is among the others
		r.Others = max((at.machine.busy-r.start.machine.busy-cpu-own).Seconds()/span, 0)
	}
	r.ServerDrops, r.OwnDrops = g.lost(r.start.machine, at.machine)
	if r.Finished > 0 {
		r.ServerCPU, r.OwnCPU = us(cpu)/float64(r.Finished), us(own)/float64(r.Finished)
	}
	if r.notified > 0 {
		r.PerNotify = us(cpu) / float64(r.notified)
	}
	r.Limit = r.limit(at.server.Procs > 0)
}

// cut concludes a phase that an error or a signal has ended.
func (r *result) cut(g *generator, at reading) {
	r.Cut = true
	g.progress = nil
	r.stop(g, at)
	r.conclude(g)
}

// limit says whether the figures are the server's or the generator's.
func (r *result) limit(watched bool) string {
	cores := float64(runtime.NumCPU())
	switch {
	case r.Phase.Operation == string(pause):
		return "-"
	case r.Ended > 0:
		return fmt.Sprintf("THE SERVER: %d of its processes ended", r.Ended)
	case slices.ContainsFunc(r.sources, func(s *source) bool { return s.deserted }):
		return "failures: they left nobody to go on with"
	case r.Offered > 0 && r.Withheld == 0 && r.Rate > 0.98*r.Offered:
		return "the offered rate"
	case r.Busy > 0.9 && (!watched || r.ServerCores < 0.9*r.OwnCores):
		return "THE GENERATOR: its loop never rests"
	case r.Withheld*20 > r.Started:
		return "the workload: principals were busy (more of them would help)"
	case r.OwnDrops > 0 && r.OwnDrops*1000 > r.Finished:
		return "the server, and OUR RECEIVE BUFFER, which lost datagrams (--rcvbuf, --sockets)"
	case watched && r.OwnCores+r.ServerCores > 0.9*cores:
		return fmt.Sprintf("the machine's %.0f CPUs, %.0f %% of them the server's", cores, 100*r.ServerCores/cores)
	case r.Busy > 0.9:
		return "the server, or the generator: both are busy"
	}
	return "the server"
}

// conclude adds what is known only after the stragglers came.
func (r *result) conclude(g *generator) {
	for _, s := range r.sources {
		r.Late += s.finished
		r.Failed += s.failed
		op := opResult{Operation: s.op, Finished: s.finished, Failed: s.failed}
		for i := range s.latency {
			h := &s.latency[i]
			if h.total == 0 {
				continue
			}
			op.Latency = append(op.Latency, latency{
				Step: stepNames[i], Count: h.total, Mean: us(h.mean()), P50: us(h.quantile(0.5)), P95: us(h.quantile(0.95)),
				P99: us(h.quantile(0.99)), P999: us(h.quantile(0.999)), Max: us(time.Duration(h.max)),
			})
		}
		r.Operation = append(r.Operation, op)
	}
	r.Late -= r.Finished
	r.sources = nil
}
