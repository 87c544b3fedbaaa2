package redis

import (
	"context"
	"errors"
	"strings"
	"sync"

	goredis "github.com/redis/go-redis/v9"

	"presenced/internal/store"
)

// maxMoved is how many hints wait for Moved; what is more is lost, and the
// fence tells the old owner at its next write.
const maxMoved = 1 << 16

// moves are the subscriptions of this agent that others have claimed.
type moves struct {
	ready chan struct{}

	mu    sync.Mutex
	queue []string
}

// moved takes the hint that this agent has lost a subscription:
// "<owner>\n<id>".
func (m *moves) moved(agent, hint string) {
	owner, id, ok := strings.Cut(hint, "\n")
	if !ok || owner != agent {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.queue) < maxMoved {
		m.queue = append(m.queue, id)
		wake(m.ready)
	}
}

func (m *moves) pop() (id string, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.queue) == 0 {
		m.queue = nil
		return "", false
	}
	id, m.queue = m.queue[0], m.queue[1:]
	return id, true
}

// Moved blocks until another agent has claimed one of our subscriptions, and
// returns its id. It is a hint, which may be lost. A subscription that is ours
// again is passed over. Its error is that of ctx, or
// store.ErrUnavailable.
func (e *Engine) Moved(ctx context.Context) (id string, err error) {
	for {
		if id, ok := e.moves.pop(); ok {
			elsewhere, err := e.elsewhere(ctx, id)
			if err != nil || elsewhere {
				return id, err
			}
			continue
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-e.closed:
			return "", away(errClosed)
		case <-e.moves.ready:
		}
	}
}

// elsewhere says whether a subscription that was claimed is still not ours.
func (e *Engine) elsewhere(ctx context.Context, id string) (bool, error) {
	of, ok := store.ShardOfSubscription(id)
	if !ok {
		return false, nil
	}
	shard := int(of)
	record := goredis.NewStringCmd(ctx, "get", e.keys[shard].base+"sub:"+id)
	err := e.do(ctx, shard, record)
	if errors.Is(err, goredis.Nil) {
		return true, nil // its new owner has ended it
	}
	var s store.Subscription
	if err != nil || !unpackSubscription(&s, record.Val(), 0) {
		return false, err
	}
	return s.Agent != e.agent, nil
}
