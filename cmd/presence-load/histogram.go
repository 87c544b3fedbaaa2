package main

import (
	"math/bits"
	"time"
)

// Each power of two of nanoseconds is divided in 64: an error of at most 1.6 %.
const (
	subBits    = 6
	subBuckets = 1 << subBits
	buckets    = (64 - subBits) * subBuckets
)

// histogram counts durations in log-linear buckets. Its zero value is empty.
type histogram struct {
	counts [buckets]uint64
	total  uint64
	sum    int64 // ns
	max    int64 // ns
}

func bucketOf(ns int64) int {
	v := uint64(max(ns, 0))
	if v < 2*subBuckets {
		return int(v)
	}
	exponent := bits.Len64(v) - subBits - 1
	return exponent*subBuckets + int(v>>exponent)
}

// bucketEnd is the greatest value that falls into the bucket.
func bucketEnd(i int) int64 {
	if i < 2*subBuckets {
		return int64(i)
	}
	exponent := i/subBuckets - 1
	return int64(uint64(i-exponent*subBuckets+1)<<exponent - 1)
}

func (h *histogram) add(ns int64) {
	h.counts[bucketOf(ns)]++
	h.total++
	h.sum += ns
	h.max = max(h.max, ns)
}

// quantile is the value that the fraction q (0 to 1) of all do not exceed.
func (h *histogram) quantile(q float64) time.Duration {
	if h.total == 0 {
		return 0
	}
	rank := max(uint64(q*float64(h.total)+0.5), 1)
	var seen uint64
	for i, n := range h.counts {
		if seen += n; seen >= rank {
			return time.Duration(min(bucketEnd(i), h.max))
		}
	}
	return time.Duration(h.max)
}

func (h *histogram) mean() time.Duration {
	if h.total == 0 {
		return 0
	}
	return time.Duration(h.sum / int64(h.total))
}
