package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"sort"
	"strings"
)

// Size of the plot and of its margins, in pixels.
const (
	plotWidth, plotHeight = 800, 480
	plotLeft, plotRight   = 80, 130
	plotTop, plotBottom   = 40, 60
)

type point struct{ offered, p50, p99, p999 float64 } // per second; us

// plotted are the steps that a plot may show, the one that ends the operation
// first. All count from when it was due: what the generator was late is in it.
var plotted = []step{stepLast, stepWhole, stepAnswer}

// whole is the latency of the whole operation.
func (op *opResult) whole() (latency, bool) {
	for _, s := range plotted {
		for _, l := range op.Latency {
			if l.Step == stepNames[s] {
				return l, true
			}
		}
	}
	return latency{}, false
}

// pointsOf takes from each open-loop phase the latency of its first operation,
// and says which step that is.
func pointsOf(results []*result) (points []point, name string) {
	for _, r := range results {
		if r.Offered == 0 || len(r.Operation) == 0 {
			continue
		}
		l, measured := r.Operation[0].whole()
		if !measured {
			continue
		}
		name = string(r.Operation[0].Operation) + ", " + l.Step
		points = append(points, point{r.Offered, l.P50, l.P99, l.P999})
	}
	sort.Slice(points, func(i, j int) bool { return points[i].offered < points[j].offered })
	return points, name
}

// plot draws latency against offered load, the latency on a logarithmic scale.
func plot(w io.Writer, title string, results []*result) error {
	points, name := pointsOf(results)
	if len(points) < 2 {
		return errors.New("plot: fewer than two phases in open loop")
	}
	low, high, right := math.Inf(1), 0.0, points[len(points)-1].offered
	for _, p := range points {
		low, high = min(low, p.p50), max(high, p.p999)
	}
	bottom, top := math.Floor(math.Log10(max(low, 1))), math.Ceil(math.Log10(max(high, 10)))
	top = max(top, bottom+1)
	x := func(rate float64) float64 { return plotLeft + rate/right*(plotWidth-plotLeft-plotRight) }
	y := func(us float64) float64 {
		return plotHeight - plotBottom - (math.Log10(max(us, 1))-bottom)/(top-bottom)*(plotHeight-plotTop-plotBottom)
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="12">`+"\n", plotWidth, plotHeight)
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" fill="white"/><text x="%d" y="22" font-size="15">%s</text>`+"\n", plotLeft, escape(title))
	for e := bottom; e <= top; e++ {
		at := y(math.Pow(10, e))
		fmt.Fprintf(&b, `<path d="M%d %.1fH%d" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end">%s</text>`+"\n",
			plotLeft, at, plotWidth-plotRight, plotLeft-8, at+4, scale(math.Pow(10, e)))
	}
	for i := range 6 {
		rate := right * float64(i) / 5
		fmt.Fprintf(&b, `<path d="M%.1f %dV%d" stroke="#eee"/><text x="%.1f" y="%d" text-anchor="middle">%.0f</text>`+"\n",
			x(rate), plotTop, plotHeight-plotBottom, x(rate), plotHeight-plotBottom+18, rate)
	}
	fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="middle">offered, per second (latency: %s)</text>`+"\n", (plotLeft+plotWidth-plotRight)/2, plotHeight-18, escape(name))
	for i, line := range []struct {
		name, colour string
		of           func(point) float64
	}{
		{"p50", "#2a7", func(p point) float64 { return p.p50 }},
		{"p99", "#27c", func(p point) float64 { return p.p99 }},
		{"p99.9", "#c33", func(p point) float64 { return p.p999 }},
	} {
		var path strings.Builder
		for n, p := range points {
			fmt.Fprintf(&path, "%c%.1f %.1f", "ML"[min(n, 1)], x(p.offered), y(line.of(p)))
			fmt.Fprintf(&b, `<circle cx="%.1f" cy="%.1f" r="3" fill="%s"/>`, x(p.offered), y(line.of(p)), line.colour)
		}
		fmt.Fprintf(&b, `<path d="%s" fill="none" stroke="%s" stroke-width="2"/>`, path.String(), line.colour)
		fmt.Fprintf(&b, `<text x="%d" y="%d" fill="%s">%s</text>`+"\n", plotWidth-plotRight+15, plotTop+20+20*i, line.colour, line.name)
	}
	b.WriteString("</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func scale(us float64) string {
	switch {
	case us >= 1e6:
		return fmt.Sprintf("%g s", us/1e6)
	case us >= 1e3:
		return fmt.Sprintf("%g ms", us/1e3)
	}
	return fmt.Sprintf("%g µs", us)
}

func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}
