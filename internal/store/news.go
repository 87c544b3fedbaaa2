package store

import (
	"context"
	"fmt"
	"sync"
)

// maxNews is how many documents wait for Next; of more, everything may have
// changed.
const maxNews = 1 << 16

// News is what an engine has to tell of documents that changed. Each that is
// told comes once from Next at least, however often it changed. Use NewNews.
type News struct {
	ready  chan struct{} // holds a token while there may be something to tell
	closed chan struct{}

	mu      sync.Mutex
	all     bool // everything may have changed
	queue   []documentName
	waiting map[documentName]bool // in the queue
}

type documentName struct{ aor, name string }

// NewNews makes a News with nothing to tell.
func NewNews() *News {
	return &News{ready: make(chan struct{}, 1), closed: make(chan struct{}), waiting: make(map[documentName]bool)}
}

// Tell has Next return a document. It does not block.
func (n *News) Tell(aor, name string) {
	d := documentName{aor, name}
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case n.waiting[d]:
		return
	case len(n.queue) >= maxNews:
		n.all, n.queue, n.waiting = true, nil, make(map[documentName]bool)
	default:
		n.queue, n.waiting[d] = append(n.queue, d), true
	}
	n.signal()
}

// TellAll has Next return "", "": every document may have changed. Those that
// were told by name come too: of them it is known that somebody changed them.
func (n *News) TellAll() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.all = true
	n.signal()
}

func (n *News) signal() {
	select {
	case n.ready <- struct{}{}:
	default:
	}
}

// Next waits for something to tell. The error is the context's, or
// ErrUnavailable after Close.
func (n *News) Next(ctx context.Context) (aor, name string, err error) {
	for {
		if aor, name, ok := n.pop(); ok {
			return aor, name, nil
		}
		select {
		case <-n.ready:
		case <-ctx.Done():
			return "", "", ctx.Err()
		case <-n.closed:
			return "", "", fmt.Errorf("%w: closed", ErrUnavailable)
		}
	}
}

func (n *News) pop() (aor, name string, ok bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case n.all:
		n.all = false
	case len(n.queue) > 0:
		aor, name = n.queue[0].aor, n.queue[0].name
		delete(n.waiting, n.queue[0])
		n.queue = n.queue[1:]
	default:
		return "", "", false
	}
	if len(n.queue) > 0 {
		n.signal() // for another goroutine in Next
	}
	return aor, name, true
}

// Close ends every Next. It is called once.
func (n *News) Close() { close(n.closed) }
