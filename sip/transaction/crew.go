package transaction

import (
	"sync"
	"sync/atomic"
)

// crew runs functions on goroutines that it keeps. A handler's stack grows
// while it runs, which costs more than many a request: the next one finds it
// grown.
type crew struct {
	work  chan func()
	quit  chan struct{}
	idle  atomic.Int32
	group sync.WaitGroup

	mu     sync.Mutex
	closed bool
}

// maxIdle is how many goroutines are kept without work, some 16 kB each.
const maxIdle = 64

func (c *crew) init() { c.work, c.quit = make(chan func()), make(chan struct{}) }

// do runs f on a goroutine that close waits for; false if it is too late.
func (c *crew) do(f func()) bool {
	select {
	case c.work <- f:
		return true
	default:
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.group.Go(func() { c.serve(f) })
	return true
}

func (c *crew) serve(f func()) {
	for {
		f()
		if c.idle.Add(1) > maxIdle {
			c.idle.Add(-1)
			return
		}
		select {
		case f = <-c.work:
			c.idle.Add(-1)
		case <-c.quit:
			return
		}
	}
}

// refuse lets nothing begin any more.
func (c *crew) refuse() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.closed = true
		close(c.quit)
	}
}

// wait returns when nothing runs any more.
func (c *crew) wait() { c.group.Wait() }
