package main

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestBuckets(t *testing.T) {
	for _, ns := range []int64{0, 1, 63, 64, 127, 128, 129, 255, 256, 1000, 12345, 1e6, 1e9, 32e9, 1 << 62} {
		i := bucketOf(ns)
		end := bucketEnd(i)
		if end < ns || float64(end-ns) > 0.016*float64(ns)+1 {
			t.Errorf("%d ns: bucket %d ends at %d", ns, i, end)
		}
		if i > 0 && bucketEnd(i-1) >= ns {
			t.Errorf("%d ns: bucket %d, but the one before reaches %d", ns, i, bucketEnd(i-1))
		}
	}
	if got := bucketOf(-5); got != 0 {
		t.Errorf("a negative duration falls into bucket %d", got)
	}
}

func TestQuantiles(t *testing.T) {
	var h histogram
	if h.quantile(0.99) != 0 || h.mean() != 0 {
		t.Error("an empty histogram is not 0")
	}
	random := rand.New(rand.NewPCG(1, 2))
	var all []int64
	for range 10_000 {
		ns := int64(random.ExpFloat64() * 1e6)
		all = append(all, ns)
		h.add(ns)
	}
	slices.Sort(all)
	for _, q := range []float64{0.001, 0.5, 0.95, 0.99, 0.999, 1} {
		want := float64(all[max(int(q*float64(len(all)))-1, 0)])
		if got := float64(h.quantile(q)); got < want || got > want*1.02+2 {
			t.Errorf("quantile %v is %v, want %v", q, time.Duration(got), time.Duration(want))
		}
	}
	if h.quantile(1) != time.Duration(all[len(all)-1]) {
		t.Error("the last quantile is not the maximum")
	}
}
