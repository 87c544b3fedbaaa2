package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// scenario is a workload by name. What the flags set replaces its numbers.
type scenario struct {
	name, about string
	phases      []phase
}

func seconds(n int) duration { return duration{time.Duration(n) * time.Second} }

func single(op operation, principals int) []phase {
	return []phase{{Name: string(op), Operation: string(op), Principals: principals, Duration: seconds(5)}}
}

var scenarios = []scenario{
	{"publish-initial", "first PUBLISHes of ever more presentities", single(publishInitial, 5_000_000)},
	{"publish-changed", "PUBLISHes of a changed document that nobody watches", single(publishChanged, 1000)},
	{"publish-refresh", "PUBLISHes without a body", single(publishRefresh, 1000)},
	{"subscribe-initial", "new subscriptions, each with its 200 and its NOTIFY", single(subscribeInitial, 1000)},
	{"subscribe-refresh", "refreshes in the dialog, each with its NOTIFY", []phase{
		{Name: "subscribe-refresh", Operation: string(subscribeRefresh), Principals: 1000, Watchers: 2, Duration: seconds(5)}}},
	{"subscribe-end", "subscriptions ended, each with its last NOTIFY", []phase{
		{Name: "subscribe-end", Operation: string(subscribeEnd), Principals: 1000, Watchers: 20}}},
	{"fanout", "one presentity with --watchers watchers, of which --dead never answer; --count PUBLISHes", []phase{
		{Name: "fanout", Operation: string(publishChanged), Principals: 1, Watchers: 1000, InFlight: 1, Count: 20}}},
	{"buddies", "1,000 presentities with 10 watchers each: at saturation, then at half of it", []phase{
		{Name: "saturated", Operation: string(publishChanged), Principals: 1000, Watchers: 10, Duration: seconds(5)},
		{Name: "half", Operation: string(publishChanged), Principals: 1000, Watchers: 10, Duration: seconds(5), Of: "saturated", Fraction: 0.5}}},
	{"message", "MESSAGEs relayed to registered inboxes, end to end", single(message, 1000)},
	{"register", "REGISTERs; with --password every one is challenged", single(register, 1000)},
	{"login", "everybody registers, publishes and subscribes to --watchers buddies at once", []phase{
		{Name: "login", Operation: string(login), Principals: 5000, Watchers: 5, InFlight: 1 << 30}}},
	{"overload", "publish-changed at saturation, at twice that, and at half of it again", []phase{
		{Name: "saturated", Operation: string(publishChanged), Principals: 100_000, Duration: seconds(5)},
		{Name: "twice", Operation: string(publishChanged), Principals: 100_000, Duration: seconds(5), Of: "saturated", Fraction: 2},
		{Name: "after", Operation: string(publishChanged), Principals: 100_000, Duration: seconds(5), Of: "saturated", Fraction: 0.5}}},
	{"memory", "--count subscriptions to --principals presentities, a rest, all ended, a rest", []phase{
		{Name: "subscribe", Operation: string(subscribeInitial), Principals: 10_000, Count: 50_000},
		{Name: "settled", Operation: string(pause), Duration: seconds(10)},
		{Name: "end", Operation: string(subscribeEnd), Principals: 10_000},
		{Name: "gone", Operation: string(pause), Duration: seconds(10)}}},
	{"idle", "--principals register and publish, then rest", []phase{
		{Name: "register", Operation: string(register), Principals: 100_000, Count: 100_000},
		{Name: "publish", Operation: string(publishInitial), Principals: 100_000, Count: 100_000},
		{Name: "idle", Operation: string(pause), Duration: seconds(10)}}},
}

func findScenario(name string) (scenario, error) {
	for _, s := range scenarios {
		if s.name == name {
			s.phases = slices.Clone(s.phases)
			return s, nil
		}
	}
	return scenario{}, fmt.Errorf("unknown scenario %q; presence-load help lists them", name)
}

func scenarioList() string {
	var b strings.Builder
	for _, s := range scenarios {
		fmt.Fprintf(&b, "  %-18s %s\n", s.name, s.about)
	}
	return b.String()
}

// sweep makes a phase a series in open loop: the saturated one first, and then
// fractions of its rate, or the rates that are given.
func sweep(p phase, rates []float64) []phase {
	var phases []phase
	if len(rates) > 0 {
		for _, rate := range rates {
			q := p
			q.Rate, q.Count, q.Name = rate, 0, fmt.Sprintf("%.0f/s", rate)
			phases = append(phases, q)
		}
		return phases
	}
	p.Count, p.Rate, p.Of = 0, 0, ""
	if p.Watchers == 0 && p.Operation != string(message) {
		p.Principals = max(p.Principals, 20_000) // in open loop many are busy at once
	}
	p.Name = "saturated"
	phases = append(phases, p)
	for _, percent := range []int{10, 25, 40, 50, 60, 70, 80, 90, 100, 110} {
		q := p
		q.Name, q.Of, q.Fraction = fmt.Sprintf("%d %%", percent), "saturated", float64(percent)/100
		phases = append(phases, q)
	}
	return phases
}
