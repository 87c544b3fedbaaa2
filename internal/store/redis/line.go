package redis

import (
	"context"
	"math"
	"sync"

	goredis "github.com/redis/go-redis/v9"
)

// Many callers share one round trip: a system call costs Redis, and this
// process, more than the work that it carries. What is asked while a pipeline
// is under way waits, and goes out together in the next one, so that a caller
// who is alone waits for nobody. Measured with 100 PUBLISHes in flight: half
// of the CPU of both that a connection for each caller costs.

// maxTogether is how many commands go out together: what keeps Redis busy for
// about a millisecond.
const maxTogether = 128

// line is where commands wait for their pipeline. Its goroutine, serve, sends
// one pipeline after the other.
type line struct {
	client goredis.UniversalClient
	ready  chan struct{} // waiting may not be empty, or the line is closed

	mu      sync.Mutex
	waiting []*ticket
	served  bool // serve runs
	closed  bool
}

// ticket is a command that waits for its answer.
type ticket struct {
	command goredis.Cmder
	err     error
	done    chan struct{} // capacity 1
}

var tickets = sync.Pool{New: func() any { return &ticket{done: make(chan struct{}, 1)} }}

func newLine(client goredis.UniversalClient) *line {
	return &line{client: client, ready: make(chan struct{}, 1)}
}

// line is the shard's: one for all, but in a Cluster, where a master that is
// away must not hold up the others.
func (e *Engine) line(shard int) *line {
	if e.mode != Cluster {
		return e.lines[noShard]
	}
	return e.lines[shard]
}

// do sends a command with others and returns when it is answered, or when ctx
// ends: then it may take effect later, and the command belongs to the line.
func (l *line) do(ctx context.Context, command goredis.Cmder) error {
	t := tickets.Get().(*ticket)
	t.command, t.err = command, nil
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return errClosed
	}
	l.waiting = append(l.waiting, t)
	if !l.served {
		l.served = true
		go l.serve()
	}
	first := len(l.waiting) == 1
	l.mu.Unlock()
	if first {
		wake(l.ready)
	}
	select {
	case <-t.done:
	case <-ctx.Done():
		return ctx.Err()
	}
	err := t.err
	t.command = nil
	tickets.Put(t)
	return err
}

// serve sends what waits until the line is closed.
func (l *line) serve() {
	for range l.ready {
		for {
			batch := l.take(maxTogether)
			if len(batch) == 0 {
				break
			}
			if err := l.send(batch); err != nil && !isAnswer(err) {
				l.fail(err)
			}
		}
		l.mu.Lock()
		closed := l.closed
		l.mu.Unlock()
		if closed {
			return
		}
	}
}

func (l *line) take(most int) []*ticket {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := min(len(l.waiting), most)
	batch := l.waiting[:n:n]
	l.waiting = l.waiting[n:]
	if len(l.waiting) == 0 {
		l.waiting = nil
	}
	return batch
}

// send makes one pipeline of the commands, and tells each its outcome. Its
// error is the first of theirs.
func (l *line) send(batch []*ticket) error {
	ctx := context.Background() // it is many callers'; the client's timeouts bound it
	pipe := l.client.Pipeline()
	for _, t := range batch {
		if err := pipe.Process(ctx, t.command); err != nil {
			t.command.SetErr(err)
		}
	}
	_, err := pipe.Exec(ctx)
	for _, t := range batch {
		t.err = t.command.Err()
		t.done <- struct{}{}
	}
	return err
}

// fail has those who wait behind a pipeline that was not answered wait no
// longer: nothing of theirs was sent.
func (l *line) fail(err error) {
	for _, t := range l.take(math.MaxInt) {
		t.err = err
		t.done <- struct{}{}
	}
}

// close ends the line: who waits hears errClosed.
func (l *line) close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.fail(errClosed)
	wake(l.ready)
}
