package embedded

import (
	"context"
	"time"

	"presenced/internal/table"
)

// record is anything with a lifetime.
type record interface {
	lapsing() *lapse
	// lapsed removes the record from its shard, which is locked, in one step
	// with all that follows from it.
	lapsed(sh *shard)
}

// lapse is a record's place among its shard's deadlines.
type lapse struct{ index int32 }

func (l *lapse) lapsing() *lapse { return l }

// remaining is never 0: a record whose time is up is not there.
func (l *lapse) remaining(sh *shard) time.Duration { return sh.deadlines[l.index].at - sh.now.mono }

// longest is the longest lifetime: twice what 32 bits of seconds can say.
const longest = 272 * 365 * 24 * time.Hour

// deadlines is a binary heap, earliest first. The deadline stands beside the
// record, and not in it, so that sifting reads no record.
type deadlines []deadline

type deadline struct {
	at  time.Duration // since the engine's epoch
	rec record
}

// live gives a new record its lifetime.
func (sh *shard) live(rec record, ttl time.Duration) {
	l := rec.lapsing()
	sh.deadlines = append(sh.deadlines, deadline{sh.now.mono + min(ttl, longest), rec})
	l.index = int32(len(sh.deadlines) - 1)
	sh.deadlines.up(int(l.index))
}

// prolong gives a record another lifetime, longer or shorter.
func (sh *shard) prolong(rec record, ttl time.Duration) {
	l := rec.lapsing()
	sh.deadlines[l.index].at = sh.now.mono + min(ttl, longest)
	if !sh.deadlines.down(int(l.index)) {
		sh.deadlines.up(int(l.index))
	}
}

// end takes a record out of the heap.
func (sh *shard) end(rec record) {
	i := int(rec.lapsing().index)
	last := len(sh.deadlines) - 1
	if i != last {
		sh.deadlines.swap(i, last)
	}
	sh.deadlines[last] = deadline{}
	sh.deadlines = sh.deadlines[:last]
	if i < last && !sh.deadlines.down(i) {
		sh.deadlines.up(i)
	}
	sh.deadlines = table.Trim(sh.deadlines)
}

// expire removes what is due. A record is there before its deadline and gone
// at it.
func (sh *shard) expire() {
	for len(sh.deadlines) > 0 && sh.deadlines[0].at <= sh.now.mono {
		sh.deadlines[0].rec.lapsed(sh)
	}
}

// arm sets the timer for the earliest deadline. A timer that is set too early,
// because its record was prolonged, fires for nothing and is set again: that
// is cheaper than to set it at each refresh.
func (sh *shard) arm() {
	if len(sh.deadlines) == 0 || sh.engine.closed.Load() {
		return
	}
	at := sh.deadlines[0].at
	if sh.armed != 0 && sh.armed <= at {
		return
	}
	sh.armed = at
	wait := at - sh.now.mono
	if sh.timer == nil {
		sh.timer = time.AfterFunc(wait, sh.fire)
		return
	}
	sh.timer.Reset(wait)
}

// fire runs on the timer's goroutine.
func (sh *shard) fire() {
	e := sh.engine
	sh.mu.Lock()
	sh.armed = 0
	sh.now = e.now()
	sh.expire()
	if !sh.logging() {
		sh.leave()
		return
	}
	written := e.log.latest()
	sh.leave()
	// An error is in the log already, and what lapsed is gone by its deadline
	// all the same.
	_ = e.log.commit(context.Background(), written)
}

func (d deadlines) swap(i, j int) {
	d[i], d[j] = d[j], d[i]
	d[i].rec.lapsing().index = int32(i)
	d[j].rec.lapsing().index = int32(j)
}

// put has an element stand at i. What stood there must have gone elsewhere.
func (d deadlines) put(i int, what deadline) {
	d[i] = what
	what.rec.lapsing().index = int32(i)
}

func (d deadlines) up(i int) {
	start, rising := i, d[i]
	for i > 0 {
		parent := (i - 1) / 2
		if d[parent].at <= rising.at {
			break
		}
		d.put(i, d[parent])
		i = parent
	}
	if i != start {
		d.put(i, rising)
	}
}

// down tells whether the element moved.
func (d deadlines) down(i int) bool {
	start, sinking := i, d[i]
	for {
		child := 2*i + 1
		if child >= len(d) {
			break
		}
		if right := child + 1; right < len(d) && d[right].at < d[child].at {
			child = right
		}
		if sinking.at <= d[child].at {
			break
		}
		d.put(i, d[child])
		i = child
	}
	if i != start {
		d.put(i, sinking)
	}
	return i != start
}
