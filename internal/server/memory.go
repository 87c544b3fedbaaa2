package server

import (
	"context"
	"runtime"
	"runtime/debug"
	gometrics "runtime/metrics"
	"time"

	"presenced/internal/config"
)

// After a storm (all phones of a site come back at once, or leave) the Go
// runtime gives memory back slowly or not at all: it collects garbage only
// when something is allocated, or every two minutes, and its scavenger keeps
// to what the last collection needed. 90 s after 500,000 subscriptions had
// ended 614 MB were still resident, of 1.1 GB at the peak, for a live heap of
// 78 MB. So once it is quiet the server collects and gives back by itself: the
// same load leaves 101 MB after 10 s, and 50 MB once its last transactions are
// over, a minute later.
const (
	memoryLook  = 10 * time.Second // how often it is looked at
	memoryPause = time.Minute      // at least, between one giving back and the next
	memoryWorth = 16 << 20         // bytes; less is left to the runtime

	documentIdle = time.Minute // a document that nobody watches and nobody asks for is composed again
)

// absentRound is the least time for which it is remembered that a presentity has
// no rules, once nobody asks. It takes 0.2 kB for each of its documents; to look
// it up again takes some microseconds, or a round trip where the store is Redis.
func absentRound(e config.Engine) time.Duration {
	if e == config.EngineRedis {
		return 10 * time.Minute
	}
	return 30 * time.Second
}

// memory decides when memory is given back. The zero value is ready for use.
type memory struct {
	last      heap      // at the look before
	lastAt    time.Time // when memory was given back last
	allocated uint64    // by then
	again     bool      // a storm was over then
}

// heap is the runtime's view of it, in bytes.
type heap struct {
	held      uint64 // from the operating system: objects, garbage, gaps, free pages
	live      uint64 // found by the last garbage collection
	allocated uint64 // since the process began
}

// due tells whether memory is to be given back now. It is where little was
// allocated since the last look, so that a collection is no burden, and either
// much was allocated since memory was given back last, so that much of what is
// held will be garbage, or the last collection has found that little lives. A
// storm's last transactions end half a minute after it, and allocate nothing:
// it has a second time.
func (m *memory) due(now time.Time, h heap) bool {
	quiet := h.allocated-m.last.allocated <= h.held/16
	m.last = h
	storm := h.allocated-m.allocated >= max(h.held/4, memoryWorth)
	switch {
	case !quiet || now.Sub(m.lastAt) < memoryPause:
		return false
	case !storm && !m.again && h.held < 2*h.live+memoryWorth:
		return false
	}
	m.lastAt, m.allocated, m.again = now, h.allocated, storm
	return true
}

// giveMemoryBack looks after the process's memory until ctx ends.
func (s *Server) giveMemoryBack(ctx context.Context) error {
	tick := time.NewTicker(memoryLook)
	defer tick.Stop()
	round := time.NewTicker(absentRound(s.config.Load().Store.Engine))
	defer round.Stop()
	var m memory
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-round.C:
			s.rules.Forget()
		case now := <-tick.C:
			s.composer.Forget(documentIdle)
			if m.due(now, readHeap()) {
				debug.FreeOSMemory()
			}
		}
	}
}

// Heap is what lives in the agent's memory and what it holds, in bytes.
type Heap struct {
	Live uint64 // objects that a garbage collection found in use
	Held uint64 // from the operating system
}

// collect is the readable truth about leaks: what is left when all garbage is
// gone. It costs a second of CPU for a GB. A sync.Pool lets go at the second
// collection.
func collect() Heap {
	runtime.GC()
	runtime.GC()
	h := readHeap()
	return Heap{Live: h.live, Held: h.held}
}

func readHeap() heap {
	samples := [...]gometrics.Sample{
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/heap/unused:bytes"},
		{Name: "/memory/classes/heap/free:bytes"},
		{Name: "/gc/heap/live:bytes"},
		{Name: "/gc/heap/allocs:bytes"},
	}
	gometrics.Read(samples[:])
	value := func(i int) uint64 { return samples[i].Value.Uint64() }
	return heap{held: value(0) + value(1) + value(2), live: value(3), allocated: value(4)}
}
