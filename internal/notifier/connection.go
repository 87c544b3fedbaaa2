package notifier

import (
	"maps"
	"slices"
	"sync"

	"presenced/internal/table"
	"presenced/sip"
)

// connections knows which subscriptions live on which TCP or TLS connection.
type connections struct {
	mu  sync.Mutex
	all table.Table[uint64, connection]
}

// connection is there while it has subscriptions.
type connection struct {
	number        uint64 // a sip.Flow's Conn
	subscriptions map[*subscription]struct{}
}

func (c *connections) init() {
	c.all = table.New(func(conn *connection) uint64 { return conn.number })
}

func (c *connections) add(s *subscription) {
	if s.path.conn == 0 || s.routed {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	conn := c.all.Get(s.path.conn)
	if conn == nil {
		conn = &connection{s.path.conn, map[*subscription]struct{}{}}
		c.all.Put(conn)
	}
	conn.subscriptions[s] = struct{}{}
}

func (c *connections) remove(s *subscription) {
	if s.path.conn == 0 || s.routed {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	conn := c.all.Get(s.path.conn)
	if conn == nil {
		return
	}
	if delete(conn.subscriptions, s); len(conn.subscriptions) == 0 {
		c.all.Delete(conn.number)
	}
}

func (c *connections) of(number uint64) []*subscription {
	c.mu.Lock()
	defer c.mu.Unlock()
	conn := c.all.Get(number)
	if conn == nil {
		return nil
	}
	return slices.Collect(maps.Keys(conn.subscriptions))
}

// Closed is told that a connection is gone: its subscriptions are kept for the
// grace period, and nothing is sent on any other connection meanwhile.
func (n *Notifier) Closed(flow sip.Flow) {
	for _, s := range n.conns.of(flow.Conn) {
		s.shard.mu.Lock()
		if s.path.flow() == flow {
			n.supersede(s)
			n.suspendNow(s)
		}
		n.unlock(s.shard)
	}
}
