package redis

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// errShut is the cause while a gate is shut.
var errShut = errors.New("redis did not answer a moment ago")

// recheck is how long a gate stays shut before one call tries again.
const recheck = 200 * time.Millisecond

// gate keeps callers from waiting for a Redis that has just failed to answer:
// while it is shut one call at a time tries, and the others fail at once.
type gate struct {
	failing atomic.Bool
	next    atomic.Int64 // Unix nanoseconds of the next try
}

func (e *Engine) gate(shard int) *gate {
	if e.mode != Cluster {
		return &e.gates[noShard]
	}
	return &e.gates[shard]
}

func (g *gate) enter() error {
	if !g.failing.Load() {
		return nil
	}
	now, next := time.Now().UnixNano(), g.next.Load()
	if now >= next && g.next.CompareAndSwap(next, now+answerTimeout.Nanoseconds()) {
		return nil
	}
	return away(errShut)
}

// leave learns from an outcome. An answer that is an error is an answer; that
// the caller gave up says nothing about Redis.
func (g *gate) leave(ctx context.Context, err error) {
	var answered goredis.Error
	switch {
	case err == nil, errors.As(err, &answered):
		if g.failing.Load() {
			g.failing.Store(false)
		}
	case ctx.Err() != nil:
	default:
		g.next.Store(time.Now().Add(recheck).UnixNano())
		g.failing.Store(true)
	}
}
