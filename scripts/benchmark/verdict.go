package main

import (
	"fmt"
	"math"
	"slices"
)

func measure(r row, o *outcome) float64 {
	if o == nil {
		return math.NaN()
	}
	return r.of(o)
}

// spread is of values by round.
type spread struct{ median, least, most float64 }

// spreadOf leaves out what is NaN. Nothing is NaN.
func spreadOf(values []float64) spread {
	values = slices.DeleteFunc(slices.Clone(values), math.IsNaN)
	if len(values) == 0 {
		return spread{math.NaN(), math.NaN(), math.NaN()}
	}
	slices.Sort(values)
	middle := (values[(len(values)-1)/2] + values[len(values)/2]) / 2
	return spread{middle, values[0], values[len(values)-1]}
}

func (s spread) none() bool { return math.IsNaN(s.median) }

// ratios of two servers, round by round.
func ratios(over, under []float64) []float64 {
	var all []float64
	for i := range min(len(over), len(under)) {
		all = append(all, over[i]/under[i])
	}
	return all
}

// differences of two servers, round by round.
func differences(from, minus []float64) []float64 {
	var all []float64
	for i := range min(len(from), len(minus)) {
		all = append(all, from[i]-minus[i])
	}
	return all
}

// verdict says whether ours is where the design wants it. It fails only where
// no round was good enough.
func (r row) verdict(ratio, ours spread) (text string, fails bool) {
	switch {
	case r.least > 0 && ratio.none(), (r.atMost > 0 || r.atLeast > 0) && ours.none():
		return "NOT MEASURED", true
	case r.least > 0 && ratio.most < r.least:
		return "BELOW", true
	case r.atMost > 0 && ours.least > r.atMost, r.atLeast > 0 && ours.most < r.atLeast:
		return "MISSED", true
	case r.least > 0 && ratio.median < r.least, r.atMost > 0 && ours.median > r.atMost, r.atLeast > 0 && ours.median < r.atLeast:
		return "at times", false
	case r.aim > 0 && ratio.median >= r.aim:
		return "ok, aim", false
	case r.least > 0 || r.atMost > 0 || r.atLeast > 0:
		return "ok", false
	}
	return "", false
}

// wanted is what the design asks for.
func (r row) wanted() string {
	switch {
	case r.least > 0:
		return fmt.Sprintf("%gx / %gx", r.least, r.aim)
	case r.atMost > 0:
		return fmt.Sprintf("at most %g", r.atMost)
	case r.atLeast > 0:
		return fmt.Sprintf("at least %g", r.atLeast)
	}
	return ""
}
